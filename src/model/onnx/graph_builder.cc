#include "model/onnx/graph_builder.h"

#include <algorithm>
#include <utility>

#include "model/error.h"
#include "model/import_inputs.h"
#include "model/op_table.h"
#include "model/passes/passes.h"

namespace penumbra::model {
namespace {

constexpr int kMaxInlineDepth = 16;

bool IsDefaultDomain(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

DeclaredInput Declared(const onnx::ValueInfoProto& input) {
  DeclaredInput declared{.name = input.name(),
                         .has_shape = input.type().tensor_type().has_shape()};
  for (const auto& dim : input.type().tensor_type().shape().dim()) {
    const bool fixed = dim.has_dim_value();
    if (fixed && dim.dim_value() < 0) {
      throw ModelError(Status::kMalformed, "input '" + input.name() + "' has a negative dimension");
    }
    declared.shape.push_back(fixed ? dim.dim_value() : kDynamicExtent);
    declared.symbols.push_back(fixed ? "" : dim.dim_param());
  }
  return declared;
}

ErrorPlace PlaceOf(const onnx::NodeProto& node, int opset) {
  const std::string domain = IsDefaultDomain(node.domain()) ? "" : node.domain() + "::";
  return {.node = NodeLabel(node), .op = domain + node.op_type(), .opset = opset};
}

}  // namespace

const onnx::AttributeProto* FindAttribute(const onnx::NodeProto& node, const std::string& name) {
  for (const auto& attribute : node.attribute()) {
    if (attribute.name() == name) return &attribute;
  }
  return nullptr;
}

ValueId GraphBuilder::Scope::Find(const std::string& name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->outer) {
    if (const auto found = scope->names.find(name); found != scope->names.end())
      return found->second;
  }
  return kNoValue;
}

int GraphBuilder::DefaultOpset(
    const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& imports) {
  for (const auto& import : imports) {
    if (!IsDefaultDomain(import.domain())) continue;
    if (import.version() >= kMinOpset && import.version() <= kMaxOpset)
      return static_cast<int>(import.version());
    throw ModelError(Status::kUnsupportedVersion,
                     "operator set " + std::to_string(import.version()) + " is not supported", {},
                     "convert the model to an operator set from " + std::to_string(kMinOpset) +
                         " to " + std::to_string(kMaxOpset));
  }
  return 0;
}

Graph GraphBuilder::Build(const ImportOptions& options) {
  const onnx::GraphProto& main = model_.graph();
  graph_.name = main.name();
  Scope scope{.opset = DefaultOpset(model_.opset_import())};
  CheckSupported(main.node(), scope);
  AddInitializers(main, &scope);
  AddInputs(main, options, &scope);
  AddBody(main.node(), &scope);
  complaints_.Throw();
  if (main.output_size() == 0) throw ModelError(Status::kMalformed, "the model has no output");
  for (const auto& output : main.output()) {
    const ValueId id = scope.Find(output.name());
    if (id == kNoValue) {
      throw ModelError(Status::kMalformed, "output '" + output.name() + "' is computed by no node");
    }
    const DataType declared = DataTypeFromOnnx(output.type().tensor_type().elem_type());
    reader_.NoteConversion(declared);
    graph_.outputs.push_back(id);
    graph_.declared_outputs.push_back(declared);
  }
  graph_.RemoveDead();
  graph_.Validate();
  return std::move(graph_);
}

void GraphBuilder::AddInitializers(const onnx::GraphProto& graph, Scope* scope) {
  if (graph.sparse_initializer_size() > 0)
    throw ModelError(Status::kUnsupported, "sparse initialisers");
  for (const auto& initializer : graph.initializer()) {
    if (initializer.name().empty() || scope->names.contains(initializer.name())) {
      throw ModelError(Status::kMalformed,
                       "initialiser '" + initializer.name() + "' has no name or is defined twice");
    }
    scope->names[initializer.name()] =
        graph_.AddConstant(scope->prefix + initializer.name(), reader_.Read(initializer));
  }
}

void GraphBuilder::AddInputs(const onnx::GraphProto& graph, const ImportOptions& options,
                             Scope* scope) {
  std::vector<const onnx::ValueInfoProto*> inputs;
  std::vector<DeclaredInput> declared_inputs;
  std::set<std::string> seen;
  for (const auto& input : graph.input()) {
    if (input.name().empty() || !seen.insert(input.name()).second) {
      throw ModelError(Status::kMalformed,
                       "input '" + input.name() + "' has no name or is defined twice");
    }
    // Before IR version 4 every initialiser was also listed as an input.
    if (scope->names.contains(input.name())) continue;
    if (DataTypeFromOnnx(input.type().tensor_type().elem_type()) == DataType::kUndefined) {
      throw ModelError(Status::kUnsupported,
                       "input '" + input.name() + "' is not a tensor of a supported element type");
    }
    inputs.push_back(&input);
    declared_inputs.push_back(Declared(input));
  }
  const auto shapes = ResolveInputShapes(declared_inputs, options);
  for (const auto* input : inputs) {
    const std::string& name = input->name();
    const DataType declared = DataTypeFromOnnx(input->type().tensor_type().elem_type());
    reader_.NoteConversion(declared);
    const DataType type = ComputeType(declared);
    if (const auto fixed = options.fix_inputs.find(name); fixed != options.fix_inputs.end()) {
      scope->names[name] =
          graph_.AddConstant(name, FixedInput(name, fixed->second, type, shapes.at(name)));
    } else {
      scope->names[name] = graph_.AddValue(name, type, shapes.at(name));
      graph_.inputs.push_back(scope->names[name]);
      graph_.declared_inputs.push_back(declared);
    }
  }
}

void GraphBuilder::AddBody(const NodeList& nodes, Scope* scope) {
  CheckSupported(nodes, *scope);
  const auto order =
      OrderNodes(nodes, [scope](const std::string& name) { return scope->Find(name) != kNoValue; });
  for (const auto& node : nodes) {
    for (const std::string& output : node.output()) {
      if (!output.empty()) {
        scope->names[output] = graph_.AddValue(scope->prefix + output, DataType::kUndefined, {});
      }
    }
  }
  for (int index : order) {
    const onnx::NodeProto& node = nodes[index];
    if (ReadsLost(node, *scope)) {
      Lose(node, *scope);
      continue;
    }
    try {
      CountNode(*scope);
      if (const auto* function = FindFunction(node)) {
        InlineFunction(node, *function, scope);
      } else if (node.op_type() == "If") {
        InlineIf(node, scope);
      } else if (node.op_type() == "Loop") {
        InlineLoop(node, scope);
      } else if (node.op_type() == "Constant") {
        AddConstantNode(node, scope);
      } else {
        AddOperator(node, scope);
      }
    } catch (const UnsupportedOperators&) {
      throw;
    } catch (const LimitExceeded&) {
      throw;
    } catch (const ModelError& error) {
      const ModelError placed = error.At(PlaceOf(node, scope->opset));
      if (placed.status() != Status::kUnsupported) throw placed;
      complaints_.Add(placed);
      Lose(node, *scope);
    }
  }
}

bool GraphBuilder::ReadsLost(const onnx::NodeProto& node, const Scope& scope) const {
  return !lost_.empty() && std::ranges::any_of(node.input(), [&](const std::string& name) {
    return lost_.contains(scope.Find(name));
  });
}

void GraphBuilder::Lose(const onnx::NodeProto& node, const Scope& scope) {
  for (const std::string& output : node.output()) {
    if (!output.empty()) lost_.insert(scope.names.at(output));
  }
}

void GraphBuilder::CountNode(const Scope& scope) {
  if (++node_count_ > kMaxNodeCount) {
    throw LimitExceeded("the model has more than " + std::to_string(kMaxNodeCount) + " nodes");
  }
  if (scope.depth > kMaxInlineDepth) {
    throw LimitExceeded("functions or branches are nested too deeply, or without end");
  }
}

const onnx::FunctionProto* GraphBuilder::FindFunction(const onnx::NodeProto& node) const {
  if (IsDefaultDomain(node.domain())) return nullptr;
  for (const auto& function : model_.functions()) {
    if (function.name() == node.op_type() && function.domain() == node.domain()) return &function;
  }
  return nullptr;
}

void GraphBuilder::CheckSupported(const NodeList& nodes, const Scope& scope) const {
  std::vector<ErrorPlace> unsupported;
  for (const auto& node : nodes) {
    if (FindFunction(node) != nullptr) continue;
    const OpInfo* info = IsDefaultDomain(node.domain()) ? FindOp(node.op_type()) : nullptr;
    const bool structural = IsDefaultDomain(node.domain()) &&
                            (node.op_type() == "If" || node.op_type() == "Loop" ||
                             node.op_type() == "Constant");
    const bool known =
        info != nullptr && scope.opset >= info->min_opset && scope.opset <= info->max_opset;
    if (!known && !structural) unsupported.push_back(PlaceOf(node, scope.opset));
  }
  if (!unsupported.empty()) throw UnsupportedOperators(std::move(unsupported));
}

void GraphBuilder::AddOperator(const onnx::NodeProto& proto, Scope* scope) {
  const OpInfo& info = *FindOp(proto.op_type());
  Node node{.op = info.kind, .name = scope->prefix + NodeLabel(proto), .opset = scope->opset};
  for (const std::string& input : proto.input()) {
    node.inputs.push_back(input.empty() ? kNoValue : scope->Find(input));
  }
  while (!node.inputs.empty() && node.inputs.back() == kNoValue) node.inputs.pop_back();
  if (static_cast<int>(node.inputs.size()) < info.min_inputs) {
    throw ModelError(Status::kMalformed, "the operator has too few inputs");
  }
  for (const std::string& output : proto.output()) {
    node.outputs.push_back(output.empty() ? kNoValue : scope->names.at(output));
  }
  AddAttributes(proto, *scope, &node);
  InferNode(graph_, node);
  if (!FoldNode(graph_, node)) graph_.AddNode(std::move(node));
}

void GraphBuilder::AddAttributes(const onnx::NodeProto& proto, const Scope& scope, Node* out_node) {
  for (const auto& own : proto.attribute()) {
    const onnx::AttributeProto* attribute = &own;
    if (!own.ref_attr_name().empty()) {
      const auto passed =
          scope.call == nullptr ? Call::const_iterator() : scope.call->find(own.ref_attr_name());
      if (scope.call == nullptr || passed == scope.call->end()) continue;
      attribute = passed->second;
    }
    const auto ints = [&] {
      return std::vector<int64_t>(attribute->ints().begin(), attribute->ints().end());
    };
    switch (attribute->type()) {
      case onnx::AttributeProto::FLOAT:
        out_node->attributes[own.name()] = attribute->f();
        break;
      case onnx::AttributeProto::INT:
        out_node->attributes[own.name()] = int64_t{attribute->i()};
        break;
      case onnx::AttributeProto::STRING:
        out_node->attributes[own.name()] = attribute->s();
        break;
      case onnx::AttributeProto::FLOATS:
        out_node->attributes[own.name()] =
            std::vector<float>(attribute->floats().begin(), attribute->floats().end());
        break;
      case onnx::AttributeProto::INTS:
        out_node->attributes[own.name()] = ints();
        break;
      case onnx::AttributeProto::STRINGS:
        out_node->attributes[own.name()] =
            std::vector<std::string>(attribute->strings().begin(), attribute->strings().end());
        break;
      case onnx::AttributeProto::TENSOR:
        out_node->inputs.push_back(AddTensorAttribute(proto, scope, *attribute));
        break;
      default:
        throw ModelError(Status::kUnsupported,
                         "attribute '" + own.name() + "' is of an unsupported kind");
    }
  }
}

ValueId GraphBuilder::AddTensorAttribute(const onnx::NodeProto& node, const Scope& scope,
                                         const onnx::AttributeProto& attribute) {
  // ConstantOfShape's shape rule takes its tensor as a second input.
  if (node.op_type() != "Constant" && node.op_type() != "ConstantOfShape") {
    throw ModelError(Status::kUnsupported, "attribute '" + attribute.name() + "' is a tensor");
  }
  return graph_.AddConstant(scope.prefix + NodeLabel(node) + "/" + attribute.name(),
                            reader_.Read(attribute.t()));
}

void GraphBuilder::AddConstantNode(const onnx::NodeProto& proto, Scope* scope) {
  Node node{.name = NodeLabel(proto)};
  AddAttributes(proto, *scope, &node);
  if (proto.output_size() != 1 || proto.output(0).empty()) {
    throw ModelError(Status::kMalformed, "a constant has not one output");
  }
  const ValueId id = scope->names.at(proto.output(0));
  if (!node.inputs.empty()) {
    graph_.SetConstant(id, *graph_.value(node.inputs[0]).constant);
  } else if (node.Has("value_float")) {
    graph_.SetConstant(id, Tensor::Scalar<float>(node.GetFloat("value_float")));
  } else if (node.Has("value_floats")) {
    graph_.SetConstant(id, Tensor::Vector<float>(node.GetFloats("value_floats")));
  } else if (node.Has("value_int")) {
    graph_.SetConstant(id, Tensor::Scalar<int64_t>(node.GetInt("value_int")));
  } else if (node.Has("value_ints")) {
    graph_.SetConstant(id, Tensor::Vector<int64_t>(node.GetInts("value_ints")));
  } else {
    throw ModelError(Status::kUnsupported, "a constant is neither a tensor nor numbers");
  }
}

void GraphBuilder::Alias(ValueId from, ValueId to, const std::string& label) {
  if (lost_.contains(from)) {
    lost_.insert(to);
    return;
  }
  Node node{.op = OpKind::kIdentity, .name = label, .inputs = {from}, .outputs = {to}};
  InferNode(graph_, node);
  if (!FoldNode(graph_, node)) graph_.AddNode(std::move(node));
}

}  // namespace penumbra::model
