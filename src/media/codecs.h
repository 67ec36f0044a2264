// The two decoders behind DecodeImage.
#ifndef PENUMBRA_MEDIA_CODECS_H_
#define PENUMBRA_MEDIA_CODECS_H_

#include <cstdint>
#include <span>

#include "media/image.h"

namespace penumbra::media {

Image DecodeJpeg(std::span<const uint8_t> bytes);
Image DecodePng(std::span<const uint8_t> bytes);

// Throws MediaError(kWrongShape) beyond the limits of image.h, before memory is taken.
void CheckImageSize(uint64_t width, uint64_t height);

}  // namespace penumbra::media

#endif  // PENUMBRA_MEDIA_CODECS_H_
