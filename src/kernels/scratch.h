// Scratch layouts of passes and pad making, shared by the compiler (which plans them) and the trusted runtime
// (which uses them).
#ifndef PENUMBRA_KERNELS_SCRATCH_H_
#define PENUMBRA_KERNELS_SCRATCH_H_

#include <cstdint>

#include "boundary/limits.h"
#include "boundary/plan.h"
#include "kernels/pad_stream.h"
#include "kernels/project.h"
#include "kernels/restore.h"

namespace penumbra {

// Bytes of the secret projections s of one layer and prime: [projection][m'] s8 or s32, each padded to a multiple of 64 bytes.
constexpr uint64_t ProjectionStride(const LayerRec& layer) {
  return AlignUp(uint64_t{layer.public_out_c} * ResidueSize(layer), kTileAlignment);
}
constexpr uint64_t ProjectionsSize(const LayerRec& layer) {
  return layer.projection_count * ProjectionStride(layer);
}
// Spare keystream, or draws, for one of them.
inline uint64_t ProjectionSpareSize(const LayerRec& layer) {
  return AlignUp(SpareSize(layer.public_out_c, kPrimes[layer.prime_count - 1]), kTileAlignment);
}

// Sums of one row of output pixels, one prime; their residues behind them take CheckResiduesSize() more.
constexpr uint32_t CheckSumSize(const LayerRec& layer) {
  return (layer.flags & kLayerPrime) != 0 ? sizeof(int64_t) : sizeof(int32_t);
}
constexpr uint64_t CheckSumsSize(const LayerRec& layer) {
  return AlignUp(uint64_t{layer.geometry.out_w} * layer.projection_count * CheckSumSize(layer), kTileAlignment);
}
constexpr uint64_t CheckResiduesSize(const LayerRec& layer) {
  return AlignUp(uint64_t{layer.geometry.out_w} * layer.projection_count * ResidueSize(layer), kTileAlignment);
}

// kExpect: rows of the window of one output row, sums of one output row. Stands at the end of the scratch, so that the
// tables of a layer that is being restored survive it.
constexpr uint64_t ExpectScratchSize(const LayerRec& layer) {
  const uint64_t runs = uint64_t{layer.geometry.kernel_h} * layer.geometry.kernel_w * sizeof(ProjectRun);
  return AlignUp(runs, kTileAlignment) + CheckSumsSize(layer);
}

// kProject: the secret projections of one prime, and the sums of a block of columns.
inline constexpr uint32_t kProjectColumns = 1024;
inline uint64_t ProjectScratchSize(const LayerRec& layer) {
  return ProjectionsSize(layer) + ProjectionSpareSize(layer) + kProjectColumns * CheckSumSize(layer);
}

// A row of a reply is restored a few pixels at a time, so that our copy of them stays in the first-level cache.
inline constexpr uint64_t kReplyBlockSize = 4096;  // bytes of one plane
constexpr uint64_t ReplyPixelSize(const LayerRec& layer) { return uint64_t{layer.public_out_c} * ResidueSize(layer); }
// Bytes from pixel to pixel of our copy. The field's kernels take none between.
constexpr uint64_t ReplyCopyStride(const LayerRec& layer) {
  return (layer.flags & kLayerPrime) != 0 ? ReplyPixelSize(layer) : ReplyStride(ReplyPixelSize(layer));
}
constexpr uint32_t ReplyBlockPixels(const LayerRec& layer) {
  const uint64_t fits = kReplyBlockSize / ReplyCopyStride(layer);
  if (fits == 0) return 1;
  return fits < layer.geometry.out_w ? static_cast<uint32_t>(fits) : layer.geometry.out_w;
}

// One row of a pass at a time: the row itself, our copy of pixels of the reply, levels, pads and spare bytes. `prepared_size` bytes
// from the start hold the tables of the layer that is being restored. A residue modulo kFieldPrime takes the room of four
// planes of u8; its draws go through the spare bytes.
struct PassScratch {
  uint64_t restore_plan_at, projections_at, prepared_size, check_at, check_size, reply_at, integers_at;
  uint64_t row_at, levels_at, permuted_at, pads_at, spare_at;
  uint64_t reply_plane_size, pad_plane_size, spare_size;
  uint64_t size;
};

// `source` is the layer of a kRestore pass, else null. mask_size: the largest MaskedElementSize of any mask sink, 0 when
// there is none; has_levels: some sink needs levels.
inline PassScratch LayoutPass(uint32_t row_elems, const LayerRec* source, uint32_t mask_size,
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
    const uint64_t pixels = ReplyBlockPixels(*source);
    const bool prime = (source->flags & kLayerPrime) != 0;
    out.restore_plan_at =
        take(prime ? 0 : RestorePlanSize(m, source->public_out_c, source->prime_count, IsCovered(*source)));
    const bool checked = (source->flags & kLayerChecked) != 0;
    out.projections_at = take(checked ? source->prime_count * ProjectionsSize(*source) : 0);
    out.prepared_size = at;
    if (checked) {
      out.check_size = CheckSumsSize(*source) + CheckResiduesSize(*source);
      if (out.check_size < ProjectionSpareSize(*source)) out.check_size = ProjectionSpareSize(*source);
      out.check_at = take(out.check_size);
    }
    out.reply_plane_size = AlignUp(pixels * ReplyCopyStride(*source), kTileAlignment);
    // Of residues of 4 bytes pixels follow one another: copying the last in may write a vector beyond them.
    out.reply_at = take(source->prime_count * out.reply_plane_size + (prime ? kTileAlignment : 0));
    out.integers_at = take(prime ? pixels * m * sizeof(int32_t) : 0);
  }
  out.row_at = take(uint64_t{row_elems} * 4);
  if (has_levels) out.levels_at = take(uint64_t{row_elems} * 4);
  if (mask_size != 0) {
    out.permuted_at = take(uint64_t{row_elems} * 4);
    out.pad_plane_size = AlignUp(row_elems, kTileAlignment);
    out.pads_at = take(mask_size * out.pad_plane_size);
    out.spare_size = AlignUp(SpareSize(row_elems, kPrimes[mask_size - 1]), kTileAlignment);
    out.spare_at = take(out.spare_size);
  }
  out.size = at + kTileAlignment;
  return out;
}

// kPadRandom: spare bytes, or draws, of one row.
inline uint64_t PadRandomScratchSize(const LayerRec& layer) {
  return AlignUp(SpareSize(layer.mask_row_elems, kPrimes[layer.prime_count - 1]), kTileAlignment);
}

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_SCRATCH_H_
