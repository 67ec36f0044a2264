#include "protect/placement/placement.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "model/error.h"

namespace penumbra::protect {
namespace {

// conv1, relu, conv2, relu, fc: operators 0, 2 and 4 are linear.
LoweredGraph Chain() {
  LoweredGraph graph;
  for (const char* name : {"conv1", "relu1", "conv2", "relu2", "fc"}) {
    LoweredOp op{name, ReshapeOp{0, 0}};
    if (std::string(name).substr(0, 4) != "relu") {
      LinearOp linear{0, 0, {}, {}, {}};
      linear.geometry = {1, 1, 4, 1, 1, 4, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1};
      op.kind = linear;
    }
    graph.ops.push_back(op);
  }
  return graph;
}

std::string Text(const Placement& placement) {
  std::string text;
  for (const Side side : placement) text += side == Side::kPublic ? 'p' : 't';
  return text;
}

TEST(Placement, Policies) {
  const LoweredGraph graph = Chain();
  EXPECT_EQ(Text(PlaceAllTrusted(graph)), "ttttt");
  EXPECT_EQ(Text(PlaceAllPublic(graph)), "ppppp");
  EXPECT_EQ(Text(PlaceLinearPublic(graph)), "ptptp");
  EXPECT_EQ(Text(PlaceLast(graph, 1)), "ptptt");
  EXPECT_EQ(Text(PlaceLast(graph, 9)), "ttttt");
  EXPECT_EQ(Text(PlaceFirst(graph, 2)), "ttttp");
  EXPECT_EQ(Text(PlaceFirst(graph, 0)), "ptptp");
}

TEST(Placement, RandomDrawsAmongAssociativeOperators) {
  LoweredGraph graph;
  graph.ops.assign(4000, {"op", ReshapeOp{0, 0}});
  std::vector<bool> associative(graph.ops.size());
  for (size_t i = 0; i < associative.size(); ++i) associative[i] = i % 4 != 0;
  EXPECT_EQ(PlaceRandom(graph, 0, 1, associative), PlaceAllTrusted(graph));
  const Placement all = PlaceRandom(graph, 1, 1, associative);
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i] == Side::kPublic, associative[i]);
  const Placement some = PlaceRandom(graph, 0.8, 1, associative);
  EXPECT_EQ(some, PlaceRandom(graph, 0.8, 1, associative));
  EXPECT_NE(some, PlaceRandom(graph, 0.8, 2, associative));
  EXPECT_NEAR(static_cast<double>(std::ranges::count(some, Side::kPublic)), 0.8 * 3000, 110);
  // Worked out from the definition of the generator (MT19937-64), apart from the standard library.
  EXPECT_EQ(Text(Placement(some.begin(), some.begin() + 24)), "tpppttpptppptpppttpptppp");
}

TEST(Placement, ResidueSchemesKeepNonLinearAndOverlongLayersInside) {
  LoweredGraph graph = Chain();
  Scheme scheme;
  scheme.arithmetic = Arithmetic::kRing;
  scheme.placement = PlacementKind::kAllPublic;
  EXPECT_EQ(Text(Place(graph, scheme, {})), "ptptp");
  std::get<LinearOp>(graph.ops[4].kind).geometry.in_c = kMaxFilterLength + 1;
  EXPECT_EQ(Text(Place(graph, scheme, {})), "ptptt");
  scheme.arithmetic = Arithmetic::kFloat32;
  EXPECT_EQ(Text(Place(graph, scheme, {})), "ppppp");
}

TEST(Placement, LayersByName) {
  const LoweredGraph graph = Chain();
  Scheme scheme;
  scheme.arithmetic = Arithmetic::kRing;
  scheme.placement = PlacementKind::kLinearPublic;
  EXPECT_EQ(Text(Place(graph, scheme, {"conv*"})), "ptptt");
  EXPECT_EQ(Text(Place(graph, scheme, {"conv?", "f*c"})), "ptptp");
  EXPECT_EQ(Text(Place(graph, scheme, {"*2"})), "ttptt");
  EXPECT_THROW(Place(graph, scheme, {"conv3"}), model::ModelError);
  EXPECT_THROW(Place(graph, scheme, {"relu1"}), model::ModelError);
}

TEST(Placement, RefusesPartsOfLayers) {
  Scheme scheme;
  scheme.placement = PlacementKind::kLast;
  scheme.placement_parameter = 1.5;
  EXPECT_THROW(Place(Chain(), scheme, {}), model::ModelError);
}

}  // namespace
}  // namespace penumbra::protect
