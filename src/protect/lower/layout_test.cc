#include "protect/lower/layout.h"

#include <gtest/gtest.h>

#include "protect/lower/reshape_order.h"

namespace penumbra::protect {
namespace {

// What copying by runs makes of 0, 1, 2, ...
std::vector<int64_t> Apply(const AxisRuns& runs, size_t count) {
  std::vector<int64_t> table(count, -1);
  for (const Run& run : runs) {
    for (uint32_t i = 0; i < run.count; ++i) {
      table.at(run.dst_start + size_t{i} * run.dst_step) = run.src_start + i * run.src_step;
    }
  }
  return table;
}

TEST(Layout, RunsReproduceTheirTable) {
  const std::vector<std::vector<int64_t>> tables = {
      {0, 1, 2, 3},          {3, 2, 1, 0},    {2, 2, 2}, {0, 0, 1, 1, 2, 2},
      {-1, 0, 1, -1, -1, 5}, {1, 0, 1, 2, 1}, {4},       {-1, -1}};
  for (const auto& table : tables) EXPECT_EQ(Apply(RunsOfTable(table), table.size()), table);
  EXPECT_EQ(RunsOfTable(tables[3]).size(), 2u);  // one per repetition, not one per element
  EXPECT_EQ(RunsOfTable(tables[1]).size(), 1u);
}

TEST(Layout, ContiguousAxesAreMerged) {
  const CopyBox box = TransposeBox(0, {1, 6, 8, 10}, IdentityPerm(4), ChannelLastPerm(4));
  EXPECT_EQ(box.extent, (Dims{80, 6}));
  EXPECT_EQ(box.src_stride, (std::vector<int32_t>{1, 80}));
  EXPECT_EQ(box.dst_stride, (std::vector<int32_t>{6, 1}));
}

TEST(Layout, ReshapesThatKeepAGroupTogetherAreFree) {
  const Perm nhwc = ChannelLastPerm(4);
  EXPECT_EQ(FreeReshape({1, 6, 8, 10}, nhwc, {1, 6, 80}), ChannelLastPerm(3));
  EXPECT_EQ(FreeReshape({1, 6, 8, 10}, nhwc, {1, 2, 3, 8, 10}), (Perm{0, 3, 4, 1, 2}));
  EXPECT_EQ(FreeReshape({1, 6, 1, 1}, nhwc, {1, 6}), IdentityPerm(2));
  EXPECT_EQ(FreeReshape({1, 6}, IdentityPerm(2), {1, 6, 1, 1}), nhwc);
  EXPECT_EQ(FreeReshape({1, 6, 8, 10}, nhwc, {1, 480}), std::nullopt);
  EXPECT_EQ(FreeReshape({4, 6}, Perm{1, 0}, {24}), std::nullopt);
}

TEST(Layout, OrderBeforeReshapeMakesItFree) {
  const Dims in = {1, 2, 2, 3, 5, 4};
  const Dims out = {1, 2, 2, 15, 4};
  const Perm order = OrderBeforeReshape(in, Perm{0, 4, 5, 1, 2, 3}, out);
  EXPECT_TRUE(FreeReshape(in, order, out).has_value());
}

}  // namespace
}  // namespace penumbra::protect
