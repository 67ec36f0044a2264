// The no-wrap proof of one row of integer weights (docs/arithmetic.md steps 4 and 5). The compiler uses
// it to choose row scales; the trusted runtime repeats it at load on sealed row sums, which are
// hostile until then: no input overflows. No state, safe from any thread.
#ifndef PENUMBRA_RING_BOUND_H_
#define PENUMBRA_RING_BOUND_H_

#include <cstdint>

#include "boundary/status.h"
#include "ring/modulus.h"

namespace penumbra {

// Limits that keep every product below 2^62. Level limit: the quantiser rounds in float32 exactly
// for |k| < 2^22.
inline constexpr int64_t kMaxLevel = (int64_t{1} << 22) - 1;
inline constexpr int64_t kMaxWeightSum = (int64_t{1} << 39) - 1;

// A row of integer weights q, as its two sums: positive = sum of q > 0, negative = sum of q < 0.
struct RowSums {
  int64_t positive;  // >= 0
  int64_t negative;  // <= 0
};

// Inputs are clamped by the quantiser to [low, high].
struct LevelRange {
  int64_t low, high;
};

struct RowWindow {
  int64_t begin;   // smallest sum clamped inputs can make: o_i
  int64_t length;  // largest minus smallest: (high - low) * sum|q|
};

// Errors: kBoundUnproved when the arguments leave the limits above or low > high.
constexpr Status ComputeRowWindow(const RowSums& row, const LevelRange& levels,
                                  RowWindow* out_window) {
  *out_window = {};
  if (row.positive < 0 || row.positive > kMaxWeightSum) return Status::kBoundUnproved;
  if (row.negative > 0 || row.negative < -kMaxWeightSum) return Status::kBoundUnproved;
  if (levels.low < -kMaxLevel || levels.high > kMaxLevel || levels.low > levels.high) {
    return Status::kBoundUnproved;
  }
  out_window->begin = row.positive * levels.low + row.negative * levels.high;
  // (2^23) * (2^40) would reach 2^63: the sum of both parts is limited as well.
  const int64_t total = row.positive - row.negative;
  if (total > kMaxWeightSum) return Status::kBoundUnproved;
  out_window->length = (levels.high - levels.low) * total;
  return Status::kOk;
}

// Proof that the row decodes correctly modulo M of `prime_count` primes; the window to decode into.
// With padding, zero is one of the inputs: pass levels that contain it. Errors: kBoundUnproved.
constexpr Status ProveRow(const RowSums& row, const LevelRange& levels, uint32_t prime_count,
                          RowWindow* out_window) {
  if (prime_count == 0 || prime_count > kMaxPrimes) return Status::kBoundUnproved;
  const Status status = ComputeRowWindow(row, levels, out_window);
  if (!IsOk(status)) return status;
  if (out_window->length > static_cast<int64_t>(Modulus(prime_count)) - 1) {
    return Status::kBoundUnproved;
  }
  return Status::kOk;
}

// Sums of one row of integer weights, weights: [count]. count * max|q| < 2^62.
template <typename T>
constexpr RowSums SumRow(const T* weights, uint64_t count) {
  RowSums sums{};
  for (uint64_t j = 0; j < count; ++j) {
    if (weights[j] > 0) {
      sums.positive += weights[j];
    } else {
      sums.negative += weights[j];
    }
  }
  return sums;
}

}  // namespace penumbra

#endif  // PENUMBRA_RING_BOUND_H_
