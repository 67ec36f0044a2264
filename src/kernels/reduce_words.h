// Reduction of 16 words at once, in vectors of the compiler: as plain loops, gcc 12 has no upper half of a product. For files compiled
// once per instruction set (isa.h).
#ifndef PENUMBRA_KERNELS_REDUCE_WORDS_H_
#define PENUMBRA_KERNELS_REDUCE_WORDS_H_

#include <cstdint>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "kernels/isa.h"
#include "kernels/reduce_lanes.h"

namespace penumbra::PENUMBRA_ISA {

inline constexpr uint32_t kWordLanes = 16;
typedef uint16_t WordLanes __attribute__((vector_size(2 * kWordLanes)));

PENUMBRA_LANE WordLanes Lesser(const WordLanes& a, const WordLanes& b) {
#if defined(__AVX2__)
  return reinterpret_cast<WordLanes>(_mm256_min_epu16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#else
  return a < b ? a : b;
#endif
}

// Upper halves of the products.
PENUMBRA_LANE WordLanes MultiplyHigh(const WordLanes& a, uint16_t b) {
#if defined(__AVX2__)
  return reinterpret_cast<WordLanes>(_mm256_mulhi_epu16(reinterpret_cast<__m256i>(a), _mm256_set1_epi16(static_cast<int16_t>(b))));
#else
  typedef uint32_t Products __attribute__((vector_size(4 * kWordLanes)));
  return __builtin_convertvector((__builtin_convertvector(a, Products) * uint32_t{b}) >> 16, WordLanes);
#endif
}

// v mod p of v < 2 p.
PENUMBRA_LANE WordLanes LessThanTwice(const WordLanes& v, const NarrowReducer& r) { return Lesser(v, v - r.prime); }

// ReduceNarrowLane of every word.
PENUMBRA_LANE WordLanes ReduceWords(const WordLanes& words, const NarrowReducer& r) {
  const WordLanes t = words ^ uint16_t{0x8000};
  const WordLanes rest = t - (MultiplyHigh(t, r.reciprocal) >> 7) * r.prime;
  return LessThanTwice(LessThanTwice(rest, r) + r.origin, r);
}

}  // namespace penumbra::PENUMBRA_ISA

#endif  // PENUMBRA_KERNELS_REDUCE_WORDS_H_
