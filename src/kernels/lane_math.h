// The written formulas of the transcendental functions, one lane at a time and free of branches, so
// that a loop around them vectorises. Coefficients: Chebyshev interpolation of our own. For
// *_loops.cc files only (see isa.h).
#ifndef PENUMBRA_KERNELS_LANE_MATH_H_
#define PENUMBRA_KERNELS_LANE_MATH_H_

#include <cstdint>

#include "kernels/isa.h"

namespace penumbra::PENUMBRA_ISA {

inline constexpr float kRoundMagic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
inline constexpr float kInfinity = __builtin_inff();

PENUMBRA_LANE uint32_t BitsOf(float x) { return __builtin_bit_cast(uint32_t, x); }
PENUMBRA_LANE float FromBits(uint32_t bits) { return __builtin_bit_cast(float, bits); }
PENUMBRA_LANE float Fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }

// Every NaN becomes the one NaN of the written formulas: processors disagree about sign and payload.
PENUMBRA_LANE float OneNan(float y) { return y != y ? FromBits(0x7fc00000u) : y; }
PENUMBRA_LANE float Max(float a, float b) { return a > b ? a : b; }
PENUMBRA_LANE float Min(float a, float b) { return a < b ? a : b; }
PENUMBRA_LANE float Abs(float x) { return FromBits(BitsOf(x) & 0x7fffffffu); }
PENUMBRA_LANE float CopySign(float magnitude, float sign) {
  return FromBits((BitsOf(magnitude) & 0x7fffffffu) | (BitsOf(sign) & 0x80000000u));
}
// 2^n for n in [-126, 127].
PENUMBRA_LANE float PowerOfTwo(int32_t n) {
  return FromBits(static_cast<uint32_t>(n + 127) << 23);
}

// e^r - 1 = r + r^2 * P(r) on [-ln2/2, ln2/2], returned as r^2 * P(r); x = n * ln2 + r.
struct Reduced {
  float r;
  float tail;
  int32_t n;
};
PENUMBRA_LANE Reduced ReduceExp(float x) {
  const float shifted = Fma(x, 1.44269502f, kRoundMagic);
  const float n = shifted - kRoundMagic;
  float r = Fma(n, -0.69140625f, x);
  r = Fma(n, -0.0017409306f, r);
  float p = 0.000198910799f;
  p = Fma(p, r, 0.00139337312f);
  p = Fma(p, r, 0.00833331048f);
  p = Fma(p, r, 0.041666463f);
  p = Fma(p, r, 0.166666672f);
  p = Fma(p, r, 0.5f);
  return {r, p * (r * r), static_cast<int32_t>(n)};
}

// Gradual underflow, +inf above 88.72; NaN must be caught by the caller (OneNan on x + result).
PENUMBRA_LANE float ExpNoNan(float x) {
  const Reduced e = ReduceExp(Min(Max(x, -105.0f), 89.0f));
  const int32_t half = e.n >> 1;
  return (1.0f + (e.r + e.tail)) * PowerOfTwo(half) * PowerOfTwo(e.n - half);
}
PENUMBRA_LANE float Exp(float x) { return x != x ? x : ExpNoNan(x); }

// e^x - 1, relative accuracy kept near 0. x <= 40; -1 below -30.
PENUMBRA_LANE float ExpMinusOne(float x) {
  const Reduced e = ReduceExp(Min(Max(x, -30.0f), 40.0f));
  const float scale = PowerOfTwo(e.n);
  const float y = Fma(e.r + e.tail, scale, scale - 1.0f);
  return x != x ? x : y;
}

