// The graph's values of a TFLite subgraph's tensors, in one or both orders of axes.
#ifndef PENUMBRA_MODEL_TFLITE_TENSOR_TABLE_H_
#define PENUMBRA_MODEL_TFLITE_TENSOR_TABLE_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "model/graph.h"
#include "model/tflite/model_file.h"

namespace penumbra::model {

enum class Layout {
  kFile,           // as the file has it: images are [N,H,W,C]
  kChannelsFirst,  // of tensors with four axes: [N,C,H,W]
};

// Axis of the channels-first form of a tensor with four axes that holds axis `axis` of the file's.
int64_t ChannelsFirstAxis(int64_t axis);

class TensorTable {
 public:
  using Attributes = std::map<std::string, Attribute>;

  // All outlive the table.
  TensorTable(const tflite::Model& model, Graph* graph);

  const tflite::Tensor& FileTensor(int32_t tensor) const;
  const std::string& Name(int32_t tensor) const { return names_[static_cast<size_t>(tensor)]; }
  bool IsKnown(int32_t tensor) const;  // defined already, or a constant of the file
  bool IsConstant(int32_t tensor) const;
  const std::set<DataType>& converted() const { return converted_; }
  void NoteConversion(DataType type);

  // All below throw ModelError for a tensor that is not known.
  const Shape& ShapeOf(int32_t tensor);  // in the file's order
  // kChannelsFirst where the tensor is there in that order, without a transpose being made.
  Layout LayoutOf(int32_t tensor);
  // Makes the value when the tensor is there only in the other order.
  ValueId File(int32_t tensor);
  ValueId ChannelsFirst(int32_t tensor);  // four axes
  ValueId As(int32_t tensor, Layout layout) {
    return layout == Layout::kFile ? File(tensor) : ChannelsFirst(tensor);
  }
  // The image, channels first, that the tensor is the flattened form of, one row per sample;
  // kNoValue when it is none.
  ValueId FlattenedImage(int32_t tensor);

  void Define(int32_t tensor, ValueId value, Layout layout = Layout::kFile);
  // `tensor` is `image` with all axes but the first made one.
  void DefineFlattened(int32_t tensor, int32_t image);
  void DefineSame(int32_t tensor, int32_t as);

  // The one result of a node that is called `label`; a constant when it follows from constants.
  ValueId Emit(const std::string& label, OpKind op, std::vector<ValueId> inputs,
               Attributes attributes = {});
  std::vector<ValueId> EmitMany(const std::string& label, OpKind op, std::vector<ValueId> inputs,
                                Attributes attributes, size_t output_count);
  ValueId AddConstant(const std::string& label, Tensor tensor);
  ValueId EmitReshape(const std::string& label, ValueId x, const Shape& shape);
  ValueId EmitTranspose(const std::string& label, ValueId x, const std::vector<int64_t>& perm);

  Graph& graph() { return graph_; }

 private:
  struct Entry {
    ValueId file = kNoValue, channels_first = kNoValue;
    int32_t flattened_from = -1;
    Shape shape = {};
    bool defined = false;
  };
  Entry& Known(int32_t tensor);  // reads a constant on its first use
  void CheckType(int32_t tensor, ValueId value) const;
  void CountConstant(int64_t element_count);
  std::string ValueName(const std::string& label) {
    return label + "/" + std::to_string(value_count_++);
  }

  const tflite::Model& model_;
  const tflite::SubGraph& subgraph_;
  Graph& graph_;
  std::vector<Entry> entries_;
  std::vector<std::string> names_;
  std::set<DataType> converted_;
  size_t value_count_ = 0;
  int64_t constant_count_ = 0;  // elements read and folded so far
};

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_TFLITE_TENSOR_TABLE_H_
