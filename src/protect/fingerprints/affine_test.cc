// The table of affine operators: each is run on noise, and so are those that it refuses where that can be seen.
#include "protect/fingerprints/affine.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "protect/plain/inference.h"

namespace penumbra::protect {
namespace {

constexpr uint32_t kPixels = 6, kChannels = 4;

std::vector<float> Noise(uint32_t seed, uint64_t count) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& v : values) v = normal(random);
  return values;
}

// x, operand -> y, all [6, 4].
LoweredGraph Single(LoweredKind kind) {
  LoweredGraph graph;
  for (const char* name : {"x", "operand", "y"}) {
    graph.tensors.push_back({name, model::kNoValue, {kPixels, kChannels}, {0, 1}});
  }
  graph.ops.push_back({"op", std::move(kind)});
  for (const TensorId id : InputsOf(graph.ops.front())) {
    graph.inputs.push_back({graph.tensors[id].name, id, model::DataType::kFloat32, {}});
  }
  graph.outputs.push_back({"y", 2, model::DataType::kFloat32, {}});
  return graph;
}

ElementwiseOp Element(PassFn fn, PassOperand kind, float a = 0) {
  ElementwiseOp op{};
  op.x = 0;
  op.y = 2;
  op.fn = fn;
  op.operand_kind = kind;
  op.a = a;
  if (kind == PassOperand::kChannel) {
    op.constants = {0.5f, -2, 3, 0.1f};
    op.period = kChannels;
  }
  if (kind == PassOperand::kTensor) op.operand = 1;
  return op;
}

// Largest deviation of F(2 a - b) from 2 F(a) - F(b).
float Deviation(const LoweredGraph& graph) {
  std::vector<std::vector<float>> a, b, both;
  for (uint32_t i = 0; i < graph.inputs.size(); ++i) {
    a.push_back(Noise(i + 1, kPixels * kChannels));
    b.push_back(Noise(i + 11, kPixels * kChannels));
    both.push_back(a.back());
    for (size_t e = 0; e < both.back().size(); ++e) both.back()[e] = 2 * a.back()[e] - b.back()[e];
  }
  const std::vector<float> ya = RunFloat(graph, a)[0], yb = RunFloat(graph, b)[0], y = RunFloat(graph, both)[0];
  float largest = 0;
  for (size_t e = 0; e < y.size(); ++e) largest = std::max(largest, std::fabs(y[e] - (2 * ya[e] - yb[e])));
  return largest;
}

TEST(Affine, TheTableIsTrue) {
  const LinearOp dense{0, 2, {kPixels, 1, kChannels, kPixels, 1, kChannels, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1},
                       Noise(5, kChannels * kChannels), Noise(6, kChannels)};
  ConvGeometry window{kPixels, 1, kChannels, kPixels, 1, kChannels, 3, 1, 1, 1, 1, 1, 1, 0, 1, 0, kChannels};
  const std::pair<LoweredKind, bool> cases[] = {
      {dense, true},
      {Element(PassFn::kNeg, PassOperand::kNone), true},
      {Element(PassFn::kRelu, PassOperand::kNone), false},
      {Element(PassFn::kAbs, PassOperand::kNone), false},
      {Element(PassFn::kLeakyRelu, PassOperand::kNone, 0.1f), false},
      {Element(PassFn::kAdd, PassOperand::kScalar, 3), true},
      {Element(PassFn::kMul, PassOperand::kScalar, -3), true},
      {Element(PassFn::kMax, PassOperand::kScalar, 0.2f), false},
      {Element(PassFn::kReverseDiv, PassOperand::kScalar, 2), false},
      {Element(PassFn::kMul, PassOperand::kChannel), true},
      {Element(PassFn::kDiv, PassOperand::kChannel), true},
      {Element(PassFn::kReverseSub, PassOperand::kChannel), true},
      {Element(PassFn::kSub, PassOperand::kTensor), true},
      {Element(PassFn::kMul, PassOperand::kTensor), false},
      {Element(PassFn::kMin, PassOperand::kTensor), false},
      {PoolOp{0, 2, 0, window}, false},
      {PoolOp{0, 2, 2, window}, true},
      {SoftmaxOp{0, 2, kChannels, false}, false},
      {NormalizeOp{0, 2, kChannels, 1e-3f}, false},
  };
  for (size_t i = 0; i < std::size(cases); ++i) {
    const LoweredGraph graph = Single(cases[i].first);
    EXPECT_EQ(IsAffine(graph.ops.front()), cases[i].second) << "case " << i;
    if (cases[i].second) {
      EXPECT_LT(Deviation(graph), 1e-4f) << "case " << i;
    } else {
      EXPECT_GT(Deviation(graph), 1e-2f) << "case " << i;
    }
  }
}

TEST(Affine, ConstantsThatAreNotFiniteSpoilSums) {
  ElementwiseOp mask = Element(PassFn::kAdd, PassOperand::kChannel);
  EXPECT_TRUE(IsAffine({"mask", mask}));
  mask.constants[1] = -std::numeric_limits<float>::infinity();
  EXPECT_FALSE(IsAffine({"mask", mask}));
}

// |F(x)| <= magnitude of F at |x|, for any signs.
TEST(Affine, MagnitudesBoundResults) {
  const LinearOp dense{0, 2, {kPixels, 1, kChannels, kPixels, 1, kChannels, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1},
                       Noise(5, kChannels * kChannels), Noise(6, kChannels)};
  for (const LoweredKind& kind : {LoweredKind(dense), LoweredKind(Element(PassFn::kSub, PassOperand::kTensor)),
                                  LoweredKind(Element(PassFn::kReverseSub, PassOperand::kChannel))}) {
    const LoweredGraph graph = Single(kind);
    LoweredGraph bound = graph;
    bound.ops.front() = MagnitudeOf(graph.ops.front());
    for (uint32_t seed = 0; seed < 20; ++seed) {
      std::vector<std::vector<float>> x, magnitudes;
      for (uint32_t i = 0; i < graph.inputs.size(); ++i) {
        x.push_back(Noise(seed * 2 + i, kPixels * kChannels));
        magnitudes.push_back(x.back());
        for (float& v : magnitudes.back()) v = std::fabs(v);
      }
      const std::vector<float> y = RunFloat(graph, x)[0], most = RunFloat(bound, magnitudes)[0];
      for (size_t e = 0; e < y.size(); ++e) ASSERT_LE(std::fabs(y[e]), most[e] * 1.00001f);
    }
  }
}

}  // namespace
}  // namespace penumbra::protect
