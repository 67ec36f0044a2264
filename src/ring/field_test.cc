#include "ring/field.h"

#include <gtest/gtest.h>

namespace penumbra {
namespace {

TEST(Field, ResiduesAndInverses) {
  uint64_t state = 1;
  for (int i = 0; i < 20000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const auto value = static_cast<int64_t>(state) >> (state % 60);
    const int32_t centred = CentredResidue(value, kFieldPrime);
    EXPECT_LE(centred, kFieldHalf);
    EXPECT_GE(centred, -kFieldHalf);
    EXPECT_EQ((value - centred) % int64_t{kFieldPrime}, 0);
    const uint32_t residue = Residue(value, kFieldPrime);
    EXPECT_LT(residue, kFieldPrime);
    if (residue == 0) continue;
    EXPECT_EQ(uint64_t{residue} * ModularInverse(value, kFieldPrime) % kFieldPrime, 1u);
  }
  EXPECT_EQ(ModularInverse(kFieldPrime, kFieldPrime), 0u);
  EXPECT_EQ(CentredResidue(kFieldHalf, kFieldPrime), kFieldHalf);
  EXPECT_EQ(CentredResidue(kFieldHalf + 1, kFieldPrime), -kFieldHalf);
}

TEST(Field, BoundIsTightOnBothSides) {
  RowWindow window;
  EXPECT_EQ(ProveFieldRow({kFieldHalf, 0}, {-1, 1}, &window), Status::kOk);
  EXPECT_EQ(window.begin, -kFieldHalf);
  EXPECT_EQ(window.length, 2 * kFieldHalf);
  EXPECT_EQ(ProveFieldRow({kFieldHalf + 1, 0}, {0, 1}, &window), Status::kBoundUnproved);
  EXPECT_EQ(window.length, kFieldHalf + 1);
  EXPECT_EQ(ProveFieldRow({0, -kFieldHalf}, {0, 1}, &window), Status::kOk);
  EXPECT_EQ(ProveFieldRow({0, -(kFieldHalf + 1)}, {0, 1}, &window), Status::kBoundUnproved);
  // A window of the right length in the wrong place: decoding is centred.
  EXPECT_EQ(ProveFieldRow({2 * kFieldHalf, 0}, {0, 1}, &window), Status::kBoundUnproved);
  EXPECT_EQ(ProveFieldRow({-1, 0}, {0, 1}, &window), Status::kBoundUnproved);
  EXPECT_EQ(ProveFieldRow({1, -1}, {2, 1}, &window), Status::kBoundUnproved);
}

}  // namespace
}  // namespace penumbra
