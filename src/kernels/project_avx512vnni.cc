// Secret projections with byte dot products: runs are read along their depth, once for a block of pixels and up to six
// projections, so that few outputs pay for no padding.
#include <immintrin.h>

#include "kernels/isa.h"
#include "kernels/isa_extras.h"
#include "kernels/project_rows.h"

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

// Dword q of each 128 bits: the sum of the four of acc[q] there.
PENUMBRA_LANE __m512i AddQuads(const __m512i* acc) {
  const __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(acc[0], acc[1]), _mm512_unpackhi_epi32(acc[0], acc[1]));
  const __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(acc[2], acc[3]), _mm512_unpackhi_epi32(acc[2], acc[3]));
  return _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
}

// Lane l of 128 bits: the sum of the four of v[l].
PENUMBRA_LANE __m512i AddLanes(const __m512i* v) {
  const __m512i ab = _mm512_add_epi32(_mm512_shuffle_i32x4(v[0], v[1], 0x44), _mm512_shuffle_i32x4(v[0], v[1], 0xee));
  const __m512i cd = _mm512_add_epi32(_mm512_shuffle_i32x4(v[2], v[3], 0x44), _mm512_shuffle_i32x4(v[2], v[3], 0xee));
  return _mm512_add_epi32(_mm512_shuffle_i32x4(ab, cd, 0x88), _mm512_shuffle_i32x4(ab, cd, 0xdd));
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

PENUMBRA_LANE void StoreQuad(__m128i sums, uint32_t rows, int32_t* out) {
  _mm_mask_storeu_epi32(out, static_cast<__mmask8>((1u << rows) - 1), sums);
}

// Adds up each of acc[row][pixel], four rows of four pixels at a time, and stores it at out[pixel * stride + row].
template <uint32_t kRows, uint32_t kCount>
PENUMBRA_LANE void StoreSums(const __m512i (*acc)[kPixels], int32_t* out, size_t stride) {
  const __m512i zero = _mm512_setzero_si512();
  constexpr bool kTwoMore = kRows % 4 == 2 && kCount == kPixels;  // two rows share vectors of two pixels
#pragma GCC unroll 2
  for (uint32_t first = 0; first < kRows - (kTwoMore ? 2 : 0); first += 4) {
    const uint32_t rows = kRows - first < 4 ? kRows - first : 4;
    __m512i pixels[kPixels] = {zero, zero, zero, zero};
#pragma GCC unroll 4
    for (uint32_t i = 0; i < kCount; ++i) {
      __m512i of[4];
#pragma GCC unroll 4
      for (uint32_t j = 0; j < 4; ++j) of[j] = j < rows ? acc[first + j][i] : zero;
      pixels[i] = AddQuads(of);
    }
    const __m512i sums = AddLanes(pixels);
    StoreQuad(_mm512_castsi512_si128(sums), rows, out + first);
    if (kCount > 1) StoreQuad(_mm512_extracti32x4_epi32(sums, 1), rows, out + first + stride);
    if (kCount > 2) StoreQuad(_mm512_extracti32x4_epi32(sums, 2), rows, out + first + 2 * stride);
    if (kCount > 3) StoreQuad(_mm512_extracti32x4_epi32(sums, 3), rows, out + first + 3 * stride);
  }
  if constexpr (kTwoMore) {
    const auto &a = acc[kRows - 2], &b = acc[kRows - 1];
    const __m512i of[2][4] = {{a[0], b[0], a[1], b[1]}, {a[2], b[2], a[3], b[3]}};
    const __m512i quads[4] = {AddQuads(of[0]), AddQuads(of[1]), zero, zero};
    const __m256i sums = _mm512_castsi512_si256(AddLanes(quads));
    const __m128i low = _mm256_castsi256_si128(sums), high = _mm256_extracti128_si256(sums, 1);
    int32_t* at = out + kRows - 2;
    StoreQuad(low, 2, at);
    StoreQuad(_mm_unpackhi_epi64(low, low), 2, at + stride);
    StoreQuad(high, 2, at + 2 * stride);
    StoreQuad(_mm_unpackhi_epi64(high, high), 2, at + 3 * stride);
  }
}

// Sums of kCount pixels from `pixel` on and kRows projections from `row` on.
struct Block {
  template <uint32_t kRows, uint32_t kCount>
  static void Run(const ProjectJob& job, uint32_t pixel, uint32_t row) {
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
    StoreSums<kRows, kCount>(acc, job.sums + size_t{pixel} * job.projections + row, job.projections);
  }
};

}  // namespace

void Project(const ProjectJob& job) {
  ProjectBlocks<Block, kPixels, kMaxRows>(job);
}

}  // namespace penumbra::PENUMBRA_ISA
