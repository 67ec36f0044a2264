#include "protect/placement/checkable.h"

#include <gtest/gtest.h>

#include "boundary/limits.h"

namespace penumbra::protect {
namespace {

ConvGeometry Square(uint32_t size, uint32_t in_c, uint32_t out_c, uint32_t kernel, uint32_t groups) {
  const uint32_t pad = kernel / 2;
  return {size,   size, in_c, size, size, out_c, kernel, kernel, 1,
          1,      1,    1,    pad,  pad,  pad,   pad,    groups};
}

TEST(Checkable, CountsBothSidesOfTheCheck) {
  EXPECT_EQ(CheckMacs(Square(7, 64, 77, 3, 1), 3, 6), uint64_t{49} * 18 * (576 + 77));
  // A projection mixes groups: the window counts all channels.
  EXPECT_EQ(CheckMacs(Square(7, 64, 64, 3, 64), 3, 6), uint64_t{49} * 18 * (576 + 64));
}

TEST(Checkable, WideLayersAreChecked) {
  for (const uint32_t channels : {64u, 256u, 2048u}) {
    for (const uint32_t kernel : {1u, 3u}) {
      const ConvGeometry g = Square(14, channels, channels, kernel, 1);
      EXPECT_EQ(WhyNotChecked(g, g, 3, 6, 1), "") << channels << " " << kernel;
    }
  }
}

TEST(Checkable, DepthwiseAndNarrowGroupsStayInside) {
  const ConvGeometry depthwise = Square(14, 512, 512, 3, 512);
  EXPECT_NE(WhyNotChecked(depthwise, depthwise, 3, 6, 2), "");
  const ConvGeometry narrow = Square(14, 128, 128, 3, 32);
  EXPECT_NE(WhyNotChecked(narrow, narrow, 3, 6, 2), "");
  const ConvGeometry wide = Square(14, 256, 256, 3, 2);
  EXPECT_EQ(WhyNotChecked(wide, wide, 3, 6, 1), "");
}

TEST(Checkable, SumsAndPiecesHaveLimits) {
  ConvGeometry g = Square(1, kMaxFilterLength, 4096, 1, 1);
  EXPECT_EQ(WhyNotChecked(g, g, 3, 6, 1), "");
  EXPECT_NE(WhyNotChecked(g, g, 6, 15, 1), "");
  g.in_c += 1;
  EXPECT_NE(WhyNotChecked(g, g, 1, 1, 1), "");
}

}  // namespace
}  // namespace penumbra::protect
