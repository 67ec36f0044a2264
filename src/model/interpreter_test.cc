#include "model/interpreter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "model/error.h"
#include "model/testing/model_maker.h"

namespace penumbra::model {
namespace {

ImportedModel SmallNet() {
  ModelMaker maker;
  maker.Input("x", {1, 2, 4, 4}).Output("y").RandomFloats("w", {3, 2, 3, 3});
  SetInts(maker.Node("Conv", {"x", "w"}, {"c"}), "pads", {1, 1, 1, 1});
  maker.Node("Relu", {"c"}, {"y"});
  return maker.Import();
}

Status StatusOfRun(const Graph& graph, const std::map<std::string, Tensor>& inputs) {
  try {
    Interpreter(graph).Run(inputs);
  } catch (const ModelError& error) {
    return error.status();
  }
  return Status::kOk;
}

TEST(InterpreterTest, ObserverSeesInputsAndEveryProducedValue) {
  const ImportedModel model = SmallNet();
  std::set<std::string> seen;
  const auto outputs =
      Interpreter(model.graph)
          .Run({{"x", RandomTensor({1, 2, 4, 4}, 1)}}, [&](ValueId id, const Tensor& tensor) {
            EXPECT_EQ(tensor.shape(), model.graph.value(id).shape);
            seen.insert(model.graph.value(id).name);
          });
  EXPECT_EQ(seen, (std::set<std::string>{"x", "c", "y"}));
  EXPECT_EQ(outputs.size(), 1u);
}

TEST(InterpreterTest, RefusesWrongInputs) {
  const ImportedModel model = SmallNet();
  const Tensor good = RandomTensor({1, 2, 4, 4}, 1);
  EXPECT_EQ(StatusOfRun(model.graph, {{"x", good}}), Status::kOk);
  EXPECT_EQ(StatusOfRun(model.graph, {}), Status::kWrongName);
  EXPECT_EQ(StatusOfRun(model.graph, {{"x", good}, {"q", good}}), Status::kWrongName);
  EXPECT_EQ(StatusOfRun(model.graph, {{"x", RandomTensor({1, 2, 4, 5}, 1)}}), Status::kWrongShape);
  EXPECT_EQ(StatusOfRun(model.graph, {{"x", Tensor(DataType::kInt32, {1, 2, 4, 4})}}),
            Status::kWrongType);
}

TEST(InterpreterTest, RunsAreRepeatable) {
  const ImportedModel model = SmallNet();
  const Interpreter interpreter(model.graph);
  const std::map<std::string, Tensor> inputs = {{"x", RandomTensor({1, 2, 4, 4}, 5)}};
  EXPECT_EQ(MaxDifference(interpreter.Run(inputs).at("y"), interpreter.Run(inputs).at("y")), 0.0f);
}

// The convolution as its definition reads.
Tensor NaiveConv(const Tensor& x, const Tensor& w, int64_t group, const Shape& strides,
                 const Shape& pads, const Shape& dilations, const Shape& out) {
  Tensor y(DataType::kFloat32, out);
  const Shape xs = RowMajorStrides(x.shape()), ws = RowMajorStrides(w.shape()),
              ys = RowMajorStrides(out);
  const int64_t out_per_group = out[1] / group;
  for (int64_t i = 0; i < y.count(); ++i) {
    const int64_t n = i / ys[0], m = i / ys[1] % out[1], oy = i / ys[2] % out[2], ox = i % out[3];
    double sum = 0;
    for (int64_t j = 0; j < ws[0]; ++j) {
      const int64_t c = j / ws[1], ky = j / ws[2] % w.shape()[2], kx = j % w.shape()[3];
      const int64_t iy = oy * strides[0] - pads[0] + ky * dilations[0];
      const int64_t ix = ox * strides[1] - pads[1] + kx * dilations[1];
      if (iy < 0 || ix < 0 || iy >= x.shape()[2] || ix >= x.shape()[3]) continue;
      const int64_t in_c = m / out_per_group * w.shape()[1] + c;
      sum += static_cast<double>(w.Floats()[m * ws[0] + j]) *
             x.Floats()[n * xs[0] + in_c * xs[1] + iy * xs[2] + ix];
    }
    y.Floats()[i] = static_cast<float>(sum);
  }
  return y;
}

struct ConvCase {
  int64_t group, in_c, out_c;
  Shape kernel, strides, pads, dilations;
};

class ConvTest : public testing::TestWithParam<ConvCase> {};

TEST_P(ConvTest, MatchesTheDefinition) {
  const ConvCase& p = GetParam();
  ModelMaker maker;
  maker.Input("x", {2, p.in_c, 9, 11}).Output("y");
  const Shape w_shape = {p.out_c, p.in_c / p.group, p.kernel[0], p.kernel[1]};
  maker.RandomFloats("w", w_shape);
  auto& node = maker.Node("Conv", {"x", "w"}, {"y"});
  SetInt(node, "group", p.group);
  SetInts(node, "strides", p.strides);
  SetInts(node, "pads", p.pads);
  SetInts(node, "dilations", p.dilations);
  const ImportedModel model = maker.Import();
  const Tensor x = RandomTensor({2, p.in_c, 9, 11}, 3);
  const Tensor y = Interpreter(model.graph).Run({{"x", x}}).at("y");
  const Tensor& w = *model.graph.value(model.graph.FindValue("w")).constant;
  EXPECT_LT(MaxDifference(y, NaiveConv(x, w, p.group, p.strides, p.pads, p.dilations, y.shape())),
            1e-4f);
}

INSTANTIATE_TEST_SUITE_P(Shapes, ConvTest,
                         testing::Values(ConvCase{1, 3, 4, {3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}},
                                         ConvCase{1, 4, 4, {1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}},
                                         ConvCase{1, 4, 6, {1, 1}, {2, 3}, {0, 0, 0, 0}, {1, 1}},
                                         ConvCase{6, 6, 6, {3, 3}, {2, 1}, {0, 2, 1, 0}, {1, 1}},
                                         ConvCase{2, 4, 6, {2, 5}, {1, 2}, {3, 0, 0, 4}, {2, 1}},
                                         ConvCase{3, 3, 9, {5, 3}, {3, 3}, {4, 4, 4, 4}, {1, 3}},
                                         ConvCase{1, 2, 3, {1, 7}, {1, 1}, {0, 3, 0, 3}, {1, 1}}));

TEST(OperatorTest, SoftmaxBeforeOpset13FlattensTrailingAxes) {
  for (const int opset : {11, 13}) {
    ModelMaker maker(opset);
    maker.Input("x", {2, 3, 4}).Output("y");
    SetInt(maker.Node("Softmax", {"x"}, {"y"}), "axis", 1);
    const ImportedModel model = maker.Import();
    const Tensor y = Interpreter(model.graph).Run({{"x", RandomTensor({2, 3, 4}, 9)}}).at("y");
    float sum = 0;
    for (size_t i = 0; i < 12; ++i) sum += y.Floats()[i];
    EXPECT_NEAR(sum, opset < 13 ? 1.0f : 4.0f, 1e-5f);
  }
}

TEST(OperatorTest, CeilModeIsPaddingExceptWherePaddingCounts) {
  for (const int64_t count_padding : {0, 1}) {
    ModelMaker maker;
    maker.Input("x", {1, 1, 6, 6}).Output("y");
    auto& node = maker.Node("AveragePool", {"x"}, {"y"});
    SetInts(node, "kernel_shape", {3, 3});
    SetInts(node, "strides", {2, 2});
    SetInt(node, "ceil_mode", 1);
    SetInt(node, "count_include_pad", count_padding);
    const Graph graph = maker.Import().graph;
    EXPECT_EQ(graph.value(graph.outputs[0]).shape, (Shape{1, 1, 3, 3}));
    EXPECT_EQ(graph.nodes()[0].GetInt("ceil_mode"), count_padding);
    EXPECT_EQ(graph.nodes()[0].GetInts("pads"),
              count_padding != 0 ? (Shape{0, 0, 0, 0}) : (Shape{0, 0, 1, 1}));
    Tensor ones(DataType::kFloat32, {1, 1, 6, 6});
    std::ranges::fill(ones.Floats(), 1.0f);
    const Tensor y = Interpreter(graph).Run({{"x", ones}}).at("y");
    for (float average : y.Floats()) EXPECT_FLOAT_EQ(average, 1.0f);
  }
}

TEST(OperatorTest, IntegerDivisionByZeroIsAnError) {
  ModelMaker maker;
  maker.Input("x", {2}, onnx::TensorProto::INT64).Output("y").Ints("zero", {0});
  maker.Node("Div", {"x", "zero"}, {"y"});
  EXPECT_EQ(StatusOfRun(maker.Import().graph, {{"x", Tensor::Vector<int64_t>({1, 2})}}),
            Status::kInvalidArgument);
}

TEST(OperatorTest, GatherOutsideItsAxisIsAnError) {
  ModelMaker maker;
  maker.Input("i", {1}, onnx::TensorProto::INT64).Output("y").Floats("table", {3}, {1, 2, 3});
  maker.Node("Gather", {"table", "i"}, {"y"});
  const Graph graph = maker.Import().graph;
  EXPECT_EQ(StatusOfRun(graph, {{"i", Tensor::Vector<int64_t>({-3})}}), Status::kOk);
  EXPECT_EQ(StatusOfRun(graph, {{"i", Tensor::Vector<int64_t>({3})}}), Status::kInvalidArgument);
}

}  // namespace
}  // namespace penumbra::model
