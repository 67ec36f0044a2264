// Small random graphs for tests, and the check that lowering kept what they compute.
#ifndef PENUMBRA_PROTECT_PLAIN_TEST_SUPPORT_H_
#define PENUMBRA_PROTECT_PLAIN_TEST_SUPPORT_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "model/interpreter.h"
#include "model/passes/passes.h"
#include "protect/lower/lower.h"
#include "protect/plain/inference.h"
#include "protect/plain/ports.h"

namespace penumbra::protect {

using model::OpKind;
using model::Shape;
using model::ValueId;
using Attributes = std::map<std::string, model::Attribute>;

class TestGraph {
 public:
  explicit TestGraph(unsigned seed = 1) : random_(seed) {}

  model::Graph graph;

  ValueId Input(const Shape& shape) {
    const ValueId id = graph.AddValue("x", model::DataType::kFloat32, shape);
    graph.inputs.push_back(id);
    return id;
  }
  ValueId Weights(const Shape& shape, float low = -1, float high = 1) {
    return graph.AddConstant("w", RandomTensor(shape, low, high));
  }
  ValueId Floats(const Shape& shape, const std::vector<float>& values) {
    return graph.AddConstant("c", model::Tensor::Of<float>(shape, values));
  }
  ValueId Ints(const std::vector<int64_t>& values) {
    return graph.AddConstant("i", model::Tensor::Vector<int64_t>(values));
  }
  std::vector<ValueId> Nodes(OpKind op, std::vector<ValueId> inputs, Attributes attributes,
                             size_t outputs) {
    model::Node node;
    node.op = op;
    node.name = "node" + std::to_string(graph.nodes().size());
    node.inputs = std::move(inputs);
    node.attributes = std::move(attributes);
    node.opset = 17;
    for (size_t i = 0; i < outputs; ++i) {
      node.outputs.push_back(graph.AddValue(node.name + "_y", model::DataType::kUndefined, {}));
    }
    const std::vector<ValueId> made = node.outputs;
    const model::NodeIndex index = graph.AddNode(std::move(node));
    model::InferNode(graph, graph.nodes()[static_cast<size_t>(index)]);
    return made;
  }
  ValueId Node(OpKind op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    return Nodes(op, std::move(inputs), std::move(attributes), 1)[0];
  }
  void Output(ValueId id) { graph.outputs.push_back(id); }

  model::Tensor RandomTensor(const Shape& shape, float low, float high) {
    model::Tensor tensor(model::DataType::kFloat32, shape);
    std::uniform_real_distribution<float> uniform(low, high);
    for (float& x : tensor.Floats()) x = uniform(random_);
    return tensor;
  }

 private:
  std::mt19937 random_;
};

// Runs the model and its lowered form on one random input and compares all outputs; returns the
// lowered form. `tolerance` is relative to the largest element.
inline LoweredGraph ExpectSameAsModel(TestGraph& test, double tolerance = 2e-5) {
  model::Graph& graph = test.graph;
  graph.Validate();
  std::map<std::string, model::Tensor> named;
  const LoweredGraph lowered = Lower(graph);
  std::vector<std::vector<float>> physical;
  for (size_t i = 0; i < graph.inputs.size(); ++i) {
    const model::Value& v = graph.value(graph.inputs[i]);
    named[v.name] = test.RandomTensor(v.shape, -1, 1);
    physical.push_back(
        ToPhysical(lowered.tensors[lowered.inputs[i].tensor], named[v.name].Floats()));
  }
  const auto expected = model::Interpreter(graph).Run(named);
  const auto actual = RunFloat(lowered, physical);
  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    const std::vector<float> want = expected.at(graph.value(graph.outputs[i]).name).ToFloat();
    const std::vector<float> got = ToLogical(lowered.tensors[lowered.outputs[i].tensor], actual[i]);
    EXPECT_EQ(want.size(), got.size());
    double largest = 1e-3;
    double worst = 0;
    for (size_t j = 0; j < std::min(want.size(), got.size()); ++j) {
      largest = std::max(largest, std::fabs(double{want[j]}));
      worst = std::max(worst, std::fabs(double{want[j]} - got[j]));
    }
    EXPECT_LE(worst, tolerance * largest) << "output " << i;
  }
  return lowered;
}

template <typename Kind>
size_t CountOps(const LoweredGraph& graph) {
  return static_cast<size_t>(std::ranges::count_if(
      graph.ops, [](const LoweredOp& op) { return std::holds_alternative<Kind>(op.kind); }));
}

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_PLAIN_TEST_SUPPORT_H_
