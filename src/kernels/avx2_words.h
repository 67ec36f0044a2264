// Reduction of 16 words at once. For the *_avx2.cc files only (isa.h).
#ifndef PENUMBRA_KERNELS_AVX2_WORDS_H_
#define PENUMBRA_KERNELS_AVX2_WORDS_H_

#include <immintrin.h>

#include "kernels/isa.h"
#include "kernels/reduce_lanes.h"

namespace penumbra::PENUMBRA_ISA {

struct WordReducer {
  __m256i prime, reciprocal, origin;
};

PENUMBRA_LANE WordReducer MakeWordReducer(uint16_t prime) {
  const NarrowReducer r = MakeNarrowReducer(prime);
  return {_mm256_set1_epi16(static_cast<int16_t>(r.prime)), _mm256_set1_epi16(static_cast<int16_t>(r.reciprocal)),
          _mm256_set1_epi16(static_cast<int16_t>(r.origin))};
}

// v < 2 p as unsigned words: v mod p.
PENUMBRA_LANE __m256i LessThanTwice(__m256i v, const WordReducer& r) {
  return _mm256_min_epu16(v, _mm256_sub_epi16(v, r.prime));
}

// ReduceNarrowLane of every word.
PENUMBRA_LANE __m256i Reduce(__m256i value, const WordReducer& r) {
  const __m256i t = _mm256_xor_si256(value, _mm256_set1_epi16(static_cast<int16_t>(0x8000)));
  const __m256i q = _mm256_srli_epi16(_mm256_mulhi_epu16(t, r.reciprocal), 7);
  const __m256i rest = LessThanTwice(_mm256_sub_epi16(t, _mm256_mullo_epi16(q, r.prime)), r);
  return LessThanTwice(_mm256_add_epi16(rest, r.origin), r);
}

}  // namespace penumbra::PENUMBRA_ISA

#endif  // PENUMBRA_KERNELS_AVX2_WORDS_H_
