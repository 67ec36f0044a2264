// Secret projections with word products: bytes are widened, once for a block of pixels and projections, because
// vpmaddubsw would saturate.
#include <immintrin.h>

#include "kernels/isa.h"
#include "kernels/isa_extras.h"
#include "kernels/project_rows.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

inline constexpr uint32_t kStep = 16;    // bytes that fill a vector when widened
inline constexpr uint32_t kPixels = 3;   // 3 * 3 sums, and what they are made of, stay in registers
inline constexpr uint32_t kMaxRows = 3;  // projections

// All ones in the last n words from bytes + 2 * n on.
struct LastWords {
  alignas(32) uint8_t bytes[4 * kStep];
};
constexpr LastWords MakeLastWords() {
  LastWords out{};
  for (uint32_t i = 2 * kStep; i < 4 * kStep; ++i) out.bytes[i] = 0xff;
  return out;
}
constexpr LastWords kLastWords = MakeLastWords();

PENUMBRA_LANE __m128i Load(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }

template <uint32_t kRows, uint32_t kCount>
PENUMBRA_LANE void Accumulate(const ProjectJob& job, const ProjectRun& run, uint32_t at, __m256i wanted,
                              __m256i (*acc)[kPixels]) {
  __m256i x[kCount];
#pragma GCC unroll 3
  for (uint32_t i = 0; i < kCount; ++i) x[i] = _mm256_cvtepu8_epi16(Load(run.x + i * job.pixel_stride + at));
#pragma GCC unroll 3
  for (uint32_t j = 0; j < kRows; ++j) {
    const __m256i t = _mm256_and_si256(_mm256_cvtepi8_epi16(Load(run.t + j * job.projection_stride + at)), wanted);
#pragma GCC unroll 3
    for (uint32_t i = 0; i < kCount; ++i) acc[j][i] = _mm256_add_epi32(acc[j][i], _mm256_madd_epi16(x[i], t));
  }
}

// Runs shorter than a vector: nothing beyond them may be read.
int32_t ShortDot(const ProjectJob& job, uint32_t pixel, uint32_t row) {
  int32_t sum = 0;
  for (uint32_t r = 0; r < job.run_count; ++r) {
    const uint8_t* x = job.runs[r].x + pixel * job.pixel_stride;
    const int8_t* t = job.runs[r].t + row * job.projection_stride;
    for (uint32_t c = 0; c < job.length; ++c) sum += x[c] * t[c];
  }
  return sum;
}

PENUMBRA_LANE int32_t AddUp(__m256i acc) {
  __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(acc), _mm256_extracti128_si256(acc, 1));
  sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1)));
}

// Sums of kCount pixels from `pixel` on and kRows projections from `row` on. The bytes behind the last whole vector are read
// with those before them, which then meet zeros.
struct Block {
  template <uint32_t kRows, uint32_t kCount>
  static void Run(const ProjectJob& job, uint32_t pixel, uint32_t row) {
    __m256i acc[kRows][kPixels];
#pragma GCC unroll 3
    for (uint32_t j = 0; j < kRows; ++j) {
#pragma GCC unroll 3
      for (uint32_t i = 0; i < kPixels; ++i) acc[j][i] = _mm256_setzero_si256();
    }
    const uint32_t tail = job.length % kStep, whole = job.length - tail;
    const __m256i all = _mm256_set1_epi8(-1);
    const __m256i last = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kLastWords.bytes + 2 * tail));
    for (uint32_t r = 0; r < job.run_count; ++r) {
      const ProjectRun run = {job.runs[r].x + pixel * job.pixel_stride, job.runs[r].t + row * job.projection_stride};
      for (uint32_t at = 0; at < whole; at += kStep) Accumulate<kRows, kCount>(job, run, at, all, acc);
      if (tail != 0) Accumulate<kRows, kCount>(job, run, job.length - kStep, last, acc);
    }
    for (uint32_t i = 0; i < kCount; ++i) {
      int32_t* out = job.sums + size_t{pixel + i} * job.projections + row;
      for (uint32_t j = 0; j < kRows; ++j) out[j] = AddUp(acc[j][i]);
    }
  }
};

}  // namespace

void Project(const ProjectJob& job) {
  if (job.length < kStep) {
    for (uint32_t i = 0; i < job.pixels; ++i) {
      for (uint32_t j = 0; j < job.projections; ++j) job.sums[size_t{i} * job.projections + j] = ShortDot(job, i, j);
    }
    return;
  }
  ProjectBlocks<Block, kPixels, kMaxRows>(job);
}

}  // namespace penumbra::PENUMBRA_ISA
