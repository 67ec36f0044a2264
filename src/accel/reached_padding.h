// Padding that windows really reach: libraries refuse to pool over more than a kernel of it.
#ifndef PENUMBRA_ACCEL_REACHED_PADDING_H_
#define PENUMBRA_ACCEL_REACHED_PADDING_H_

#include "boundary/geometry.h"

namespace penumbra {

// On one axis behind the image.
constexpr uint32_t ReachedPadding(uint32_t in, uint32_t out, uint32_t kernel, uint32_t stride,
                                  uint32_t dilation, uint32_t pad_before) {
  const int64_t reached =
      (int64_t{out} - 1) * stride + int64_t{kernel - 1} * dilation + 1 - int64_t{pad_before} - in;
  return reached > 0 ? static_cast<uint32_t>(reached) : 0;
}

// A checked geometry without the padding behind its last windows; the result is the same.
constexpr ConvGeometry WithReachedPadding(ConvGeometry g) {
  g.pad_bottom = ReachedPadding(g.in_h, g.out_h, g.kernel_h, g.stride_h, g.dilation_h, g.pad_top);
  g.pad_right = ReachedPadding(g.in_w, g.out_w, g.kernel_w, g.stride_w, g.dilation_w, g.pad_left);
  return g;
}

}  // namespace penumbra

#endif  // PENUMBRA_ACCEL_REACHED_PADDING_H_
