// What the lowering of one TFLite operator gets to see and to do.
#ifndef PENUMBRA_MODEL_TFLITE_OPERATOR_CONTEXT_H_
#define PENUMBRA_MODEL_TFLITE_OPERATOR_CONTEXT_H_

#include <string>
#include <utility>
#include <vector>

#include "model/error.h"
#include "model/tflite/tensor_table.h"

namespace penumbra::model {

class OperatorContext {
 public:
  using Attributes = TensorTable::Attributes;

  // Both outlive the context.
  OperatorContext(const tflite::Operator& op, TensorTable* tensors);

  // The operator's options; null where the file has none, which stands for their defaults.
  template <typename Options>
  const Options* FindOptions() const {
    if (op_.builtin_options_type() == tflite::BuiltinOptions_NONE) return nullptr;
    const Options* options = op_.builtin_options_as<Options>();
    Require(options != nullptr, "the options are those of another operator");
    return options;
  }
  // The same where the operator has no defaults.
  template <typename Options>
  const Options& OptionsOf() const {
    const Options* options = FindOptions<Options>();
    Require(options != nullptr, "the options are missing");
    return *options;
  }
  template <typename Options>
  tflite::ActivationFunctionType Fused() const {
    const Options* options = FindOptions<Options>();
    return options == nullptr ? tflite::ActivationFunctionType_NONE
                              : options->fused_activation_function();
  }

  // --- Inputs and outputs: tensor indices and what is known of them ---
  size_t input_count() const;
  size_t output_count() const;
  bool Has(size_t i) const;
  int32_t In(size_t i) const;  // throws when absent
  int32_t Out(size_t i = 0) const;
  const Shape& ShapeOf(size_t i) const { return tensors_.ShapeOf(In(i)); }
  int64_t RankOf(size_t i) const { return static_cast<int64_t>(ShapeOf(i).size()); }
  Layout LayoutOf(size_t i) const { return tensors_.LayoutOf(In(i)); }
  ValueId File(size_t i) const { return tensors_.File(In(i)); }
  ValueId ChannelsFirst(size_t i) const { return tensors_.ChannelsFirst(In(i)); }
  ValueId As(size_t i, Layout layout) const { return tensors_.As(In(i), layout); }
  DataType OutputType(size_t i = 0) const;  // as declared, of the graph
  // Input i as numbers; it must be a constant.
  std::vector<int64_t> Ints(size_t i) const;
  std::vector<float> Floats(size_t i) const;
  int64_t Int(size_t i) const;  // one number

  // --- For operators that broadcast ---
  // The order in which `inputs` are best combined.
  Layout CommonLayout(const std::vector<size_t>& inputs) const;
  // Input i so that it broadcasts against others in that order.
  ValueId Operand(size_t i, Layout layout) const;

  // --- Axes ---
  // In [0, rank) from [-rank, rank).
  int64_t Axis(int64_t axis, int64_t rank) const;
  static int64_t AxisIn(Layout layout, int64_t axis) {
    return layout == Layout::kFile ? axis : ChannelsFirstAxis(axis);
  }
  // One number per axis of the file's order, in the order of `layout`.
  static std::vector<int64_t> AxesIn(Layout layout, const std::vector<int64_t>& numbers);

  // --- Results ---
  ValueId Emit(OpKind op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    return tensors_.Emit(label_, op, std::move(inputs), std::move(attributes));
  }
  std::vector<ValueId> EmitMany(OpKind op, std::vector<ValueId> inputs, Attributes attributes,
                                size_t output_count) {
    return tensors_.EmitMany(label_, op, std::move(inputs), std::move(attributes), output_count);
  }
  ValueId Reshape(ValueId x, const Shape& shape) { return tensors_.EmitReshape(label_, x, shape); }
  ValueId Transpose(ValueId x, const std::vector<int64_t>& perm) {
    return tensors_.EmitTranspose(label_, x, perm);
  }
  ValueId Scalar(float number) { return Constant(Tensor::Scalar<float>(number)); }
  ValueId Constant(Tensor tensor) { return tensors_.AddConstant(label_, std::move(tensor)); }
  const Shape& ValueShape(ValueId id) { return tensors_.graph().value(id).shape; }
  ValueId Activated(ValueId x, tflite::ActivationFunctionType activation);
  ValueId CastTo(ValueId x, DataType type);
  void Result(ValueId value, Layout layout = Layout::kFile, size_t i = 0) {
    tensors_.Define(Out(i), value, layout);
  }
  // Output 0 is input 0.
  void ResultIsInput() { tensors_.DefineSame(Out(), In(0)); }
  TensorTable& tensors() { return tensors_; }

  void Require(bool condition, const std::string& complaint) const;  // kMalformed
  [[noreturn]] void Unsupported(const std::string& what, const std::string& hint = "") const;

 private:
  const Tensor& ConstantOf(size_t i) const;

  const tflite::Operator& op_;
  TensorTable& tensors_;
  std::string label_;
};

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_TFLITE_OPERATOR_CONTEXT_H_
