// How the weights of a trusted convolution stand in one constant tile, and how much scratch its kernels take.
// The compiler lays tiles out and plans scratch with these functions; the trusted runtime reads with them.
#ifndef PENUMBRA_KERNELS_CONV_LAYOUT_H_
#define PENUMBRA_KERNELS_CONV_LAYOUT_H_

#include <cstdint>

#include "boundary/geometry.h"
#include "boundary/limits.h"
#include "boundary/plan.h"
#include "kernels/field.h"
#include "kernels/gemm_f32.h"
#include "kernels/gemm_s16s16.h"
#include "kernels/gemm_u8s8.h"
#include "kernels/im2row.h"
#include "kernels/pad_stream.h"
#include "kernels/restore.h"

namespace penumbra {

constexpr bool IsDepthwise(const ConvGeometry& g) {
  return g.groups == g.in_c && g.groups == g.out_c && g.groups > 1;
}

constexpr uint32_t ConvElementSize(ConvMode mode) {
  return mode == ConvMode::kF32 ? 4 : mode == ConvMode::kS16 ? 2 : 1;
}

// Packed bytes of `n` rows of one group.
constexpr uint64_t PackedGroupSize(ConvMode mode, uint32_t n, uint32_t k) {
  return mode == ConvMode::kF32   ? PackedSizeF32(n, k)
         : mode == ConvMode::kS16 ? PackedSizeS16(n, k)
                                  : PackedSizeU8S8(n, k);
}

// A weight tile holds output channels [oc_begin, oc_end): of a depthwise layer always all of them; of a
// grouped layer whole groups or part of one. Bytes, each array aligned to kTileAlignment:
//   weights: depthwise: tap-major (PackDepthwise); else packed panels, one group after the other.
//            kS16: `piece_count` such arrays, q = sum over pieces t of piece[t] * 2^(kS16PieceShift * t)
//   kU8:  int32 offset[n]   added to every sum: klo * sum q over all taps
//   kU8, kS16: float scale[n]; all modes: float bias[n]
inline constexpr uint32_t kS16PieceShift = 14;

struct ConvTileLayout {
  uint64_t group_size;   // packed bytes of one group's rows in this tile (depthwise: all weights)
  uint32_t group_count;  // groups in this tile
  uint32_t group_rows;   // output channels of each
  uint64_t piece_size;   // bytes of one piece
  uint64_t offset_at, scale_at, bias_at;
  uint64_t size;
};

constexpr ConvTileLayout LayoutConvTile(ConvMode mode, const ConvGeometry& g, uint32_t oc_begin,
                                        uint32_t oc_end, uint32_t piece_count) {
  const uint32_t n = oc_end - oc_begin;
  const uint32_t k = static_cast<uint32_t>(FilterLength(g));
  const uint32_t per_group = OutChannelsPerGroup(g);
  ConvTileLayout out{};
  if (IsDepthwise(g)) {
    out.group_count = 1;
    out.group_rows = n;
    out.group_size = uint64_t{n} * k * ConvElementSize(mode);
  } else {
    out.group_count = n <= per_group ? 1 : n / per_group;
    out.group_rows = n / out.group_count;
    out.group_size = PackedGroupSize(mode, out.group_rows, k);
  }
  out.piece_size = AlignUp(out.group_size * out.group_count, kTileAlignment);
  out.offset_at = out.piece_size * piece_count;
  const uint64_t vector = AlignUp(uint64_t{n} * 4, kTileAlignment);
  out.scale_at = out.offset_at + (mode == ConvMode::kU8 ? vector : 0);
  out.bias_at = out.scale_at + (mode == ConvMode::kF32 ? 0 : vector);
  out.size = out.bias_at + vector;
  return out;
}

// Pixels a trusted convolution handles at once: the matrix of their windows stays in L2.
inline constexpr uint64_t kConvBlockSize = 192 * 1024;
constexpr uint32_t ConvBlockPixels(const ConvGeometry& g, uint32_t element_size, uint32_t images = 1) {
  const uint64_t stride = AlignUp(Im2RowStrideSize(g, element_size), kTileAlignment);
  const uint64_t fit = stride == 0 ? 1 : kConvBlockSize / stride;
  const uint64_t pixels = uint64_t{g.out_h} * g.out_w * images;
  const uint64_t wanted = fit < 6 ? 6 : fit > 256 ? 256 : fit;
  return static_cast<uint32_t>(wanted < pixels ? wanted : pixels);
}

// Pointers to the rows of an image, at the start of the scratch of window operators.
constexpr uint64_t RowTableSize(const ConvGeometry& g) {
  return AlignUp(uint64_t{g.in_h} * sizeof(void*), kTileAlignment);
}

// Row table, matrix, sums (8 bytes each) and slack for kernels that read to the next multiple of 64.
constexpr uint64_t ConvScratchSize(ConvMode mode, const ConvGeometry& g, uint32_t oc_count) {
  const uint32_t element_size = ConvElementSize(mode);
  const uint64_t pixels = ConvBlockPixels(g, element_size);
  const uint64_t matrix =
      IsDepthwise(g) ? 0 : pixels * AlignUp(Im2RowStrideSize(g, element_size), kTileAlignment);
  const uint64_t sums = AlignUp(pixels * oc_count * 8, kTileAlignment);
  return RowTableSize(g) + matrix + 2 * sums + kTileAlignment;
}

// Panels of b for one product of activations.
constexpr uint64_t MatMulScratchSize(uint32_t n, uint32_t k) {
  return AlignUp(PackedSizeF32(n, k), kTileAlignment);
}

// Residue convolution of the pad maker: `oc_count` filters of one prime, packed on the fly and used for `pads` images. All
// sums are counted as s64. The row tables of the images stand at the start.
struct PadConvScratch {
  uint64_t matrix_at, matrix_stride, sums_at, packed_at;
  uint64_t size;
};
constexpr PadConvScratch LayoutPadConv(const ConvGeometry& g, uint32_t residue_size, uint32_t oc_count, uint32_t pads) {
  const uint32_t k = static_cast<uint32_t>(FilterLength(g));
  const bool field = residue_size != 1;
  const uint64_t pixels = ConvBlockPixels(g, residue_size, pads);
  const uint64_t weights = IsDepthwise(g) ? uint64_t{oc_count} * k * residue_size
                           : field        ? PackedSizeField(oc_count, k)
                                          : PackedSizeU8S8(oc_count, k);
  PadConvScratch out{};
  out.matrix_at = pads * RowTableSize(g);
  out.matrix_stride = AlignUp(Im2RowStrideSize(g, residue_size), kTileAlignment);
  out.sums_at = out.matrix_at + (IsDepthwise(g) ? 0 : pixels * out.matrix_stride);
  out.packed_at = out.sums_at + AlignUp(pixels * oc_count * (field ? kFieldFilters : 1) * 8, kTileAlignment);
  // Kernels read to the next multiple of 64.
  out.size = out.packed_at + AlignUp(weights, kTileAlignment) + kTileAlignment;
  return out;
}

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_CONV_LAYOUT_H_
