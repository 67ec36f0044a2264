// Masking of 32 levels at a time.
#include <immintrin.h>

#include "boundary/limits.h"
#include "kernels/isa_extras.h"
#include "kernels/reduce_words.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

inline constexpr size_t kLevels = 32;  // levels that fill a vector of bytes

PENUMBRA_LANE __m256i Masked(const int16_t* levels, const uint8_t* pads, const NarrowReducer& r) {
  const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(levels));
  const WordLanes residues = ReduceWords(reinterpret_cast<WordLanes>(words), r);
  if (pads == nullptr) return reinterpret_cast<__m256i>(residues);
  const __m256i pad = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(pads)));
  return reinterpret_cast<__m256i>(LessThanTwice(residues + reinterpret_cast<WordLanes>(pad), r));
}

void MaskPlane(const MaskJob& shared_job, uint32_t k, size_t count) {
  const MaskJob job = shared_job;  // a copy that the stores below cannot change
  const NarrowReducer r = MakeNarrowReducer(kPrimes[k]);
  const auto* levels = static_cast<const int16_t*>(job.levels);
  const uint8_t* pads = job.pads != nullptr ? job.pads + k * job.pad_plane_size : nullptr;
  for (size_t at = 0; at < count; at += kLevels) {
    const __m256i low = Masked(levels + at, pads != nullptr ? pads + at : nullptr, r);
    const __m256i high = Masked(levels + at + kLevels / 2, pads != nullptr ? pads + at + kLevels / 2 : nullptr, r);
    const __m256i bytes = _mm256_permute4x64_epi64(_mm256_packus_epi16(low, high), 0xd8);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(job.out + k * job.out_plane_size + at), bytes);
    if (job.sent != nullptr) _mm256_storeu_si256(reinterpret_cast<__m256i*>(job.sent + k * job.sent_plane_size + at), bytes);
  }
}

}  // namespace

void MaskS16(const MaskJob& job) {
  const size_t whole = job.count / kLevels * kLevels;
  for (uint32_t k = 0; k < job.prime_count; ++k) MaskPlane(job, k, whole);
  if (whole == job.count) return;
  MaskJob rest = job;
  rest.levels = static_cast<const int16_t*>(job.levels) + whole;
  rest.pads = job.pads != nullptr ? job.pads + whole : nullptr;
  rest.out = job.out + whole;
  rest.sent = job.sent != nullptr ? job.sent + whole : nullptr;
  rest.count = job.count - whole;
  avx2::MaskS16(rest);
}

}  // namespace penumbra::PENUMBRA_ISA
