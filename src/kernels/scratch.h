// Scratch layouts of passes and pad making, shared by the compiler (which plans them) and the trusted runtime
// (which uses them).
#ifndef PENUMBRA_KERNELS_SCRATCH_H_
#define PENUMBRA_KERNELS_SCRATCH_H_

#include <cstdint>

#include "boundary/limits.h"
#include "boundary/plan.h"
#include "kernels/pad_stream.h"
#include "kernels/restore.h"

namespace penumbra {

// One row of a pass at a time: the row itself, our copy of the reply, levels, pads and spare bytes.
struct PassScratch {
  uint64_t restore_plan_at, reply_at, row_at, levels_at, permuted_at, pads_at, spare_at;
  uint64_t reply_plane_size, pad_plane_size, spare_size;
  uint64_t size;
};

// `source` is the layer of a kRestore pass, else null. mask_primes: the most primes of any mask sink, 0 when
// there is no mask or quantise sink; has_levels: some sink needs levels.
inline PassScratch LayoutPass(uint32_t row_elems, const LayerRec* source, uint32_t mask_primes,
                              bool has_levels) {
  PassScratch out{};
  uint64_t at = 0;
  const auto take = [&at](uint64_t size) {
    const uint64_t begin = at;
    at += AlignUp(size, kTileAlignment);
    return begin;
  };
  if (source != nullptr) {
    const uint32_t m = source->geometry.out_c;
    out.restore_plan_at = take(RestorePlanSize(m, source->public_out_c, source->prime_count));
    out.reply_plane_size =
        AlignUp(uint64_t{source->geometry.out_w} * source->public_out_c, kTileAlignment);
    out.reply_at = take(source->prime_count * out.reply_plane_size);
  }
  out.row_at = take(uint64_t{row_elems} * 4);
  if (has_levels) out.levels_at = take(uint64_t{row_elems} * 4);
  if (mask_primes != 0) {
    out.permuted_at = take(uint64_t{row_elems} * 4);
    out.pad_plane_size = AlignUp(row_elems, kTileAlignment);
    out.pads_at = take(mask_primes * out.pad_plane_size);
    out.spare_size = AlignUp(SpareSize(row_elems, kPrimes[mask_primes - 1]), kTileAlignment);
    out.spare_at = take(out.spare_size);
  }
  out.size = at + kTileAlignment;
  return out;
}

// kPadRandom: spare bytes of one row.
inline uint64_t PadRandomScratchSize(uint32_t row_elems, uint32_t prime_count) {
  return AlignUp(SpareSize(row_elems, kPrimes[prime_count - 1]), kTileAlignment);
}

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_SCRATCH_H_
