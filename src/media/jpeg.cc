// JPEG through libjpeg. The library reports errors by a long jump; every object with a destructor
// lives outside the function that is jumped into.

// jpeglib.h needs what cstdio declares.
// clang-format off
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include <csetjmp>
#include <string>

#include "media/codecs.h"
#include "media/error.h"

namespace penumbra::media {
namespace {

struct ErrorManager {
  jpeg_error_mgr base;  // first: the library hands back a pointer to it
  std::jmp_buf failed;
  char message[JMSG_LENGTH_MAX];
  bool truncated;
};

ErrorManager* ManagerOf(j_common_ptr info) { return reinterpret_cast<ErrorManager*>(info->err); }

[[noreturn]] void OnError(j_common_ptr info) {
  ErrorManager* manager = ManagerOf(info);
  info->err->format_message(info, manager->message);
  std::longjmp(manager->failed, 1);
}

// Damage the library could paper over is still damage: a half-grey picture must not be classified.
void OnMessage(j_common_ptr info, int level) {
  if (level < 0) OnError(info);
}

void Silent(j_common_ptr) {}

// The library invents an end-of-image marker when the bytes end; for us that is a truncated file.
boolean OnEndOfInput(j_decompress_ptr info) {
  ErrorManager* manager = ManagerOf(reinterpret_cast<j_common_ptr>(info));
  manager->truncated = true;
  std::snprintf(manager->message, sizeof(manager->message), "the file ends inside the picture");
  std::longjmp(manager->failed, 1);
}

// Trivial types only in the frame of setjmp.
struct Decoder {
  jpeg_decompress_struct info;
  ErrorManager errors;
};

// False: decoder->errors.message says why.
bool ReadHeader(Decoder* decoder, std::span<const uint8_t> bytes) {
  if (setjmp(decoder->errors.failed) != 0) return false;
  jpeg_create_decompress(&decoder->info);
  jpeg_mem_src(&decoder->info, bytes.data(), bytes.size());
  decoder->info.src->fill_input_buffer = OnEndOfInput;
  jpeg_read_header(&decoder->info, TRUE);
  return true;
}

bool ReadPixels(Decoder* decoder, uint8_t* rgb, size_t row_size) {
  if (setjmp(decoder->errors.failed) != 0) return false;
  decoder->info.out_color_space = JCS_RGB;
  decoder->info.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&decoder->info);
  while (decoder->info.output_scanline < decoder->info.output_height) {
    JSAMPROW row = rgb + row_size * decoder->info.output_scanline;
    jpeg_read_scanlines(&decoder->info, &row, 1);
  }
  jpeg_finish_decompress(&decoder->info);
  return true;
}

struct DecoderGuard {
  Decoder decoder{};
  DecoderGuard() {
    decoder.info.err = jpeg_std_error(&decoder.errors.base);
    decoder.errors.base.error_exit = OnError;
    decoder.errors.base.emit_message = OnMessage;
    decoder.errors.base.output_message = Silent;
  }
  ~DecoderGuard() { jpeg_destroy_decompress(&decoder.info); }
  DecoderGuard(const DecoderGuard&) = delete;
  DecoderGuard& operator=(const DecoderGuard&) = delete;

  void Require(bool ok) const {
    if (ok) return;
    throw MediaError(decoder.errors.truncated ? Status::kTruncated : Status::kMalformed,
                     std::string("JPEG: ") + decoder.errors.message);
  }
};

}  // namespace

Image DecodeJpeg(std::span<const uint8_t> bytes) {
  DecoderGuard guard;
  guard.Require(ReadHeader(&guard.decoder, bytes));
  const jpeg_decompress_struct& info = guard.decoder.info;
  CheckImageSize(info.image_width, info.image_height);
  if (info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK) {
    throw MediaError(Status::kUnsupported, "JPEG: CMYK colours", {}, "convert it to RGB");
  }
  Image image{info.image_width, info.image_height, {}};
  const size_t row_size = size_t{3} * image.width;
  image.rgb.resize(row_size * image.height);
  guard.Require(ReadPixels(&guard.decoder, image.rgb.data(), row_size));
  return image;
}

}  // namespace penumbra::media
