// Secret projections with byte dot products: runs are read along their depth, once for a block of pixels and up to six
// projections, so that few outputs pay for no padding.
#include <immintrin.h>

#include "kernels/isa.h"
#include "kernels/isa_extras.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

inline constexpr uint32_t kVectorSize = 64;
inline constexpr uint32_t kPixels = 4;
inline constexpr uint32_t kMaxRows = 6;  // projections: 4 * 6 sums stay in registers

// Inline assembly: with the intrinsic gcc 12 spills the accumulators.
PENUMBRA_LANE __m512i DotBytes(__m512i acc, __m512i x, __m512i t) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(t));
  return acc;
}

// Lane q of the result: all of acc[q] added up.
PENUMBRA_LANE __m128i AddUp(const __m512i* acc) {
  const __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(acc[0], acc[1]), _mm512_unpackhi_epi32(acc[0], acc[1]));
  const __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(acc[2], acc[3]), _mm512_unpackhi_epi32(acc[2], acc[3]));
  const __m512i all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
  const __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
  return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

template <uint32_t kRows, uint32_t kCount>
PENUMBRA_LANE void Accumulate(const ProjectJob& job, const ProjectRun& run, uint32_t at, __mmask64 valid,
                              __m512i (*acc)[kPixels]) {
  __m512i x[kCount];
#pragma GCC unroll 4
  for (uint32_t i = 0; i < kCount; ++i) x[i] = _mm512_maskz_loadu_epi8(valid, run.x + i * job.pixel_stride + at);
#pragma GCC unroll 6
  for (uint32_t j = 0; j < kRows; ++j) {
    const __m512i t = _mm512_maskz_loadu_epi8(valid, run.t + j * job.projection_stride + at);
#pragma GCC unroll 4
    for (uint32_t i = 0; i < kCount; ++i) acc[j][i] = DotBytes(acc[j][i], x[i], t);
  }
}

// Sums of kCount pixels from `pixel` on and kRows projections from `row` on.
template <uint32_t kRows, uint32_t kCount>
void Block(const ProjectJob& job, uint32_t pixel, uint32_t row) {
  __m512i acc[kRows][kPixels];
#pragma GCC unroll 6
  for (uint32_t j = 0; j < kRows; ++j) {
#pragma GCC unroll 4
    for (uint32_t i = 0; i < kPixels; ++i) acc[j][i] = _mm512_setzero_si512();
  }
  const uint32_t whole = job.length / kVectorSize * kVectorSize;
  const __mmask64 tail = (uint64_t{1} << job.length % kVectorSize) - 1;
  for (uint32_t r = 0; r < job.run_count; ++r) {
    const ProjectRun run = {job.runs[r].x + pixel * job.pixel_stride, job.runs[r].t + row * job.projection_stride};
    for (uint32_t at = 0; at < whole; at += kVectorSize) {
      Accumulate<kRows, kCount>(job, run, at, ~uint64_t{0}, acc);
    }
    if (tail != 0) Accumulate<kRows, kCount>(job, run, whole, tail, acc);
  }
  alignas(16) int32_t sums[kRows][kPixels];
#pragma GCC unroll 6
  for (uint32_t j = 0; j < kRows; ++j) _mm_store_si128(reinterpret_cast<__m128i*>(sums[j]), AddUp(acc[j]));
  for (uint32_t i = 0; i < kCount; ++i) {
    int32_t* out = job.sums + size_t{pixel + i} * job.projections + row;
    for (uint32_t j = 0; j < kRows; ++j) out[j] = sums[j][i];
  }
}

// The last block starts earlier instead of being shorter; its first sums are written twice with the same values.
template <uint32_t kRows>
void Rows(const ProjectJob& job, uint32_t row) {
  if (job.pixels < kPixels) {
    for (uint32_t i = 0; i < job.pixels; ++i) Block<kRows, 1>(job, i, row);
    return;
  }
  for (uint32_t i = 0; i < job.pixels; i += kPixels) {
    Block<kRows, kPixels>(job, i + kPixels <= job.pixels ? i : job.pixels - kPixels, row);
  }
}

}  // namespace

void Project(const ProjectJob& job) {
  for (uint32_t row = 0; row < job.projections; row += kMaxRows) {
    switch (job.projections - row) {
      case 1:
        Rows<1>(job, row);
        break;
      case 2:
        Rows<2>(job, row);
        break;
      case 3:
        Rows<3>(job, row);
        break;
      case 4:
        Rows<4>(job, row);
        break;
      case 5:
        Rows<5>(job, row);
        break;
      default:
        Rows<kMaxRows>(job, row);
        break;
    }
  }
}

}  // namespace penumbra::PENUMBRA_ISA
