// How a picture becomes the input of a model. Stored with a bundle, so that whoever runs it needs
// to know nothing about the model.
#ifndef PENUMBRA_MEDIA_PREPROCESS_H_
#define PENUMBRA_MEDIA_PREPROCESS_H_

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "media/array.h"
#include "media/image.h"

namespace penumbra::media {

enum class ResizeMode { kNone, kShorterSide, kExact };
enum class ChannelOrder { kRgb, kBgr, kGray };  // grey: .299 R + .587 G + .114 B (ITU-R BT.601)
enum class Layout { kNchw, kNhwc };

// Steps in this order: resize, crop to the middle, value * scale, (value - mean) / std per channel
// in the order of `channels`, arrange as `layout` with a leading batch axis of 1.
struct Preprocess {
  ResizeMode resize = ResizeMode::kNone;
  uint32_t resize_width = 0, resize_height = 0;  // kShorterSide: only the height counts
  bool antialias = true;
  uint32_t crop_width = 0, crop_height = 0;  // 0: no crop
  double scale = 1;
  std::array<double, 3> mean{0, 0, 0}, std{1, 1, 1};  // grey: the first
  ChannelOrder channels = ChannelOrder::kRgb;
  Layout layout = Layout::kNchw;
  std::vector<std::string> labels;  // class names in the order of the model's scores; may be empty
};

// `name`: "imagenet" (shorter side to 8/7 of the input, middle crop, torchvision's constants),
// "cifar10" (the CIFAR constants; a picture of another size is scaled) or "none" (scale 1/255
// only). height, width: the model's input. Throws MediaError(kInvalidArgument) for another name.
Preprocess PreprocessPreset(std::string_view name, uint32_t height, uint32_t width);

// The JSON object documented in docs/json_schema.md. Parse throws MediaError: kMalformed for text
// that is no such object, kInvalidArgument for values out of range; both name the member. An
// unknown member is refused.
std::string PreprocessToJson(const Preprocess& preprocess);
Preprocess PreprocessFromJson(std::string_view json);

// Result: [1, C, H, W] or [1, H, W, C] with C = 3 or 1. Throws what resize.h throws.
Array Apply(const Preprocess& preprocess, const Image& image);

// One label a line; blank lines are left out. Throws what ReadFile throws, kMalformed when empty.
std::vector<std::string> ReadLabels(const std::filesystem::path& path);

}  // namespace penumbra::media

#endif  // PENUMBRA_MEDIA_PREPROCESS_H_
