// Passes for recurrence and attention. Every test compares the interpreter before and after.
#include <gtest/gtest.h>

#include <algorithm>

#include "model/passes/passes.h"
#include "model/testing/model_maker.h"

namespace penumbra::model {
namespace {

constexpr float kRounding = 1e-5f;

int64_t CountOf(const Graph& graph, OpKind op) {
  return std::ranges::count(graph.nodes(), op, &Node::op);
}

// (x - mean) / sqrt(mean((x - mean)^2) + 1e-5) * s + b; the square as a power or as a product.
void AddWrittenOutLayerNorm(ModelMaker& maker, bool power, int64_t axis) {
  maker.Floats("two", {}, {2})
      .Floats("e", {}, {1e-5f})
      .RandomFloats("s", {6})
      .RandomFloats("b", {6});
  SetInts(maker.Node("ReduceMean", {"x"}, {"mean"}), "axes", {axis});
  maker.Node("Sub", {"x", "mean"}, {"d"});
  if (power) {
    maker.Node("Pow", {"d", "two"}, {"q"});
  } else {
    maker.Node("Mul", {"d", "d"}, {"q"});
  }
  SetInts(maker.Node("ReduceMean", {"q"}, {"v"}), "axes", {axis});
  maker.Node("Add", {"v", "e"}, {"ve"});
  maker.Node("Sqrt", {"ve"}, {"r"});
  maker.Node("Div", {"d", "r"}, {"n"});
  maker.Node("Mul", {"n", "s"}, {"m"});
  maker.Node("Add", {"m", "b"}, {"y"});
}

TEST(LayerNormTest, WrittenOutFormIsRecognised) {
  for (const bool power : {false, true}) {
    ModelMaker maker;
    maker.Input("x", {2, 3, 6}).Output("y");
    AddWrittenOutLayerNorm(maker, power, -1);
    Graph graph;
    EXPECT_LT(NormalizeError(maker, &graph), kRounding);
    EXPECT_EQ(Kinds(graph), "LayerNormalization Mul Add");
  }
}

TEST(LayerNormTest, OtherAxesAreLeftAlone) {
  ModelMaker maker;
  maker.Input("x", {2, 3, 6}).Output("y");
  AddWrittenOutLayerNorm(maker, true, 1);
  Graph graph;
  EXPECT_LT(NormalizeError(maker, &graph), kRounding);
  EXPECT_EQ(CountOf(graph, OpKind::kLayerNormalization), 0);
}

TEST(LayerNormTest, ScaleAndShiftAreSplitOff) {
  ModelMaker maker(17);
  maker.Input("x", {2, 3, 4, 5})
      .Output("y")
      .Output("i")
      .RandomFloats("s", {4, 5})
      .RandomFloats("b", {5});
  SetInt(maker.Node("LayerNormalization", {"x", "s", "b"}, {"y", "m", "i"}), "axis", 2);
  Graph graph;
  EXPECT_LT(NormalizeError(maker, &graph), kRounding);
  EXPECT_EQ(CountOf(graph, OpKind::kLayerNormalization), 1);
  EXPECT_EQ(CountOf(graph, OpKind::kReciprocal), 1);  // the inverse deviation, which is an output
  for (const Node& node : graph.nodes())
    EXPECT_TRUE(node.op != OpKind::kLayerNormalization || node.inputs.size() == 1);
}

TEST(DecomposeGeluTest, BothForms) {
  for (const char* form : {"none", "tanh"}) {
    ModelMaker maker(20);
    maker.Input("x", {3, 7}).Output("y");
    SetString(maker.Node("Gelu", {"x"}, {"y"}), "approximate", form);
    Graph graph;
    EXPECT_LT(NormalizeError(maker, &graph), kRounding);
    EXPECT_EQ(CountOf(graph, OpKind::kGelu), 0);
  }
}

struct EinsumCase {
  std::string equation;
  std::vector<Shape> shapes;
  std::string kinds;  // empty: not looked at
};

class DecomposeEinsumTest : public testing::TestWithParam<EinsumCase> {};

TEST_P(DecomposeEinsumTest, ComputesTheSame) {
  const EinsumCase& p = GetParam();
  ModelMaker maker;
  std::vector<std::string> inputs;
  for (const Shape& shape : p.shapes) {
    inputs.push_back("x" + std::to_string(inputs.size()));
    maker.Input(inputs.back(), shape);
  }
  maker.Output("y");
  SetString(maker.Node("Einsum", inputs, {"y"}), "equation", p.equation);
  Graph graph;
  EXPECT_LT(NormalizeError(maker, &graph), kRounding);
  if (!p.kinds.empty()) {
    EXPECT_EQ(Kinds(graph), p.kinds);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, DecomposeEinsumTest,
    testing::Values(EinsumCase{"ij,jk->ik", {{2, 3}, {3, 4}}, "MatMul"},
                    EinsumCase{"bhqd,bhkd->bhqk", {{2, 3, 4, 5}, {2, 3, 6, 5}}, "Transpose MatMul"},
                    EinsumCase{"bqhd,bkhd->bhqk", {{2, 4, 3, 5}, {2, 6, 3, 5}}, ""},
                    EinsumCase{"bhqk,bkhd->bqhd", {{2, 3, 4, 6}, {2, 6, 3, 5}}, ""},
                    EinsumCase{"...ij,...jk->...ik", {{5, 1, 2, 3}, {4, 3, 2}}, ""},
                    EinsumCase{"i,j->ij", {{3}, {4}}, ""}, EinsumCase{"i,i", {{3}, {3}}, ""},
                    EinsumCase{"ijx,jky->ik", {{2, 3, 2}, {3, 4, 5}}, ""},
                    EinsumCase{"ij->ji", {{2, 3}}, "Transpose"},
                    EinsumCase{"ijk->ik", {{2, 3, 4}}, "ReduceSum"},
                    EinsumCase{"bii->bi", {{2, 3, 3}}, "Einsum"},
                    EinsumCase{"a,ab,b->", {{3}, {3, 4}, {4}}, "Einsum"}));

struct RecurrentCase {
  std::string op, direction;
  int64_t layout = 0;
  bool bias = true, states = true, peepholes = false;
  int64_t linear_before_reset = 0;
};

std::ostream& operator<<(std::ostream& out, const RecurrentCase& c) {
  return out << c.op << " " << c.direction << " " << c.layout << c.bias << c.states << c.peepholes
             << c.linear_before_reset;
}

class UnrollRecurrentTest : public testing::TestWithParam<RecurrentCase> {};

TEST_P(UnrollRecurrentTest, ComputesTheSame) {
  const RecurrentCase& p = GetParam();
  constexpr int64_t kSteps = 4, kBatch = 2, kInput = 3, kHidden = 5;
  const int64_t gates = p.op == "LSTM" ? 4 : p.op == "GRU" ? 3 : 1;
  const int64_t directions = p.direction == "bidirectional" ? 2 : 1;
  ModelMaker maker(14);
  maker.Input("x", p.layout != 0 ? Shape{kBatch, kSteps, kInput} : Shape{kSteps, kBatch, kInput});
  maker.RandomFloats("w", {directions, gates * kHidden, kInput});
  maker.RandomFloats("r", {directions, gates * kHidden, kHidden});
  maker.RandomFloats("b", {directions, 2 * gates * kHidden});
  maker.RandomFloats("p", {directions, 3 * kHidden});
  const Shape state =
      p.layout != 0 ? Shape{kBatch, directions, kHidden} : Shape{directions, kBatch, kHidden};
  std::vector<std::string> inputs = {"x", "w", "r", p.bias ? "b" : "", ""};
  std::vector<std::string> outputs = {"y", "h"};
  if (p.states) {
    maker.Input("h0", state);
    inputs.push_back("h0");
  }
  if (p.op == "LSTM") {
    outputs.push_back("c");
    inputs.resize(p.states ? 6 : 7);
    if (p.states) {
      maker.Input("c0", state);
      inputs.push_back("c0");
    }
    if (p.peepholes) inputs.push_back("p");
  }
  for (const std::string& output : outputs) maker.Output(output);
  auto& node = maker.Node(p.op, inputs, outputs);
  SetString(node, "direction", p.direction);
  SetInt(node, "hidden_size", kHidden);
  SetInt(node, "layout", p.layout);
  if (p.op == "GRU") SetInt(node, "linear_before_reset", p.linear_before_reset);
  Graph graph;
  EXPECT_LT(NormalizeError(maker, &graph), kRounding);
  for (const OpKind op : {OpKind::kRnn, OpKind::kGru, OpKind::kLstm})
    EXPECT_EQ(CountOf(graph, op), 0);
  // The input's product is one for all steps; a zero state has none in the first step.
  const int64_t per_step = p.op == "GRU" && p.linear_before_reset == 0 ? 2 : 1;
  EXPECT_EQ(CountOf(graph, OpKind::kMatMul),
            directions * (1 + per_step * (p.states ? kSteps : kSteps - 1)));
}

INSTANTIATE_TEST_SUITE_P(
    Cases, UnrollRecurrentTest,
    testing::Values(RecurrentCase{"RNN", "forward"}, RecurrentCase{"RNN", "reverse", 1},
                    RecurrentCase{"GRU", "forward"}, RecurrentCase{"GRU", "bidirectional", 1},
                    RecurrentCase{"GRU", "reverse", 0, true, true, false, 1},
                    RecurrentCase{"GRU", "bidirectional", 1, true, false, false, 1},
                    RecurrentCase{"GRU", "forward", 0, false, false},
                    RecurrentCase{"LSTM", "forward"}, RecurrentCase{"LSTM", "bidirectional", 1},
                    RecurrentCase{"LSTM", "reverse", 0, false, false},
                    RecurrentCase{"LSTM", "bidirectional", 0, true, true, true},
                    RecurrentCase{"LSTM", "forward", 1, true, false, true}));

}  // namespace
}  // namespace penumbra::model
