#include "accel/onednn/winograd_weights.h"

#include <array>
#include <vector>

#include "accel/onednn/reduce.h"
#include "accel/onednn/vnni_winograd.h"

namespace penumbra::onednn {
namespace {

constexpr uint32_t kTaps = 3;
using Matrix = std::array<std::array<int32_t, kTaps>, kWinogradIn>;

int32_t Centred(int32_t value, int32_t prime) {
  const int32_t rest = (value % prime + prime) % prime;
  return 2 * rest > prime ? rest - prime : rest;
}

int32_t Inverse(int32_t value, int32_t prime) {
  for (int32_t x = 1; x < prime; ++x) {
    if (value * x % prime == 1) return x;
  }
  return 0;
}

// G = (1/24) N with N of the paper's fractions over a common denominator.
Matrix FilterMatrix(uint16_t prime) {
  constexpr int32_t kNumerators[kWinogradIn][kTaps] = {{6, 0, 0},  {-4, -4, -4}, {-4, 4, -4},
                                                       {1, 2, 4},  {1, -2, 4},   {0, 0, 24}};
  const int32_t inverse = Inverse(24, prime);
  Matrix g;
  for (uint32_t i = 0; i < kWinogradIn; ++i) {
    for (uint32_t j = 0; j < kTaps; ++j) g[i][j] = Centred(kNumerators[i][j] * inverse, prime);
  }
  return g;
}

// Three terms, each at most 255 * 125.
constexpr int64_t kLargest = int64_t{3} * 255 * 125;

// out[c] = representative of sum over t of coefficients[t] * lines[t][c].
template <typename T>
void Combine(const std::array<int32_t, kTaps>& coefficients, const T* const lines[kTaps],
             uint32_t count, uint16_t prime, int32_t* sums, uint8_t* out) {
  for (uint32_t c = 0; c < count; ++c) {
    sums[c] = coefficients[0] * lines[0][c] + coefficients[1] * lines[1][c] +
              coefficients[2] * lines[2][c];
  }
  ReduceSums(sums, count, prime, kLargest, out);
}

}  // namespace

void TransformFilter(const int8_t* filter, uint32_t depth, uint16_t prime, size_t position_size,
                     int8_t* out) {
  const Matrix g = FilterMatrix(prime);
  std::vector<int32_t> sums(depth);
  std::vector<uint8_t> half(size_t{kTaps} * depth), done(depth);
  for (uint32_t i = 0; i < kWinogradIn; ++i) {
    for (uint32_t x = 0; x < kTaps; ++x) {
      const int8_t* const lines[kTaps] = {filter + x * size_t{depth},
                                          filter + (kTaps + x) * size_t{depth},
                                          filter + (2 * kTaps + x) * size_t{depth}};
      Combine(g[i], lines, depth, prime, sums.data(), half.data() + x * size_t{depth});
    }
    const uint8_t* const lines[kTaps] = {half.data(), half.data() + depth,
                                         half.data() + size_t{2} * depth};
    for (uint32_t j = 0; j < kWinogradIn; ++j) {
      Combine(g[j], lines, depth, prime, sums.data(), done.data());
      int8_t* to = out + (i * kWinogradIn + j) * position_size;
      for (uint32_t c = 0; c < depth; ++c) {
        to[c] = static_cast<int8_t>(2 * done[c] > prime ? done[c] - prime : done[c]);
      }
    }
  }
}

}  // namespace penumbra::onednn
