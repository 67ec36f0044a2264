#include "model/ops/context.h"

#include <utility>

namespace penumbra::model {

const Value& InferContext::Input(size_t i) const {
  Require(HasInput(i), "input " + std::to_string(i) + " is missing");
  return graph_.value(node_.inputs[i]);
}

const Tensor& InferContext::Parameter(size_t i) const {
  const Value& v = Input(i);
  if (!v.IsConstant()) {
    Unsupported("input " + std::to_string(i) + " ('" + v.name + "') must be a constant",
                kFixInputHint);
  }
  return *v.constant;
}

std::optional<std::vector<int64_t>> InferContext::IntParameter(size_t i) const {
  if (!HasInput(i)) return std::nullopt;
  return Parameter(i).ToInt64();
}

std::optional<std::vector<float>> InferContext::FloatParameter(size_t i) const {
  if (!HasInput(i)) return std::nullopt;
  return Parameter(i).ToFloat();
}

std::optional<std::vector<int64_t>> InferContext::IntsFrom(size_t i, const std::string& key) const {
  if (HasInput(i)) return IntParameter(i);
  if (node_.Has(key)) return node_.GetInts(key);
  return std::nullopt;
}

void InferContext::KeepInputs(size_t count) {
  if (node_.inputs.size() > count) node_.inputs.resize(count);
}

void InferContext::SetOutput(size_t i, DataType type, const Shape& shape) {
  ElementCount(shape);
  if (i >= node_.outputs.size() || node_.outputs[i] == kNoValue) return;
  Value& v = graph_.value(node_.outputs[i]);
  v.type = type;
  v.shape = shape;
}

void InferContext::SetConstantOutput(size_t i, Tensor tensor) {
  SetOutput(i, tensor.type(), tensor.shape());
  if (i < node_.outputs.size() && node_.outputs[i] != kNoValue) {
    graph_.SetConstant(node_.outputs[i], std::move(tensor));
  }
}

int64_t InferContext::Axis(int64_t axis, int64_t rank) const {
  Require(axis >= -rank && axis < rank,
          "axis " + std::to_string(axis) + " is outside a tensor of rank " + std::to_string(rank));
  return axis < 0 ? axis + rank : axis;
}

void InferContext::Require(bool condition, const std::string& complaint) const {
  if (!condition) throw ModelError(Status::kMalformed, complaint);
}

void InferContext::Unsupported(const std::string& what, const std::string& hint) const {
  throw ModelError(Status::kUnsupported, what, {}, hint);
}

}  // namespace penumbra::model
