#include "media/image.h"

#include <algorithm>
#include <string>

#include "media/codecs.h"
#include "media/error.h"
#include "media/file.h"

namespace penumbra::media {
namespace {

constexpr uint8_t kJpegStart[] = {0xff, 0xd8, 0xff};
constexpr uint8_t kPngStart[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

bool StartsWith(std::span<const uint8_t> bytes, std::span<const uint8_t> prefix) {
  return bytes.size() >= prefix.size() && std::ranges::equal(bytes.first(prefix.size()), prefix);
}

}  // namespace

void CheckImageSize(uint64_t width, uint64_t height) {
  if (width == 0 || height == 0 || width > kMaxImageSide || height > kMaxImageSide ||
      width * height > kMaxImagePixels) {
    throw MediaError(
        Status::kWrongShape,
        "a picture of " + std::to_string(width) + "x" + std::to_string(height) + " pixels", {},
        "scale it down to at most 64 megapixels and 16384 pixels a side");
  }
}

Image DecodeImage(std::span<const uint8_t> bytes) {
  if (StartsWith(bytes, kJpegStart)) return DecodeJpeg(bytes);
  if (StartsWith(bytes, kPngStart)) return DecodePng(bytes);
  throw MediaError(Status::kUnsupported, "neither a JPEG nor a PNG picture", {},
                   "convert it to PNG");
}

Image ReadImage(const std::filesystem::path& path) {
  const std::vector<uint8_t> bytes = ReadFile(path, kMaxImageFileSize);
  try {
    return DecodeImage(bytes);
  } catch (const MediaError& error) {
    throw error.In(path.string());
  }
}

void WritePng(const std::filesystem::path& path, const Image& image) {
  WriteFile(path, EncodePng(image));
}

}  // namespace penumbra::media
