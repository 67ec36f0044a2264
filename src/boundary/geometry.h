// Shape of a linear layer, shared by compiler, trusted runtime, kernels and accelerators.
// Tensors are channel-last. A dense layer is a 1x1 convolution with in_h = rows, in_w = 1; a 1-D
// convolution has in_h = 1.
#ifndef PENUMBRA_BOUNDARY_GEOMETRY_H_
#define PENUMBRA_BOUNDARY_GEOMETRY_H_

#include <cstdint>

namespace penumbra {

inline constexpr uint32_t kMaxPrimes = 6;
// The primes of the ring, in the order in which layers take them (docs/arithmetic.md).
inline constexpr uint16_t kPrimes[8] = {251, 241, 239, 233, 229, 227, 223, 211};
// The one prime of the papers (Slalom section 3.1, ShadowNet section 5): 2^23 + 2^21 + 7.
inline constexpr uint32_t kFieldPrime = 10485767;

struct ConvGeometry {
  uint32_t in_h, in_w, in_c;     // input  [in_h, in_w, in_c], one sample
  uint32_t out_h, out_w, out_c;  // output [out_h, out_w, out_c], one sample
  uint32_t kernel_h, kernel_w;
  uint32_t stride_h, stride_w;
  uint32_t dilation_h, dilation_w;
  uint32_t pad_top, pad_left, pad_bottom, pad_right;
  uint32_t groups;  // divides in_c and out_c; depthwise: groups == in_c
};

constexpr uint32_t InChannelsPerGroup(const ConvGeometry& g) { return g.in_c / g.groups; }
constexpr uint32_t OutChannelsPerGroup(const ConvGeometry& g) { return g.out_c / g.groups; }
// Length n of one filter row: kernel_h * kernel_w * in_c / groups.
constexpr uint64_t FilterLength(const ConvGeometry& g) {
  return uint64_t{g.kernel_h} * g.kernel_w * InChannelsPerGroup(g);
}

// A cover: published rows that are as many secret filters of one group of the convolution, mixed by a secret matrix.
// Covers of a group follow one another; its last one may be smaller.
inline constexpr uint32_t kCoverSize = 4;

// First published row of the cover that row `row` belongs to; groups of the convolution have `group_rows` rows each.
constexpr uint32_t CoverBegin(uint32_t row, uint32_t group_rows) {
  return row - row % group_rows % kCoverSize;
}
// Rows of the cover that begins at row `begin`.
constexpr uint32_t CoverRows(uint32_t begin, uint32_t group_rows) {
  const uint32_t rest = group_rows - begin % group_rows;
  return rest < kCoverSize ? rest : kCoverSize;
}

struct RowRange {
  uint32_t begin, end;  // [begin, end)
};

// Input rows that output rows `out` of a window operator read, clipped to the image. Empty when the
// rows lie wholly in the padding.
constexpr RowRange InputRowsOf(RowRange out, uint32_t in_h, uint32_t kernel_h, uint32_t stride_h,
                               uint32_t dilation_h, uint32_t pad_top) {
  const int64_t first = int64_t{out.begin} * stride_h - pad_top;
  const int64_t last = (int64_t{out.end} - 1) * stride_h - pad_top + int64_t{kernel_h - 1} * dilation_h;
  const int64_t lo = first < 0 ? 0 : first;
  const int64_t hi = last + 1 > int64_t{in_h} ? int64_t{in_h} : last + 1;
  if (out.begin >= out.end || hi <= lo) return {0, 0};
  return {static_cast<uint32_t>(lo), static_cast<uint32_t>(hi)};
}

}  // namespace penumbra

#endif  // PENUMBRA_BOUNDARY_GEOMETRY_H_
