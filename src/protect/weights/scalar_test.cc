// Graphs of scaled tensors: on random graphs with joins, whatever is public, they compute what the
// graph computed, and nothing public stands there as it was.
#include "protect/weights/scalar.h"

#include <gtest/gtest.h>

#include <set>

#include "model/error.h"
#include "protect/lower/shared_layers.h"
#include "protect/plain/test_support.h"
#include "protect/weights/scaling.h"

namespace penumbra::protect {
namespace {

using Ints = std::vector<int64_t>;

SecretKey Key(uint8_t value) {
  SecretKey key;
  key.fill(value);
  return key;
}

// Values of one image size and a few channel counts, joined again and again.
class RandomGraph {
 public:
  explicit RandomGraph(unsigned seed) : t_(seed), random_(seed) {
    values_.push_back({t_.Input({1, 4, 6, 5}), 4});
    for (int i = 0; i < 24; ++i) AddNode();
    t_.Output(Classifier(values_.back()));
    for (size_t i = 1; i < values_.size(); i += 3) t_.Output(values_[i].id);
  }
  LoweredGraph Lowered() const { return Lower(t_.graph); }

 private:
  struct Value {
    ValueId id;
    int64_t channels;
  };

  uint32_t Below(uint32_t bound) { return random_() % bound; }
  // One of the last few, so that there are branches.
  Value Any() {
    const auto count = static_cast<uint32_t>(values_.size());
    return values_[count - 1 - Below(std::min(6u, count))];
  }

  ValueId Conv(Value x, int64_t out, int64_t kernel, int64_t group) {
    const float limit = 2 / std::sqrt(static_cast<float>(x.channels / group * kernel * kernel));
    const int64_t pad = kernel / 2;
    return t_.Node(OpKind::kConv,
                   {x.id, t_.Weights({out, x.channels / group, kernel, kernel}, -limit, limit),
                    t_.Weights({out})},
                   {{"group", group}, {"pads", Ints{pad, pad, pad, pad}}});
  }

  Value Join(Value a) {
    Value b = Any();
    if (Below(2) == 0) {
      return {t_.Node(OpKind::kConcat, {a.id, b.id}, {{"axis", int64_t{1}}}),
              a.channels + b.channels};
    }
    if (a.channels != b.channels) b.id = Conv(b, a.channels, 1, 1);
    return {t_.Node(Below(4) == 0 ? OpKind::kMul : OpKind::kAdd, {a.id, b.id}), a.channels};
  }

  Value PerChannel(Value x, OpKind op) {
    return {t_.Node(op, {x.id, t_.Weights({x.channels, 1, 1}, 0.5f, 2)}), x.channels};
  }

  void AddNode() {
    const Value x = Any();
    const auto pool = [&](OpKind op) {
      return Value{t_.Node(op, {x.id}, {{"kernel_shape", Ints{3, 3}}, {"pads", Ints{1, 1, 1, 1}}}),
                   x.channels};
    };
    switch (Below(13)) {
      case 0:
        return values_.push_back({t_.Node(OpKind::kRelu, {x.id}), x.channels});
      case 1:
        return values_.push_back({t_.Node(OpKind::kLeakyRelu, {x.id}), x.channels});
      case 2:
        return values_.push_back({t_.Node(OpKind::kSigmoid, {x.id}), x.channels});
      case 3:
        return values_.push_back(pool(OpKind::kMaxPool));
      case 4:
        return values_.push_back(pool(OpKind::kAveragePool));
      case 5:
        return values_.push_back(PerChannel(x, OpKind::kMul));
      case 6:
        return values_.push_back(PerChannel(x, OpKind::kAdd));
      case 7:
        return values_.push_back({Conv(x, x.channels, 3, x.channels), x.channels});
      case 8:
      case 9: {
        const int64_t out = 4 + Below(5);
        return values_.push_back({Conv(x, out, Below(2) == 0 ? 1 : 3, 1), out});
      }
      default:
        return values_.push_back(Join(x));
    }
  }

  ValueId Classifier(Value x) {
    const int64_t count = x.channels * 6 * 5;
    const ValueId flat = t_.Node(OpKind::kFlatten, {x.id});
    return t_.Node(OpKind::kGemm, {flat, t_.Weights({count, 7}, -0.2f, 0.2f), t_.Weights({7})});
  }

