#include "accel/onednn/reduce.h"

#include <algorithm>
#include <bit>

#if defined(__x86_64__)
#if defined(__clang__)
#define PENUMBRA_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#else  // gcc would otherwise stay with 256 bits on processors whose clock once fell under 512
#define PENUMBRA_AVX512 \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,prefer-vector-width=512")))
#endif
#define PENUMBRA_AVX2 __attribute__((target("avx2")))
#endif

namespace penumbra::onednn {
namespace {

// Adding 1.5 * 2^23 rounds a float of magnitude < 2^22 to the nearest integer and leaves it in the
// low mantissa bits: a rounding conversion that every compiler vectorises.
constexpr float kRounder = 12582912.0f;
constexpr uint32_t kRounderBits = 0x4b400000u;

// Why it is exact. Let q = v/p. Converting v, rounding 1/p and multiplying each err by 2^-24 of the
// value, so the rounded quotient q' differs from q by at most 1/2 + 3 * 2^-24 * |q| (and a hair).
// |v| <= 2^29 and p >= 211 give |q| <= 2^21.3 and |q' - q| < 0.96, so r = v - q'p (exact modulo
// 2^32) lies in (-0.96p, 0.96p). Seen as unsigned, a negative r is huge and r + p is the smaller of
// the two; for r >= 0 it is r itself: min(r, r + p) < 0.96 * 251 < 256 either way. Folding: v =
// 2^16 h + l is congruent to (2^16 mod p) h + l, at most 2^15 * 125 + 2^16 < 2^23.
template <bool kFold>
[[gnu::always_inline]] inline void ReduceLoop(const int32_t* __restrict__ sums, size_t count,
                                              uint32_t prime, uint8_t* __restrict__ out) {
  const float inverse = 1.0f / static_cast<float>(prime);
  const auto half = static_cast<int32_t>(prime / 2);
  const auto residue = static_cast<int32_t>(65536 % prime);
  const int32_t fold = residue > half ? residue - static_cast<int32_t>(prime) : residue;
  for (size_t i = 0; i < count; ++i) {
    int32_t v = sums[i];
    if constexpr (kFold) v = (v >> 16) * fold + (v & 0xffff);
    const float quotient = static_cast<float>(v) * inverse + kRounder;
    const uint32_t q = std::bit_cast<uint32_t>(quotient) - kRounderBits;
    const uint32_t r = static_cast<uint32_t>(v) - q * prime;
    out[i] = static_cast<uint8_t>(std::min(r, r + prime));
  }
}

[[gnu::always_inline]] inline void AccumulateLoop(const float* __restrict__ sums, size_t count,
                                                  int32_t* __restrict__ out) {
  for (size_t i = 0; i < count; ++i) out[i] += static_cast<int32_t>(sums[i]);
}

template <bool kFold>
void ReducePlain(const int32_t* sums, size_t count, uint32_t prime, uint8_t* out) {
  ReduceLoop<kFold>(sums, count, prime, out);
}

#if defined(__x86_64__)
template <bool kFold>
PENUMBRA_AVX512 void ReduceAvx512(const int32_t* sums, size_t count, uint32_t prime, uint8_t* out) {
  ReduceLoop<kFold>(sums, count, prime, out);
}
template <bool kFold>
PENUMBRA_AVX2 void ReduceAvx2(const int32_t* sums, size_t count, uint32_t prime, uint8_t* out) {
  ReduceLoop<kFold>(sums, count, prime, out);
}
PENUMBRA_AVX2 void AccumulateAvx2(const float* sums, size_t count, int32_t* out) {
  AccumulateLoop(sums, count, out);
}
bool HasAvx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
bool HasAvx2() { return __builtin_cpu_supports("avx2"); }
#endif

template <bool kFold>
void Reduce(const int32_t* sums, size_t count, uint32_t prime, uint8_t* out) {
#if defined(__x86_64__)
  if (HasAvx512()) return ReduceAvx512<kFold>(sums, count, prime, out);
  if (HasAvx2()) return ReduceAvx2<kFold>(sums, count, prime, out);
#endif
  ReducePlain<kFold>(sums, count, prime, out);
}

}  // namespace

void ReduceSums(const int32_t* sums, size_t count, uint16_t prime, int64_t max_magnitude,
                uint8_t* out) {
  if (max_magnitude <= kNarrowSum) {
    Reduce<false>(sums, count, prime, out);
  } else {
    Reduce<true>(sums, count, prime, out);
  }
}

void AccumulateSums(const float* sums, size_t count, int32_t* out) {
#if defined(__x86_64__)
  if (HasAvx2()) return AccumulateAvx2(sums, count, out);
#endif
  AccumulateLoop(sums, count, out);
}

}  // namespace penumbra::onednn
