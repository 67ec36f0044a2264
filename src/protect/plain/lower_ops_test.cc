// Lowering of everything that is not linear: the same values as the model's interpreter.
#include <limits>

#include "protect/plain/test_support.h"

namespace penumbra::protect {
namespace {

using Ints = std::vector<int64_t>;

// A channel-last image to start from, and a row-major matrix.
ValueId Image(TestGraph& t, const Shape& shape = {1, 6, 8, 10}) {
  return t.Node(OpKind::kConv, {t.Input(shape), t.Weights({6, shape[1], 1, 1})});
}

TEST(LowerOps, UnaryFunctions) {
  for (OpKind op :
       {OpKind::kRelu, OpKind::kLeakyRelu, OpKind::kSigmoid, OpKind::kHardSigmoid,
        OpKind::kHardSwish, OpKind::kTanh, OpKind::kElu, OpKind::kSoftplus, OpKind::kExp,
        OpKind::kNeg, OpKind::kAbs, OpKind::kFloor, OpKind::kCeil, OpKind::kErf}) {
    TestGraph t;
    t.Output(t.Node(op, {t.Input({1, 6, 8, 10})}));
    ExpectSameAsModel(t);
  }
  TestGraph t;
  const ValueId positive = t.Node(OpKind::kExp, {t.Input({3, 7})});
  for (OpKind op : {OpKind::kLog, OpKind::kSqrt, OpKind::kReciprocal})
    t.Output(t.Node(op, {positive}));
  ExpectSameAsModel(t);
}

TEST(LowerOps, ClipWithOneOrTwoLimits) {
  TestGraph t;
  const ValueId x = t.Input({2, 9});
  const ValueId none = model::kNoValue;
  const ValueId low = t.Floats({}, {-0.25f});
  const ValueId high = t.Floats({}, {0.5f});
  t.Output(t.Node(OpKind::kClip, {x, low, high}));
  t.Output(t.Node(OpKind::kClip, {x, low}));
  t.Output(t.Node(OpKind::kClip, {x, none, high}));
  t.Output(t.Node(OpKind::kClip, {x, t.Floats({}, {0})}));
  ExpectSameAsModel(t);
}

TEST(LowerOps, ConstantOperandsOfEveryShape) {
  for (OpKind op : {OpKind::kAdd, OpKind::kSub, OpKind::kMul, OpKind::kDiv, OpKind::kMin,
                    OpKind::kMax, OpKind::kPow}) {
    TestGraph t;
    const ValueId x = t.Node(OpKind::kSigmoid, {Image(t)});
    for (const Shape& shape : {Shape{}, Shape{6, 1, 1}, Shape{10}, Shape{8, 1}, Shape{1, 6, 8, 10},
                               Shape{6, 1, 10}, Shape{1, 1, 8, 10}}) {
      t.Output(t.Node(op, {x, t.Weights(shape, 0.5, 2)}));
      t.Output(t.Node(op, {t.Weights(shape, 0.5, 2), x}));
    }
    ExpectSameAsModel(t);
  }
}

TEST(LowerOps, ActivationOperandsOfEveryShape) {
  for (OpKind op : {OpKind::kAdd, OpKind::kSub, OpKind::kDiv, OpKind::kPow}) {
    TestGraph t;
    const ValueId x = t.Node(OpKind::kExp, {Image(t)});
    for (const Shape& shape :
         {Shape{1, 6, 8, 10}, Shape{1, 6, 1, 1}, Shape{1, 1, 8, 10}, Shape{8, 1}, Shape{10},
          Shape{1}, Shape{1, 6, 8, 1}, Shape{6, 1, 10}}) {
      const ValueId operand = t.Node(OpKind::kExp, {t.Input(shape)});
      t.Output(t.Node(op, {x, operand}));
      t.Output(t.Node(op, {operand, x}));
    }
    t.Output(t.Node(
        op, {t.Node(OpKind::kExp, {t.Input({4, 1})}), t.Node(OpKind::kExp, {t.Input({1, 5})})}));
    ExpectSameAsModel(t);
  }
}

TEST(LowerOps, SqueezeAndExciteNeedsNoExpansion) {
  TestGraph t;
  const ValueId x = Image(t);
  ValueId s = t.Node(OpKind::kGlobalAveragePool, {x});
  s = t.Node(OpKind::kSigmoid, {t.Node(OpKind::kConv, {s, t.Weights({6, 6, 1, 1})})});
  t.Output(t.Node(OpKind::kMul, {s, x}));
  const LoweredGraph lowered = ExpectSameAsModel(t);
  EXPECT_EQ(CountOps<CopyOp>(lowered), 0u);
}

TEST(LowerOps, PReluWhereAndVariadicMinimum) {
  TestGraph t;
  const ValueId x = Image(t);
  t.Output(t.Node(OpKind::kPRelu, {x, t.Weights({6, 1, 1})}));
  t.Output(t.Node(OpKind::kMin, {x, t.Floats({}, {0.25f}), t.Input({1, 6, 8, 10})}));
  const ValueId mask = t.graph.AddConstant(
      "mask", model::Tensor::Of<bool>(
                  {1, 1, 1, 10}, {true, false, true, true, false, false, true, true, true, false}));
  t.Output(t.Node(OpKind::kWhere, {mask, x, t.Floats({}, {-2})}));
  ExpectSameAsModel(t);
}

TEST(LowerOps, BatchNormalizationThatCouldNotBeFolded) {
  TestGraph t;
  const ValueId x = t.Node(OpKind::kRelu, {Image(t)});
  t.Output(t.Node(OpKind::kBatchNormalization,
                  {x, t.Weights({6}), t.Weights({6}), t.Weights({6}), t.Weights({6}, 0.5, 2)}));
  ExpectSameAsModel(t);
}

TEST(LowerOps, LayerNormalizationFromItsParts) {
  TestGraph t;
  const ValueId x = t.Input({1, 7, 12});
  const Attributes last = {{"axes", Ints{-1}}};
  const ValueId centred = t.Node(OpKind::kSub, {x, t.Node(OpKind::kReduceMean, {x}, last)});
  const ValueId square = t.Node(OpKind::kPow, {centred, t.Floats({}, {2})});
  ValueId variance = t.Node(OpKind::kReduceMean, {square}, last);
  variance = t.Node(OpKind::kSqrt, {t.Node(OpKind::kAdd, {variance, t.Floats({}, {1e-5f})})});
  const ValueId y = t.Node(OpKind::kDiv, {centred, variance});
  t.Output(t.Node(OpKind::kAdd, {t.Node(OpKind::kMul, {y, t.Weights({12})}), t.Weights({12})}));
  ExpectSameAsModel(t);
}

TEST(LowerOps, PoolsWithPaddingDilationAndCeilMode) {
  for (OpKind op : {OpKind::kMaxPool, OpKind::kAveragePool}) {
    for (int64_t ceil : {0, 1}) {
      for (int64_t counted : {0, 1}) {
        TestGraph t;
        Attributes a = {{"kernel_shape", Ints{3, 2}},
                        {"strides", Ints{2, 3}},
                        {"pads", Ints{1, 0, 1, 1}},
                        {"ceil_mode", ceil}};
        if (op == OpKind::kAveragePool) a["count_include_pad"] = counted;
        if (op == OpKind::kMaxPool) a["dilations"] = Ints{2, 1};
        t.Output(t.Node(op, {t.Input({1, 5, 12, 9})}, a));
        t.Output(t.Node(op, {t.Input({1, 5, 11})},
                        {{"kernel_shape", Ints{3}}, {"strides", Ints{2}}, {"ceil_mode", ceil}}));
        ExpectSameAsModel(t);
      }
    }
  }
}

TEST(LowerOps, ReductionsOverEveryAxis) {
  for (OpKind op :
       {OpKind::kReduceMean, OpKind::kReduceSum, OpKind::kReduceMax, OpKind::kReduceMin}) {
    TestGraph t;
    const ValueId x = Image(t);
    for (const Ints& axes :
         {Ints{1}, Ints{2, 3}, Ints{-1}, Ints{1, 3}, Ints{0}, Ints{0, 1, 2, 3}}) {
      std::vector<ValueId> inputs = {x};
      Attributes attributes = {{"keepdims", int64_t{0}}};
      if (op == OpKind::kReduceSum) {
        inputs.push_back(t.Ints(axes));
      } else {
        attributes["axes"] = axes;
      }
      t.Output(t.Node(op, inputs, attributes));
    }
    t.Output(t.Node(OpKind::kGlobalAveragePool, {x}));
    t.Output(t.Node(OpKind::kGlobalMaxPool, {x}));
    ExpectSameAsModel(t);
  }
}

TEST(LowerOps, ComparisonsAndLogic) {
  TestGraph t;
  const ValueId x = t.Node(OpKind::kFloor, {t.Node(OpKind::kMul, {Image(t), t.Floats({}, {3})})});
  const ValueId y = t.Node(OpKind::kFloor, {t.Node(OpKind::kMul, {Image(t), t.Floats({}, {3})})});
  const ValueId row = t.Floats({10}, {0, 1, -1, 2, 0, 1, 1, -2, 0, 3});
  std::vector<ValueId> truths;
  for (OpKind op : {OpKind::kEqual, OpKind::kLess, OpKind::kLessOrEqual, OpKind::kGreater,
                    OpKind::kGreaterOrEqual}) {
    truths.push_back(t.Node(op, {x, y}));
    t.Output(truths.back());
    t.Output(t.Node(op, {x, row}));
    t.Output(t.Node(op, {row, y}));
  }
  t.Output(t.Node(OpKind::kAnd, {truths[0], truths[2]}));
  t.Output(t.Node(OpKind::kOr, {truths[1], truths[3]}));
  t.Output(t.Node(OpKind::kNot, {truths[4]}));
  ExpectSameAsModel(t, 0);
}

TEST(LowerOps, WhereWithAComputedConditionKeepsTheBits) {
  const float infinity = std::numeric_limits<float>::infinity();
  TestGraph t;
  const ValueId x = t.Input({3, 7});
  const ValueId condition = t.Node(OpKind::kLess, {x, t.Floats({}, {0.1f})});
  const ValueId huge = t.Node(OpKind::kMul, {x, t.Floats({}, {3e38f})});
  t.Output(t.Node(OpKind::kWhere, {condition, x, huge}));
  t.Output(t.Node(OpKind::kWhere, {condition, x, t.Weights({7})}));
  const ValueId masked = t.Node(OpKind::kWhere, {condition, t.Floats({}, {-infinity}), x});
  t.Output(t.Node(OpKind::kExp, {masked}));
  ExpectSameAsModel(t, 1e-6);
}

TEST(LowerOps, LayerNormalizationOverEveryNumberOfAxes) {
  TestGraph t;
  const ValueId image = Image(t);
  const ValueId matrix = t.Input({5, 33});
  for (int64_t axis = 0; axis < 4; ++axis)
    t.Output(t.Node(OpKind::kLayerNormalization, {image}, {{"axis", axis}}));
  t.Output(t.Node(OpKind::kLayerNormalization, {matrix}, {{"axis", int64_t{1}}}));
  const LoweredGraph lowered = ExpectSameAsModel(t);
  EXPECT_EQ(CountOps<NormalizeOp>(lowered), 5u);
}

TEST(LowerOps, SoftmaxAndArgMaxOnEveryAxis) {
  TestGraph t;
  const ValueId x = Image(t);
  for (int64_t axis = 0; axis < 4; ++axis) {
    t.Output(t.Node(OpKind::kSoftmax, {x}, {{"axis", axis}}));
    t.Output(t.Node(OpKind::kLogSoftmax, {x}, {{"axis", axis}}));
    t.Output(t.Node(OpKind::kSoftmax, {x}, {{"axis", axis}, {"axis_count", 4 - axis}}));
    t.Output(t.Node(OpKind::kArgMax, {x}, {{"axis", axis}, {"keepdims", axis % 2}}));
  }
  ExpectSameAsModel(t);
}

TEST(LowerOps, ConcatSplitAndSlice) {
  TestGraph t;
  const ValueId x = Image(t);
  for (int64_t axis : {1, 2, 3}) {
    t.Output(t.Node(OpKind::kConcat, {x, t.Input({1, 6, 8, 10}), t.Weights({1, 6, 8, 10}), x},
                    {{"axis", axis}}));
  }
  const auto parts = t.Nodes(OpKind::kSplit, {x, t.Ints({1, 3, 2})}, {{"axis", int64_t{1}}}, 3);
  t.Output(t.Node(OpKind::kConcat, {parts[2], parts[0]}, {{"axis", int64_t{1}}}));
  t.Output(t.Node(OpKind::kSlice, {x, t.Ints({1, -1, 2}), t.Ints({6, -9, 100}), t.Ints({1, 3, 2}),
                                   t.Ints({2, -3, 1})}));
  ExpectSameAsModel(t);
}

TEST(LowerOps, PadModes) {
  for (const char* mode : {"constant", "reflect", "edge", "wrap"}) {
    TestGraph t;
    t.Output(t.Node(OpKind::kPad,
                    {Image(t), t.Ints({0, 1, 2, 3, 0, 0, 1, -2}), t.Floats({}, {0.5f})},
                    {{"mode", std::string(mode)}}));
    ExpectSameAsModel(t);
  }
}

TEST(LowerOps, GatherExpandAndTile) {
  TestGraph t;
  const ValueId x = Image(t);
  t.Output(t.Node(OpKind::kGather, {x, t.Ints({0, 2, 4, 5, 5, -1, 1})}, {{"axis", int64_t{1}}}));
  const ValueId scalar = t.graph.AddConstant("i", model::Tensor::Scalar<int64_t>(3));
  t.Output(t.Node(OpKind::kGather, {x, scalar}, {{"axis", int64_t{2}}}));
  t.Output(t.Node(OpKind::kExpand, {t.Input({3, 1}), t.Ints({2, 3, 4})}));
  t.Output(t.Node(OpKind::kTile, {x, t.Ints({1, 2, 1, 3})}));
  ExpectSameAsModel(t);
}

TEST(LowerOps, BlocksBetweenDepthAndSpaceTakeOneCopy) {
  for (const char* mode : {"DCR", "CRD"}) {
    TestGraph t;
    ValueId x = t.Node(OpKind::kConv, {t.Input({1, 3, 5, 4}), t.Weights({12, 3, 1, 1})});
    x = t.Node(OpKind::kDepthToSpace, {x},
               {{"blocksize", int64_t{2}}, {"mode", std::string(mode)}});
    t.Output(t.Node(OpKind::kConv, {x, t.Weights({4, 3, 3, 3})}));
    EXPECT_EQ(CountOps<CopyOp>(ExpectSameAsModel(t)), 1u);
  }
  TestGraph t;
  const ValueId x =
      t.Node(OpKind::kSpaceToDepth, {t.Input({1, 3, 6, 4})}, {{"blocksize", int64_t{2}}});
  t.Output(t.Node(OpKind::kConv, {x, t.Weights({4, 12, 3, 2})}));
  ExpectSameAsModel(t);
}

TEST(LowerOps, ChannelShuffleTakesOneCopy) {
  TestGraph t;
  ValueId x = t.Node(OpKind::kReshape, {Image(t), t.Ints({1, 2, 3, 8, 10})});
  x = t.Node(OpKind::kTranspose, {x}, {{"perm", Ints{0, 2, 1, 3, 4}}});
  x = t.Node(OpKind::kReshape, {x, t.Ints({1, 6, 8, 10})});
  t.Output(t.Node(OpKind::kConv, {x, t.Weights({4, 6, 3, 3})}));
  EXPECT_EQ(CountOps<CopyOp>(ExpectSameAsModel(t)), 1u);
}

TEST(LowerOps, InverseTransposesCancel) {
  TestGraph t;
  ValueId x = t.Node(OpKind::kTranspose, {Image(t)}, {{"perm", Ints{0, 2, 3, 1}}});
  x = t.Node(OpKind::kMatMul, {x, t.Weights({6, 4})});
  x = t.Node(OpKind::kTranspose, {t.Node(OpKind::kRelu, {x})}, {{"perm", Ints{0, 3, 1, 2}}});
  t.Output(t.Node(OpKind::kConv, {x, t.Weights({4, 4, 3, 3})}));
  EXPECT_EQ(CountOps<CopyOp>(ExpectSameAsModel(t)), 0u);
}

TEST(LowerOps, PatchEmbeddingMovesNoData) {
  TestGraph t;
  ValueId x = t.Node(OpKind::kConv, {t.Input({1, 3, 8, 8}), t.Weights({6, 3, 4, 4})},
                     {{"strides", Ints{4, 4}}});
  x = t.Node(OpKind::kReshape, {x, t.Ints({1, 6, 4})});
  x = t.Node(OpKind::kTranspose, {x}, {{"perm", Ints{0, 2, 1}}});
  x = t.Node(OpKind::kAdd, {x, t.Weights({1, 4, 6})});
  t.Output(t.Node(OpKind::kMatMul, {x, t.Weights({6, 5})}));
  EXPECT_EQ(CountOps<CopyOp>(ExpectSameAsModel(t)), 0u);
}

TEST(LowerOps, ResizeInAllModes) {
  for (const char* mode : {"nearest", "linear"}) {
    for (const char* coordinates :
         {"asymmetric", "align_corners", "half_pixel", "pytorch_half_pixel"}) {
      TestGraph t;
      const ValueId x = Image(t, {1, 2, 5, 7});
      for (const Shape& sizes : {Shape{1, 6, 10, 14}, Shape{1, 6, 13, 9}, Shape{1, 6, 3, 7}}) {
        t.Output(t.Node(OpKind::kResize, {x, model::kNoValue, model::kNoValue, t.Ints(sizes)},
                        {{"mode", std::string(mode)},
                         {"coordinate_transformation_mode", std::string(coordinates)},
                         {"nearest_mode", std::string("floor")}}));
      }
      ExpectSameAsModel(t);
    }
  }
}

TEST(LowerOps, OutputsThatAreInputsOrViews) {
  TestGraph t;
  const ValueId x = t.Input({1, 3, 4, 5});
  t.Output(x);
  t.Output(t.Node(OpKind::kTranspose, {x}, {{"perm", Ints{0, 3, 1, 2}}}));
  t.Output(t.Node(OpKind::kFlatten, {x}));
  t.Output(t.Node(OpKind::kReduceSum, {x}));
  t.Output(t.Weights({2, 3}));
  ExpectSameAsModel(t);
}

}  // namespace
}  // namespace penumbra::protect
