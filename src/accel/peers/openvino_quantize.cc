#include "accel/peers/openvino_quantize.h"

#include <algorithm>
#include <cmath>
#include <openvino/opsets/opset16.hpp>
#include <openvino/pass/constant_folding.hpp>

namespace penumbra::peers {
namespace {

namespace op = ov::opset16;
using Value = ov::Output<ov::Node>;

constexpr size_t kActivationLevels = 256, kWeightLevels = 255;

bool IsConstant(const Value& value) { return ov::is_type<op::Constant>(value.get_node()); }

bool IsLinear(const ov::Node& node) {
  return ov::is_type<op::Convolution>(&node) || ov::is_type<op::GroupConvolution>(&node) ||
         ov::is_type<op::MatMul>(&node);
}

// The inputs of `node` that are read as bytes.
std::vector<size_t> ByteInputs(const ov::Node& node) {
  if (IsLinear(node) && IsConstant(node.input_value(1)) && !IsConstant(node.input_value(0))) return {0};
  const bool joins = ov::is_type<op::Add>(&node) && !IsConstant(node.input_value(0)) && !IsConstant(node.input_value(1)) &&
                     node.get_input_partial_shape(0) == node.get_input_partial_shape(1);
  return joins ? std::vector<size_t>{0, 1} : std::vector<size_t>{};
}

std::vector<Value> ByteActivations(const ov::Model& model) {
  std::vector<Value> values;
  for (const auto& node : model.get_ordered_ops()) {
    for (const size_t i : ByteInputs(*node)) {
      if (std::ranges::find(values, node->input_value(i)) == values.end()) values.push_back(node->input_value(i));
    }
  }
  return values;
}

struct Range {
  float low = 0, high = 0;
};

std::vector<Range> Measure(ov::Core* core, const std::shared_ptr<ov::Model>& model, const std::vector<Value>& values,
                           const std::vector<ov::Tensor>& inputs) {
  ov::ResultVector results;
  for (const Value& value : values) results.push_back(std::make_shared<op::Result>(value));
  const auto watched = std::make_shared<ov::Model>(results, model->get_parameters())->clone();
  ov::InferRequest request =
      core->compile_model(watched, "CPU", {ov::hint::inference_precision(ov::element::f32)}).create_infer_request();
  for (size_t i = 0; i < inputs.size(); ++i) request.set_input_tensor(i, inputs[i]);
  request.infer();
  std::vector<Range> ranges;
  for (size_t i = 0; i < values.size(); ++i) {
    const ov::Tensor tensor = request.get_output_tensor(i);
    const auto [low, high] = std::minmax_element(tensor.data<const float>(), tensor.data<const float>() + tensor.get_size());
    ranges.push_back({*low, *high});
  }
  return ranges;
}

Value FakeQuantized(const Value& value, const ov::Shape& shape, const std::vector<float>& low,
                    const std::vector<float>& high, size_t levels) {
  const auto bottom = op::Constant::create(ov::element::f32, shape, low);
  const auto top = op::Constant::create(ov::element::f32, shape, high);
  return std::make_shared<op::FakeQuantize>(value, bottom, top, bottom, top, levels);
}

// Unsigned bytes where nothing is negative, else signed ones, whose range is not symmetric.
void QuantizeActivation(const Value& value, const Range& range) {
  const auto readers = value.get_target_inputs();
  const float largest = std::max({-range.low, range.high, 1e-20f});
  const float low = range.low >= 0 ? 0 : -largest * 128 / 127;
  const Value bytes = FakeQuantized(value, {}, {low}, {largest}, kActivationLevels);
  for (ov::Input<ov::Node> reader : readers) {
    if (!ov::is_type<op::Result>(reader.get_node())) reader.replace_source_output(bytes);
  }
}

// Axes of the weights that number the output channels; the others share a scale.
ov::Shape ScaleShape(const ov::Node& node, const ov::Shape& weights) {
  ov::Shape shape(weights.size(), 1);
  if (const auto* product = ov::as_type<const op::MatMul>(&node)) {
    if (weights.size() < 2) return shape;
    const size_t axis = weights.size() - (product->get_transpose_b() ? 2 : 1);
    shape[axis] = weights[axis];
    return shape;
  }
  shape[0] = weights[0];
  if (ov::is_type<op::GroupConvolution>(&node)) shape[1] = weights[1];
  return shape;
}

void QuantizeWeights(const std::shared_ptr<ov::Node>& node) {
  const auto constant = ov::as_type_ptr<op::Constant>(node->input_value(1).get_node_shared_ptr());
  const ov::Shape dims = constant->get_shape(), shape = ScaleShape(*node, dims);
  const std::vector<float> values = constant->cast_vector<float>();
  std::vector<float> high(ov::shape_size(shape), 1e-20f);
  // The axes with scales are neighbours: what stands behind them is the length of a run with one scale.
  size_t run = 1;
  for (size_t axis = dims.size(); axis-- > 0 && shape[axis] == 1;) run *= dims[axis];
  for (size_t i = 0; i < values.size(); ++i) {
    float& largest = high[i / run % high.size()];
    largest = std::max(largest, std::fabs(values[i]));
  }
  std::vector<float> low;
  for (const float v : high) low.push_back(-v);
  node->input(1).replace_source_output(FakeQuantized(constant, shape, low, high, kWeightLevels));
}

}  // namespace

void Quantize(ov::Core* core, const std::shared_ptr<ov::Model>& model, const std::vector<ov::Tensor>& inputs) {
  ov::pass::ConstantFolding().run_on_model(model);
  const std::vector<Value> values = ByteActivations(*model);
  const std::vector<Range> ranges = Measure(core, model, values, inputs);
  for (const auto& node : model->get_ordered_ops()) {
    if (IsLinear(*node) && !ByteInputs(*node).empty()) QuantizeWeights(node);
  }
  for (size_t i = 0; i < values.size(); ++i) QuantizeActivation(values[i], ranges[i]);
  model->validate_nodes_and_infer_types();
}

}  // namespace penumbra::peers
