#include "media/resize.h"

#include "media/testing.h"

namespace penumbra::media {
namespace {

// A picture whose three channels hold the same values.
FloatImage Grey(uint32_t width, uint32_t height, const std::vector<float>& values) {
  FloatImage image{width, height, {}};
  for (const float value : values) image.rgb.insert(image.rgb.end(), {value, value, value});
  return image;
}

std::vector<float> FirstChannel(const FloatImage& image) {
  std::vector<float> values;
  for (size_t i = 0; i < image.rgb.size(); i += 3) values.push_back(image.rgb[i]);
  return values;
}

void ExpectNear(const std::vector<float>& actual, const std::vector<float>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 1e-4f) << i;
}

// Expected values are those of torch.nn.functional.interpolate(mode="bilinear",
// align_corners=False).
TEST(Resize, UpscalesWithHalfPixelCentres) {
  const FloatImage image = Grey(2, 1, {0, 100});
  for (const bool antialias : {false, true}) {
    ExpectNear(FirstChannel(ResizeBilinear(image, 4, 1, antialias)), {0, 25, 75, 100});
  }
}

TEST(Resize, DownscalesWithoutAntialiasFromFourNeighbours) {
  ExpectNear(FirstChannel(ResizeBilinear(Grey(4, 1, {0, 10, 20, 90}), 2, 1, false)), {5, 55});
}

TEST(Resize, DownscalesWithAntialiasOverTheWholeSupport) {
  // Triangle of half-width 2 around .5 and 2.5: weights 3 3 1 | 1 3 3, over 7.
  ExpectNear(FirstChannel(ResizeBilinear(Grey(4, 1, {0, 10, 20, 90}), 2, 1, true)),
             {(30.0f + 20) / 7, (10.0f + 60 + 270) / 7});
}

TEST(Resize, RowsAndColumnsAreTreatedAlike) {
  const std::vector<float> values{3, 1, 4, 1, 5};
  EXPECT_EQ(FirstChannel(ResizeBilinear(Grey(5, 1, values), 3, 1, true)),
            FirstChannel(ResizeBilinear(Grey(1, 5, values), 1, 3, true)));
}

TEST(Resize, SameSizeIsIdentity) {
  const FloatImage image = Grey(2, 2, {1, 2, 3, 4});
  EXPECT_EQ(ResizeBilinear(image, 2, 2, true).rgb, image.rgb);
}

TEST(Resize, RefusesImpossibleSizes) {
  ExpectError(Status::kInvalidArgument, "0x4", [] { ResizeBilinear(Grey(1, 1, {0}), 0, 4, true); });
}

TEST(Crop, TakesTheMiddle) {
  EXPECT_EQ(FirstChannel(CropCenter(Grey(4, 1, {1, 2, 3, 4}), 2, 1)), (std::vector<float>{2, 3}));
  EXPECT_EQ(FirstChannel(CropCenter(Grey(1, 3, {1, 2, 3}), 1, 1)), (std::vector<float>{2}));
  ExpectError(Status::kWrongShape, "smaller than the crop", [] {
    CropCenter(Grey(2, 2, {1, 2, 3, 4}), 3, 2);
  });
}

}  // namespace
}  // namespace penumbra::media
