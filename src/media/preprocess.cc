#include "media/preprocess.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "media/error.h"
#include "media/file.h"
#include "media/resize.h"

namespace penumbra::media {
namespace {

constexpr uint64_t kMaxLabelFileSize = uint64_t{16} << 20;

FloatImage Resized(const Preprocess& preprocess, FloatImage image) {
  uint32_t width = preprocess.resize_width, height = preprocess.resize_height;
  if (preprocess.resize == ResizeMode::kNone) return image;
  if (preprocess.resize == ResizeMode::kShorterSide) {
    const uint64_t side = preprocess.resize_height, shorter = std::min(image.width, image.height);
    // As torchvision: the longer side is rounded down.
    width = static_cast<uint32_t>(side * image.width / shorter);
    height = static_cast<uint32_t>(side * image.height / shorter);
  }
  return ResizeBilinear(image, width, height, preprocess.antialias);
}

float ChannelValue(const Preprocess& preprocess, const float* rgb, uint32_t channel) {
  switch (preprocess.channels) {
    case ChannelOrder::kRgb:
      return rgb[channel];
    case ChannelOrder::kBgr:
      return rgb[2 - channel];
    case ChannelOrder::kGray:
      return 0.299f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2];
  }
  throw MediaError(Status::kInvalidArgument, "unknown channel order");
}

}  // namespace

Preprocess PreprocessPreset(std::string_view name, uint32_t height, uint32_t width) {
  Preprocess preprocess;
  preprocess.scale = 1.0 / 255;
  if (name == "none") return preprocess;
  if (name == "cifar10") {
    preprocess.resize = ResizeMode::kExact;
    preprocess.resize_width = width;
    preprocess.resize_height = height;
    preprocess.mean = {0.4914, 0.4822, 0.4465};
    preprocess.std = {0.2470, 0.2435, 0.2616};
    preprocess.labels = {"airplane", "automobile", "bird",  "cat",  "deer",
                         "dog",      "frog",       "horse", "ship", "truck"};
    return preprocess;
  }
  if (name == "imagenet") {
    preprocess.resize = ResizeMode::kShorterSide;
    preprocess.resize_height = preprocess.resize_width = std::max(height, width) * 8 / 7;
    preprocess.crop_width = width;
    preprocess.crop_height = height;
    preprocess.mean = {0.485, 0.456, 0.406};
    preprocess.std = {0.229, 0.224, 0.225};
    return preprocess;
  }
  throw MediaError(Status::kInvalidArgument,
                   "no preprocessing is called '" + std::string(name) + "'", {},
                   "use imagenet, cifar10, none or a JSON file");
}

Array Apply(const Preprocess& preprocess, const Image& image) {
  FloatImage pixels = Resized(preprocess, ToFloatImage(image));
  if (preprocess.crop_width != 0) {
    pixels = CropCenter(pixels, preprocess.crop_width, preprocess.crop_height);
  }
  const uint32_t channel_count = preprocess.channels == ChannelOrder::kGray ? 1 : 3;
  const bool planar = preprocess.layout == Layout::kNchw;
  Array array;
  array.shape = planar ? std::vector<uint32_t>{1, channel_count, pixels.height, pixels.width}
                       : std::vector<uint32_t>{1, pixels.height, pixels.width, channel_count};
  const size_t pixel_count = size_t{pixels.width} * pixels.height;
  array.values.resize(pixel_count * channel_count);
  for (uint32_t c = 0; c < channel_count; ++c) {
    const auto scale = static_cast<float>(preprocess.scale / preprocess.std[c]);
    const auto shift = static_cast<float>(-preprocess.mean[c] / preprocess.std[c]);
    for (size_t i = 0; i < pixel_count; ++i) {
      const float value = ChannelValue(preprocess, &pixels.rgb[3 * i], c) * scale + shift;
      array.values[planar ? c * pixel_count + i : i * channel_count + c] = value;
    }
  }
  return array;
}

std::vector<std::string> ReadLabels(const std::filesystem::path& path) {
  const std::vector<uint8_t> bytes = ReadFile(path, kMaxLabelFileSize);
  std::istringstream text(std::string(bytes.begin(), bytes.end()));
  std::vector<std::string> labels;
  for (std::string line; std::getline(text, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) labels.push_back(line);
  }
  if (labels.empty()) throw MediaError(Status::kMalformed, "no label in the file", path.string());
  return labels;
}

}  // namespace penumbra::media
