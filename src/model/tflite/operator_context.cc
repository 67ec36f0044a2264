#include "model/tflite/operator_context.h"

#include <algorithm>

namespace penumbra::model {

OperatorContext::OperatorContext(const tflite::Operator& op, TensorTable* tensors)
    : op_(op), tensors_(*tensors), label_(tensors->Name(Out())) {}

size_t OperatorContext::input_count() const {
  return op_.inputs() == nullptr ? 0 : op_.inputs()->size();
}

size_t OperatorContext::output_count() const {
  return op_.outputs() == nullptr ? 0 : op_.outputs()->size();
}

bool OperatorContext::Has(size_t i) const {
  return i < input_count() && op_.inputs()->Get(static_cast<uint32_t>(i)) >= 0;
}

int32_t OperatorContext::In(size_t i) const {
  Require(Has(i), "input " + std::to_string(i) + " is missing");
  return op_.inputs()->Get(static_cast<uint32_t>(i));
}

int32_t OperatorContext::Out(size_t i) const {
  Require(i < output_count(), "output " + std::to_string(i) + " is missing");
  return op_.outputs()->Get(static_cast<uint32_t>(i));
}

DataType OperatorContext::OutputType(size_t i) const {
  return ComputeType(DataTypeFromTflite(tensors_.FileTensor(Out(i)).type()));
}

const Tensor& OperatorContext::ConstantOf(size_t i) const {
  const Value& value = tensors_.graph().value(File(i));
  if (!value.IsConstant()) {
    Unsupported(
        "input " + std::to_string(i) + " ('" + tensors_.Name(In(i)) + "') must be a constant",
        kFixInputHint);
  }
  return *value.constant;
}

std::vector<int64_t> OperatorContext::Ints(size_t i) const { return ConstantOf(i).ToInt64(); }
std::vector<float> OperatorContext::Floats(size_t i) const { return ConstantOf(i).ToFloat(); }

int64_t OperatorContext::Int(size_t i) const {
  const std::vector<int64_t> numbers = Ints(i);
  Require(numbers.size() == 1, "input " + std::to_string(i) + " is not one number");
  return numbers[0];
}

Layout OperatorContext::CommonLayout(const std::vector<size_t>& inputs) const {
  bool any = false;
  for (const size_t i : inputs) {
    if (RankOf(i) > 4) return Layout::kFile;
    any = any || LayoutOf(i) == Layout::kChannelsFirst;
  }
  return any ? Layout::kChannelsFirst : Layout::kFile;
}

ValueId OperatorContext::Operand(size_t i, Layout layout) const {
  const Shape shape = ShapeOf(i);
  if (layout == Layout::kFile || ElementCount(shape) == 1) return File(i);
  if (shape.size() == 4) return ChannelsFirst(i);
  // Broadcasting puts missing axes in front: they must be there before the axes change places.
  Shape lifted(4 - shape.size(), 1);
  lifted.insert(lifted.end(), shape.begin(), shape.end());
  return tensors_.EmitTranspose(label_, tensors_.EmitReshape(label_, File(i), lifted),
                                {0, 3, 1, 2});
}

int64_t OperatorContext::Axis(int64_t axis, int64_t rank) const {
  Require(axis >= -rank && axis < rank,
          "axis " + std::to_string(axis) + " is outside a tensor of rank " + std::to_string(rank));
  return axis < 0 ? axis + rank : axis;
}

std::vector<int64_t> OperatorContext::AxesIn(Layout layout, const std::vector<int64_t>& numbers) {
  std::vector<int64_t> moved(numbers.size());
  for (size_t i = 0; i < numbers.size(); ++i) {
    moved[static_cast<size_t>(AxisIn(layout, static_cast<int64_t>(i)))] = numbers[i];
  }
  return moved;
}

ValueId OperatorContext::Activated(ValueId x, tflite::ActivationFunctionType activation) {
  const auto clipped = [&](float low, float high) {
    return Emit(OpKind::kClip, {x}, {{"min", low}, {"max", high}});
  };
  switch (activation) {
    case tflite::ActivationFunctionType_NONE:
      return x;
    case tflite::ActivationFunctionType_RELU:
      return Emit(OpKind::kRelu, {x});
    case tflite::ActivationFunctionType_RELU6:
      return clipped(0.0f, 6.0f);
    case tflite::ActivationFunctionType_RELU_N1_TO_1:
      return clipped(-1.0f, 1.0f);
    default:
      // TANH, too: TFLite's own kernels pass over it without a word.
      Unsupported("fused activation " + std::to_string(static_cast<int>(activation)));
  }
}

ValueId OperatorContext::CastTo(ValueId x, DataType type) {
  if (tensors_.graph().value(x).type == type) return x;
  return Emit(OpKind::kCast, {x}, {{"to", OnnxCodeOf(type)}});
}

void OperatorContext::Require(bool condition, const std::string& complaint) const {
  if (!condition) throw ModelError(Status::kMalformed, complaint);
}

void OperatorContext::Unsupported(const std::string& what, const std::string& hint) const {
  throw ModelError(Status::kUnsupported, what, {}, hint);
}

}  // namespace penumbra::model
