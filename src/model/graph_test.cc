#include "model/graph.h"

#include <gtest/gtest.h>

#include "model/error.h"
#include "model/op_table.h"

namespace penumbra::model {
namespace {

// x -> Relu -> a -> Neg -> y, and a second reader of a.
struct Chain {
  Graph graph;
  ValueId x, a, y, z;
  Chain() {
    x = graph.AddValue("x", DataType::kFloat32, {2});
    a = graph.AddValue("a", DataType::kFloat32, {2});
    y = graph.AddValue("y", DataType::kFloat32, {2});
    z = graph.AddValue("z", DataType::kFloat32, {2});
    graph.inputs = {x};
    graph.outputs = {y};
    graph.AddNode({.op = OpKind::kRelu, .name = "relu", .inputs = {x}, .outputs = {a}});
    graph.AddNode({.op = OpKind::kNeg, .name = "neg", .inputs = {a}, .outputs = {y}});
    graph.AddNode({.op = OpKind::kAdd, .name = "add", .inputs = {a, a}, .outputs = {z}});
  }
};

TEST(GraphTest, FindsProducersAndConsumers) {
  Chain c;
  EXPECT_EQ(c.graph.Producer(c.x), kNoNode);
  EXPECT_EQ(c.graph.Producer(c.a), 0);
  EXPECT_EQ(c.graph.Consumers(c.a), (std::vector<NodeIndex>{1, 2}));
  EXPECT_EQ(c.graph.AllProducers()[static_cast<size_t>(c.y)], 1);
  EXPECT_EQ(c.graph.AllConsumers()[static_cast<size_t>(c.a)], (std::vector<NodeIndex>{1, 2}));
}

TEST(GraphTest, RemovesDeadNodesAndConstants) {
  Chain c;
  const ValueId unused = c.graph.AddConstant("w", Tensor::Scalar<float>(1));
  EXPECT_EQ(c.graph.RemoveDead(), 1u);
  EXPECT_EQ(c.graph.nodes().size(), 2u);
  EXPECT_FALSE(c.graph.value(unused).IsConstant());
  c.graph.Validate();
}

TEST(GraphTest, ReplacedOutputKeepsItsName) {
  Chain c;
  ASSERT_TRUE(c.graph.CanReplace(c.y, c.a));
  c.graph.ReplaceUses(c.y, c.a);
  EXPECT_EQ(c.graph.value(c.graph.outputs[0]).name, "y");
  EXPECT_EQ(c.graph.FindValue("y"), c.a);
  EXPECT_FALSE(c.graph.CanReplace(c.a, c.x));  // would rename an input
}

TEST(GraphTest, NamesAreMadeUnique) {
  Graph graph;
  graph.AddValue("v", DataType::kFloat32, {});
  const ValueId second = graph.AddValue("v", DataType::kFloat32, {});
  EXPECT_NE(graph.value(second).name, "v");
  EXPECT_EQ(graph.FindValue(graph.value(second).name), second);
}

TEST(GraphTest, ValidateRefusesWrongOrder) {
  Chain c;
  std::swap(c.graph.nodes()[0], c.graph.nodes()[1]);
  EXPECT_THROW(c.graph.Validate(), ModelError);
}

TEST(GraphTest, ValidateRefusesTwoProducers) {
  Chain c;
  c.graph.AddNode({.op = OpKind::kNeg, .name = "again", .inputs = {c.x}, .outputs = {c.y}});
  EXPECT_THROW(c.graph.Validate(), ModelError);
}

TEST(GraphTest, AttributesHaveTypesAndDefaults) {
  Node node;
  node.attributes["axis"] = int64_t{3};
  EXPECT_EQ(node.GetInt("axis"), 3);
  EXPECT_EQ(node.GetInt("missing", -1), -1);
  EXPECT_THROW(node.GetFloat("axis"), ModelError);
}

TEST(TensorTest, RefusesAbsurdShapes) {
  EXPECT_THROW(ElementCount({-1}), ModelError);
  EXPECT_THROW(ElementCount({int64_t{1} << 20, int64_t{1} << 20, int64_t{1} << 30}), ModelError);
  EXPECT_THROW(ElementCount({0, int64_t{1} << 62}), ModelError);
  EXPECT_THROW(ElementCount(Shape(kMaxRank + 1, 1)), ModelError);
  EXPECT_EQ(ElementCount({}), 1);
  EXPECT_EQ(ElementCount({4, 0, 5}), 0);
}

TEST(TensorTest, ChecksElementTypesAndCounts) {
  const Tensor tensor = Tensor::Of<int8_t>({2}, {-1, 5});
  EXPECT_EQ(tensor.ToInt64(), (std::vector<int64_t>{-1, 5}));
  EXPECT_EQ(tensor.ToFloat(), (std::vector<float>{-1, 5}));
  EXPECT_THROW(tensor.Data<float>(), ModelError);
  EXPECT_THROW(tensor.Reshaped({3}), ModelError);
  EXPECT_THROW(Tensor::Of<float>({3}, {1, 2}), ModelError);
}

TEST(OpTableTest, EveryOperatorIsFoundByItsName) {
  for (const OpInfo& info : AllOps()) {
    EXPECT_EQ(FindOp(info.name), &info);
    EXPECT_EQ(&Info(info.kind), &info);
    EXPECT_LE(info.min_opset, info.max_opset);
  }
  EXPECT_EQ(FindOp("NoSuchOperator"), nullptr);
}

TEST(ErrorTest, MessageSaysWhatWhereAndWhatNext) {
  const ModelError inner(Status::kUnsupported, "it cannot be done", {}, "try another way");
  const ModelError outer = inner.At({.file = "m.onnx", .node = "n1", .op = "Foo", .opset = 13});
  EXPECT_STREQ(
      outer.what(),
      "it cannot be done [operator Foo, node 'n1', opset 13, file m.onnx]; try another way");
  EXPECT_EQ(outer.status(), Status::kUnsupported);
}

}  // namespace
}  // namespace penumbra::model
