// Exact reduction of 32-bit sums to canonical residues; residues of levels; masking,
// x' = x + r mod p (docs/arithmetic.md). Any thread.
#ifndef PENUMBRA_KERNELS_REDUCE_MOD_H_
#define PENUMBRA_KERNELS_REDUCE_MOD_H_

#include <cstddef>
#include <cstdint>

#include "boundary/geometry.h"

namespace penumbra {

// KernelTable::permute_s16: out[pixel][c] = in[pixel][perm[c]], both [pixels][channels]. The caller has checked that
// perm[c] < channels; in and out do not overlap.
struct PermuteJob {
  const int16_t* in;
  const uint16_t* perm;  // [channels]
  uint32_t channels, pixels;
  int16_t* out;
};

// One run of levels to prime_count residue planes, plane k at out + k * out_plane_size:
//   out = (level mod p_k + pad) mod p_k, canonical, and the same once more where `sent` says: both are written from registers.
struct MaskJob {
  const void* levels;      // [count] s16 or s32, by kernel; any value
  const uint8_t* pads;     // plane k at pads + k * pad_plane_size, canonical; null: residues only
  size_t pad_plane_size;
  uint8_t* out;
  size_t out_plane_size;
  uint32_t prime_count;    // [1, kMaxPrimes]
  size_t count;
  uint8_t* sent = nullptr;  // plane k at sent + k * sent_plane_size; null: out only
  size_t sent_plane_size = 0;
};

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_REDUCE_MOD_H_
