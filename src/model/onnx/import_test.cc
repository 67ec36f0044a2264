#include "model/onnx/import.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/half.h"
#include "model/interpreter.h"
#include "model/testing/model_maker.h"

namespace penumbra::model {
namespace {

TEST(ImportTest, DynamicBatchBecomesOne) {
  ModelMaker maker;
  maker.Input("x", {-1, 3}).Output("y");
  maker.Node("Relu", {"x"}, {"y"});
  EXPECT_EQ(maker.Import().graph.value(0).shape, (Shape{1, 3}));
}

TEST(ImportTest, ShapesFixDimensionsAndTheirSymbolsEverywhere) {
  ModelMaker maker;
  maker.Input("x", {-1, -1}).Input("z", {3, -1}).Output("y");
  maker.Node("Add", {"x", "z"}, {"y"});
  const Graph graph = maker.Import({.shapes = {{"x", {3, 5}}}, .fix_inputs = {}}).graph;
  EXPECT_EQ(graph.value(graph.inputs[1]).shape, (Shape{3, 5}));
}

TEST(ImportTest, FixedInputBecomesAConstant) {
  ModelMaker maker;
  maker.Input("x", {2}).Input("k", {2}).Output("y");
  maker.Node("Mul", {"x", "k"}, {"y"});
  const Graph graph =
      maker.Import({.shapes = {}, .fix_inputs = {{"k", Tensor::Scalar<int64_t>(3)}}}).graph;
  ASSERT_EQ(graph.inputs.size(), 1u);
  const auto outputs = Interpreter(graph).Run({{"x", Tensor::Vector<float>({1, 2})}});
  EXPECT_EQ(outputs.at("y").ToFloat(), (std::vector<float>{3, 6}));
}

TEST(ImportTest, NodesInAnyOrder) {
  ModelMaker maker;
  maker.Input("x", {2}).Output("y");
  maker.Node("Neg", {"a"}, {"y"});
  maker.Node("Relu", {"x"}, {"a"});
  EXPECT_EQ(Kinds(maker.Import().graph), "Relu Neg");
}

// One initialiser {1.5, -2} in three element types, raw and typed.
TEST(ImportTest, FloatTypesBecomeFloat32) {
  const uint16_t halves[] = {0x3e00, 0xc000};
  const double doubles[] = {1.5, -2.0};
  for (const bool raw : {false, true}) {
    for (const int type : {onnx::TensorProto::FLOAT16, onnx::TensorProto::DOUBLE}) {
      ModelMaker maker;
      maker.Input("x", {2}).Output("y").Floats("k", {2}, {});
      auto& k = *maker.proto().mutable_graph()->mutable_initializer(0);
      k.set_data_type(type);
      const bool half = type == onnx::TensorProto::FLOAT16;
      for (size_t i = 0; i < 2 && !raw; ++i) {
        if (half) k.add_int32_data(halves[i]);
        if (!half) k.add_double_data(doubles[i]);
      }
      if (raw && half) k.set_raw_data(halves, sizeof(halves));
      if (raw && !half) k.set_raw_data(doubles, sizeof(doubles));
      maker.Node("Add", {"x", "k"}, {"y"});
      const ImportedModel model = maker.Import();
      const Value& v = model.graph.value(model.graph.FindValue("k"));
      EXPECT_EQ(v.constant->ToFloat(), (std::vector<float>{1.5f, -2.0f}));
      ASSERT_EQ(model.notes.size(), 1u);
      EXPECT_NE(model.notes[0].find(half ? "float16" : "float64"), std::string::npos);
    }
  }
}

TEST(ImportTest, HalfPrecisionIncludesSubnormalsAndSpecials) {
  EXPECT_EQ(HalfToFloat(0x0001), std::ldexp(1.0f, -24));
  EXPECT_EQ(HalfToFloat(0x03ff), std::ldexp(1023.0f, -24));
  EXPECT_EQ(HalfToFloat(0x7bff), 65504.0f);
  EXPECT_EQ(HalfToFloat(0x8000), 0.0f);
  EXPECT_TRUE(std::signbit(HalfToFloat(0x8000)));
  EXPECT_TRUE(std::isinf(HalfToFloat(0xfc00)));
  EXPECT_TRUE(std::isnan(HalfToFloat(0x7e00)));
}

// y = If(size of x is 2 along axis 0) then Relu(x) else Neg(x), the condition computed from the
// shape.
TEST(ImportTest, IfOnShapesIsInlined) {
  for (const int64_t rows : {2, 3}) {
    ModelMaker maker;
    maker.Input("x", {rows}).Output("y").Ints("two", {2});
    maker.Node("Shape", {"x"}, {"s"});
    maker.Node("Equal", {"s", "two"}, {"is_two"});
    onnx::GraphProto branches[2];
    for (int i = 0; i < 2; ++i) {
      auto& node = *branches[i].add_node();
      node.set_op_type(i == 0 ? "Relu" : "Neg");
      node.add_input("x");
      node.add_output("result");
      branches[i].add_output()->set_name("result");
    }
    auto& node = maker.Node("If", {"is_two"}, {"y"});
    for (int i = 0; i < 2; ++i) {
      auto& attribute = *node.add_attribute();
      attribute.set_name(i == 0 ? "then_branch" : "else_branch");
      attribute.set_type(onnx::AttributeProto::GRAPH);
      *attribute.mutable_g() = branches[i];
    }
    Graph graph;
    EXPECT_EQ(NormalizeError(maker, &graph), 0.0f);
    EXPECT_EQ(Kinds(graph), rows == 2 ? "Relu" : "Neg");
    EXPECT_EQ(graph.value(graph.outputs[0]).name, "y");
  }
}

// A model-local function Scaled(x) = x * factor with the factor given by the caller.
void AddScaledFunction(ModelMaker* maker, const std::string& calls) {
  auto& function = *maker->proto().add_functions();
  function.set_name("Scaled");
  function.set_domain("local");
  function.add_input("a");
  function.add_output("b");
  function.add_opset_import()->set_version(13);
  auto& constant = *function.add_node();
  constant.set_op_type("Constant");
  constant.add_output("k");
  auto& reference = *constant.add_attribute();
  reference.set_name("value_float");
  reference.set_ref_attr_name("factor");
  reference.set_type(onnx::AttributeProto::FLOAT);
  auto& multiply = *function.add_node();
  multiply.set_op_type(calls);
  if (calls == "Scaled") multiply.set_domain("local");
  multiply.add_input("a");
  if (calls == "Mul") multiply.add_input("k");
  multiply.add_output("b");
}

TEST(ImportTest, FunctionsAreInlined) {
  ModelMaker maker;
  maker.Input("x", {2}).Output("y");
  AddScaledFunction(&maker, "Mul");
  auto& node = maker.Node("Scaled", {"x"}, {"y"});
  node.set_domain("local");
  SetFloat(node, "factor", 2.5f);
  const Graph graph = maker.Import().graph;
  const auto outputs = Interpreter(graph).Run({{"x", Tensor::Vector<float>({1, 2})}});
  EXPECT_EQ(outputs.at("y").ToFloat(), (std::vector<float>{2.5f, 5.0f}));
}

TEST(ImportTest, FunctionThatCallsItselfIsRefused) {
  ModelMaker maker;
  maker.Input("x", {2}).Output("y");
  AddScaledFunction(&maker, "Scaled");
  auto& node = maker.Node("Scaled", {"x"}, {"y"});
  node.set_domain("local");
  SetFloat(node, "factor", 2.5f);
  EXPECT_THROW(maker.Import(), ModelError);
}

TEST(ImportTest, ReportsEveryUnsupportedOperator) {
  ModelMaker maker;
  maker.Input("x", {2}).Output("y");
  maker.Node("Frobnicate", {"x"}, {"a"});
  maker.Node("Relu", {"a"}, {"b"});
  maker.Node("LSTM", {"b"}, {"y"}).set_domain("com.example");
  try {
    maker.Import();
    FAIL() << "imported";
  } catch (const UnsupportedOperators& error) {
    EXPECT_EQ(error.status(), Status::kUnsupported);
    ASSERT_EQ(error.places().size(), 2u);
    EXPECT_EQ(error.places()[0].op, "Frobnicate");
    EXPECT_EQ(error.places()[0].node, "a");
    EXPECT_EQ(error.places()[0].opset, 13);
    EXPECT_EQ(error.places()[1].op, "com.example::LSTM");
    EXPECT_NE(std::string(error.what()).find("Frobnicate (node 'a', opset 13)"), std::string::npos);
  }
}

TEST(ImportTest, OperatorOfALaterOpsetIsUnsupported) {
  ModelMaker maker(13);
  maker.Input("x", {2}).Output("y");
  maker.Node("HardSwish", {"x"}, {"y"});
  EXPECT_THROW(maker.Import(), UnsupportedOperators);
}

}  // namespace
}  // namespace penumbra::model
