// PNG through libpng's simplified interface, which reports errors without long jumps through our
// frames.
#include <png.h>

#include <string>

#include "media/codecs.h"
#include "media/error.h"

namespace penumbra::media {
namespace {

class PngImage {
 public:
  PngImage() { image_.version = PNG_IMAGE_VERSION; }
  ~PngImage() { png_image_free(&image_); }
  PngImage(const PngImage&) = delete;
  PngImage& operator=(const PngImage&) = delete;
  png_image* get() { return &image_; }

  // The library's words when it gave an error or a warning that damages pixels.
  void Require(int ok) const {
    if (ok == 0) throw MediaError(Status::kMalformed, std::string("PNG: ") + image_.message);
  }

 private:
  png_image image_{};
};

}  // namespace

Image DecodePng(std::span<const uint8_t> bytes) {
  PngImage png;
  png.Require(png_image_begin_read_from_memory(png.get(), bytes.data(), bytes.size()));
  CheckImageSize(png.get()->width, png.get()->height);
  png.get()->format = PNG_FORMAT_RGB;
  Image image{png.get()->width, png.get()->height, {}};
  image.rgb.resize(size_t{3} * image.width * image.height);
  const png_color black{};
  png.Require(png_image_finish_read(png.get(), &black, image.rgb.data(), 0, nullptr));
  return image;
}

std::vector<uint8_t> EncodePng(const Image& image) {
  CheckImageSize(image.width, image.height);
  if (image.rgb.size() != size_t{3} * image.width * image.height) {
    throw MediaError(Status::kInvalidArgument, "PNG: pixels and size do not agree");
  }
  PngImage png;
  png.get()->width = image.width;
  png.get()->height = image.height;
  png.get()->format = PNG_FORMAT_RGB;
  png_alloc_size_t size = 0;
  png.Require(
      png_image_write_to_memory(png.get(), nullptr, &size, 0, image.rgb.data(), 0, nullptr));
  std::vector<uint8_t> bytes(size);
  png.Require(
      png_image_write_to_memory(png.get(), bytes.data(), &size, 0, image.rgb.data(), 0, nullptr));
  bytes.resize(size);
  return bytes;
}

}  // namespace penumbra::media
