#include <gtest/gtest.h>

#include "model/error.h"
#include "model/interpreter.h"
#include "model/testing/model_maker.h"

namespace penumbra::model {
namespace {

// s = 2 s + w, which is also collected; the condition of the next trip is trip < `last`.
onnx::GraphProto Body() {
  onnx::GraphProto body;
  for (const char* name : {"trip", "go", "s"}) body.add_input()->set_name(name);
  auto& weights = *body.add_initializer();
  weights.set_name("w");
  weights.set_data_type(onnx::TensorProto::FLOAT);
  weights.add_dims(2);
  for (const float w : {1.0f, -1.0f}) weights.add_float_data(w);
  const auto add = [&](const char* op, std::vector<std::string> inputs, const char* output) {
    auto& node = *body.add_node();
    node.set_op_type(op);
    for (const std::string& input : inputs) node.add_input(input);
    node.add_output(output);
  };
  add("Less", {"trip", "last"}, "go_on");
  add("Add", {"s", "s"}, "twice");
  add("Add", {"twice", "w"}, "next");
  for (const char* name : {"go_on", "next", "next"}) body.add_output()->set_name(name);
  return body;
}

ModelMaker LoopModel(int64_t trips, int64_t last) {
  ModelMaker maker(13);
  maker.Input("x", {2}).Output("y").Output("all");
  maker.Ints("trips", {trips}).Ints("last", {last});
  auto& node = maker.Node("Loop", {"trips", "", "x"}, {"y", "all"});
  auto& attribute = *node.add_attribute();
  attribute.set_name("body");
  attribute.set_type(onnx::AttributeProto::GRAPH);
  *attribute.mutable_g() = Body();
  return maker;
}

TEST(InlineLoopTest, TripsCarryAndCollect) {
  const Graph graph = LoopModel(3, 100).Import().graph;
  const auto outputs = Interpreter(graph).Run({{"x", Tensor::Vector<float>({1, 2})}});
  EXPECT_EQ(outputs.at("y").ToFloat(), (std::vector<float>{15, 9}));
  EXPECT_EQ(outputs.at("all").shape(), (Shape{3, 2}));
  EXPECT_EQ(outputs.at("all").ToFloat(), (std::vector<float>{3, 3, 7, 5, 15, 9}));
}

TEST(InlineLoopTest, ConstantConditionEndsIt) {
  // The trip number 1 is not below 1: the second trip is the last.
  const Graph graph = LoopModel(50, 1).Import().graph;
  const auto outputs = Interpreter(graph).Run({{"x", Tensor::Vector<float>({1, 2})}});
  EXPECT_EQ(outputs.at("y").ToFloat(), (std::vector<float>{7, 5}));
}

TEST(InlineLoopTest, EndlessLoopsAndUnknownTripCountsAreRefused) {
  EXPECT_THROW(LoopModel(int64_t{1} << 40, int64_t{1} << 41).Import(), ModelError);
  ModelMaker maker = LoopModel(3, 100);
  maker.Input("n", {1}, onnx::TensorProto::INT64);
  maker.proto().mutable_graph()->mutable_node(0)->set_input(0, "n");
  try {
    maker.Import();
    FAIL() << "imported";
  } catch (const ModelError& error) {
    EXPECT_EQ(error.status(), Status::kUnsupported);
    EXPECT_NE(std::string(error.what()).find("trip count"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace penumbra::model
