#include "model/passes/passes.h"

#include <gtest/gtest.h>

#include <limits>

#include "model/interpreter.h"
#include "model/testing/model_maker.h"

namespace penumbra::model {
namespace {

constexpr float kRounding = 1e-5f;

void AddBatchNorm(ModelMaker& maker, const std::string& x, const std::string& y, int64_t channels) {
  const std::vector<float> variance(static_cast<size_t>(channels), 0.4f);
  maker.RandomFloats(y + "_s", {channels})
      .RandomFloats(y + "_b", {channels})
      .RandomFloats(y + "_m", {channels});
  maker.Floats(y + "_v", {channels}, variance);
  maker.Node("BatchNormalization", {x, y + "_s", y + "_b", y + "_m", y + "_v"}, {y});
}

TEST(FoldAffineTest, BatchNormDisappearsIntoConv) {
  ModelMaker maker;
  maker.Input("x", {1, 4, 5, 5}).Output("y").RandomFloats("w", {6, 2, 3, 3}).RandomFloats("b", {6});
  SetInt(maker.Node("Conv", {"x", "w", "b"}, {"c"}), "group", 2);
  AddBatchNorm(maker, "c", "y", 6);
  Graph graph;
  EXPECT_LT(NormalizeError(maker, &graph), kRounding);
  EXPECT_EQ(Kinds(graph), "Conv");
}

TEST(FoldAffineTest, BatchNormDisappearsIntoGroupedConvTranspose) {
  ModelMaker maker;
  maker.Input("x", {1, 4, 3, 3}).Output("y").RandomFloats("w", {4, 3, 2, 2});
  SetInt(maker.Node("ConvTranspose", {"x", "w"}, {"c"}), "group", 2);
  AddBatchNorm(maker, "c", "y", 6);
  Graph graph;
  EXPECT_LT(NormalizeError(maker, &graph), kRounding);
  EXPECT_EQ(Kinds(graph), "ConvTranspose");
}

TEST(FoldAffineTest, BatchNormDisappearsIntoGemm) {
  for (const int64_t transposed : {0, 1}) {
    ModelMaker maker;
    maker.Input("x", {2, 3})
        .Output("y")
        .RandomFloats("w", {transposed ? 4 : 3, transposed ? 3 : 4});
    maker.RandomFloats("b", {1, 4});
    auto& gemm = maker.Node("Gemm", {"x", "w", "b"}, {"c"});
    SetInt(gemm, "transB", transposed);
    SetFloat(gemm, "alpha", 0.5f);
    SetFloat(gemm, "beta", 2.0f);
    AddBatchNorm(maker, "c", "y", 4);
    Graph graph;
    EXPECT_LT(NormalizeError(maker, &graph), kRounding);
    EXPECT_EQ(Kinds(graph), "Gemm");
  }
}

TEST(FoldAffineTest, ConstantOnEitherSideOfSubtraction) {
  ModelMaker maker;
  maker.Input("x", {1, 2, 3, 3})
      .Output("y")
      .RandomFloats("w", {2, 2, 1, 1})
      .Floats("k", {2, 1, 1}, {3, -4});
  maker.Node("Conv", {"x", "w"}, {"c"});
  maker.Node("Sub", {"k", "c"}, {"d"});
  maker.Node("Sub", {"d", "k"}, {"y"});
  Graph graph;
  EXPECT_LT(NormalizeError(maker, &graph), kRounding);
  EXPECT_EQ(Kinds(graph), "Conv");
}

TEST(FoldAffineTest, KeepsWhatOthersReadOrWhatVariesInSpace) {
  ModelMaker maker;
  maker.Input("x", {1, 2, 3, 3})
      .Output("y")
      .Output("c")
      .RandomFloats("w", {2, 2, 1, 1})
      .RandomFloats("k", {3, 3});
  maker.Node("Conv", {"x", "w"}, {"c"});
  maker.Node("Mul", {"c", "k"}, {"y"});
  Graph graph;
  EXPECT_EQ(NormalizeError(maker, &graph), 0.0f);
  EXPECT_EQ(Kinds(graph), "Conv Mul");
}

TEST(FoldAffineTest, SharedWeightsStayAsTheyWere) {
  ModelMaker maker;
  maker.Input("x", {1, 2, 3, 3}).Output("y").Output("z").RandomFloats("w", {2, 2, 1, 1});
  maker.Node("Conv", {"x", "w"}, {"c"});
  AddBatchNorm(maker, "c", "y", 2);
  maker.Node("Conv", {"x", "w"}, {"z"});
  Graph graph;
  EXPECT_LT(NormalizeError(maker, &graph), kRounding);
  EXPECT_EQ(Kinds(graph), "Conv Conv");
}

TEST(DecomposeBatchNormTest, WithoutConvBefore) {
  ModelMaker maker;
  maker.Input("x", {2, 3, 4}).Output("y");
  AddBatchNorm(maker, "x", "y", 3);
  Graph graph;
  EXPECT_LT(NormalizeError(maker, &graph), kRounding);
  EXPECT_EQ(Kinds(graph), "Mul Add");
}

// Pad, then a window operator; returns the normalised kinds.
struct PadCase {
  std::string before, window;
  float value;
  Shape own_pads;
  std::string kinds;
};

class FoldPadTest : public testing::TestWithParam<PadCase> {};

TEST_P(FoldPadTest, FoldsOnlyWhatIsExact) {
  const PadCase& p = GetParam();
  ModelMaker maker;
  maker.Input("x", {1, 2, 5, 5}).Output("y").RandomFloats("w", {2, 2, 3, 3});
  maker.Ints("p", {0, 0, 1, 0, 0, 0, 2, 1}).Floats("v", {}, {p.value});
  maker.Node(p.before, {"x"}, {"a"});
  maker.Node("Pad", {"a", "p", "v"}, {"b"});
  const bool conv = p.window == "Conv";
  auto& window = maker.Node(
      p.window, conv ? std::vector<std::string>{"b", "w"} : std::vector<std::string>{"b"}, {"y"});
  SetInts(window, "pads", p.own_pads);
  if (!conv) SetInts(window, "kernel_shape", {3, 3});
  Graph graph;
  EXPECT_LT(NormalizeError(maker, &graph), kRounding);
  EXPECT_EQ(Kinds(graph), p.kinds);
}

constexpr float kLowest = std::numeric_limits<float>::lowest();
INSTANTIATE_TEST_SUITE_P(
    Cases, FoldPadTest,
    testing::Values(PadCase{"Tanh", "Conv", 0, {1, 1, 1, 1}, "Tanh Conv"},
                    PadCase{"Tanh", "Conv", 1, {0, 0, 0, 0}, "Tanh Pad Conv"},
                    PadCase{"Tanh", "AveragePool", 0, {0, 0, 0, 0}, "Tanh AveragePool"},
                    PadCase{"Tanh", "AveragePool", 0, {1, 1, 1, 1}, "Tanh Pad AveragePool"},
                    PadCase{"Tanh", "MaxPool", 0, {0, 0, 0, 0}, "Tanh Pad MaxPool"},
                    PadCase{"Relu", "MaxPool", 0, {0, 0, 0, 0}, "Relu MaxPool"},
                    PadCase{"Relu", "MaxPool", 0, {1, 1, 1, 1}, "Relu Pad MaxPool"},
                    PadCase{"Tanh", "MaxPool", kLowest, {0, 0, 0, 0}, "Tanh MaxPool"}));

TEST(RemoveIdentitiesTest, KeepsOneWhereAnInputIsAnOutput) {
  ModelMaker maker;
  maker.Input("x", {2}).Output("y").Output("z");
  maker.Node("Identity", {"x"}, {"y"});
  maker.Node("Relu", {"x"}, {"r"});
  maker.Node("Dropout", {"r"}, {"z"});
  Graph graph;
  EXPECT_EQ(NormalizeError(maker, &graph), 0.0f);
  EXPECT_EQ(Kinds(graph), "Identity Relu");
  EXPECT_EQ(graph.value(graph.outputs[1]).name, "z");
}

TEST(RemoveIdentitiesTest, ReshapesInARowBecomeOne) {
  ModelMaker maker;
  maker.Input("x", {1, 2, 3, 4}).Output("y");
  SetInt(maker.Node("Flatten", {"x"}, {"a"}), "axis", 2);
  maker.Ints("axes", {0});
  maker.Node("Unsqueeze", {"a", "axes"}, {"y"});
  Graph graph;
  EXPECT_EQ(NormalizeError(maker, &graph), 0.0f);
  EXPECT_EQ(Kinds(graph), "Reshape");
}

TEST(ReplaceGlobalReductionsTest, MeanOverSpatialAxesIsAPool) {
  for (const int64_t keep : {0, 1}) {
    ModelMaker maker;
    maker.Input("x", {2, 3, 4, 5}).Output("y");
    auto& node = maker.Node("ReduceMean", {"x"}, {"y"});
    SetInts(node, "axes", {-1, 2});
    SetInt(node, "keepdims", keep);
    Graph graph;
    EXPECT_LT(NormalizeError(maker, &graph), kRounding);
    EXPECT_EQ(Kinds(graph), keep != 0 ? "GlobalAveragePool" : "GlobalAveragePool Reshape");
  }
}

TEST(FoldConstantsTest, ShapeChainsDisappear) {
  ModelMaker maker;
  maker.Input("x", {2, 3, 4}).Output("y").Ints("zero", {0}).Ints("rest", {-1});
  maker.Node("Shape", {"x"}, {"s"});
  maker.Node("Gather", {"s", "zero"}, {"n"});
  SetInt(maker.Node("Concat", {"n", "rest"}, {"t"}), "axis", 0);
  maker.Node("Reshape", {"x", "t"}, {"y"});
  const Graph graph = maker.Import().graph;
  EXPECT_EQ(Kinds(graph), "Reshape");
  EXPECT_EQ(graph.value(graph.outputs[0]).shape, (Shape{2, 12}));
}

TEST(InferShapesTest, IsIdempotentOnCanonicalForm) {
  ModelMaker maker;
  maker.Input("x", {1, 3, 7, 7}).Output("y").RandomFloats("w", {3, 2, 3, 3});
  maker.Ints("starts", {-1}).Ints("ends", {-100}).Ints("axes", {3}).Ints("steps", {-2});
  auto& conv = maker.Node("ConvTranspose", {"x", "w"}, {"c"});
  SetInts(conv, "strides", {2, 2});
  SetString(conv, "auto_pad", "SAME_UPPER");
  SetInts(maker.Node("MaxPool", {"c"}, {"m"}), "kernel_shape", {2, 2});
  maker.Node("Slice", {"m", "starts", "ends", "axes", "steps"}, {"y"});
  Graph graph = maker.Import().graph;
  const auto attributes = [&graph] {
    std::vector<std::map<std::string, Attribute>> all;
    for (const auto& node : graph.nodes()) all.push_back(node.attributes);
    return all;
  };
  const auto before = attributes();
  const Shape shape = graph.value(graph.outputs[0]).shape;
  InferShapes(graph);
  EXPECT_EQ(attributes(), before);
  EXPECT_EQ(graph.value(graph.outputs[0]).shape, shape);
  EXPECT_EQ(shape, (Shape{1, 2, 13, 7}));
}

// relu(x) + slope * -relu(-x); `signed_slope` leaves the sign to the slope.
ModelMaker WrittenOutPRelu(bool signed_slope, bool swapped, const Shape& slope_shape) {
  ModelMaker maker;
  maker.Input("x", {2, 3, 4}).Output("y").RandomFloats("slope", slope_shape);
  maker.Node("Relu", {"x"}, {"above"});
  maker.Node("Neg", {"x"}, {"mirrored"});
  maker.Node("Relu", {"mirrored"}, {"below"});
  if (!signed_slope) maker.Node("Neg", {"below"}, {"part"});
  const std::string part = signed_slope ? "below" : "part";
  maker.Node("Mul", {swapped ? part : "slope", swapped ? "slope" : part}, {"product"});
  maker.Node("Add", {swapped ? "product" : "above", swapped ? "above" : "product"}, {"y"});
  return maker;
}

TEST(RecognisePReluTest, WrittenOutFormsAreExactlyPRelu) {
  for (const bool signed_slope : {false, true}) {
    for (const bool swapped : {false, true}) {
      Graph graph;
      EXPECT_EQ(NormalizeError(WrittenOutPRelu(signed_slope, swapped, {3, 1}), &graph), 0.0f);
      EXPECT_EQ(Kinds(graph), "PRelu");
    }
  }
}

TEST(RecognisePReluTest, OtherSumsStay) {
  Graph graph;
  NormalizeError(WrittenOutPRelu(false, false, {2, 2, 3, 4}), &graph);
  EXPECT_EQ(Kinds(graph), "Relu Neg Relu Neg Mul Add");
  ModelMaker two;  // the parts are of two values
  two.Input("x", {3}).Input("z", {3}).Output("y").RandomFloats("slope", {3});
  two.Node("Relu", {"x"}, {"above"});
  two.Node("Neg", {"z"}, {"mirrored"});
  two.Node("Relu", {"mirrored"}, {"below"});
  two.Node("Mul", {"slope", "below"}, {"product"});
  two.Node("Add", {"above", "product"}, {"y"});
  NormalizeError(two, &graph);
  EXPECT_EQ(Kinds(graph), "Relu Neg Relu Mul Add");
}

}  // namespace
}  // namespace penumbra::model
