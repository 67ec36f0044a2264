// Convolutions of 3x3, stride 1, by exact Winograd (kernels/winograd.h): packing of weights once, then strips of output rows of
// one or more images. Nothing allocates; the caller gives packed weights and workspace, both aligned to 64 bytes. Any thread.
#ifndef PENUMBRA_KERNELS_WINOGRAD_CONV_H_
#define PENUMBRA_KERNELS_WINOGRAD_CONV_H_

#include "boundary/geometry.h"
#include "kernels/dispatch.h"

namespace penumbra {

constexpr bool WinogradServes(const ConvGeometry& g) {
  return g.kernel_h == kWinogradTaps && g.kernel_w == kWinogradTaps && g.stride_h == 1 && g.stride_w == 1 &&
         g.dilation_h == 1 && g.dilation_w == 1 && g.groups == 1;
}

// Output channels are taken in sets of up to four panels, as equal as can be.
inline constexpr uint32_t kWinogradSetPanels = 4;
struct WinogradSets {
  explicit constexpr WinogradSets(uint32_t filters)
      : n(filters),
        panels((filters + kPanelWidth - 1) / kPanelWidth),
        count((panels + kWinogradSetPanels - 1) / kWinogradSetPanels) {}
  constexpr uint32_t FirstPanel(uint32_t set) const { return panels * set / count; }
  constexpr uint32_t FirstChannel(uint32_t set) const {
    const uint32_t channel = FirstPanel(set) * kPanelWidth;
    return channel < n ? channel : n;
  }
  uint32_t n, panels, count;
};

// Weights as they are read: [set][position][panel].
constexpr size_t WinogradPackedSize(uint32_t out, uint32_t n, uint32_t depth) {
  return PackedSizeU8S8(n, depth) * WinogradPositions(out);
}
constexpr size_t WinogradPackWorkspaceSize(uint32_t out) {
  return size_t{WinogradPositions(out)} * kPanelWidth * kWinogradBlock;
}
struct WinogradPackJob {
  const KernelTable* kernels;
  const WinogradPlan* plan;
  const int8_t* weights;  // [n][3][3][depth] centred
  uint32_t n, depth;
  int8_t* workspace;   // WinogradPackWorkspaceSize
  int8_t* out_packed;  // WinogradPackedSize
};
// Sets [set_begin, set_end) of WinogradSets(n).
void PackWinograd(const WinogradPackJob& job, uint32_t set_begin, uint32_t set_end);

struct WinogradImage {
  RowTable input;  // rows that are not in it are zeros
  uint8_t* out;    // output row `rows.begin` of the strip, channel 0
};

struct WinogradStripJob {
  const KernelTable* kernels;
  const WinogradPlan* plan;
  const ConvGeometry* geometry;  // WinogradServes; out_c is not looked at
  const WinogradImage* images;
  uint32_t image_count;
  RowRange rows;         // of the output; tiles start at rows.begin
  const int8_t* packed;  // of all n filters
  uint32_t n;            // filters
  uint32_t set_begin, set_end;  // of WinogradSets(n): the others' channels are left alone
  size_t out_stride;     // bytes from pixel to pixel of the outputs
  uint8_t* workspace;    // WinogradStripSize
};

// Tiles of the strip.
constexpr uint32_t WinogradTiles(const ConvGeometry& g, uint32_t out, uint32_t row_count) {
  return ((row_count + out - 1) / out) * ((g.out_w + out - 1) / out);
}
// Bytes of one position of one tile's inputs.
constexpr size_t WinogradTileSize(const ConvGeometry& g) {
  return (size_t{g.in_c} + kWinogradBlock - 1) / kWinogradBlock * kWinogradBlock;
}
// Keeps the positions of a tile, read and written together, out of the same cache sets.
inline constexpr size_t kWinogradSkew = 64;
constexpr size_t WinogradStripSize(const ConvGeometry& g, uint32_t out, uint32_t tiles) {
  return WinogradPositions(out) * (tiles * (WinogradTileSize(g) + kWinogradBlock) + 2 * kWinogradSkew);
}
// out: canonical residues.
void ConvolveWinograd(const WinogradStripJob& job);

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_WINOGRAD_CONV_H_
