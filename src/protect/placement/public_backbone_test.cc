#include <gtest/gtest.h>

#include <string>

#include "model/error.h"
#include "protect/placement/placement.h"
#include "protect/plain/test_support.h"

namespace penumbra::protect {
namespace {

const Attributes kSame3x3 = {{"kernel_shape", std::vector<int64_t>{3, 3}},
                             {"strides", std::vector<int64_t>{1, 1}},
                             {"dilations", std::vector<int64_t>{1, 1}},
                             {"pads", std::vector<int64_t>{1, 1, 1, 1}}};

struct Network {
  int64_t size = 6;
  int64_t width = 4;       // channels of the first convolution
  int64_t classes = 3;
  unsigned seed = 1;       // of all weights
  bool other_second = false;  // the second convolution has weights of its own
  bool skip = true;        // the first convolution's output is added to the second's
};

// conv1, relu, conv2 (+ conv1), relu, mean, dense.
LoweredGraph Build(const Network& n) {
  TestGraph t(n.seed);
  const ValueId x = t.Input({1, 3, n.size, n.size});
  const ValueId first = t.Node(OpKind::kConv, {x, t.Weights({n.width, 3, 3, 3})}, kSame3x3);
  const ValueId second_weights =
      n.other_second ? t.graph.AddConstant("w", TestGraph(99).RandomTensor({n.width, n.width, 3, 3}, -1, 1))
                     : t.Weights({n.width, n.width, 3, 3});
  ValueId y = t.Node(OpKind::kConv, {t.Node(OpKind::kRelu, {first}), second_weights}, kSame3x3);
  if (n.skip) y = t.Node(OpKind::kAdd, {y, first});
  y = t.Node(OpKind::kReduceMean, {t.Node(OpKind::kRelu, {y})},
             {{"axes", std::vector<int64_t>{2, 3}}, {"keepdims", int64_t{0}}});
  t.Output(t.Node(OpKind::kMatMul, {y, t.Weights({n.width, n.classes})}));
  model::Normalize(t.graph);
  return Lower(t.graph);
}

size_t PublicLinear(const LoweredGraph& graph, const Placement& placement) {
  size_t count = 0;
  for (size_t i = 0; i < placement.size(); ++i) {
    count += IsLinear(graph.ops[i]) && placement[i] == Side::kPublic ? 1 : 0;
  }
  return count;
}

void ExpectRefused(const Network& own, const Network& backbone, Status status, const char* text) {
  try {
    PlacePublicBackbone(Build(own), Build(backbone));
    ADD_FAILURE() << text;
  } catch (const model::ModelError& e) {
    EXPECT_EQ(e.status(), status) << e.what();
    EXPECT_NE(std::string(e.what()).find(text), std::string::npos) << e.what();
  }
}

TEST(PublicBackbone, TailOfOtherShapeStaysInside) {
  const LoweredGraph graph = Build({});
  const Placement placement = PlacePublicBackbone(graph, Build({.classes = 1000}));
  EXPECT_EQ(PublicLinear(graph, placement), 2u);
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const auto* linear = std::get_if<LinearOp>(&graph.ops[i].kind);
    const bool is_tail = linear != nullptr && linear->geometry.out_c == 3;
    EXPECT_EQ(placement[i], is_tail ? Side::kTrusted : Side::kPublic) << graph.ops[i].name;
  }
}

TEST(PublicBackbone, ANetworkIsItsOwnBackbone) {
  const LoweredGraph graph = Build({});
  EXPECT_EQ(PlacePublicBackbone(graph, graph), PlaceAllPublic(graph));
}

// What reads a retrained tensor is not the backbone's, even where its weights are.
TEST(PublicBackbone, NothingBehindARetrainedLayerIsPublic) {
  const LoweredGraph graph = Build({.other_second = true});
  const Placement placement = PlacePublicBackbone(graph, Build({}));
  EXPECT_EQ(PublicLinear(graph, placement), 1u);
  bool tail = false;
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    tail |= i != 0 && IsLinear(graph.ops[i]);
    if (tail) {
      EXPECT_EQ(placement[i], Side::kTrusted) << graph.ops[i].name;
    }
  }
}

TEST(PublicBackbone, OtherConnectionsAreAnotherNetwork) {
  const LoweredGraph graph = Build({.skip = false});
  const Placement placement = PlacePublicBackbone(graph, Build({.skip = true}));
  EXPECT_EQ(PublicLinear(graph, placement), 2u);  // both convolutions read the same values
  EXPECT_EQ(placement.back(), Side::kTrusted);
}

TEST(PublicBackbone, RefusesOtherShapesAndStrangers) {
  ExpectRefused({}, {.size = 8}, Status::kWrongShape, "1x3x8x8");
  ExpectRefused({}, {.width = 5}, Status::kWrongShape, "output 6x6x5");
  ExpectRefused({}, {.seed = 2}, Status::kInvalidArgument, "no linear layer");
}

}  // namespace
}  // namespace penumbra::protect
