// Bodies that run once and become part of the graph: the branch of an If that its constant condition chooses, and
// functions.
#include <string>

#include "model/error.h"
#include "model/onnx/graph_builder.h"

namespace penumbra::model {

void GraphBuilder::InlineIf(const onnx::NodeProto& node, Scope* scope) {
  const ValueId condition = node.input_size() == 1 ? scope->Find(node.input(0)) : kNoValue;
  const Tensor* chosen = condition == kNoValue ? nullptr : graph_.value(condition).constant.get();
  if (chosen == nullptr || chosen->type() != DataType::kBool || chosen->count() != 1) {
    throw ModelError(Status::kUnsupported, "the condition is not one constant", {},
                     kFixInputHint);
  }
  const auto* branch = FindAttribute(node, chosen->Data<bool>()[0] ? "then_branch" : "else_branch");
  if (branch == nullptr || branch->g().output_size() != node.output_size()) {
    throw ModelError(Status::kMalformed,
                     "the chosen branch is missing or has another number of outputs");
  }
  Scope inner{.outer = scope,
              .prefix = scope->prefix + NodeLabel(node) + "/",
              .opset = scope->opset,
              .depth = scope->depth + 1,
              .call = scope->call};
  AddInitializers(branch->g(), &inner);
  AddBody(branch->g().node(), &inner);
  for (int i = 0; i < node.output_size(); ++i) {
    const ValueId result = inner.Find(branch->g().output(i).name());
    if (result == kNoValue)
      throw ModelError(Status::kMalformed, "an output of the branch is computed by no node");
    if (!node.output(i).empty()) Alias(result, scope->names.at(node.output(i)), NodeLabel(node));
  }
}

void GraphBuilder::InlineFunction(const onnx::NodeProto& node, const onnx::FunctionProto& function,
                                  Scope* scope) {
  Call call;
  for (const auto& attribute : node.attribute()) call[attribute.name()] = &attribute;
  Scope inner{.prefix = scope->prefix + NodeLabel(node) + "/",
              .opset = DefaultOpset(function.opset_import()),
              .depth = scope->depth + 1,
              .call = &call};
  for (int i = 0; i < function.input_size(); ++i) {
    const std::string given = i < node.input_size() ? node.input(i) : "";
    if (given.empty())
      throw ModelError(Status::kUnsupported, "a function is called without all of its inputs");
    inner.names[function.input(i)] = scope->Find(given);
  }
  AddBody(function.node(), &inner);
  for (int i = 0; i < node.output_size(); ++i) {
    const ValueId result = i < function.output_size() ? inner.Find(function.output(i)) : kNoValue;
    if (result == kNoValue)
      throw ModelError(Status::kMalformed, "a function does not compute all of its outputs");
    if (!node.output(i).empty()) Alias(result, scope->names.at(node.output(i)), NodeLabel(node));
  }
}

}  // namespace penumbra::model
