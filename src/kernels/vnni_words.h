// Sums in 16-bit words and their reduction without a multiplication. For the *_avx512vnni.cc files only (isa.h).
#ifndef PENUMBRA_KERNELS_VNNI_WORDS_H_
#define PENUMBRA_KERNELS_VNNI_WORDS_H_

#include "kernels/vnni_reduce.h"

namespace penumbra::PENUMBRA_ISA {

// A word for each of 64 channels, in the order in which bytes unpack: groups of eight, even ones in `low`.
struct Words {
  __m512i low, high;
};

PENUMBRA_LANE Words operator+(const Words& a, const Words& b) {
  return {_mm512_add_epi16(a.low, b.low), _mm512_add_epi16(a.high, b.high)};
}
PENUMBRA_LANE Words operator-(const Words& a, const Words& b) {
  return {_mm512_sub_epi16(a.low, b.low), _mm512_sub_epi16(a.high, b.high)};
}
PENUMBRA_LANE Words Shift(const Words& a, unsigned bits) {
  return {_mm512_slli_epi16(a.low, bits), _mm512_slli_epi16(a.high, bits)};
}

// Bytes of two lines side by side: as words a + 256 b, or the two factors of Dot.
PENUMBRA_LANE Words Pair(__m512i a, __m512i b) { return {_mm512_unpacklo_epi8(a, b), _mm512_unpackhi_epi8(a, b)}; }
PENUMBRA_LANE Words Widen(__m512i bytes) { return Pair(bytes, _mm512_setzero_si512()); }

// Two bytes of a pair times two coefficients (RepeatPair), of which no two of one sign add up to more than 128: `vpmaddubsw`
// saturates beyond that.
PENUMBRA_LANE Words Dot(const Words& pair, __m512i coefficients) {
  return {_mm512_maddubs_epi16(pair.low, coefficients), _mm512_maddubs_epi16(pair.high, coefficients)};
}
PENUMBRA_LANE uint32_t PairOf(int8_t a, int8_t b) {
  return (static_cast<uint32_t>(static_cast<uint8_t>(a)) | static_cast<uint32_t>(static_cast<uint8_t>(b)) << 8) * 0x10001u;
}
PENUMBRA_LANE __m512i RepeatPair(uint32_t pair) { return _mm512_set1_epi32(static_cast<int32_t>(pair)); }

// A word w = 256 h + l, h from -128 to 127, is congruent to l + (256 h mod p). Where that sum of bytes carries, what is left is
// below p - 1 and makes up for it: some representative below 255.
struct WordMod {
  __m512i low_bytes, high_bytes;  // where those of 64 channels are among two vectors of words
  __m512i far_below, below, above, far_above;  // 256 h mod p for h from -128, -64, 0 and 64 on
  __m512i carry;                               // 256 mod p
};

// 256 h mod p, canonical, of 64 h that follow `first`.
PENUMBRA_LANE __m512i HighBytesMod(int32_t first, const ModVectors& m, uint16_t prime) {
  const __m512i steps = _mm512_slli_epi32(
      _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0), 25);  // 2 i * 256 in the upper word
  const __m512i count = _mm512_or_si512(_mm512_add_epi32(steps, _mm512_set1_epi32(256 << 16)), _mm512_srli_epi32(steps, 16));
  // A multiple of the prime makes all of them positive; they stay below 2^16.
  const int32_t offset = (32768 + prime - 1) / prime * prime;
  const __m512i low = _mm512_add_epi16(count, _mm512_set1_epi16(static_cast<int16_t>(256 * first + offset)));
  const __m512i high = _mm512_add_epi16(low, _mm512_set1_epi16(32 * 256));
  const __m512i bytes = _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi16_epi8(ReduceWords(low, m))),
                                           _mm512_cvtepi16_epi8(ReduceWords(high, m)), 1);
  return Canonical(bytes, m);
}

PENUMBRA_LANE WordMod MakeWordMod(const ModPlan& plan) {
  const ModVectors m = Broadcast(plan);
  // Of every 16 bytes, eight come from the low words' lane and eight from the high words'.
  const __m512i lane = _mm512_set_epi64(0x4e4c4a4846444240, 0x0e0c0a0806040200, 0x4e4c4a4846444240, 0x0e0c0a0806040200,
                                        0x4e4c4a4846444240, 0x0e0c0a0806040200, 0x4e4c4a4846444240, 0x0e0c0a0806040200);
  const __m512i lanes = _mm512_set_epi64(0x3030303030303030, 0x3030303030303030, 0x2020202020202020, 0x2020202020202020,
                                         0x1010101010101010, 0x1010101010101010, 0, 0);
  const __m512i low_bytes = _mm512_add_epi8(lane, lanes);
  return {low_bytes,
          _mm512_add_epi8(low_bytes, _mm512_set1_epi8(1)),
          HighBytesMod(-128, m, plan.prime),
          HighBytesMod(-64, m, plan.prime),
          HighBytesMod(0, m, plan.prime),
          HighBytesMod(64, m, plan.prime),
          _mm512_set1_epi8(static_cast<int8_t>(256 % plan.prime))};
}

// kWide: any words; otherwise those from -64 * 256 to 64 * 256 - 1.
template <bool kWide>
PENUMBRA_LANE __m512i Reduce(const Words& v, const WordMod& mod) {
  const __m512i low = _mm512_permutex2var_epi8(v.low, mod.low_bytes, v.high);
  const __m512i high = _mm512_permutex2var_epi8(v.low, mod.high_bytes, v.high);
  __m512i rest;
  if constexpr (kWide) {
    const __m512i positive = _mm512_permutex2var_epi8(mod.above, high, mod.far_above);
    const __m512i negative = _mm512_permutex2var_epi8(mod.far_below, high, mod.below);
    rest = _mm512_mask_mov_epi8(positive, _mm512_movepi8_mask(high), negative);
  } else {
    rest = _mm512_permutex2var_epi8(mod.above, high, mod.below);
  }
  const __m512i sum = _mm512_add_epi8(low, rest);
  return _mm512_mask_add_epi8(sum, _mm512_cmplt_epu8_mask(sum, rest), sum, mod.carry);
}
PENUMBRA_LANE __m512i Reduce(const Words& v, const WordMod& mod, bool wide) {
  return wide ? Reduce<true>(v, mod) : Reduce<false>(v, mod);
}

}  // namespace penumbra::PENUMBRA_ISA

#endif  // PENUMBRA_KERNELS_VNNI_WORDS_H_
