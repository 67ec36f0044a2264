// x^y with C99's special cases, in float64 throughout so that the float32 result is correctly
// rounded but for rare ties. For *_loops.cc files only (see isa.h).
#ifndef PENUMBRA_KERNELS_LANE_POW_H_
#define PENUMBRA_KERNELS_LANE_POW_H_

#include <cstdint>

#include "kernels/lane_math.h"

namespace penumbra::PENUMBRA_ISA {

// log2 of a positive finite float32: m in [sqrt(1/2), sqrt(2)), log(m) = 2 atanh((m - 1) / (m + 1)).
PENUMBRA_LANE double Log2(float x) {
  const double wide = static_cast<double>(x);
  const uint64_t origin = 0x3fe6a09e667f3bcdull;  // bits of sqrt(1/2)
  const uint64_t bits = __builtin_bit_cast(uint64_t, wide) - origin;
  const auto exponent = static_cast<int32_t>(static_cast<int64_t>(bits) >> 52);
  const double m = __builtin_bit_cast(double, (bits & 0x000fffffffffffffull) + origin);
  const double s = (m - 1.0) / (m + 1.0);
  const double t = s * s;
  double p = 1.0 / 17;
  p = p * t + 1.0 / 15;
  p = p * t + 1.0 / 13;
  p = p * t + 1.0 / 11;
  p = p * t + 1.0 / 9;
  p = p * t + 1.0 / 7;
  p = p * t + 1.0 / 5;
  p = p * t + 1.0 / 3;
  p = p * t + 1.0;
  return (s * p) * 2.8853900817779268 + static_cast<double>(exponent);
}

// 2^x rounded to float32, x in [-1000, 1000].
PENUMBRA_LANE float Exp2(double x) {
  const double magic = 6755399441055744.0;  // 1.5 * 2^52
  const double shifted = x + magic;
  const double n = shifted - magic;
  const double r = (x - n) * 0.69314718055994531;
  double p = 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  const auto exponent = static_cast<int64_t>(static_cast<int32_t>(n));
  const double scale = __builtin_bit_cast(double, static_cast<uint64_t>(exponent + 1023) << 52);
  return static_cast<float>(p * scale);
}

PENUMBRA_LANE float Pow(float x, float y) {
  const float size = Abs(x);
  const float power = Abs(y);
  // A float32 of 2^24 and more is an even integer.
  const bool small = power < 16777216.0f;
  const auto whole = static_cast<int32_t>(small ? power : 0.0f);
  const bool integral = !small || static_cast<float>(whole) == power;
  const bool odd = small && integral && (whole & 1) != 0;

  const bool regular = size > 0.0f && size < kInfinity;
  const double product = static_cast<double>(y) * Log2(regular ? size : 1.0f);
  const double capped = product < -1000.0 ? -1000.0 : product > 1000.0 ? 1000.0 : product;
  float z = Exp2(y == y && power < kInfinity ? capped : 0.0);
  z = size == 0.0f ? (y > 0.0f ? 0.0f : kInfinity) : z;
  z = size == kInfinity ? (y > 0.0f ? kInfinity : 0.0f) : z;
  z = power == kInfinity && size != 1.0f ? ((size > 1.0f) == (y > 0.0f) ? kInfinity : 0.0f) : z;
  z = power == kInfinity && size == 1.0f ? 1.0f : z;
  z = odd ? CopySign(z, x) : z;
  z = x < 0.0f && size < kInfinity && !integral ? FromBits(0x7fc00000u) : z;
  z = x != x || y != y ? FromBits(0x7fc00000u) : z;
  return y == 0.0f || x == 1.0f ? 1.0f : z;
}

}  // namespace penumbra::PENUMBRA_ISA

#endif  // PENUMBRA_KERNELS_LANE_POW_H_
