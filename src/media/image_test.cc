#include "media/image.h"

// jpeglib.h needs what cstdio declares.
// clang-format off
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include <cstdlib>

#include "media/testing.h"

namespace penumbra::media {
namespace {

Image Gradient(uint32_t width, uint32_t height) {
  Image image{width, height, {}};
  for (uint32_t y = 0; y < height; ++y) {
    for (uint32_t x = 0; x < width; ++x) {
      image.rgb.insert(image.rgb.end(),
                       {static_cast<uint8_t>(x * 4), static_cast<uint8_t>(y * 4), 128});
    }
  }
  return image;
}

std::vector<uint8_t> EncodeJpeg(const Image& image, J_COLOR_SPACE space, bool progressive) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &memory, &size);
  info.image_width = image.width;
  info.image_height = image.height;
  info.in_color_space = space;
  info.input_components = space == JCS_GRAYSCALE ? 1 : space == JCS_CMYK ? 4 : 3;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 95, TRUE);
  if (progressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  std::vector<uint8_t> row(size_t{4} * image.width, 77);
  while (info.next_scanline < info.image_height) {
    if (space == JCS_RGB) {
      const auto* start = &image.rgb[size_t{3} * image.width * info.next_scanline];
      row.assign(start, start + size_t{3} * image.width);
    }
    JSAMPROW pointer = row.data();
    jpeg_write_scanlines(&info, &pointer, 1);
  }
  jpeg_finish_compress(&info);
  std::vector<uint8_t> bytes(memory, memory + size);
  jpeg_destroy_compress(&info);
  free(memory);
  return bytes;
}

TEST(Image, PngRoundTripIsExact) {
  const Image image = Gradient(33, 17);
  const Image back = DecodeImage(EncodePng(image));
  EXPECT_EQ(back.width, 33u);
  EXPECT_EQ(back.height, 17u);
  EXPECT_EQ(back.rgb, image.rgb);
}

TEST(Image, JpegComesCloseToWhatWasEncoded) {
  const Image image = Gradient(48, 32);
  for (const bool progressive : {false, true}) {
    const Image back = DecodeImage(EncodeJpeg(image, JCS_RGB, progressive));
    ASSERT_EQ(back.rgb.size(), image.rgb.size());
    for (size_t i = 0; i < image.rgb.size(); ++i) EXPECT_NEAR(back.rgb[i], image.rgb[i], 12) << i;
  }
}

TEST(Image, GreyJpegBecomesRgb) {
  const Image back = DecodeImage(EncodeJpeg(Gradient(8, 8), JCS_GRAYSCALE, false));
  EXPECT_EQ(back.rgb, std::vector<uint8_t>(8 * 8 * 3, 77));
}

TEST(Image, CmykIsRefused) {
  ExpectError(Status::kUnsupported, "CMYK",
              [] { DecodeImage(EncodeJpeg(Gradient(8, 8), JCS_CMYK, false)); });
}

TEST(Image, EveryTruncationIsAnError) {
  const Image image = Gradient(40, 40);
  for (const auto& bytes : {EncodePng(image), EncodeJpeg(image, JCS_RGB, false)}) {
    // What is cut holds pixels, not only the end mark.
    for (size_t size = 0; size + 16 < bytes.size(); size += 7) {
      EXPECT_THROW(DecodeImage(std::span(bytes).first(size)), MediaError)
          << size << "/" << bytes.size();
    }
  }
}

// Damage is an error or another picture, never a crash.
TEST(Image, SurvivesEveryDamagedByte) {
  const Image image = Gradient(24, 24);
  for (const auto& bytes : {EncodePng(image), EncodeJpeg(image, JCS_RGB, true)}) {
    for (size_t i = 0; i < bytes.size(); ++i) {
      std::vector<uint8_t> damaged = bytes;
      damaged[i] ^= 0x55;
      try {
        const Image back = DecodeImage(damaged);
        EXPECT_EQ(back.rgb.size(), size_t{3} * back.width * back.height);
      } catch (const MediaError&) {
      }
    }
  }
}

TEST(Image, RefusesHugePicturesBeforeTakingMemory) {
  std::vector<uint8_t> png = EncodePng(Gradient(4, 4));
  std::vector<uint8_t> jpeg = EncodeJpeg(Gradient(4, 4), JCS_RGB, false);
  for (size_t i = 0; i + 8 < jpeg.size(); ++i) {
    if (jpeg[i] == 0xff && jpeg[i + 1] == 0xc0) {  // SOF0: length, precision, height, width
      jpeg[i + 5] = jpeg[i + 7] = 0xf0;
      break;
    }
  }
  ExpectError(Status::kWrongShape, "61444x61444", [&] { DecodeImage(jpeg); });
  ExpectError(Status::kWrongShape, "16385x1", [] {
    EncodePng({16385, 1, std::vector<uint8_t>(16385 * 3)});
  });
}

TEST(Image, OtherFormatsAreRefused) {
  ExpectError(Status::kUnsupported, "neither", [] {
    DecodeImage(std::vector<uint8_t>{'G', 'I', 'F', '8'});
  });
  ExpectError(Status::kUnsupported, "neither", [] { DecodeImage({}); });
}

}  // namespace
}  // namespace penumbra::media
