// Lowering of linear layers: the same values as the model's interpreter, and the expected
// operators.
#include "protect/plain/test_support.h"

namespace penumbra::protect {
namespace {

using Ints = std::vector<int64_t>;

TEST(LowerLinear, ConvolutionsWithEveryAttribute) {
  TestGraph t;
  ValueId x = t.Input({1, 6, 11, 9});
  x = t.Node(OpKind::kConv, {x, t.Weights({8, 6, 3, 3}), t.Weights({8})},
             {{"pads", Ints{1, 1, 1, 1}}});
  x = t.Node(OpKind::kConv, {x, t.Weights({8, 4, 3, 2})},
             {{"group", int64_t{2}}, {"strides", Ints{2, 1}}, {"pads", Ints{0, 1, 2, 0}}});
  x = t.Node(OpKind::kConv, {x, t.Weights({8, 1, 3, 3})},
             {{"group", int64_t{8}}, {"dilations", Ints{1, 2}}, {"pads", Ints{2, 2, 2, 2}}});
  x = t.Node(OpKind::kConv, {x, t.Weights({16, 1, 1, 1})}, {{"group", int64_t{8}}});
  t.Output(x);
  const LoweredGraph lowered = ExpectSameAsModel(t);
  EXPECT_EQ(lowered.ops.size(), 4u);
  EXPECT_EQ(CountOps<LinearOp>(lowered), 4u);
}

TEST(LowerLinear, OneDimensionalConvolutionTilesAlongItsLength) {
  TestGraph t;
  ValueId x = t.Input({1, 4, 30});
  x = t.Node(OpKind::kConv, {x, t.Weights({6, 4, 5})},
             {{"strides", Ints{2}}, {"pads", Ints{2, 1}}});
  x = t.Node(OpKind::kMaxPool, {x}, {{"kernel_shape", Ints{2}}, {"strides", Ints{2}}});
  t.Output(x);
  const LoweredGraph lowered = ExpectSameAsModel(t);
  EXPECT_EQ(lowered.ops.size(), 2u);
  EXPECT_EQ(std::get<LinearOp>(lowered.ops[0].kind).geometry.in_h, 30u);
}

TEST(LowerLinear, TransposedConvolutions) {
  struct Case {
    Ints strides, pads, extra, dilations;
    int64_t group;
  };
  const Case cases[] = {{{2, 2}, {1, 1, 1, 1}, {1, 1}, {1, 1}, 1},
                        {{3, 2}, {0, 1, 2, 0}, {2, 0}, {1, 1}, 2},
                        {{1, 1}, {1, 0, 1, 0}, {0, 0}, {1, 1}, 1},
                        {{1, 2}, {4, 3, 3, 4}, {0, 1}, {1, 1}, 2},
                        {{2, 3}, {2, 2, 2, 2}, {1, 1}, {2, 1}, 1}};
  for (const Case& c : cases) {
    TestGraph t;
    ValueId x = t.Input({1, 4, 7, 6});
    x = t.Node(OpKind::kConvTranspose, {x, t.Weights({4, 3, 4, 3}), t.Weights({3 * c.group})},
               {{"strides", c.strides},
                {"pads", c.pads},
                {"output_padding", c.extra},
                {"dilations", c.dilations},
                {"group", c.group}});
    t.Output(x);
    ExpectSameAsModel(t);
  }
}

TEST(LowerLinear, GemmInAllForms) {
  for (int form = 0; form < 4; ++form) {
    const int64_t a_turned = form & 1;
    const int64_t b_turned = form >> 1;
    TestGraph t;
    const ValueId x = t.Input(a_turned ? Shape{12, 5} : Shape{5, 12});
    const ValueId w = t.Weights(b_turned ? Shape{7, 12} : Shape{12, 7});
    const Attributes attributes = {
        {"transA", a_turned}, {"transB", b_turned}, {"alpha", 0.5f}, {"beta", 2.0f}};
    t.Output(t.Node(OpKind::kGemm, {x, w, t.Weights({7})}, attributes));
    t.Output(t.Node(OpKind::kGemm, {x, w, t.Weights({5, 1})}, attributes));
    t.Output(t.Node(OpKind::kGemm, {x, w, t.Weights({5, 7})}, attributes));
    t.Output(t.Node(OpKind::kGemm, {x, w, t.Input({1, 7})}, attributes));
    ExpectSameAsModel(t);
  }
}

TEST(LowerLinear, ConstantFactorOfAMatMulBecomesALayerWithItsBias) {
  TestGraph t;
  ValueId x = t.Input({1, 5, 12});
  x = t.Node(OpKind::kMatMul, {x, t.Weights({12, 20})});
  x = t.Node(OpKind::kAdd, {t.Weights({20}), x});
  x = t.Node(OpKind::kMul, {x, t.Weights({1, 1, 20}, 0.5, 2)});
  x = t.Node(OpKind::kDiv, {x, t.Floats({}, {4})});
  t.Output(x);
  const LoweredGraph lowered = ExpectSameAsModel(t);
  EXPECT_EQ(lowered.ops.size(), 1u);
}

TEST(LowerLinear, AResultThatIsReadTwiceIsNotFolded) {
  TestGraph t;
  ValueId x = t.Input({1, 3, 4, 4});
  x = t.Node(OpKind::kConv, {x, t.Weights({5, 3, 1, 1})});
  t.Output(x);
  t.Output(t.Node(OpKind::kAdd, {x, t.Weights({5, 1, 1})}));
  EXPECT_EQ(ExpectSameAsModel(t).ops.size(), 2u);
}

TEST(LowerLinear, MatMulOnTheLeftAndOfVectors) {
  TestGraph t;
  const ValueId x = t.Input({1, 6, 9});
  const ValueId v = t.Input({9});
  t.Output(t.Node(OpKind::kMatMul, {t.Weights({4, 6}), x}));
  t.Output(t.Node(OpKind::kMatMul, {v, t.Weights({9, 5})}));
  t.Output(t.Node(OpKind::kMatMul, {x, v}));
  t.Output(t.Node(OpKind::kMatMul, {t.Weights({2, 1, 3, 6}), x}));
  ExpectSameAsModel(t);
}

TEST(LowerLinear, AttentionKeepsTheOrderOfItsSecondFactor) {
  TestGraph t;
  const ValueId x = t.Input({1, 6, 8});
  std::vector<ValueId> heads;
  for (int i = 0; i < 3; ++i) {
    const ValueId dense = t.Node(OpKind::kMatMul, {x, t.Weights({8, 8})});
    const ValueId split = t.Node(OpKind::kReshape, {dense, t.Ints({1, 6, 2, 4})});
    heads.push_back(t.Node(OpKind::kTranspose, {split},
                           {{"perm", i == 1 ? Ints{0, 2, 3, 1} : Ints{0, 2, 1, 3}}}));
  }
  ValueId scores = t.Node(OpKind::kMatMul, {heads[0], heads[1]});
  scores = t.Node(OpKind::kSoftmax, {t.Node(OpKind::kMul, {scores, t.Floats({}, {0.5f})})},
                  {{"axis", int64_t{-1}}});
  ValueId y = t.Node(OpKind::kMatMul, {scores, heads[2]});
  y = t.Node(OpKind::kTranspose, {y}, {{"perm", Ints{0, 2, 1, 3}}});
  y = t.Node(OpKind::kReshape, {y, t.Ints({1, 6, 8})});
  t.Output(t.Node(OpKind::kMatMul, {y, t.Weights({8, 8})}));
  const LoweredGraph lowered = ExpectSameAsModel(t);
  EXPECT_EQ(CountOps<CopyOp>(lowered), 4u);  // one per head tensor, one back
  const auto product = std::ranges::find_if(
      lowered.ops, [](const LoweredOp& op) { return std::holds_alternative<MatMulOp>(op.kind); });
  EXPECT_TRUE(std::get<MatMulOp>(product->kind).b_transposed);
}

TEST(LowerLinear, FlattenedImagesMoveNoData) {
  TestGraph t;
  ValueId x = t.Input({1, 3, 8, 8});
  x = t.Node(OpKind::kConv, {x, t.Weights({5, 3, 3, 3})});
  const ValueId flat = t.Node(OpKind::kFlatten, {x});
  t.Output(t.Node(OpKind::kGemm, {flat, t.Weights({180, 10}), t.Weights({10})}));
  EXPECT_EQ(CountOps<CopyOp>(ExpectSameAsModel(t)), 0u);
  // Anything else needs the model's order.
  t.Output(t.Node(OpKind::kSoftmax, {t.Node(OpKind::kAdd, {flat, t.Weights({180})})},
                  {{"axis", int64_t{1}}}));
  EXPECT_EQ(CountOps<CopyOp>(ExpectSameAsModel(t)), 1u);
}

TEST(LowerLinear, BatchesAreRowsOfOneImage) {
  TestGraph t;
  const ValueId x = t.Input({3, 4, 5, 5});
  t.Output(t.Node(OpKind::kConv, {x, t.Weights({6, 4, 1, 1})}));
  ExpectSameAsModel(t);
  t.Output(t.Node(OpKind::kConv, {x, t.Weights({6, 4, 3, 3})}));
  ExpectSameAsModel(t);
}

TEST(LowerLinear, LongFiltersAreSplitByInputChannels) {
  TestGraph t;
  const ValueId x = t.Input({2, 70000});
  t.Output(t.Node(OpKind::kMatMul, {x, t.Weights({70000, 3})}));
  const ValueId image = t.Node(OpKind::kReshape, {x, t.Ints({2, 14000, 5})});
  t.Output(t.Node(OpKind::kConv, {image, t.Weights({4, 7000, 5}), t.Weights({4})},
                  {{"group", int64_t{2}}, {"pads", std::vector<int64_t>{2, 1}}}));
  const LoweredGraph lowered = ExpectSameAsModel(t, 1e-4);
  EXPECT_EQ(CountOps<LinearOp>(lowered), 5u);
}

TEST(LowerLinear, StepsOfARecurrenceAreOneLayer) {
  TestGraph t;
  const ValueId x = t.Input({5, 1, 6});
  const auto made =
      t.Nodes(OpKind::kLstm, {x, t.Weights({1, 32, 6}), t.Weights({1, 32, 8})}, {}, 2);
  // The same product once more, by other nodes.
  t.Output(t.Node(OpKind::kMatMul, {made[1], t.Weights({8, 3})}));
  t.Output(made[0]);
  model::Normalize(t.graph);
  const LoweredGraph lowered = ExpectSameAsModel(t);
  std::vector<uint32_t> firsts;
  size_t repeated = 0;
  for (uint32_t i = 0; i < lowered.ops.size(); ++i) {
    const auto* layer = std::get_if<LinearOp>(&lowered.ops[i].kind);
    if (layer == nullptr) continue;
    if (layer->same_as == kNone) {
      firsts.push_back(i);
      continue;
    }
    ++repeated;
    EXPECT_EQ(std::ranges::count(firsts, layer->same_as), 1);
    EXPECT_EQ(layer->weights, std::get<LinearOp>(lowered.ops[layer->same_as].kind).weights);
  }
  EXPECT_EQ(firsts.size(), 3u);  // for the inputs, for the state, behind
  EXPECT_EQ(repeated, 3u);       // the first of five steps has no state
}

TEST(LowerLinear, AllUnsupportedNodesAreListed) {
  TestGraph t;
  const ValueId x = t.Input({1, 4, 5, 5});
  const ValueId odd = t.Node(OpKind::kConv, {x, t.Input({6, 4, 3, 3})});
  t.Output(t.Node(OpKind::kRelu, {odd}));
  t.Output(t.Node(OpKind::kReduceProd, {x}));
  try {
    Lower(t.graph);
    FAIL() << "must be refused";
  } catch (const model::ModelError& error) {
    EXPECT_EQ(error.status(), Status::kUnsupported);
    const std::string what = error.what();
    EXPECT_NE(what.find("2 nodes"), std::string::npos) << what;
    EXPECT_NE(what.find("Conv"), std::string::npos) << what;
    EXPECT_NE(what.find("ReduceProd"), std::string::npos) << what;
  }
}

}  // namespace
}  // namespace penumbra::protect
