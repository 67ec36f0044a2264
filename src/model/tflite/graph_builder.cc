#include "model/tflite/graph_builder.h"

#include <algorithm>
#include <utility>

#include "model/import_inputs.h"
#include "model/passes/passes.h"
#include "model/tflite/op_table.h"
#include "model/tflite/operator_context.h"

namespace penumbra::model {
namespace {

[[noreturn]] void Malformed(const std::string& what) {
  throw ModelError(Status::kMalformed, what, {}, "export the model again");
}

// The type a tensor must not have, for people; empty when it is fine.
std::string WrongType(const tflite::Tensor& tensor) {
  const DataType type = DataTypeFromTflite(tensor.type());
  if (type == DataType::kUndefined) {
    const std::string name = tflite::EnumNameTensorType(tensor.type());
    return name.empty() ? "type " + std::to_string(static_cast<int>(tensor.type())) : name;
  }
  return IsQuantized(tensor) ? "quantised to " + std::string(DataTypeName(type)) : "";
}

}  // namespace

TfliteGraphBuilder::TfliteGraphBuilder(const tflite::Model& model)
    : model_(model), subgraph_(MainSubgraph(model)), tensors_(model, &graph_) {}

ImportedModel TfliteGraphBuilder::Build(const ImportOptions& options) {
  graph_.name = Text(subgraph_.name());
  CheckSupported();
  CheckPorts();
  AddInputs(options);
  for (size_t i = 0; i < subgraph_.operators()->size(); ++i) {
    const auto& op = *subgraph_.operators()->Get(static_cast<uint32_t>(i));
    bool lost = ReadsLost(op);
    try {
      if (!lost) AddOperator(op);
    } catch (const LimitExceeded&) {
      throw;
    } catch (const ModelError& error) {
      const ModelError placed = error.At(PlaceOf(i));
      if (placed.status() != Status::kUnsupported) throw placed;
      complaints_.Add(placed);
      lost = true;
    }
    if (lost) lost_.insert(op.outputs()->begin(), op.outputs()->end());
  }
  complaints_.Throw();
  AddOutputs();
  graph_.RemoveDead();
  graph_.Validate();
  return {.graph = std::move(graph_), .notes = ConversionNotes(tensors_.converted())};
}

const tflite::OperatorCode& TfliteGraphBuilder::CodeOf(const tflite::Operator& op) const {
  return *model_.operator_codes()->Get(op.opcode_index());
}

ErrorPlace TfliteGraphBuilder::PlaceOf(size_t index) const {
  const auto& op = *subgraph_.operators()->Get(static_cast<uint32_t>(index));
  const bool named = op.outputs() != nullptr && op.outputs()->size() > 0;
  return {.node = named ? tensors_.Name(op.outputs()->Get(0)) : "#" + std::to_string(index),
          .op = BuiltinName(BuiltinOf(CodeOf(op)))};
}

std::string TfliteGraphBuilder::Objection(const tflite::Operator& op) const {
  const tflite::OperatorCode& code = CodeOf(op);
  const tflite::BuiltinOperator builtin = BuiltinOf(code);
  if (builtin == tflite::BuiltinOperator_CUSTOM)
    return "custom operator " + Text(code.custom_code());
  const TfliteOpInfo* info = FindTfliteOp(builtin);
  const std::string name = BuiltinName(builtin);
  if (info == nullptr) return name;
  for (const auto* tensors : {op.inputs(), op.outputs()}) {
    for (const int32_t tensor : Items(tensors)) {
      const std::string wrong = tensor < 0 ? "" : WrongType(tensors_.FileTensor(tensor));
      if (!wrong.empty()) return name + " " + wrong;
    }
  }
  const bool later = code.version() > info->max_version;
  return later ? name + " version " + std::to_string(code.version()) : "";
}

void TfliteGraphBuilder::CheckSupported() const {
  std::vector<ErrorPlace> unsupported;
  for (size_t i = 0; i < subgraph_.operators()->size(); ++i) {
    std::string objection = Objection(*subgraph_.operators()->Get(static_cast<uint32_t>(i)));
    if (objection.empty()) continue;
    unsupported.push_back(PlaceOf(i));
    unsupported.back().op = std::move(objection);
  }
  if (!unsupported.empty()) throw UnsupportedOperators(std::move(unsupported));
}

void TfliteGraphBuilder::CheckPorts() const {
  std::set<int32_t> seen;
  for (const int32_t tensor : Items(subgraph_.inputs())) {
    const std::string name = "input '" + tensors_.Name(tensor) + "'";
    if (!seen.insert(tensor).second || tensors_.IsConstant(tensor)) {
      Malformed(name + " is defined twice");
    }
    const std::string wrong = WrongType(tensors_.FileTensor(tensor));
    if (!wrong.empty()) throw ModelError(Status::kUnsupported, name + " is " + wrong);
  }
  seen.clear();
  for (const int32_t tensor : *subgraph_.outputs()) {
    if (!seen.insert(tensor).second)
      Malformed("output '" + tensors_.Name(tensor) + "' comes twice");
  }
}

void TfliteGraphBuilder::AddInputs(const ImportOptions& options) {
  std::vector<DeclaredInput> declared;
  for (const int32_t tensor : Items(subgraph_.inputs())) {
    const Shape shape = DeclaredShape(tensors_.FileTensor(tensor));
    for (const int64_t extent : shape) {
      if (extent < -1) Malformed("input '" + tensors_.Name(tensor) + "' has a negative dimension");
    }
    declared.push_back({.name = tensors_.Name(tensor),
                        .shape = shape,
                        .symbols = std::vector<std::string>(shape.size())});
  }
  const auto shapes = ResolveInputShapes(declared, options);
  for (const int32_t tensor : Items(subgraph_.inputs())) {
    const std::string& name = tensors_.Name(tensor);
    const DataType type = DataTypeFromTflite(tensors_.FileTensor(tensor).type());
    tensors_.NoteConversion(type);
    const auto fixed = options.fix_inputs.find(name);
    ValueId value = kNoValue;
    if (fixed != options.fix_inputs.end()) {
      value = graph_.AddConstant(
          name, FixedInput(name, fixed->second, ComputeType(type), shapes.at(name)));
    } else {
      value = graph_.AddValue(name, ComputeType(type), shapes.at(name));
      graph_.inputs.push_back(value);
      graph_.declared_inputs.push_back(type);
    }
    tensors_.Define(tensor, value);
  }
  for (const int32_t tensor : *subgraph_.outputs()) {
    outputs_.push_back(graph_.AddValue(tensors_.Name(tensor), DataType::kUndefined, {}));
  }
}

bool TfliteGraphBuilder::ReadsLost(const tflite::Operator& op) const {
  return std::ranges::any_of(Items(op.inputs()), [this](int32_t i) { return lost_.contains(i); });
}

void TfliteGraphBuilder::AddOperator(const tflite::Operator& op) {
  for (const int32_t tensor : Items(op.inputs())) {
    if (tensor >= 0 && !tensors_.IsKnown(tensor)) {
      Malformed("tensor '" + tensors_.Name(tensor) + "' is read before anything defines it");
    }
  }
  std::set<int32_t> made;
  for (const int32_t tensor : Items(op.outputs())) {
    if (tensors_.IsKnown(tensor) || lost_.contains(tensor) || !made.insert(tensor).second) {
      Malformed("tensor '" + tensors_.Name(tensor) + "' is defined twice");
    }
  }
  OperatorContext context(op, &tensors_);
  FindTfliteOp(BuiltinOf(CodeOf(op)))->lower(context);
  for (const int32_t tensor : made) {
    if (!tensors_.IsKnown(tensor)) Malformed("the operator has too many outputs");
  }
}

void TfliteGraphBuilder::AddOutputs() {
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const int32_t tensor = subgraph_.outputs()->Get(static_cast<uint32_t>(i));
    if (!tensors_.IsKnown(tensor)) {
      Malformed("output '" + tensors_.Name(tensor) + "' is computed by no operator");
    }
    const DataType declared = DataTypeFromTflite(tensors_.FileTensor(tensor).type());
    tensors_.NoteConversion(declared);
    Node node{.op = OpKind::kIdentity,
              .name = tensors_.Name(tensor),
              .inputs = {tensors_.File(tensor)},
              .outputs = {outputs_[i]}};
    InferNode(graph_, node);
    if (!FoldNode(graph_, node)) graph_.AddNode(std::move(node));
    graph_.outputs.push_back(outputs_[i]);
    graph_.declared_outputs.push_back(declared);
  }
}

}  // namespace penumbra::model
