#include "protect/placement/criticality.h"

#include <gtest/gtest.h>

#include "protect/placement/placement.h"
#include "protect/plain/test_support.h"

namespace penumbra::protect {
namespace {

// One strong path and one whose result is multiplied by almost nothing.
LoweredGraph TwoPaths() {
  TestGraph t;
  const ValueId x = t.Input({1, 8});
  const ValueId strong = t.Node(OpKind::kMatMul, {x, t.Weights({8, 5})});
  const ValueId weak = t.Node(OpKind::kTanh, {t.Node(OpKind::kMatMul, {x, t.Weights({8, 5})})});
  t.Output(t.Node(OpKind::kAdd, {strong, t.Node(OpKind::kMul, {weak, t.Floats({}, {1e-6f})})}));
  model::Normalize(t.graph);
  return Lower(t.graph);
}

std::vector<std::vector<std::vector<float>>> Samples(size_t count) {
  std::vector<std::vector<std::vector<float>>> samples;
  for (size_t i = 0; i < count; ++i) {
    samples.push_back({TestGraph(static_cast<unsigned>(i) + 7).RandomTensor({1, 8}, -1, 1).ToFloat()});
  }
  return samples;
}

TEST(Criticality, StrongLayersAreCriticalWeakOnesAreNot) {
  const LoweredGraph graph = TwoPaths();
  const std::vector<double> damage = MeasureCriticality(graph, Samples(16), {.seed = 1, .trial_count = 4});
  std::vector<double> linear;
  for (size_t op = 0; op < graph.ops.size(); ++op) {
    if (IsLinear(graph.ops[op])) {
      linear.push_back(damage[op]);
      EXPECT_GE(damage[op], 0);
      EXPECT_LE(damage[op], 1);
    } else {
      EXPECT_EQ(damage[op], 0);
    }
  }
  ASSERT_EQ(linear.size(), 2u);
  EXPECT_GT(linear[0], 0.1);
  EXPECT_LT(linear[1], linear[0] / 3);  // what is left are results that are no numbers
}

TEST(Criticality, EqualSeedsInjectEqualFaults) {
  const LoweredGraph graph = TwoPaths();
  uint64_t last = 0, whole = 0;
  const FaultOptions options{.seed = 5, .trial_count = 3, .progress = [&](uint64_t done, uint64_t total) {
                               EXPECT_EQ(done, last++);
                               whole = total;
                             }};
  const std::vector<double> damage = MeasureCriticality(graph, Samples(4), options);
  EXPECT_EQ(last, whole);
  EXPECT_EQ(whole, 2u * 4 * 3);
  EXPECT_EQ(damage, MeasureCriticality(graph, Samples(4), {.seed = 5, .trial_count = 3}));
  EXPECT_NE(damage, MeasureCriticality(graph, Samples(4), {.seed = 6, .trial_count = 3}));
}

}  // namespace
}  // namespace penumbra::protect
