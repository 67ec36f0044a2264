#include "accel/onednn/fusion.h"

#include <gtest/gtest.h>

namespace penumbra::onednn {
namespace {

// Tensor 0 is the input; node i writes tensor i + 1; the last tensor is the output.
OwnedSegment Chain(std::initializer_list<std::pair<SegmentOp, std::vector<uint32_t>>> nodes) {
  std::vector<SegmentTensor> tensors(nodes.size() + 1, {4, 4, 8, ElementType::kF32, 0});
  std::vector<SegmentNode> list;
  for (const auto& [op, inputs] : nodes) {
    SegmentNode n{};
    n.op = op;
    n.input_count = static_cast<uint16_t>(inputs.size());
    std::copy(inputs.begin(), inputs.end(), n.inputs);
    n.output = static_cast<uint32_t>(list.size() + 1);
    list.push_back(n);
  }
  const std::vector<uint32_t> in = {0}, out = {static_cast<uint32_t>(nodes.size())};
  return OwnedSegment(SegmentView{tensors, list, in, out});
}

constexpr SegmentOp kConv = SegmentOp::kConvFloat, kRelu = SegmentOp::kRelu, kAdd = SegmentOp::kAdd;

TEST(Fusion, ReluJoinsItsConvolution) {
  const auto fused = Fuse(Chain({{kConv, {0}}, {kRelu, {1}}, {kConv, {2}}}));
  ASSERT_EQ(fused.size(), 2u);
  EXPECT_EQ(fused[0].tail, std::vector<uint32_t>{1});
  EXPECT_EQ(fused[0].output, 2u);
  EXPECT_TRUE(fused[1].tail.empty());
}

TEST(Fusion, AValueWithTwoReadersIsKept) {
  const auto fused = Fuse(Chain({{kConv, {0}}, {kRelu, {1}}, {kAdd, {1, 2}}}));
  ASSERT_EQ(fused.size(), 3u);
  EXPECT_TRUE(fused[0].tail.empty());
}

TEST(Fusion, ResidualBlockTakesOverItsShortcut) {
  // stem, body, body + stem, relu
  const auto fused = Fuse(Chain(
      {{kConv, {0}}, {kConv, {1}}, {kConv, {2}}, {kAdd, {3, 1}}, {kRelu, {4}}, {kConv, {5}}}));
  ASSERT_EQ(fused.size(), 4u);
  EXPECT_EQ(fused[2].tail, (std::vector<uint32_t>{3, 4}));
  EXPECT_EQ(fused[2].added, 1u);
  EXPECT_EQ(fused[2].output, 5u);
}

TEST(Fusion, AShortcutThatIsReadLaterIsNotOverwritten) {
  const auto fused = Fuse(Chain({{kConv, {0}}, {kConv, {1}}, {kAdd, {2, 1}}, {kAdd, {3, 1}}}));
  for (const FusedNode& f : fused) EXPECT_NE(f.added, 1u);
}

TEST(Fusion, NeitherTheInputNorTheConvolutionsOwnSourceIsOverwritten) {
  for (const FusedNode& f : Fuse(Chain({{kConv, {0}}, {kAdd, {1, 0}}, {kRelu, {2}}}))) {
    EXPECT_EQ(f.added, kNoTensor);
  }
  for (const FusedNode& f :
       Fuse(Chain({{kConv, {0}}, {kConv, {1}}, {kAdd, {2, 1}}, {kRelu, {3}}}))) {
    EXPECT_EQ(f.added, kNoTensor);
  }
}

}  // namespace
}  // namespace penumbra::onednn
