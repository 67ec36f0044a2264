#include "media/resize.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "media/error.h"

namespace penumbra::media {
namespace {

constexpr uint32_t kChannels = 3;

// The taps of one output position.
struct Taps {
  uint32_t first;
  std::vector<float> weights;
};

std::vector<Taps> MakeTaps(uint32_t in, uint32_t out, bool antialias) {
  const double ratio = static_cast<double>(in) / out;
  const double support = antialias ? std::max(1.0, ratio) : 1.0;
  std::vector<Taps> all(out);
  for (uint32_t i = 0; i < out; ++i) {
    const double center = (i + 0.5) * ratio - 0.5;
    const auto first = static_cast<int64_t>(std::floor(center - support)) + 1;
    const auto last = static_cast<int64_t>(std::ceil(center + support)) - 1;
    const int64_t begin = std::clamp<int64_t>(first, 0, in - 1),
                  end = std::clamp<int64_t>(last, 0, in - 1);
    double sum = 0;
    std::vector<double> weights;
    for (int64_t x = begin; x <= end; ++x) {
      weights.push_back(std::max(0.0, 1.0 - std::abs(static_cast<double>(x) - center) / support));
      sum += weights.back();
    }
    all[i].first = static_cast<uint32_t>(begin);
    for (const double weight : weights) all[i].weights.push_back(static_cast<float>(weight / sum));
  }
  return all;
}

FloatImage ResizeColumns(const FloatImage& image, uint32_t width, bool antialias) {
  FloatImage result{width, image.height,
                    std::vector<float>(size_t{kChannels} * width * image.height)};
  const std::vector<Taps> taps = MakeTaps(image.width, width, antialias);
  for (uint32_t y = 0; y < image.height; ++y) {
    const float* source = &image.rgb[size_t{kChannels} * image.width * y];
    float* out = &result.rgb[size_t{kChannels} * width * y];
    for (const Taps& tap : taps) {
      for (uint32_t c = 0; c < kChannels; ++c) {
        float sum = 0;
        for (size_t k = 0; k < tap.weights.size(); ++k) {
          sum += tap.weights[k] * source[kChannels * (tap.first + k) + c];
        }
        *out++ = sum;
      }
    }
  }
  return result;
}

FloatImage ResizeRows(const FloatImage& image, uint32_t height, bool antialias) {
  const size_t row = size_t{kChannels} * image.width;
  FloatImage result{image.width, height, std::vector<float>(row * height, 0.0f)};
  const std::vector<Taps> taps = MakeTaps(image.height, height, antialias);
  for (uint32_t y = 0; y < height; ++y) {
    float* out = &result.rgb[row * y];
    for (size_t k = 0; k < taps[y].weights.size(); ++k) {
      const float* source = &image.rgb[row * (taps[y].first + k)];
      const float weight = taps[y].weights[k];
      for (size_t i = 0; i < row; ++i) out[i] += weight * source[i];
    }
  }
  return result;
}

}  // namespace

FloatImage ToFloatImage(const Image& image) {
  return {image.width, image.height, {image.rgb.begin(), image.rgb.end()}};
}

FloatImage ResizeBilinear(const FloatImage& image, uint32_t width, uint32_t height,
                          bool antialias) {
  if (width == 0 || height == 0 || width > kMaxImageSide || height > kMaxImageSide) {
    throw MediaError(Status::kInvalidArgument,
                     "cannot resize to " + std::to_string(width) + "x" + std::to_string(height));
  }
  FloatImage result = image;
  if (width != image.width) result = ResizeColumns(result, width, antialias);
  if (height != image.height) result = ResizeRows(result, height, antialias);
  return result;
}

FloatImage CropCenter(const FloatImage& image, uint32_t width, uint32_t height) {
  if (width > image.width || height > image.height) {
    throw MediaError(Status::kWrongShape,
                     "a picture of " + std::to_string(image.width) + "x" +
                         std::to_string(image.height) + " is smaller than the crop of " +
                         std::to_string(width) + "x" + std::to_string(height),
                     {}, "resize it first: set 'resize' in the preprocessing");
  }
  const uint32_t left = (image.width - width + 1) / 2, top = (image.height - height + 1) / 2;
  FloatImage result{width, height, {}};
  result.rgb.reserve(size_t{kChannels} * width * height);
  for (uint32_t y = top; y < top + height; ++y) {
    const auto row =
        image.rgb.begin() + static_cast<ptrdiff_t>(kChannels * (size_t{image.width} * y + left));
    result.rgb.insert(result.rgb.end(), row,
                      row + static_cast<ptrdiff_t>(size_t{kChannels} * width));
  }
  return result;
}

}  // namespace penumbra::media
