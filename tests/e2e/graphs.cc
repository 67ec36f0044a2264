#include "graphs.h"

#include <limits>

#include "model/passes/passes.h"

namespace penumbra::e2e {
namespace {

using model::kNoValue;
using model::OpKind;
using model::Shape;
using model::ValueId;
using protect::Attributes;
using protect::TestGraph;
using Ints = std::vector<int64_t>;

// Weights that keep activations of order 1.
ValueId Conv(TestGraph& t, ValueId x, const Shape& weights, const Attributes& attributes = {}) {
  int64_t inputs = 1;
  for (size_t i = 1; i < weights.size(); ++i) inputs *= weights[i];
  const float limit = 2 / std::sqrt(static_cast<float>(inputs));
  return t.Node(OpKind::kConv, {x, t.Weights(weights, -limit, limit), t.Weights({weights[0]})},
                attributes);
}

ValueId Pointwise(TestGraph& t, ValueId x, int64_t in, int64_t out) {
  return Conv(t, x, {out, in, 1, 1});
}

// Transposes inside a layer's input permutation, strides and uneven pads around a depthwise layer.
void DepthwiseAndShuffle(TestGraph& t) {
  ValueId x = t.Node(OpKind::kRelu, {Pointwise(t, t.Input({1, 3, 12, 14}), 3, 16)});
  x = Conv(t, x, {16, 1, 3, 3},
           {{"group", int64_t{16}}, {"strides", Ints{2, 1}}, {"pads", Ints{0, 1, 2, 1}}});
  x = t.Node(OpKind::kClip, {Pointwise(t, x, 16, 24), t.Floats({}, {0}), t.Floats({}, {6})});
  x = t.Node(OpKind::kReshape, {x, t.Ints({1, 3, 8, 6, 14})});
  x = t.Node(OpKind::kTranspose, {x}, {{"perm", Ints{0, 2, 1, 3, 4}}});
  x = t.Node(OpKind::kReshape, {x, t.Ints({1, 24, 6, 14})});
  x = Conv(t, x, {24, 1, 5, 5}, {{"group", int64_t{24}}, {"pads", Ints{2, 2, 2, 2}}});
  t.Output(Pointwise(t, x, 24, 5));
}

void GroupsAndDilation(TestGraph& t) {
  ValueId x = Conv(t, t.Input({1, 4, 13, 11}), {12, 4, 3, 2}, {{"pads", Ints{1, 0, 2, 1}}});
  x = t.Node(OpKind::kLeakyRelu, {x}, {{"alpha", 0.1f}});
  x = Conv(t, x, {18, 4, 3, 3},
           {{"group", int64_t{3}}, {"dilations", Ints{2, 1}}, {"pads", Ints{2, 1, 2, 1}}});
  x = Conv(t, x, {36, 1, 3, 3}, {{"group", int64_t{18}}, {"strides", Ints{1, 2}}});
  t.Output(Conv(t, t.Node(OpKind::kElu, {x}), {8, 36, 2, 3}, {{"strides", Ints{3, 2}}}));
}

// Enough channels and pixels for both halves' Winograd convolutions; ragged channels, rows and columns.
void WideSquares(TestGraph& t) {
  const ValueId x = Conv(t, t.Input({1, 3, 20, 21}), {33, 3, 3, 3}, {{"pads", Ints{1, 1, 1, 1}}});
  t.Output(Conv(t, t.Node(OpKind::kRelu, {x}), {18, 33, 3, 3}, {{"pads", Ints{0, 1, 2, 0}}}));
}

void OneDimension(TestGraph& t) {
  ValueId x =
      Conv(t, t.Input({1, 3, 40}), {10, 3, 5}, {{"strides", Ints{2}}, {"pads", Ints{2, 1}}});
  x = t.Node(OpKind::kMaxPool, {t.Node(OpKind::kTanh, {x})},
             {{"kernel_shape", Ints{3}}, {"strides", Ints{2}}, {"ceil_mode", int64_t{1}}});
  x = Conv(t, x, {10, 1, 3}, {{"group", int64_t{10}}, {"pads", Ints{1, 1}}});
  t.Output(t.Node(OpKind::kSoftmax, {Conv(t, x, {6, 10, 1})}, {{"axis", int64_t{1}}}));
}

// Filters that no single layer can hold: split by input channels, within groups as well.
void LongFilters(TestGraph& t) {
  const ValueId x = t.Input({1, 70000});
  const ValueId dense = t.Node(OpKind::kMatMul, {x, t.Weights({70000, 3}, -0.01f, 0.01f)});
  const ValueId image = t.Node(OpKind::kReshape, {x, t.Ints({1, 14000, 5, 1})});
  const ValueId conv =
      Conv(t, image, {4, 7000, 5, 1}, {{"group", int64_t{2}}, {"pads", Ints{1, 0, 0, 0}}});
  t.Output(t.Node(OpKind::kRelu, {dense}));
  t.Output(conv);
}

// Samples of a batch share one layer, whatever its strides and pads.
void BatchOfImages(TestGraph& t) {
  ValueId x = Conv(t, t.Input({3, 2, 11, 9}), {6, 2, 4, 3},
                   {{"strides", Ints{3, 2}}, {"pads", Ints{2, 1, 1, 0}}});
  x = t.Node(OpKind::kMaxPool, {x}, {{"kernel_shape", Ints{2, 2}}});
  x = t.Node(OpKind::kConvTranspose, {x, t.Weights({6, 2, 3, 3}, -0.3f, 0.3f), t.Weights({2})},
             {{"strides", Ints{2, 2}}});
  t.Output(x);
}

// Classes and whole numbers leave as what they are.
void IntegerOutputs(TestGraph& t) {
  const ValueId x = Conv(t, t.Input({1, 3, 6, 6}), {5, 3, 3, 3});
  t.Output(t.Node(OpKind::kArgMax, {x}, {{"axis", int64_t{1}}, {"keepdims", int64_t{0}}}));
  const ValueId scaled = t.Node(OpKind::kMul, {x, t.Floats({}, {40})});
  t.Output(t.Node(OpKind::kCast, {scaled}, {{"to", int64_t{3}}}));
  t.Output(t.Node(OpKind::kCast, {x}, {{"to", int64_t{9}}}));
}

void TransposedConvolution(TestGraph& t) {
  ValueId x = t.Node(OpKind::kRelu, {Pointwise(t, t.Input({1, 3, 6, 5}), 3, 8)});
  x = t.Node(OpKind::kConvTranspose, {x, t.Weights({8, 3, 4, 3}, -0.3f, 0.3f), t.Weights({6})},
             {{"strides", Ints{2, 2}},
              {"pads", Ints{1, 0, 1, 1}},
              {"output_padding", Ints{0, 1}},
              {"group", int64_t{2}}});
  t.Output(t.Node(OpKind::kSigmoid, {Pointwise(t, x, 6, 2)}));
}

// Concat, residual sums, and a join that scales a whole map by another.
void Joins(TestGraph& t) {
  const ValueId x = t.Node(OpKind::kRelu, {Pointwise(t, t.Input({1, 3, 9, 10}), 3, 12)});
  const ValueId a = Conv(t, x, {12, 12, 3, 3}, {{"pads", Ints{1, 1, 1, 1}}});
  const ValueId sum = t.Node(OpKind::kRelu, {t.Node(OpKind::kAdd, {a, x})});
  const ValueId b = t.Node(OpKind::kHardSwish, {Pointwise(t, sum, 12, 7)});
  const ValueId joined = t.Node(OpKind::kConcat, {sum, b, x}, {{"axis", int64_t{1}}});
  const ValueId c = Pointwise(t, joined, 31, 12);
  t.Output(Pointwise(t, t.Node(OpKind::kMul, {c, sum}), 12, 4));
}

void SqueezeAndExcite(TestGraph& t) {
  const ValueId x =
      t.Node(OpKind::kPRelu, {Pointwise(t, t.Input({1, 3, 10, 8}), 3, 16), t.Weights({16, 1, 1})});
  ValueId s = t.Node(OpKind::kGlobalAveragePool, {x});
  s = t.Node(OpKind::kRelu, {Pointwise(t, s, 16, 5)});
  s = t.Node(OpKind::kHardSigmoid, {Pointwise(t, s, 5, 16)}, {{"alpha", 0.2f}, {"beta", 0.5f}});
  t.Output(Pointwise(t, t.Node(OpKind::kMul, {x, s}), 16, 6));
}

void Pools(TestGraph& t) {
  ValueId x = t.Node(OpKind::kRelu, {Pointwise(t, t.Input({1, 3, 21, 18}), 3, 9)});
  x = t.Node(OpKind::kMaxPool, {x},
             {{"kernel_shape", Ints{3, 3}},
              {"strides", Ints{2, 2}},
              {"pads", Ints{1, 0, 1, 1}},
              {"ceil_mode", int64_t{1}}});
  x = Pointwise(t, x, 9, 9);
  for (const int64_t counted : {0, 1}) {
    const ValueId pooled = t.Node(OpKind::kAveragePool, {x},
                                  {{"kernel_shape", Ints{3, 2}},
                                   {"strides", Ints{2, 1}},
                                   {"pads", Ints{1, 1, 1, 0}},
                                   {"count_include_pad", counted}});
    t.Output(Pointwise(t, pooled, 9, 3));
  }
  const ValueId flat = t.Node(OpKind::kFlatten, {t.Node(OpKind::kGlobalMaxPool, {x})});
  t.Output(t.Node(OpKind::kGemm, {flat, t.Weights({9, 5}), t.Weights({5})}));
}

void Resizes(TestGraph& t) {
  const ValueId x = t.Node(OpKind::kRelu, {Pointwise(t, t.Input({1, 3, 7, 6}), 3, 8)});
  for (const char* mode : {"nearest", "linear"}) {
    const ValueId big = t.Node(
        OpKind::kResize, {x, kNoValue, kNoValue, t.Ints({1, 8, 14, 15})},
        {{"mode", std::string(mode)},
         {"coordinate_transformation_mode",
          std::string(mode[0] == 'n' ? "asymmetric" : "half_pixel")},
         {"nearest_mode", std::string("floor")}});
    t.Output(Conv(t, big, {4, 8, 3, 3}, {{"pads", Ints{1, 1, 1, 1}}}));
  }
}

void DataMovement(TestGraph& t) {
  const ValueId x = Pointwise(t, t.Input({1, 3, 8, 12}), 3, 10);
  const auto parts = t.Nodes(OpKind::kSplit, {x, t.Ints({4, 1, 5})}, {{"axis", int64_t{1}}}, 3);
  const ValueId a = Conv(t, parts[0], {5, 4, 3, 3}, {{"pads", Ints{1, 1, 1, 1}}});
  const ValueId sliced = t.Node(
      OpKind::kSlice, {a, t.Ints({1, 7}), t.Ints({12, -9}), t.Ints({3, 2}), t.Ints({2, -1})});
  ValueId turned = t.Node(OpKind::kTranspose, {sliced}, {{"perm", Ints{0, 3, 1, 2}}});
  turned = t.Node(OpKind::kReshape, {turned, t.Ints({1, 6, 5, 8})});
  t.Output(Pointwise(t, turned, 6, 7));
  t.Output(Pointwise(t, t.Node(OpKind::kAdd, {parts[2], parts[1]}), 5, 3));
}

// Products of two activations between dense layers.
void Attention(TestGraph& t) {
  const ValueId x = t.Input({1, 9, 16});
  std::vector<ValueId> heads;
  for (int i = 0; i < 3; ++i) {
    const ValueId dense = t.Node(OpKind::kMatMul, {x, t.Weights({16, 16}, -0.4f, 0.4f)});
    const ValueId split = t.Node(OpKind::kReshape, {dense, t.Ints({1, 9, 2, 8})});
    heads.push_back(t.Node(OpKind::kTranspose, {split},
                           {{"perm", i == 1 ? Ints{0, 2, 3, 1} : Ints{0, 2, 1, 3}}}));
  }
  const ValueId scores = t.Node(OpKind::kMatMul, {heads[0], heads[1]});
  const ValueId weights = t.Node(OpKind::kSoftmax, {scores}, {{"axis", int64_t{-1}}});
  ValueId y = t.Node(OpKind::kMatMul, {weights, heads[2]});
  y = t.Node(OpKind::kTranspose, {y}, {{"perm", Ints{0, 2, 1, 3}}});
  y = t.Node(OpKind::kReshape, {y, t.Ints({1, 9, 16})});
  t.Output(t.Node(OpKind::kMatMul, {y, t.Weights({16, 11})}));
}

// One decoder block: a causal mask, normalisation, a gated choice between two branches.
void TransformerBlock(TestGraph& t) {
  const ValueId x = t.Input({1, 7, 16});
  const auto norm = [&](ValueId v) {
    return t.Node(OpKind::kLayerNormalization, {v, t.Weights({16}, 0.5f, 1.5f), t.Weights({16})});
  };
  const auto dense = [&](ValueId v, int64_t in, int64_t out) {
    const ValueId y = t.Node(OpKind::kMatMul, {v, t.Weights({in, out}, -0.4f, 0.4f)});
    return t.Node(OpKind::kAdd, {y, t.Weights({out})});
  };
  const ValueId normed = norm(x);
  std::vector<ValueId> heads;
  for (int i = 0; i < 3; ++i)
    heads.push_back(t.Node(OpKind::kReshape, {dense(normed, 16, 16), t.Ints({1, 7, 2, 8})}));
  const ValueId scores = t.Node(OpKind::kEinsum, {heads[0], heads[1]},
                                {{"equation", std::string("bqhd,bkhd->bhqk")}});
  std::vector<float> mask(49, 0.0f);
  for (size_t i = 0; i < mask.size(); ++i)
    mask[i] = i % 7 > i / 7 ? -std::numeric_limits<float>::infinity() : 0.0f;
  const ValueId masked = t.Node(OpKind::kAdd, {scores, t.Floats({7, 7}, mask)});
  const ValueId weights = t.Node(OpKind::kSoftmax, {masked}, {{"axis", int64_t{-1}}});
  ValueId y = t.Node(OpKind::kEinsum, {weights, heads[2]},
                     {{"equation", std::string("bhqk,bkhd->bqhd")}});
  y = dense(t.Node(OpKind::kReshape, {y, t.Ints({1, 7, 16})}), 16, 16);
  y = t.Node(OpKind::kAdd, {x, y});
  const ValueId wide = t.Node(OpKind::kGelu, {dense(norm(y), 16, 24)});
  const ValueId narrow = dense(wide, 24, 16);
  const ValueId chosen =
      t.Node(OpKind::kWhere, {t.Node(OpKind::kLess, {narrow, y}), narrow, t.Floats({}, {0.25f})});
  t.Output(t.Node(OpKind::kLogSoftmax, {dense(norm(chosen), 16, 11)}, {{"axis", int64_t{-1}}}));
  model::Normalize(t.graph);
}

// Layers that run once per step with the same weights, in both directions and with a state.
void Recurrence(TestGraph& t) {
  const auto weights = [&](int64_t directions, int64_t rows, int64_t columns) {
    return t.Weights({directions, rows, columns}, -0.5f, 0.5f);
  };
  const ValueId x = t.Input({5, 1, 6});
  const auto lstm = t.Nodes(OpKind::kLstm,
                            {x, weights(2, 32, 6), weights(2, 32, 8), t.Weights({2, 64})},
                            {{"direction", std::string("bidirectional")}}, 1);
  const ValueId joined = t.Node(OpKind::kTranspose, {lstm[0]}, {{"perm", Ints{0, 2, 1, 3}}});
  const ValueId both = t.Node(OpKind::kReshape, {joined, t.Ints({5, 1, 16})});
  const auto gru = t.Nodes(
      OpKind::kGru,
      {both, weights(1, 24, 16), weights(1, 24, 8), t.Weights({1, 48}), kNoValue,
       t.Input({1, 1, 8})},
      {{"linear_before_reset", int64_t{1}}}, 2);
  const ValueId states = t.Node(OpKind::kReshape, {gru[0], t.Ints({5, 1, 8})});
  const auto rnn = t.Nodes(OpKind::kRnn, {states, weights(1, 4, 8), weights(1, 4, 4)},
                           {{"direction", std::string("reverse")}}, 2);
  t.Output(rnn[0]);
  t.Output(gru[1]);
  model::Normalize(t.graph);
}

void SeveralInputsAndOutputs(TestGraph& t) {
  const ValueId a = Pointwise(t, t.Input({1, 3, 8, 9}), 3, 6);
  const ValueId b = Conv(t, t.Input({1, 2, 8, 9}), {6, 2, 3, 3}, {{"pads", Ints{1, 1, 1, 1}}});
  const ValueId sum = t.Node(OpKind::kSub, {a, b});
  t.Output(sum);
  const ValueId best =
      t.Node(OpKind::kArgMax, {Pointwise(t, sum, 6, 12)}, {{"axis", int64_t{1}}});
  t.Output(t.Node(OpKind::kCast, {best}, {{"to", int64_t{1}}}));
  t.Output(t.Node(OpKind::kReduceMean, {a}, {{"axes", Ints{2, 3}}, {"keepdims", int64_t{0}}}));
}

}  // namespace

const std::vector<GraphCase>& GraphCases() {
  static const std::vector<GraphCase> cases = {
      {"DepthwiseAndShuffle", DepthwiseAndShuffle},
      {"GroupsAndDilation", GroupsAndDilation},
      {"WideSquares", WideSquares},
      {"OneDimension", OneDimension},
      {"TransposedConvolution", TransposedConvolution},
      {"Joins", Joins},
      {"SqueezeAndExcite", SqueezeAndExcite},
      {"Pools", Pools},
      {"Resizes", Resizes},
      {"DataMovement", DataMovement},
      {"Attention", Attention},
      {"TransformerBlock", TransformerBlock},
      {"Recurrence", Recurrence},
      {"SeveralInputsAndOutputs", SeveralInputsAndOutputs},
      {"LongFilters", LongFilters},
      {"BatchOfImages", BatchOfImages},
      {"IntegerOutputs", IntegerOutputs},
  };
  return cases;
}

}  // namespace penumbra::e2e