  TestGraph t_;
  std::mt19937 random_;
  std::vector<Value> values_;
};

std::vector<std::vector<float>> Noise(const LoweredGraph& graph, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> inputs;
  for (const LoweredPort& port : graph.inputs) {
    for (float& v : inputs.emplace_back(graph.tensors[port.tensor].count())) v = normal(random);
  }
  return inputs;
}

std::vector<bool> Draw(const LoweredGraph& graph, uint32_t seed, uint32_t percent) {
  std::mt19937 random(seed);
  std::vector<bool> is_public;
  for (size_t i = 0; i < graph.ops.size(); ++i) is_public.push_back(random() % 100 < percent);
  return is_public;
}

using Outputs = std::map<std::string, std::vector<float>>;  // of operators, by name

Outputs OutputsOfOps(const LoweredGraph& graph, const std::vector<std::vector<float>>& inputs) {
  Outputs outputs;
  RunFloat(graph, inputs, [&](size_t op, std::span<const float> y) {
    outputs[graph.ops[op].name].assign(y.begin(), y.end());
  });
  return outputs;
}

float LargestOf(const std::vector<float>& values) {
  float largest = 0;
  for (const float v : values) largest = std::max(largest, std::fabs(v));
  return largest;
}

// y = factor x up to rounding; what rounding is: a share of the largest element.
void ExpectTimes(const std::vector<float>& x, double factor, const std::vector<float>& y) {
  ASSERT_EQ(x.size(), y.size());
  const double bound = 2e-5 * factor * LargestOf(x) + 1e-30;
  for (size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(y[i], factor * x[i], bound) << i;
}

double FactorBetween(const std::vector<float>& x, const std::vector<float>& y) {
  double xy = 0;
  double xx = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xy += double{x[i]} * y[i];
    xx += double{x[i]} * x[i];
  }
  return xx == 0 ? 1 : xy / xx;
}

void ExpectSameOutputs(const LoweredGraph& graph, const LoweredGraph& scaled, uint32_t seed) {
  const auto inputs = Noise(graph, seed);
  const auto wanted = RunFloat(graph, inputs);
  const auto got = RunFloat(scaled, inputs);
  ASSERT_EQ(got.size(), wanted.size());
  for (size_t i = 0; i < got.size(); ++i) ExpectTimes(wanted[i], 1, got[i]);
}

// Operators of random graphs have names of their own: "node7" and the like.
std::map<std::string, const LoweredOp*> ByName(const LoweredGraph& graph) {
  std::map<std::string, const LoweredOp*> ops;
  for (const LoweredOp& op : graph.ops) ops[op.name] = &op;
  return ops;
}

TEST(ScaleTensors, RandomGraphsWithJoinsComputeTheSame) {
  uint32_t public_count = 0;
  uint32_t joined = 0;
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    const LoweredGraph graph = RandomGraph(seed).Lowered();
    const std::vector<bool> drawn = Draw(graph, seed, seed % 3 == 0 ? 100 : 70);
    const ScaledGraph scaled = ScaleTensors(graph, drawn, 8, Key(static_cast<uint8_t>(seed)));
    ASSERT_NO_THROW(ValidateLowered(scaled.graph));
    ASSERT_EQ(scaled.graph.ops.size(), scaled.is_public.size());
    ExpectSameOutputs(graph, scaled.graph, seed);
    for (size_t op = 0; op < scaled.is_public.size(); ++op) {
      public_count += scaled.is_public[op];
      joined += scaled.is_public[op] && InputsOf(scaled.graph.ops[op]).size() > 1;
    }
  }
  EXPECT_GT(public_count, 500u);
  EXPECT_GT(joined, 50u);
}

// What the accelerator sees of every public operator is its true output times one factor, which is
// in the range and is not 1.
TEST(ScaleTensors, EveryPublicTensorCarriesOneScale) {
  std::set<float> factors;
  for (uint32_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    const LoweredGraph graph = RandomGraph(seed).Lowered();
    const ScaledGraph scaled =
        ScaleTensors(graph, Draw(graph, seed, 80), 8, Key(static_cast<uint8_t>(seed)));
    const auto inputs = Noise(graph, seed);
    const Outputs truth = OutputsOfOps(graph, inputs);
    const Outputs seen = OutputsOfOps(scaled.graph, inputs);
    for (size_t op = 0; op < scaled.is_public.size(); ++op) {
      if (!scaled.is_public[op]) continue;
      const std::string& name = scaled.graph.ops[op].name;
      SCOPED_TRACE(name);
      if (LargestOf(truth.at(name)) == 0) continue;
      const double factor = FactorBetween(truth.at(name), seen.at(name));
      ExpectTimes(truth.at(name), factor, seen.at(name));
      EXPECT_GT(factor, 1 / 8.001);
      EXPECT_LT(factor, 8.001);
      EXPECT_GT(std::fabs(factor - 1), 1e-6);
      factors.insert(static_cast<float>(factor));
    }
  }
  EXPECT_GT(factors.size(), 100u);
}

TEST(ScaleTensors, NoPublicWeightsStandAsTheyWere) {
  uint32_t compared = 0;
  for (uint32_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    const LoweredGraph graph = RandomGraph(seed).Lowered();
    const auto original = ByName(graph);
    const ScaledGraph scaled = ScaleTensors(graph, Draw(graph, seed, 100), 8, Key(9));
    for (size_t op = 0; op < scaled.is_public.size(); ++op) {
      const auto* linear = std::get_if<LinearOp>(&scaled.graph.ops[op].kind);
      if (linear == nullptr || !scaled.is_public[op]) continue;
      const auto& secret = std::get<LinearOp>(original.at(scaled.graph.ops[op].name)->kind);
      for (size_t i = 0; i < secret.weights.size(); ++i) {
        if (secret.weights[i] == 0) continue;
        ASSERT_NE(linear->weights[i], secret.weights[i]);
      }
      ++compared;
    }
  }
  EXPECT_GT(compared, 50u);
}

TEST(ScaleTensors, NothingPublicNothingChanges) {
  const LoweredGraph graph = RandomGraph(4).Lowered();
  const ScaledGraph same =
      ScaleTensors(graph, std::vector<bool>(graph.ops.size(), false), 8, Key(1));
  EXPECT_EQ(same.graph.ops.size(), graph.ops.size());
  EXPECT_EQ(same.graph.tensors.size(), graph.tensors.size());
}

// Scales are drawn under the key, and under it alone.
TEST(ScaleTensors, KeysDecide) {
  const LoweredGraph graph = RandomGraph(2).Lowered();
  const std::vector<bool> all(graph.ops.size(), true);
  const auto weights = [&](const SecretKey& key) {
    std::vector<float> joined;
    for (const LoweredOp& op : ScaleTensors(graph, all, 8, key).graph.ops) {
      if (const auto* linear = std::get_if<LinearOp>(&op.kind)) {
        joined.insert(joined.end(), linear->weights.begin(), linear->weights.end());
      }
    }
    return joined;
  };
  EXPECT_EQ(weights(Key(1)), weights(Key(1)));
  EXPECT_NE(weights(Key(1)), weights(Key(2)));
}

// x + relu(conv(x)): all three values would have one scale, and the layer's quotient would be 1.
TEST(ScaleTensors, ALayerWhoseScalesCancelStaysInside) {
  TestGraph t;
  const ValueId x = t.Node(OpKind::kConv, {t.Input({1, 4, 3, 3}), t.Weights({4, 4, 1, 1})});
  const ValueId branch = t.Node(OpKind::kRelu, {t.Node(OpKind::kConv, {x, t.Weights({4, 4, 1, 1})})});
  t.Output(t.Node(OpKind::kAdd, {x, branch}));
  const LoweredGraph graph = Lower(t.graph);
  const ScaledGraph scaled =
      ScaleTensors(graph, std::vector<bool>(graph.ops.size(), true), 8, Key(1));
  ExpectSameOutputs(graph, scaled.graph, 1);
  ASSERT_EQ(scaled.kept.size(), 1u);
  const size_t kept = scaled.kept.begin()->first;
  EXPECT_EQ(scaled.graph.ops[kept].name, "node1");
  EXPECT_FALSE(scaled.is_public[kept]);
  // The others are public all the same.
  EXPECT_EQ(std::ranges::count(scaled.is_public, true), 3);
}

// The steps of a recurrence: one matrix is published, not one for each step.
TEST(ScaleTensors, CopiesOfALayerRemainCopies) {
  TestGraph t;
  const ValueId weights = t.Weights({4, 4, 1, 1});
  ValueId x = t.Input({1, 4, 3, 3});
  for (int step = 0; step < 3; ++step) {
    x = t.Node(OpKind::kSigmoid, {t.Node(OpKind::kConv, {x, weights})});
  }
  t.Output(x);
  const LoweredGraph graph = Lower(t.graph);
  ScaledGraph scaled = ScaleTensors(graph, std::vector<bool>(graph.ops.size(), true), 8, Key(1));
  ExpectSameOutputs(graph, scaled.graph, 1);
  MarkSharedLayers(&scaled.graph);
  uint32_t layers = 0, copies = 0;
  for (size_t op = 0; op < scaled.graph.ops.size(); ++op) {
    const auto* linear = std::get_if<LinearOp>(&scaled.graph.ops[op].kind);
    if (linear == nullptr) continue;
    EXPECT_TRUE(scaled.is_public[op]);
    ++layers;
    if (linear->same_as != kNone) ++copies;
  }
  EXPECT_EQ(layers, 3u);
  EXPECT_EQ(copies, 2u);
}

// relu(W relu(W x)): one scale in front and one behind would be the same one.
TEST(ScaleTensors, CopiesPartBeforeALayerStaysInside) {
  TestGraph t;
  const ValueId weights = t.Weights({4, 4, 1, 1});
  ValueId x = t.Input({1, 4, 3, 3});
  for (int step = 0; step < 2; ++step) {
    x = t.Node(OpKind::kRelu, {t.Node(OpKind::kConv, {x, weights})});
  }
  t.Output(x);
  const LoweredGraph graph = Lower(t.graph);
  const ScaledGraph scaled =
      ScaleTensors(graph, std::vector<bool>(graph.ops.size(), true), 8, Key(1));
  ExpectSameOutputs(graph, scaled.graph, 1);
  EXPECT_TRUE(scaled.kept.empty());
  EXPECT_EQ(std::ranges::count(scaled.is_public, true), 4);
}

TEST(ScaleTensors, AScaleThatFloat32CannotHoldNamesTheLayer) {
  TestGraph t;
  const ValueId weights = t.Floats({1, 1, 1, 1}, {3e38f});
  t.Output(t.Node(OpKind::kConv, {t.Input({1, 1, 2, 2}), weights}));
  const LoweredGraph graph = Lower(t.graph);
  uint32_t refused = 0;
  for (uint8_t seed = 0; seed < 32; ++seed) {
    try {
      (void)ScaleTensors(graph, {true}, 0x1p40, Key(seed));
    } catch (const model::ModelError& e) {
      EXPECT_EQ(e.status(), Status::kInvalidArgument);
      EXPECT_NE(std::string(e.what()).find("node0"), std::string::npos) << e.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, 8u);  // half of the quotients are above 1
  EXPECT_LT(refused, 32u);
}

TEST(ScaleChannels, RowsAndColumnsOfRandomGraphs) {
  uint32_t public_count = 0;
  for (uint32_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    const LoweredGraph graph = RandomGraph(seed).Lowered();
    const auto original = ByName(graph);
    const ScaledGraph scaled = ScaleChannels(graph, Draw(graph, seed, 90), 8, Key(5));
    ASSERT_NO_THROW(ValidateLowered(scaled.graph));
    ExpectSameOutputs(graph, scaled.graph, seed);
    for (size_t op = 0; op < scaled.is_public.size(); ++op) {
      if (!scaled.is_public[op]) continue;
      const LoweredOp& made = scaled.graph.ops[op];
      ASSERT_TRUE(std::holds_alternative<LinearOp>(made.kind));
      // Rows have factors of their own: the quotient of the biases differs between channels.
      const auto& linear = std::get<LinearOp>(made.kind);
      const auto& secret = std::get<LinearOp>(original.at(made.name)->kind);
      std::set<float> rows;
      for (size_t o = 0; o < linear.bias.size(); ++o) rows.insert(linear.bias[o] / secret.bias[o]);
      EXPECT_EQ(rows.size(), linear.bias.size());
      ++public_count;
    }
  }
  EXPECT_GT(public_count, 80u);
}

TEST(SecretStream, LogUniformFactorsFillTheirRange) {
  SecretStream stream(Key(1), 0);
  uint32_t below = 0;
  float least = 1;
  float most = 1;
  for (int i = 0; i < 20000; ++i) {
    const float factor = stream.LogUniform(8);
    ASSERT_NE(factor, 1);
    least = std::min(least, factor);
    most = std::max(most, factor);
    below += std::log2(factor) < -1.5;  // a quarter of [-3, 3]
  }
  EXPECT_GE(least, 0.125f);
  EXPECT_LE(most, 8.0f);
  EXPECT_LT(least, 0.126f);
  EXPECT_GT(most, 7.95f);
  EXPECT_NEAR(below, 5000, 300);
  for (int i = 0; i < 100; ++i) ASSERT_NE(stream.LogUniform(1.0000001), 1.0f);
}

}  // namespace
}  // namespace penumbra::protect
