// Pad sampling that looks for rejected candidates 32 at a time, and unmixing by products of byte pairs.
#include <immintrin.h>

#include "kernels/isa_extras.h"
#include "kernels/reduce_words.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

inline constexpr uint32_t kVectorSize = 32;

// One bit for each byte that is not below the prime; most: the prime less one in every lane.
PENUMBRA_LANE uint32_t Rejected(const uint8_t* bytes, __m256i most) {
  const __m256i candidates = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
  const __m256i accepted = _mm256_cmpeq_epi8(_mm256_min_epu8(candidates, most), candidates);
  return ~static_cast<uint32_t>(_mm256_movemask_epi8(accepted));
}

PENUMBRA_LANE uint32_t RejectedOfFew(const uint8_t* bytes, size_t count, uint16_t prime) {
  uint32_t rejected = 0;
  for (size_t i = 0; i < count; ++i) rejected |= (bytes[i] >= prime ? 1u : 0u) << i;
  return rejected;
}

inline constexpr uint32_t kBlock = 64;  // channels whose tables serve all pixels
inline constexpr uint32_t kWords = 16;  // channels in a vector, a pair of bytes each

// Where the pairs (a, b) of a block stand and their factors, (lambda, -lambda) centred; no partner: any byte times 0.
struct Pairs {
  uint16_t a[kBlock], b[kBlock];
  alignas(kVectorSize) int8_t factors[2 * kBlock];
};

void FillPairs(const UnmixJob& job, uint32_t begin, uint32_t count, Pairs* out) {
  for (uint32_t i = 0; i < kBlock; ++i) {
    const uint32_t channel = begin + (i < count ? i : 0);
    const uint16_t b = job.b[channel];
    const int32_t lambda = job.lambda[channel];
    const int32_t centred = 2 * lambda > job.prime ? lambda - job.prime : lambda;
    out->a[i] = job.a[channel];
    out->b[i] = b == kNoPartner ? out->a[i] : b;
    out->factors[2 * i] = static_cast<int8_t>(centred);
    out->factors[2 * i + 1] = b == kNoPartner ? int8_t{0} : static_cast<int8_t>(-centred);
  }
}

// Residues of one pixel's block, all 64 of them.
PENUMBRA_LANE void UnmixBlock(const uint8_t* in, const Pairs& pairs, const NarrowReducer& r, uint8_t* out) {
  alignas(kVectorSize) uint8_t found[2 * kBlock];
  for (uint32_t i = 0; i < kBlock; ++i) {
    found[2 * i] = in[pairs.a[i]];
    found[2 * i + 1] = in[pairs.b[i]];
  }
  for (uint32_t i = 0; i < kBlock; i += kWords) {
    const __m256i bytes = _mm256_load_si256(reinterpret_cast<const __m256i*>(found + 2 * i));
    const __m256i factors = _mm256_load_si256(reinterpret_cast<const __m256i*>(pairs.factors + 2 * i));
    const auto mixed = reinterpret_cast<WordLanes>(_mm256_maddubs_epi16(bytes, factors));
    const auto words = reinterpret_cast<__m256i>(ReduceWords(mixed, r));
    const __m128i packed = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), packed);
  }
}

}  // namespace

void Unmix(const UnmixJob& job) {
  const NarrowReducer reducer = MakeNarrowReducer(job.prime);
  for (uint32_t begin = 0; begin < job.m; begin += kBlock) {
    const uint32_t count = job.m - begin < kBlock ? job.m - begin : kBlock;
    Pairs pairs;
    FillPairs(job, begin, count, &pairs);
    for (uint64_t pixel = 0; pixel < job.pixels; ++pixel) {
      uint8_t block[kBlock];
      UnmixBlock(job.in + pixel * job.wide, pairs, reducer, block);
      __builtin_memcpy(job.out + pixel * job.m + begin, block, count);
    }
  }
}

bool FillPads(PadFill* fill) {
  const PadFill job = *fill;  // a copy that the stores below cannot change
  const __m256i most = _mm256_set1_epi8(static_cast<char>(job.prime - 1));
  size_t used = 0;
  for (size_t begin = job.next_index; begin < job.count; begin += kVectorSize) {
    uint8_t* row = job.row + begin;
    const size_t left = job.count - begin;
    uint32_t rejected = left >= kVectorSize ? Rejected(row, most) : RejectedOfFew(row, left, job.prime);
    for (; rejected != 0; rejected &= rejected - 1) {
      const auto at = static_cast<uint32_t>(__builtin_ctz(rejected));
      while (used < job.spare_count && job.spare[used] >= job.prime) ++used;
      if (used == job.spare_count) {
        fill->next_index = begin + at;
        fill->spare_used = used;
        return false;
      }
      row[at] = job.spare[used++];
    }
  }
  fill->next_index = job.count;
  fill->spare_used = used;
  return true;
}

}  // namespace penumbra::PENUMBRA_ISA
