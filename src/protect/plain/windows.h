// The input windows of output pixels as matrix rows, for the matrix products of the evaluators.
// Independent of src/kernels: the plain evaluation is what the kernels are judged by.
#ifndef PENUMBRA_PROTECT_PLAIN_WINDOWS_H_
#define PENUMBRA_PROTECT_PLAIN_WINDOWS_H_

#include <algorithm>
#include <cstdint>
#include <span>

#include "boundary/geometry.h"

namespace penumbra::protect {

// Input row or column that an output position's tap reads; negative or >= the extent: padding.
constexpr int64_t SourceIndex(uint32_t out, uint32_t tap, uint32_t stride, uint32_t dilation,
                              uint32_t pad) {
  return int64_t{out} * stride + int64_t{tap} * dilation - pad;
}

// Calls body(tap, source) for the taps of output pixel (row, column): source is the pixel's index
// [in_h * in_w], or -1 for padding. Taps in row-major order.
template <typename Body>
void ForEachTap(const ConvGeometry& g, uint32_t row, uint32_t column, Body body) {
  for (uint32_t ky = 0; ky < g.kernel_h; ++ky) {
    const int64_t y = SourceIndex(row, ky, g.stride_h, g.dilation_h, g.pad_top);
    const bool row_inside = y >= 0 && y < g.in_h;
    for (uint32_t kx = 0; kx < g.kernel_w; ++kx) {
      const int64_t x = SourceIndex(column, kx, g.stride_w, g.dilation_w, g.pad_left);
      const bool inside = row_inside && x >= 0 && x < g.in_w;
      body(ky * g.kernel_w + kx, inside ? y * g.in_w + x : int64_t{-1});
    }
  }
}

// True when the input itself is the matrix of windows.
constexpr bool WindowsAreInput(const ConvGeometry& g) {
  return g.kernel_h == 1 && g.kernel_w == 1 && g.stride_h == 1 && g.stride_w == 1 &&
         g.groups == 1 && g.in_h == g.out_h && g.in_w == g.out_w && g.pad_top == 0 &&
         g.pad_left == 0;
}

// Windows of output pixels [begin, end) of one group: out_rows [end - begin][FilterLength], OHWI
// order, zeros for padding. x: [in_h][in_w][in_c].
template <typename T>
void GatherWindows(const ConvGeometry& g, uint32_t group, const T* x, uint64_t begin, uint64_t end,
                   T* out_rows) {
  const size_t channels = InChannelsPerGroup(g);
  for (uint64_t pixel = begin; pixel < end; ++pixel) {
    const auto row = static_cast<uint32_t>(pixel / g.out_w);
    const auto column = static_cast<uint32_t>(pixel % g.out_w);
    ForEachTap(g, row, column, [&](uint32_t, int64_t source) {
      if (source < 0) {
        std::fill_n(out_rows, channels, T{0});
      } else {
        std::copy_n(x + static_cast<size_t>(source) * g.in_c + group * channels, channels,
                    out_rows);
      }
      out_rows += channels;
    });
  }
}

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_PLAIN_WINDOWS_H_
