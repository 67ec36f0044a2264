#include "host/layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

namespace penumbra::host {
namespace {

using Shape = std::vector<uint32_t>;

TEST(Layout, NchwBecomesNhwc) {
  // Values are 100 c + 10 h + w.
  const std::vector<float> nchw = {0, 1, 2, 10, 11, 12, 100, 101, 102, 110, 111, 112};
  const std::vector<float> expected = {0, 100, 1, 101, 2, 102, 10, 110, 11, 111, 12, 112};
  std::vector<float> nhwc(12), back(12);
  ToPhysical(Shape{1, 2, 2, 3}, Shape{0, 2, 3, 1}, nchw, nhwc);
  EXPECT_EQ(nhwc, expected);
  ToLogical(Shape{1, 2, 2, 3}, Shape{0, 2, 3, 1}, nhwc, back);
  EXPECT_EQ(back, nchw);
}

TEST(Layout, ScalarsAndVectors) {
  const std::vector<float> one = {7};
  std::vector<float> out(1);
  ToPhysical(Shape{}, Shape{}, one, out);
  EXPECT_EQ(out, one);
  const std::vector<float> three = {1, 2, 3};
  std::vector<float> out3(3);
  ToPhysical(Shape{3}, Shape{0}, three, out3);
  EXPECT_EQ(out3, three);
}

// Against the definition: physical position p_d = logical position perm[d].
TEST(Layout, MatchesTheDefinitionForRandomShapes) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    const size_t rank = 1 + random() % 5;
    Shape shape(rank), perm(rank);
    for (uint32_t& extent : shape) extent = 1 + random() % 5;
    std::iota(perm.begin(), perm.end(), 0);
    std::shuffle(perm.begin(), perm.end(), random);
    const size_t count =
        std::accumulate(shape.begin(), shape.end(), size_t{1}, std::multiplies<>());
    std::vector<float> logical(count), physical(count), back(count);
    std::iota(logical.begin(), logical.end(), 0.f);
    ToPhysical(shape, perm, logical, physical);
    for (size_t p = 0; p < count; ++p) {
      Shape position(rank);
      size_t rest = p;
      for (size_t d = rank; d-- > 0;) {
        position[perm[d]] = static_cast<uint32_t>(rest % shape[perm[d]]);
        rest /= shape[perm[d]];
      }
      size_t l = 0;
      for (size_t d = 0; d < rank; ++d) l = l * shape[d] + position[d];
      ASSERT_EQ(physical[p], logical[l]);
    }
    ToLogical(shape, perm, physical, back);
    EXPECT_EQ(back, logical);
  }
}

}  // namespace
}  // namespace penumbra::host
