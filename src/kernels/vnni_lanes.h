// Four lines of 64 bytes side by side, as VNNI multiplies them. For the *_avx512vnni.cc files only (isa.h).
#ifndef PENUMBRA_KERNELS_VNNI_LANES_H_
#define PENUMBRA_KERNELS_VNNI_LANES_H_

#include "kernels/vnni_reduce.h"

namespace penumbra::PENUMBRA_ISA {

// Four bytes, or one sum, of each of 64 channels: vector j holds, in its 128-bit lane l, channels 16 l + 4 j .. + 3.
struct Interleaved {
  __m512i of[4];
};

PENUMBRA_LANE Interleaved Interleave(__m512i t0, __m512i t1, __m512i t2, __m512i t3) {
  const __m512i low01 = _mm512_unpacklo_epi8(t0, t1), high01 = _mm512_unpackhi_epi8(t0, t1);
  const __m512i low23 = _mm512_unpacklo_epi8(t2, t3), high23 = _mm512_unpackhi_epi8(t2, t3);
  return {{_mm512_unpacklo_epi16(low01, low23), _mm512_unpackhi_epi16(low01, low23),
           _mm512_unpacklo_epi16(high01, high23), _mm512_unpackhi_epi16(high01, high23)}};
}

PENUMBRA_LANE Interleaved Repeat(uint32_t value) {
  const __m512i all = _mm512_set1_epi32(static_cast<int32_t>(value));
  return {{all, all, all, all}};
}

// sums + the products of four bytes of each channel with as many weights.
PENUMBRA_LANE Interleaved AddQuad(const Interleaved& sums, const Interleaved& x, const Interleaved& weights) {
  Interleaved out;
#pragma GCC unroll 4
  for (uint32_t j = 0; j < 4; ++j) out.of[j] = DotBytes(sums.of[j], x.of[j], weights.of[j]);
  return out;
}

// The first `channels` of 64.
PENUMBRA_LANE __mmask64 MaskOf(uint32_t channels) {
  return channels >= 64 ? ~uint64_t{0} : (uint64_t{1} << channels) - 1;
}

}  // namespace penumbra::PENUMBRA_ISA

#endif  // PENUMBRA_KERNELS_VNNI_LANES_H_
