// Pictures of users: decoding JPEG and PNG, writing PNG.
#ifndef PENUMBRA_MEDIA_IMAGE_H_
#define PENUMBRA_MEDIA_IMAGE_H_

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace penumbra::media {

inline constexpr uint32_t kMaxImageSide = 16384;                    // pixels
inline constexpr uint64_t kMaxImagePixels = uint64_t{64} << 20;     // 192 MiB of RGB
inline constexpr uint64_t kMaxImageFileSize = uint64_t{256} << 20;  // bytes

struct Image {
  uint32_t width = 0, height = 0;
  std::vector<uint8_t> rgb;  // [height][width][3]
};

// JPEG (baseline and progressive; grey or YCbCr or RGB) and PNG (any colour type and depth;
// transparent pixels over black), told apart by their first bytes. Every byte is hostile. An EXIF
// orientation is not applied. Throws MediaError: kMalformed, kTruncated, kUnsupported (another
// format, CMYK), kWrongShape (beyond the limits above).
Image DecodeImage(std::span<const uint8_t> bytes);
// The same for a file; also throws what ReadFile throws.
Image ReadImage(const std::filesystem::path& path);

// 8-bit RGB PNG. Throws MediaError(kInvalidArgument) when the sizes do not agree.
std::vector<uint8_t> EncodePng(const Image& image);
void WritePng(const std::filesystem::path& path,
              const Image& image);  // throws what WriteFile throws

}  // namespace penumbra::media

#endif  // PENUMBRA_MEDIA_IMAGE_H_
