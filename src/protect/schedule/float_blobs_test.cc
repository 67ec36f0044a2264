// Equal constants of float segments are stored once.
#include "protect/lower/shared_layers.h"
#include "protect/schedule/checker.h"
#include "protect/schedule/float_segments_test_support.h"
#include "protect/schedule/layer_tables.h"
#include "protect/schedule/schedule.h"

namespace penumbra::protect {
namespace {

// The same weights in two segments are one blob of the public half, other weights are not.
TEST_F(FloatSegments, CopiesOfALayerAreStoredOnce) {
  TensorId x = Input({1, 4, 4, 8});
  for (int step = 0; step < 3; ++step) x = Unary(Conv(x, 8, 1), PassFn::kElu);
  Output(x);
  auto& first = std::get<LinearOp>(graph_.ops[0].kind);
  auto& second = std::get<LinearOp>(graph_.ops[2].kind);
  second.weights = first.weights;
  second.bias = first.bias;
  MarkSharedLayers(&graph_);
  ASSERT_EQ(second.same_as, 0u);
  std::vector<LinearPlan> linears;
  for (const uint32_t op : {0u, 2u, 4u}) linears.push_back({op, &std::get<LinearOp>(graph_.ops[op].kind)});
  ScheduleOptions options;
  options.float_public = {true, false, true, false, true, false};
  ScheduleReport report;
  const CompiledPlan plan = Schedule(graph_, linears, options, &report);
  EXPECT_EQ(CheckPlan(plan), "");
  ASSERT_EQ(plan.segments.size(), 3u);
  const auto node = [&](size_t segment) { return plan.segments[segment].nodes.front(); };
  EXPECT_EQ(node(0).weight_blob, node(1).weight_blob);
  EXPECT_EQ(node(0).bias_blob, node(1).bias_blob);
  EXPECT_NE(node(0).weight_blob, node(2).weight_blob);
  ASSERT_EQ(plan.blobs.size(), 4u);
  EXPECT_NE(node(0).weight_blob, node(0).bias_blob);
  EXPECT_EQ(plan.blobs[node(2).weight_blob].make(0), BytesOf(std::get<LinearOp>(graph_.ops[4].kind).weights));
}

// Gates of a recurrence are picked out of one vector: by a matrix that all steps have in common.
TEST_F(FloatSegments, EqualSelectionsAreNamedAlike) {
  const TensorId x = Input({1, 4, 4, 8});
  for (const uint32_t from : {0u, 4u, 0u}) {
    Output(Unary(Add({1, 4, 4, 4}, CopyOp{0, {Channels(x, 16, 8, 4, 4, from, 0)}}), PassFn::kRelu));
  }
  const FloatPlan plan = Plan();
  ASSERT_EQ(plan.segments.size(), 1u);
  const std::vector<PublicBlob>& blobs = plan.segments.front().blobs;
  ASSERT_EQ(blobs.size(), 3u);
  EXPECT_EQ(blobs[0].content, blobs[2].content);
  EXPECT_EQ(blobs[0].make(0), blobs[2].make(0));
  EXPECT_NE(blobs[0].content, blobs[1].content);
  EXPECT_NE(blobs[0].make(0), blobs[1].make(0));
}

}  // namespace
}  // namespace penumbra::protect
