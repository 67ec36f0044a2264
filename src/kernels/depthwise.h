// Depthwise convolution (groups == in_c == out_c) of a run of pixels of one output row, direct, taps
// in the order [kernel_h][kernel_w]. Integer sums are exact modulo 2^32 (or 2^64). float32: every
// output starts at +0 and takes acc = fma(x, w, acc) per tap inside the image. Any thread.
#ifndef PENUMBRA_KERNELS_DEPTHWISE_H_
#define PENUMBRA_KERNELS_DEPTHWISE_H_

#include <cstddef>
#include <cstdint>

#include "boundary/geometry.h"
#include "kernels/im2row.h"

namespace penumbra {

// OHWI weights [c][kernel_h][kernel_w][1] to tap-major [kernel_h * kernel_w][c]. element_size: bytes.
void PackDepthwise(const void* weights, uint32_t channels, uint32_t taps, uint32_t element_size,
                   void* out_packed);

struct DepthwiseJob {
  const ConvGeometry* geometry;
  RowTable input;       // u8, s16, float32 or limb words, by kernel
  const void* weights;  // s8, s16, float32 or s32, tap-major (PackDepthwise)
  int32_t padding;      // integer value of a padding element; float32 padding taps are left out
  uint32_t out_row, out_column_begin, out_column_end;
  void* out;  // [pixels][c] s32 (u8 x s8), s32 or s64 (s16 x s16, limbs), float32, u8 (residues)
};

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_DEPTHWISE_H_
