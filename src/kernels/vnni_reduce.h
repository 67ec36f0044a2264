// int32 accumulators to residues without leaving the registers. For the *_avx512vnni.cc files only (isa.h).
#ifndef PENUMBRA_KERNELS_VNNI_REDUCE_H_
#define PENUMBRA_KERNELS_VNNI_REDUCE_H_

#include <immintrin.h>

#include <cstdint>

#include "boundary/geometry.h"
#include "kernels/isa.h"
#include "kernels/residue_gemm.h"

namespace penumbra::PENUMBRA_ISA {

inline constexpr int64_t kLargestSum = int64_t{kResidueGemmMaxDepth} * 255 * 125;

// Why it is exact. Accumulators start at `origin`, a multiple of the prime near 2^31 with
// origin - kLargestSum >= 0 and origin + kLargestSum < 2^32: read as unsigned, they never wrap and
// are congruent to the sum. A byte dot product with (1, 256, 2^16, 2^24) mod p, centred, starting at
// `offset`, again a multiple of p, leaves a congruent v in [0, 2^16). With reciprocal = floor(2^23 / p)
// the quotient q = floor(v * reciprocal / 2^23) falls short of v / p by less than 1 + 2^-7, so
// v - q p < p (1 + 2^-7) < 253.
struct ModPlan {
  uint32_t origin;
  uint32_t digits;  // four s8: 256^j mod p, centred
  uint32_t offset;
  uint16_t reciprocal, prime;
};

static constexpr int32_t CentredPower(uint32_t bits, uint32_t p) {
  const auto rest = static_cast<int32_t>((uint64_t{1} << bits) % p);
  return 2 * rest > static_cast<int32_t>(p) ? rest - static_cast<int32_t>(p) : rest;
}

static constexpr ModPlan PlanMod(uint16_t prime) {
  const uint32_t p = prime;
  ModPlan plan{};
  plan.prime = prime;
  plan.origin = static_cast<uint32_t>((kLargestSum + p - 1) / p * p);
  uint32_t below = 0;
  for (uint32_t j = 0; j < 4; ++j) {
    const int32_t digit = CentredPower(8 * j, p);
    plan.digits |= (static_cast<uint32_t>(digit) & 0xff) << (8 * j);
    if (digit < 0) below += 255 * static_cast<uint32_t>(-digit);
  }
  plan.offset = (below + p - 1) / p * p;
  plan.reciprocal = static_cast<uint16_t>((uint32_t{1} << 23) / p);
  return plan;
}

static constexpr bool PlanHolds(uint16_t prime) {
  const ModPlan plan = PlanMod(prime);
  int64_t largest = plan.offset;
  for (uint32_t j = 0; j < 4; ++j) {
    const int32_t digit = CentredPower(8 * j, prime);
    if (digit > 0) largest += 255 * digit;
  }
  return plan.origin >= kLargestSum && plan.origin + kLargestSum < int64_t{1} << 32 &&
         largest < 65536 && (uint32_t{1} << 23) / prime < 65536;
}
static constexpr bool PlansHold() {
  for (uint16_t prime : kPrimes) {
    if (!PlanHolds(prime)) return false;
  }
  return true;
}
static_assert(PlansHold());

struct ModVectors {
  __m512i digits, offset;      // 32-bit lanes
  __m512i reciprocal, prime;   // 16-bit lanes
  __m512i prime_bytes;
};

PENUMBRA_LANE ModVectors Broadcast(const ModPlan& plan) {
  return {_mm512_set1_epi32(static_cast<int32_t>(plan.digits)),
          _mm512_set1_epi32(static_cast<int32_t>(plan.offset)),
          _mm512_set1_epi16(static_cast<int16_t>(plan.reciprocal)),
          _mm512_set1_epi16(static_cast<int16_t>(plan.prime)),
          _mm512_set1_epi8(static_cast<int8_t>(plan.prime))};
}

// acc += dot product of four u8 of `a` with four s8 of `b`, per 32-bit lane, modulo 2^32. Inline
// assembly: with the intrinsic gcc 12 spills the accumulators, at half the speed.
PENUMBRA_LANE __m512i DotBytes(__m512i acc, __m512i a, __m512i b) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(a), "v"(b));
  return acc;
}

PENUMBRA_LANE __m512i ReduceWords(__m512i v, const ModVectors& m) {
  const __m512i q = _mm512_srli_epi16(_mm512_mulhi_epu16(v, m.reciprocal), 7);
  return _mm512_sub_epi16(v, _mm512_mullo_epi16(q, m.prime));
}

// Four accumulators of 16 sums each (started at the plan's origin) to 64 residues; of every 16
// bytes, the first four come from `a`, the next from `b` and so on.
PENUMBRA_LANE __m512i ReduceInterleaved(__m512i a, __m512i b, __m512i c, __m512i d,
                                               const ModVectors& m) {
  const __m512i low = _mm512_packus_epi32(DotBytes(m.offset, a, m.digits),
                                          DotBytes(m.offset, b, m.digits));
  const __m512i high = _mm512_packus_epi32(DotBytes(m.offset, c, m.digits),
                                           DotBytes(m.offset, d, m.digits));
  return _mm512_packus_epi16(ReduceWords(low, m), ReduceWords(high, m));
}

// Residues below 2 p to canonical ones; what lies below p wraps to more than itself.
PENUMBRA_LANE __m512i Canonical(__m512i residues, const ModVectors& m) {
  return _mm512_min_epu8(residues, _mm512_sub_epi8(residues, m.prime_bytes));
}

}  // namespace penumbra::PENUMBRA_ISA

#endif  // PENUMBRA_KERNELS_VNNI_REDUCE_H_
