// The tables of PrepareRestore in the form the restore kernels read. Inside kernels/ only.
#ifndef PENUMBRA_KERNELS_RESTORE_PLAN_H_
#define PENUMBRA_KERNELS_RESTORE_PLAN_H_

#include <cstdint>

#include "boundary/geometry.h"

namespace penumbra {

// Channel tables are padded to whole blocks with channels that restore to 0 from reply channel 0.
inline constexpr uint32_t kRestoreBlock = 64;

// With v_k any representative of |v_k| < 2^15 and S = sum_k v_k * cofactor[k]:
//   q = floor(S / M - window_fraction), up to one too small
//   Y = window_begin + (S - window_residue - q * M), corrected once by M
// where window_begin = (multiple of M) + window_residue and window_fraction = window_residue / M.
// Byte permutations work on chunks of 32 channels. Word w of a chunk holds channel ChunkChannel(w), so
// that interleaving words within 128-bit lanes gives channels 0..15 and 16..31 in order.
inline constexpr uint32_t kRestoreChunk = 32;
inline constexpr uint32_t kLookupSize = 128;  // reply bytes one vpermi2b looks up
constexpr uint32_t ChunkChannel(uint32_t word) {
  return word % 8 / 4 * 16 + word / 8 * 4 + word % 4;
}
// 22-bit fixed point for quotients: |v_k| <= 125 * 255 + 250 times the rounding of 2^22 / p_k stays
// below kQuotientBias * 2^-22 for three primes.
inline constexpr uint32_t kQuotientBits = 22;
inline constexpr int32_t kQuotientBias = 1 << 16;

struct ChunkTables {
  uint32_t lookup_count;   // ceil(m' / kLookupSize)
  const uint8_t* index;    // [chunk][word]{a, b}: position within its lookup
  const uint64_t* select;  // [chunk][lookup]: which of the 64 positions this lookup serves
  const int8_t* lambda;    // [prime][chunk][word]{lambda_a, lambda_b}
  const int32_t* quotient_start;  // [padded] -(window_fraction + bias) in fixed point
};

// Covers (kernels/covers.h) in the same place; `a` then holds where each channel's four bytes begin. Chunks look up
// whole covers as dwords of the reply.
inline constexpr uint32_t kCoverChunk = 16;
inline constexpr uint32_t kCoverLookup = kLookupSize / kCoverSize;  // covers one vpermi2d looks up
struct CoverTables {
  uint32_t lookup_count;    // ceil(m' / kLookupSize); 0: some cover is short, there is neither index nor select
  const uint32_t* factors;  // [prime][padded]
  const uint32_t* index;    // [padded]: cover within its lookup
  const uint16_t* select;   // [padded / kCoverChunk][lookup]: which channels of a chunk this lookup serves
};

struct RestorePlan {
  uint32_t channel_count;
  uint32_t padded_count;  // channel_count rounded up to kRestoreBlock
  uint32_t reply_channel_count;
  uint32_t prime_count;
  int64_t modulus;
  int64_t cofactor[kMaxPrimes];          // M / p_k
  double inverse_prime[kMaxPrimes];      // 1 / p_k
  const uint16_t* a;                     // [padded]
  const uint16_t* b;                     // [padded]; 0 where there is no partner; null: covers
  const int8_t* lambda_a;                // [prime][padded], centred
  const int8_t* lambda_b;                // [prime][padded], -lambda_a, 0 where no partner
  const int64_t* window_begin;           // [padded]
  const int64_t* window_residue;         // [padded], in [0, M)
  const double* window_fraction;         // [padded]
  const int32_t* window_begin_narrow;    // the same in 32 bits, up to three primes
  const int32_t* window_residue_narrow;
  const float* window_fraction_narrow;
  const float* scale;                    // [padded]
  const float* bias;                     // [padded]
  union {
    ChunkTables chunks;  // up to three primes
    CoverTables covers;  // where b is null
  };
};

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_RESTORE_PLAN_H_
