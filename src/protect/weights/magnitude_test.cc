#include "protect/weights/magnitude.h"

#include <gtest/gtest.h>

#include "protect/plain/test_support.h"

namespace penumbra::protect {
namespace {

// conv, relu, conv: 3 x 3 filters with bias.
LoweredGraph TwoLayers() {
  TestGraph t;
  const Attributes pads = {{"pads", std::vector<int64_t>{1, 1, 1, 1}}};
  const ValueId image = t.Input({1, 3, 6, 5});
  ValueId x = t.Node(OpKind::kConv, {image, t.Weights({4, 3, 3, 3}), t.Weights({4})}, pads);
  x = t.Node(OpKind::kRelu, {x});
  t.Output(t.Node(OpKind::kConv, {x, t.Weights({5, 4, 3, 3}), t.Weights({5})}, pads));
  return Lower(t.graph);
}

const LinearOp& Layer(const LoweredGraph& graph, const std::string& name) {
  const auto op = std::ranges::find(graph.ops, name, &LoweredOp::name);
  return std::get<LinearOp>(op->kind);
}

TEST(SplitByMagnitude, TheSumIsTheLayer) {
  const LoweredGraph graph = TwoLayers();
  const std::vector<std::vector<float>> inputs = {std::vector<float>(6 * 5 * 3, 0.75f)};
  const auto wanted = RunFloat(graph, inputs);
  for (const double fraction : {0.01, 0.3, 1.0}) {
    SCOPED_TRACE(fraction);
    const SplitGraph split = SplitByMagnitude(graph, {true, false, true}, fraction);
    ASSERT_NO_THROW(ValidateLowered(split.graph));
    EXPECT_EQ(split.graph.ops.size(), 7u);
    EXPECT_EQ(std::ranges::count(split.is_public, true), 2);
    const auto got = RunFloat(split.graph, inputs);
    for (size_t i = 0; i < wanted[0].size(); ++i) EXPECT_NEAR(got[0][i], wanted[0][i], 2e-5);
  }
}

TEST(SplitByMagnitude, OutsideStandsNoneOfTheLargestAndNoBias) {
  const LoweredGraph graph = TwoLayers();
  const SplitGraph split = SplitByMagnitude(graph, {true, false, true}, 0.1);
  for (const char* name : {"node0", "node2"}) {
    SCOPED_TRACE(name);
    const LinearOp& layer = Layer(graph, name);
    const LinearOp& outside = Layer(split.graph, name);
    const LinearOp& inside = Layer(split.graph, std::string(name) + " (largest)");
    float least_inside = 1e9f;
    float most_outside = 0;
    size_t count = 0;
    for (size_t i = 0; i < layer.weights.size(); ++i) {
      EXPECT_EQ(outside.weights[i] + inside.weights[i], layer.weights[i]);
      most_outside = std::max(most_outside, std::fabs(outside.weights[i]));
      if (inside.weights[i] == 0) continue;
      EXPECT_EQ(outside.weights[i], 0);
      least_inside = std::min(least_inside, std::fabs(inside.weights[i]));
      ++count;
    }
    EXPECT_EQ(count, (layer.weights.size() + 9) / 10);
    EXPECT_GE(least_inside, most_outside);
    EXPECT_EQ(inside.bias, layer.bias);
    EXPECT_EQ(outside.bias, std::vector<float>(layer.bias.size()));
  }
}

TEST(SplitByMagnitude, TrustedLayersAndNoFractionStayWhole) {
  const LoweredGraph graph = TwoLayers();
  EXPECT_EQ(SplitByMagnitude(graph, {false, false, true}, 0.1).graph.ops.size(), 5u);
  EXPECT_EQ(SplitByMagnitude(graph, {true, true, true}, 0).graph.ops.size(), 3u);
}

}  // namespace
}  // namespace penumbra::protect