// Natural logarithm of a positive finite x: x = m * 2^n, m in [sqrt(1/2), sqrt(2)).
PENUMBRA_LANE float LogPositive(float x) {
  const bool tiny = x < 1.17549435e-38f;
  const float scaled = tiny ? x * 8388608.0f : x;
  const uint32_t bits = BitsOf(scaled) - 0x3f3504f3u;  // bits of sqrt(1/2)
  const int32_t exponent = static_cast<int32_t>(bits) >> 23;
  const float f = FromBits((bits & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
  const float n = static_cast<float>(exponent) - (tiny ? 23.0f : 0.0f);
  float p = 0.0698070154f;
  p = Fma(p, f, -0.114945464f);
  p = Fma(p, f, 0.116890714f);
  p = Fma(p, f, -0.124240376f);
  p = Fma(p, f, 0.142485514f);
  p = Fma(p, f, -0.166678503f);
  p = Fma(p, f, 0.200007305f);
  p = Fma(p, f, -0.24999997f);
  p = Fma(p, f, 0.333333313f);
  const float square = f * f;
  float y = (f * square) * p;
  y = Fma(n, 0.0017409306f, y);
  y = Fma(square, -0.5f, y);
  return Fma(n, 0.69140625f, f + y);
}
PENUMBRA_LANE float Log(float x) {
  float y = LogPositive(x);
  y = x == kInfinity ? kInfinity : y;
  y = x == 0.0f ? -kInfinity : y;
  return x >= 0.0f ? y : FromBits(0x7fc00000u);
}

// log(1 + e) for e in [0, 1]: the rounding error of 1 + e is put back.
PENUMBRA_LANE float LogOnePlus(float e) {
  const float u = 1.0f + e;
  return LogPositive(u) + (e - (u - 1.0f)) / u;
}

PENUMBRA_LANE float Sigmoid(float x) {
  const float e = ExpNoNan(-Abs(x));
  const float y = (x >= 0.0f ? 1.0f : e) / (1.0f + e);
  return x != x ? x : y;
}

PENUMBRA_LANE float Tanh(float x) {
  const float m = ExpMinusOne(2.0f * Min(Abs(x), 10.0f));
  const float y = CopySign(m / (m + 2.0f), x);
  return x != x ? x : y;
}

PENUMBRA_LANE float Softplus(float x) {
  const float y = Max(x, 0.0f) + LogOnePlus(ExpNoNan(-Abs(x)));
  return x != x ? x : y;
}

// |x| < 1: x + x * P(x^2); beyond: 1 - exp(-t * Q(t)), 1 from 4 on.
PENUMBRA_LANE float Erf(float x) {
  const float s = x * x;
  float p = 7.87587487e-05f;
  p = Fma(p, s, -0.00080168643f);
  p = Fma(p, s, 0.00518908724f);
  p = Fma(p, s, -0.0268542115f);
  p = Fma(p, s, 0.112835944f);
  p = Fma(p, s, -0.37612626f);
  p = Fma(p, s, 0.128379166f);
  const float near = Fma(x, p, x);
  const float t = Min(Abs(x), 4.0f);
  float q = -1.09413611e-06f;
  q = Fma(q, t, 3.5268029e-05f);
  q = Fma(q, t, -0.00050554215f);
  q = Fma(q, t, 0.00433147093f);
  q = Fma(q, t, -0.0252058264f);
  q = Fma(q, t, 0.107947551f);
  q = Fma(q, t, 0.634080052f);
  q = Fma(q, t, 1.12892354f);
  const float far = CopySign(1.0f - ExpNoNan(-(t * q)), x);
  const float y = Abs(x) < 1.0f ? near : far;
  return x != x ? x : y;
}

PENUMBRA_LANE float Floor(float x) {
  const float bounded = Abs(x) < 8388608.0f ? x : 0.0f;
  const float whole = static_cast<float>(static_cast<int32_t>(bounded));
  const float down = whole - (whole > bounded ? 1.0f : 0.0f);
  return Abs(x) < 8388608.0f ? CopySign(down, x) : x;
}

}  // namespace penumbra::PENUMBRA_ISA

#endif  // PENUMBRA_KERNELS_LANE_MATH_H_
