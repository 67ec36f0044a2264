// Bilinear scaling of pictures.
#ifndef PENUMBRA_MEDIA_RESIZE_H_
#define PENUMBRA_MEDIA_RESIZE_H_

#include <cstdint>
#include <vector>

#include "media/image.h"

namespace penumbra::media {

// Pixels as floats in [0, 255]: [height][width][3].
struct FloatImage {
  uint32_t width = 0, height = 0;
  std::vector<float> rgb;
};

FloatImage ToFloatImage(const Image& image);

// Output pixel i looks at the input around c = (i + .5) * in / out - .5 with the triangle filter
// max(0, 1 - |x - c| / s), taps outside the picture left out, weights scaled to sum 1; columns
// first, then rows, in float32 without rounding in between.
//   antialias: s = max(1, in / out), Pillow's and torchvision's default;
//   otherwise s = 1, four neighbours, OpenCV's INTER_LINEAR.
// width, height in [1, kMaxImageSide]; else MediaError(kInvalidArgument).
FloatImage ResizeBilinear(const FloatImage& image, uint32_t width, uint32_t height, bool antialias);

// The middle width x height pixels, offsets rounded half up as torchvision does. Throws
// MediaError(kWrongShape) when the picture is smaller.
FloatImage CropCenter(const FloatImage& image, uint32_t width, uint32_t height);

}  // namespace penumbra::media

#endif  // PENUMBRA_MEDIA_RESIZE_H_
