// float32 vector functions inside the trusted half. Each is one written formula (IEEE round to
// nearest even, no flush to zero, fma only where written), so the bits are the same on every
// instruction set. Every NaN result is the quiet NaN 0x7fc00000. In-place (out == x) is allowed,
// partial overlap is not. Any thread.
#ifndef PENUMBRA_KERNELS_ELEMENTWISE_H_
#define PENUMBRA_KERNELS_ELEMENTWISE_H_

#include <cstddef>
#include <cstdint>

#include "kernels/im2row.h"

namespace penumbra {

// exp and log: within 2 ulp over the normal range; tanh, sigmoid, erf: within 4 ulp.
enum class Unary : uint16_t {
  kRelu,         // x > 0 ? x : 0
  kLeakyRelu,    // x >= 0 ? x : a * x
  kClip,         // min(max(x, a), b)
  kSigmoid,
  kHardSigmoid,  // min(max(fma(a, x, b), 0), 1)
  kHardSwish,    // x * min(max(fma(1/6, x, 0.5), 0), 1)
  kTanh,
  kElu,          // x > 0 ? x : a * (exp(x) - 1)
  kSoftplus,     // log(1 + exp(x))
  kExp,
  kLog,
  kSqrt,
  kNeg,
  kAbs,
  kErf,
  kGelu,         // 0.5 * x * (1 + erf(x / sqrt(2)))
  kFloor,
};
inline constexpr uint32_t kUnaryCount = 17;

// a and b: the operator's attributes; ignored where the list above names none.
using UnaryFn = void(const float* x, size_t count, float a, float b, float* out_y);

enum class Binary : uint16_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMin,    // NaN if either is
  kMax,    // NaN if either is
  kPow,    // C99 special cases
  kPrelu,  // x >= 0 ? x : x * y
};
inline constexpr uint32_t kBinaryCount = 8;

// kRowBroadcast: y is [channels], x is [count / channels][channels].
enum class Operand : uint16_t { kSame, kScalarRight, kScalarLeft };
inline constexpr uint32_t kOperandCount = 3;
// x and y: [count], or [1] on the scalar side.
using BinaryFn = void(const float* x, const float* y, size_t count, float* out_z);

// Level k = clamp(round_half_even(x * inverse_step), low, high); NaN becomes low.
// -2^22 < low <= high < 2^22.
struct QuantiseJob {
  const float* x;  // [count]
  size_t count;
  float inverse_step;
  int32_t low, high;
  void* out_levels;  // [count] s32 k, s16 k, or u8 k - low, by kernel
};
// Returns how many inputs lay more than half a level outside [low, high] (NaN included).
using QuantiseFn = uint64_t(const QuantiseJob& job);

// y = float32(k) * step, levels: [count] s32, s16 or u8 by kernel.
using DequantiseFn = void(const void* levels, size_t count, float step, float* out_y);

// y = fma(float32(Y), scale[c], bias[c]) for sums Y [rows][channels], s32 or s64 by kernel.
struct AffineJob {
  const void* sums;
  const float* scale;  // [channels]
  const float* bias;   // [channels]
  size_t rows;
  uint32_t channels;
  float* out_y;
};

// Reductions of one run: lane j of 16 takes x[j], x[j + 16], .. in this order; then lanes are joined
// pairwise, j with j + 8, j + 4, j + 2, j + 1. Empty sums are 0, an empty maximum is -inf.
using ReduceFn = float(const float* x, size_t count);
// m = max(x); e = exp(x - m); y = e / sum(e), with the reductions above.
using SoftmaxFn = void(const float* x, size_t count, float* out_y);

// One row of output pixels of a pooling window over channel-last float32 rows; padding never wins a
// maximum. Taps in the order [kernel_h][kernel_w]; average = sum / (taps inside, or all taps).
struct PoolJob {
  const ConvGeometry* geometry;  // groups = in_c = out_c
  RowTable input;
  uint32_t out_row, out_column_begin, out_column_end;
  bool count_padding;  // averages only
  float* out;          // [pixels][c]
};

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_ELEMENTWISE_H_
