// Pad sampling that looks for rejected candidates 32 at a time.
#include <immintrin.h>

#include "kernels/isa.h"
#include "kernels/isa_extras.h"

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

}  // namespace

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
