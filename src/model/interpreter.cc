#include "model/interpreter.h"

#include <algorithm>
#include <new>
#include <utility>

#include "model/error.h"
#include "model/op_table.h"
#include "model/ops/context.h"
#include "model/ops/matrix.h"

namespace penumbra::model {

std::vector<Tensor> RunNode(const Graph& graph, const Node& node,
                            const std::vector<const Tensor*>& inputs) {
  const OpInfo& info = Info(node.op);
  const ErrorPlace place{.node = node.name, .op = std::string(info.name), .opset = node.opset};
  if (info.kernel == nullptr)
    throw ModelError(Status::kInternal, "operator is not canonical", place);
  try {
    std::vector<Tensor> outputs;
    for (ValueId id : node.outputs) {
      outputs.push_back(id == kNoValue ? Tensor()
                                       : Tensor(graph.value(id).type, graph.value(id).shape));
    }
    KernelContext context{node, inputs, outputs};
    info.kernel(context);
    return outputs;
  } catch (const ModelError& error) {
    throw error.At(place);
  } catch (const std::bad_alloc&) {
    throw ModelError(Status::kOutOfMemory, "not enough memory to compute a tensor", place);
  }
}

// Tensors alive during one run, by value. Constants stay in the graph.
struct Interpreter::Frame {
  std::vector<Tensor> tensors;
  const Observer* observer;
};

Interpreter::Interpreter(const Graph& graph, InterpreterOptions options)
    : graph_(graph), options_(options), last_use_(graph.value_count(), kNoNode) {
  const auto node_count = static_cast<NodeIndex>(graph.nodes().size());
  for (NodeIndex i = 0; i < node_count; ++i) {
    for (ValueId id : graph.nodes()[static_cast<size_t>(i)].inputs) {
      if (id != kNoValue) last_use_[static_cast<size_t>(id)] = i;
    }
  }
  for (ValueId id : graph.outputs) last_use_[static_cast<size_t>(id)] = node_count;
}

void Interpreter::BindInputs(const std::map<std::string, Tensor>& inputs, Frame* frame) const {
  for (const auto& [name, tensor] : inputs) {
    const ValueId id = graph_.FindValue(name);
    if (std::ranges::count(graph_.inputs, id) == 0) {
      throw ModelError(Status::kWrongName, "the model has no input '" + name + "'");
    }
    const Value& expected = graph_.value(id);
    if (tensor.type() != expected.type) {
      throw ModelError(Status::kWrongType,
                       "input '" + name + "' is " + std::string(DataTypeName(tensor.type())) +
                           ", expected " + std::string(DataTypeName(expected.type)));
    }
    if (tensor.shape() != expected.shape) {
      throw ModelError(Status::kWrongShape, "input '" + name + "' has shape " +
                                                ShapeText(tensor.shape()) + ", expected " +
                                                ShapeText(expected.shape));
    }
    frame->tensors[static_cast<size_t>(id)] = tensor;
  }
  for (ValueId id : graph_.inputs) {
    if (!inputs.contains(graph_.value(id).name)) {
      throw ModelError(Status::kWrongName, "input '" + graph_.value(id).name + "' is missing");
    }
    if (*frame->observer) (*frame->observer)(id, frame->tensors[static_cast<size_t>(id)]);
  }
}

void Interpreter::Step(NodeIndex index, Frame* frame) const {
  const Node& node = graph_.nodes()[static_cast<size_t>(index)];
  std::vector<const Tensor*> inputs;
  for (ValueId id : node.inputs) {
    if (id == kNoValue) {
      inputs.push_back(nullptr);
    } else {
      const Value& v = graph_.value(id);
      inputs.push_back(v.constant ? v.constant.get() : &frame->tensors[static_cast<size_t>(id)]);
    }
  }
  std::vector<Tensor> outputs = RunNode(graph_, node, inputs);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const ValueId id = node.outputs[i];
    if (id == kNoValue) continue;
    if (*frame->observer) (*frame->observer)(id, outputs[i]);
    if (last_use_[static_cast<size_t>(id)] != kNoNode)
      frame->tensors[static_cast<size_t>(id)] = std::move(outputs[i]);
  }
  for (ValueId id : node.inputs) {
    if (id != kNoValue && last_use_[static_cast<size_t>(id)] == index)
      frame->tensors[static_cast<size_t>(id)] = Tensor();
  }
}

std::map<std::string, Tensor> Interpreter::Run(const std::map<std::string, Tensor>& inputs,
                                               const Observer& observer) const {
  SetMatrixThreads(options_.threads);
  Frame frame{std::vector<Tensor>(graph_.value_count()), &observer};
  BindInputs(inputs, &frame);
  for (size_t i = 0; i < graph_.nodes().size(); ++i) Step(static_cast<NodeIndex>(i), &frame);
  std::map<std::string, Tensor> results;
  for (ValueId id : graph_.outputs) {
    const Value& v = graph_.value(id);
    results[v.name] = v.constant ? *v.constant : frame.tensors[static_cast<size_t>(id)];
  }
  return results;
}

}  // namespace penumbra::model
