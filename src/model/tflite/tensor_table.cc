#include "model/tflite/tensor_table.h"

#include <algorithm>
#include <array>
#include <utility>

#include "model/error.h"
#include "model/import_errors.h"
#include "model/passes/passes.h"

namespace penumbra::model {
namespace {

const std::vector<int64_t> kToChannelsFirst = {0, 3, 1, 2};
const std::vector<int64_t> kToFile = {0, 2, 3, 1};

Shape Permuted(const Shape& shape, const std::vector<int64_t>& perm) {
  Shape permuted;
  for (const int64_t axis : perm) permuted.push_back(shape[static_cast<size_t>(axis)]);
  return permuted;
}

// Whether the axes that have more than one element keep their order.
bool MovesNothing(const Shape& shape, const std::vector<int64_t>& perm) {
  int64_t last = -1;
  for (const int64_t axis : perm) {
    if (shape[static_cast<size_t>(axis)] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

}  // namespace

int64_t ChannelsFirstAxis(int64_t axis) {
  static constexpr std::array<int64_t, 4> kAxes = {0, 2, 3, 1};
  return kAxes.at(static_cast<size_t>(axis));
}

TensorTable::TensorTable(const tflite::Model& model, Graph* graph)
    : model_(model),
      subgraph_(MainSubgraph(model)),
      graph_(*graph),
      entries_(subgraph_.tensors()->size()) {
  std::set<std::string> taken;
  for (size_t i = 0; i < entries_.size(); ++i) {
    std::string name = Text(FileTensor(static_cast<int32_t>(i)).name());
    // Names are for people: the file may leave them out or repeat them.
    if (name.empty() || taken.contains(name)) name += "#" + std::to_string(i);
    taken.insert(name);
    names_.push_back(std::move(name));
  }
}

const tflite::Tensor& TensorTable::FileTensor(int32_t tensor) const {
  return *subgraph_.tensors()->Get(static_cast<uint32_t>(tensor));
}

bool TensorTable::IsConstant(int32_t tensor) const {
  return model::IsConstant(model_, FileTensor(tensor));
}

bool TensorTable::IsKnown(int32_t tensor) const {
  return entries_[static_cast<size_t>(tensor)].defined || IsConstant(tensor);
}

void TensorTable::NoteConversion(DataType type) {
  if (ComputeType(type) != type) converted_.insert(type);
}

TensorTable::Entry& TensorTable::Known(int32_t tensor) {
  Entry& entry = entries_[static_cast<size_t>(tensor)];
  if (entry.defined) return entry;
  if (!IsConstant(tensor)) {
    throw ModelError(Status::kMalformed,
                     "tensor '" + Name(tensor) + "' is read but nothing defines it");
  }
  NoteConversion(DataTypeFromTflite(FileTensor(tensor).type()));
  const Shape shape = DeclaredShape(FileTensor(tensor));
  CountConstant(ElementCount(shape));
  Define(tensor, graph_.AddConstant(Name(tensor), ReadTensor(model_, FileTensor(tensor))));
  return entry;
}

const Shape& TensorTable::ShapeOf(int32_t tensor) { return Known(tensor).shape; }

Layout TensorTable::LayoutOf(int32_t tensor) {
  const Entry& entry = Known(tensor);
  const bool there =
      entry.channels_first != kNoValue && !graph_.value(entry.channels_first).IsConstant();
  return there ? Layout::kChannelsFirst : Layout::kFile;
}

ValueId TensorTable::File(int32_t tensor) {
  Entry& entry = Known(tensor);
  if (entry.file != kNoValue) return entry.file;
  if (entry.flattened_from >= 0) {
    entry.file = EmitReshape(Name(tensor), File(entry.flattened_from), entry.shape);
  } else {
    entry.file = EmitTranspose(Name(tensor) + "/nhwc", entry.channels_first, kToFile);
  }
  return entry.file;
}

ValueId TensorTable::ChannelsFirst(int32_t tensor) {
  Entry& entry = Known(tensor);
  if (entry.channels_first == kNoValue) {
    if (entry.shape.size() != 4) {
      throw ModelError(Status::kMalformed, "tensor '" + Name(tensor) + "' has shape " +
                                               ShapeText(entry.shape) + ", not four axes");
    }
    const ValueId file = File(tensor);
    entry.channels_first = EmitTranspose(Name(tensor) + "/nchw", file, kToChannelsFirst);
  }
  return entry.channels_first;
}

ValueId TensorTable::FlattenedImage(int32_t tensor) {
  const int32_t image = Known(tensor).flattened_from;
  return image < 0 ? kNoValue : ChannelsFirst(image);
}

void TensorTable::CheckType(int32_t tensor, ValueId value) const {
  const DataType declared = ComputeType(DataTypeFromTflite(FileTensor(tensor).type()));
  const DataType computed = graph_.value(value).type;
  if (declared == computed) return;
  throw ModelError(Status::kMalformed, "tensor '" + Name(tensor) + "' is declared as " +
                                           std::string(DataTypeName(declared)) +
                                           " and computed as " +
                                           std::string(DataTypeName(computed)));
}

void TensorTable::Define(int32_t tensor, ValueId value, Layout layout) {
  CheckType(tensor, value);
  Entry& entry = entries_[static_cast<size_t>(tensor)];
  const bool file = layout == Layout::kFile;
  const Shape& shape = graph_.value(value).shape;
  entry.shape = file ? shape : Permuted(shape, kToFile);
  (file ? entry.file : entry.channels_first) = value;
  entry.defined = true;
}

void TensorTable::DefineFlattened(int32_t tensor, int32_t image) {
  CheckType(tensor, ChannelsFirst(image));
  const Shape& shape = ShapeOf(image);
  const int64_t row = ElementCount(Shape(shape.begin() + 1, shape.end()));
  entries_[static_cast<size_t>(tensor)] = {
      .flattened_from = image, .shape = {shape[0], row}, .defined = true};
}

void TensorTable::DefineSame(int32_t tensor, int32_t as) {
  CheckType(tensor, As(as, LayoutOf(as)));
  entries_[static_cast<size_t>(tensor)] = Known(as);
}

void TensorTable::CountConstant(int64_t element_count) {
  constant_count_ += element_count;
  if (constant_count_ > kMaxElementCount) {
    throw LimitExceeded("the model's constants have more than 2^31 elements");
  }
}

std::vector<ValueId> TensorTable::EmitMany(const std::string& label, OpKind op,
                                           std::vector<ValueId> inputs, Attributes attributes,
                                           size_t output_count) {
  Node node{
      .op = op, .name = label, .inputs = std::move(inputs), .attributes = std::move(attributes)};
  for (size_t i = 0; i < output_count; ++i) {
    node.outputs.push_back(graph_.AddValue(ValueName(label), DataType::kUndefined, {}));
  }
  const std::vector<ValueId> outputs = node.outputs;
  InferNode(graph_, node);
  if (FoldNode(graph_, node)) {
    for (const ValueId id : outputs) CountConstant(graph_.value(id).constant->count());
  } else {
    if (graph_.nodes().size() >= kMaxNodeCount) {
      throw LimitExceeded("the model has more than " + std::to_string(kMaxNodeCount) + " nodes");
    }
    graph_.AddNode(std::move(node));
  }
  return outputs;
}

ValueId TensorTable::Emit(const std::string& label, OpKind op, std::vector<ValueId> inputs,
                          Attributes attributes) {
  return EmitMany(label, op, std::move(inputs), std::move(attributes), 1).front();
}

ValueId TensorTable::AddConstant(const std::string& label, Tensor tensor) {
  return graph_.AddConstant(ValueName(label), std::move(tensor));
}

ValueId TensorTable::EmitReshape(const std::string& label, ValueId x, const Shape& shape) {
  if (graph_.value(x).shape == shape) return x;
  return Emit(label, OpKind::kReshape, {x}, {{"shape", shape}});
}

ValueId TensorTable::EmitTranspose(const std::string& label, ValueId x,
                                   const std::vector<int64_t>& perm) {
  const Shape shape = graph_.value(x).shape;
  const bool fits = shape.size() == perm.size();
  if (fits && MovesNothing(shape, perm)) return EmitReshape(label, x, Permuted(shape, perm));
  return Emit(label, OpKind::kTranspose, {x}, {{"perm", perm}});
}

}  // namespace penumbra::model
