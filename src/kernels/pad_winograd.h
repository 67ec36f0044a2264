// The pad maker's Winograd convolutions: whether they pay for a layer and how their scratch memory is laid out. The compiler
// gives room with these functions; the trusted runtime decides with them, by the plan and the size of its scratch alone.
#ifndef PENUMBRA_KERNELS_PAD_WINOGRAD_H_
#define PENUMBRA_KERNELS_PAD_WINOGRAD_H_

#include "kernels/conv_layout.h"
#include "kernels/winograd_conv.h"

namespace penumbra {

// Output rows come a few at a time, of which larger tiles would waste more.
inline constexpr uint32_t kPadWinogradOut = 4;
// Weights are transformed for every pass over them, which fewer tiles do not pay for; below these channels most of a vector of
// the transforms is empty.
inline constexpr uint32_t kPadWinogradTiles = 24, kPadWinogradChannels = 32;
// Strips of fewer tiles read the weights too often.
inline constexpr uint32_t kPadWinogradStripTiles = 12;

constexpr bool PadWinogradPays(const ConvGeometry& g, uint32_t residue_size, uint32_t pads) {
  return residue_size == 1 && WinogradServes(g) && g.in_c >= kPadWinogradChannels &&
         uint64_t{pads} * WinogradTiles(g, kPadWinogradOut, g.out_h) >= kPadWinogradTiles;
}

// `oc_count` filters, strips of `row_count` output rows of `images` pads out of `pads`. The row tables of all pads stand at
// the start, as in PadConvScratch. The strip's memory also serves packing.
struct PadWinogradScratch {
  uint64_t packed_at, strip_at;
  uint64_t size;
};
constexpr PadWinogradScratch LayoutPadWinograd(const ConvGeometry& g, uint32_t oc_count, uint32_t row_count, uint32_t images,
                                               uint32_t pads) {
  const uint64_t strip =
      WinogradStripSize(g, kPadWinogradOut, images * WinogradTiles(g, kPadWinogradOut, row_count));
  const uint64_t packing = WinogradPackWorkspaceSize(kPadWinogradOut);
  PadWinogradScratch out{};
  out.packed_at = pads * RowTableSize(g);
  out.strip_at = out.packed_at + AlignUp(WinogradPackedSize(kPadWinogradOut, oc_count, g.in_c), kTileAlignment);
  out.size = out.strip_at + AlignUp(strip < packing ? packing : strip, kTileAlignment);
  return out;
}

// The most images a strip may hold in `scratch_size` bytes; 0 when the layer is better computed directly.
constexpr uint32_t PadWinogradImages(const ConvGeometry& g, uint32_t residue_size, uint32_t oc_count, uint32_t row_count,
                                     uint32_t pads, uint64_t scratch_size) {
  if (!PadWinogradPays(g, residue_size, pads)) return 0;
  const uint32_t tiles = WinogradTiles(g, kPadWinogradOut, row_count);
  for (uint32_t images = pads; images > 0 && images * tiles >= kPadWinogradStripTiles; --images) {
    if (LayoutPadWinograd(g, oc_count, row_count, images, pads).size <= scratch_size) return images;
  }
  return 0;
}

// Scratch that is enough for such strips; 0 where there are none.
constexpr uint64_t PadWinogradWantedSize(const ConvGeometry& g, uint32_t residue_size, uint32_t oc_count, uint32_t row_count,
                                         uint32_t pads) {
  if (!PadWinogradPays(g, residue_size, pads)) return 0;
  const uint32_t tiles = WinogradTiles(g, kPadWinogradOut, row_count);
  uint32_t images = 1;
  while (images < pads && images * tiles < 2 * kPadWinogradStripTiles) ++images;
  return images * tiles < kPadWinogradStripTiles ? 0 : LayoutPadWinograd(g, oc_count, row_count, images, pads).size;
}

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_PAD_WINOGRAD_H_
