// Sliding windows of convolutions and pools over one or two spatial axes. One axis is lifted to two
// with a height of one, so that kernels know only the two-dimensional case.
#ifndef PENUMBRA_MODEL_OPS_WINDOW_H_
#define PENUMBRA_MODEL_OPS_WINDOW_H_

#include <array>
#include <vector>

#include "model/ops/context.h"

namespace penumbra::model {

// Largest stride, pad, ...: far above any network, low enough that sums and products cannot
// overflow.
inline constexpr int64_t kMaxWindowTerm = int64_t{1} << 24;

// Resolves kernel_shape (from `kernel` when not empty), strides, dilations, pads and auto_pad of a
// forward window into explicit attributes and drops auto_pad. `spatial` are the input's spatial
// sizes.
void CanonicalWindow(InferContext& ctx, const Shape& spatial, const Shape& kernel);

// Output sizes along the spatial axes, from canonical attributes. With ceil_mode the last window
// may overhang the padded input but must start inside the input or its left padding.
Shape WindowOutput(InferContext& ctx, const Shape& spatial, bool ceil_mode);

// Spatial part of an [N,C,...] shape. Throws kUnsupported for other than one or two spatial axes.
Shape SpatialShape(InferContext& ctx, size_t input);

// Canonical attributes and shapes of a forward window, lifted to two dimensions: index 0 is height.
struct Window2d {
  std::array<int64_t, 2> in, out, kernel, stride, dilation, pad_begin, pad_end;

  int64_t InCount() const { return in[0] * in[1]; }
  int64_t OutCount() const { return out[0] * out[1]; }
  int64_t KernelCount() const { return kernel[0] * kernel[1]; }
};
Window2d LiftWindow(const Node& node, const Shape& in_shape, const Shape& out_shape);

// columns[(c*kernel + tap), out] = image[c, in] for `channels` planes; zero outside the image.
void ImageToColumns(const float* image, int64_t channels, const Window2d& w, float* out_columns);
// out[o] += sum over taps of weights[tap] * image[o at tap], one plane: a depthwise convolution.
void AddWeightedTaps(const float* image, const float* weights, const Window2d& w, float* out);
// The adjoint of ImageToColumns: adds columns into the (zeroed or biased) image.
void AddColumnsToImage(const float* columns, int64_t channels, const Window2d& w, float* out_image);

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_OPS_WINDOW_H_
