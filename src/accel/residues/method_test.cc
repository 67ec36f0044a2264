#include "accel/residues/method.h"

#include <gtest/gtest.h>

#include "kernels/winograd_conv.h"

namespace penumbra::residues {
namespace {

ConvGeometry Square(uint32_t size, uint32_t in_c, uint32_t out_c, uint32_t stride = 1) {
  const uint32_t out = (size - 1) / stride + 1;
  return {size, size, in_c, out, out, out_c, 3, 3, stride, stride, 1, 1, 1, 1, 1, 1, 1};
}

TEST(Method, OnlyWhatServesIsChosen) {
  for (const Isa isa : {Isa::kScalar, Isa::kAvx512Vnni}) {
    EXPECT_EQ(ChooseMethod(CostsOf(isa), Square(56, 256, 256, 2)).out, 0u);
    ConvGeometry dilated = Square(56, 256, 256);
    dilated.dilation_h = 2;
    EXPECT_EQ(ChooseMethod(CostsOf(isa), dilated).out, 0u);
  }
}

// An image layer has too few channels for its transforms; wide layers of large images take Winograd.
TEST(Method, TransformsMustPay) {
  const MethodCosts& costs = CostsOf(Isa::kAvx512Vnni);
  EXPECT_EQ(ChooseMethod(costs, Square(224, 3, 76)).out, 0u);
  EXPECT_NE(ChooseMethod(costs, Square(56, 256, 307)).out, 0u);
  EXPECT_NE(ChooseMethod(costs, Square(28, 512, 614)).out, 0u);
}

// One large tile would be a product of one row for each of its positions.
TEST(Method, SmallImagesTakeSmallTiles) {
  const MethodCosts& costs = CostsOf(Isa::kAvx512Vnni);
  EXPECT_EQ(ChooseMethod(costs, Square(8, 64, 76)).out, kWinogradMinOut);
  EXPECT_EQ(ChooseMethod(costs, Square(7, 512, 614)).out, kWinogradMinOut);
}

TEST(Method, TheCheapestIsChosen) {
  for (const Isa isa : {Isa::kAvx2, Isa::kAvx512Vnni}) {
    const MethodCosts& costs = CostsOf(isa);
    for (uint32_t size = 1; size <= 60; size += 7) {
      for (uint32_t channels : {3, 32, 64, 200, 512}) {
        const ConvGeometry g = Square(size, channels, channels * 6 / 5);
        const Method chosen = ChooseMethod(costs, g);
        EXPECT_LE(chosen.cycles, EstimateProduct(costs, g).cycles);
        for (uint32_t out = kWinogradMinOut; out <= kWinogradMaxOut; ++out) {
          EXPECT_LE(chosen.cycles, EstimateWinograd(costs, g, out).cycles);
        }
      }
    }
  }
}

// Dear memory drives the choice to smaller tiles, dear products to larger ones.
TEST(Method, CostsDecide) {
  const ConvGeometry g = Square(28, 512, 614);
  MethodCosts costs = CostsOf(Isa::kAvx512Vnni);
  costs.weight = 10;
  const uint32_t small = ChooseMethod(costs, g).out;
  costs.weight = 0;
  costs.product = 100;
  EXPECT_LT(small, ChooseMethod(costs, g).out);
}

// Unless one row of tiles is more than fits.
TEST(Method, StripsFitTheCache) {
  for (uint32_t out = kWinogradMinOut; out <= kWinogradMaxOut; ++out) {
    for (uint32_t size : {7u, 14u, 28u, 56u, 224u}) {
      const ConvGeometry g = Square(size, 256, 256);
      const uint32_t tile_rows = (size + out - 1) / out, rows = WinogradStripRows(g, out, tile_rows);
      ASSERT_GE(rows, 1u);
      const uint64_t row_size = uint64_t{WinogradTiles(g, out, 1)} * WinogradPositions(out) * WinogradTileSize(g);
      EXPECT_TRUE(rows == 1 || rows * row_size <= kLargestWinogradInputSize);
    }
  }
}

}  // namespace
}  // namespace penumbra::residues
