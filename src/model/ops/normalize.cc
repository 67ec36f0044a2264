// BatchNormalization (inference), LayerNormalization, Softmax and LogSoftmax.
#include <algorithm>
#include <cmath>

#include "model/ops/layout.h"
#include "model/ops/ops.h"

namespace penumbra::model {

void InferBatchNormalization(InferContext& ctx) {
  Node& node = ctx.node();
  if (node.GetInt("training_mode") != 0) ctx.Unsupported("training mode");
  if (node.GetInt("spatial", 1) == 0) ctx.Unsupported("attribute spatial = 0");
  for (size_t i = 1; i < ctx.output_count(); ++i) {
    if (node.outputs[i] != kNoValue) ctx.Unsupported("statistics outputs, which only training has");
  }
  const Shape& x = ctx.InputShape(0);
  ctx.Require(x.size() >= 2, "the input has no channel axis");
  for (size_t i = 0; i < 5; ++i) {
    ctx.Require(ctx.InputType(i) == DataType::kFloat32,
                "input " + std::to_string(i) + " is not float");
    ctx.Require(i == 0 || ctx.InputShape(i) == Shape{x[1]},
                "input " + std::to_string(i) + " has not one element per channel");
  }
  const float epsilon = node.GetFloat("epsilon", 1e-5f);
  node.attributes = {{"epsilon", epsilon}};
  node.outputs.resize(1);
  ctx.SetOutput(0, DataType::kFloat32, x);
}

void InferSoftmax(InferContext& ctx) {
  Node& node = ctx.node();
  if (ctx.InputType(0) != DataType::kFloat32) ctx.Unsupported("elements that are not float");
  const Shape& x = ctx.InputShape(0);
  // Before opset 13 the axes from `axis` on were one flattened axis.
  const bool old_rule = node.opset > 0 && node.opset < 13 && !node.Has("axis_count");
  const int64_t rank = std::max<int64_t>(1, ctx.InputRank(0));
  const int64_t axis = ctx.Axis(node.GetInt("axis", old_rule && rank > 1 ? 1 : -1), rank);
  int64_t axis_count = node.GetInt("axis_count", old_rule ? rank - axis : 1);
  ctx.Require(axis_count >= 1 && axis + axis_count <= rank,
              "attribute 'axis_count' is out of range");
  while (axis_count > 1 && x[static_cast<size_t>(axis + axis_count - 1)] == 1) --axis_count;
  node.attributes["axis"] = axis;
  node.attributes["axis_count"] = axis_count;
  ctx.SetOutput(0, DataType::kFloat32, x);
}

void RunBatchNormalization(KernelContext& ctx) {
  const AxisView view = ViewAround(ctx.In(0).shape(), 1);
  const float epsilon = ctx.node.GetFloat("epsilon");
  for (int64_t plane = 0; plane < view.outer * view.size; ++plane) {
    const auto channel = static_cast<size_t>(plane % view.size);
    const float factor =
        ctx.In(1).Floats()[channel] / std::sqrt(ctx.In(4).Floats()[channel] + epsilon);
    const float mean = ctx.In(3).Floats()[channel];
    const float shift = ctx.In(2).Floats()[channel];
    const float* x = ctx.In(0).Floats().data() + plane * view.inner;
    float* y = ctx.Out().Floats().data() + plane * view.inner;
    for (int64_t i = 0; i < view.inner; ++i) y[i] = (x[i] - mean) * factor + shift;
  }
}

void InferLayerNormalization(InferContext& ctx) {
  Node& node = ctx.node();
  const Shape& x = ctx.InputShape(0);
  ctx.Require(!x.empty(), "the input is a scalar");
  const int64_t axis = ctx.Axis(node.GetInt("axis", -1), ctx.InputRank(0));
  for (size_t i = 0; i < ctx.input_count(); ++i) {
    if (ctx.InputType(i) != DataType::kFloat32) ctx.Unsupported("elements that are not float");
    ctx.Require(i == 0 || BroadcastShapes(ctx.InputShape(i), x) == x,
                "input " + std::to_string(i) + " does not broadcast to the first");
  }
  const float epsilon = node.GetFloat("epsilon", 1e-5f);
  node.attributes = {{"axis", axis}, {"epsilon", epsilon}};
  ctx.SetOutput(0, DataType::kFloat32, x);
  Shape reduced = x;
  std::fill(reduced.begin() + axis, reduced.end(), 1);
  for (size_t i = 1; i < 3; ++i) ctx.SetOutput(i, DataType::kFloat32, reduced);
}

namespace {

// Axes from `axis` on, `axis_count` of them, as one.
AxisView SoftmaxAxes(const KernelContext& ctx) {
  const Shape& x = ctx.In(0).shape();
  const int64_t axis = ctx.node.GetInt("axis");
  AxisView view = x.empty() ? AxisView{1, 1, 1} : ViewAround(x, axis);
  for (int64_t i = 1; i < ctx.node.GetInt("axis_count"); ++i) {
    const int64_t next = x[static_cast<size_t>(axis + i)];
    view.size *= next;
    view.inner = next == 0 ? 0 : view.inner / next;
  }
  return view;
}

// Calls finish(&element, peak, sum) for every element; `sum` is that of exp(x - peak) over its run.
template <typename Finish>
void ForEachExponent(KernelContext& ctx, Finish finish) {
  const Tensor& x = ctx.In(0);
  const AxisView view = SoftmaxAxes(ctx);
  if (x.count() == 0) return;
  for (int64_t row = 0; row < view.outer * view.inner; ++row) {
    const int64_t start = row / view.inner * view.size * view.inner + row % view.inner;
    const auto at = [&](int64_t i) { return static_cast<size_t>(start + i * view.inner); };
    float peak = x.Floats()[at(0)];
    for (int64_t i = 1; i < view.size; ++i) peak = std::max(peak, x.Floats()[at(i)]);
    double sum = 0;
    for (int64_t i = 0; i < view.size; ++i) sum += std::exp(x.Floats()[at(i)] - peak);
    for (int64_t i = 0; i < view.size; ++i)
      ctx.Out().Floats()[at(i)] = finish(x.Floats()[at(i)] - peak, sum);
  }
}

}  // namespace

void RunSoftmax(KernelContext& ctx) {
  ForEachExponent(ctx, [](float x, double sum) { return static_cast<float>(std::exp(x) / sum); });
}

void RunLogSoftmax(KernelContext& ctx) {
  ForEachExponent(ctx, [](float x, double sum) { return static_cast<float>(x - std::log(sum)); });
}

void RunLayerNormalization(KernelContext& ctx) {
  const Tensor& x = ctx.In(0);
  const int64_t axis = ctx.node.GetInt("axis");
  const AxisView around = ViewAround(x.shape(), axis);
  const auto length = static_cast<size_t>(around.size * around.inner);
  const double epsilon = ctx.node.GetFloat("epsilon");
  if (length == 0) return;
  for (size_t row = 0; row < static_cast<size_t>(around.outer); ++row) {
    const auto in = x.Floats().subspan(row * length, length);
    const auto out = ctx.Out().Floats().subspan(row * length, length);
    double mean = 0;
    double variance = 0;
    for (const float v : in) mean += v;
    mean /= static_cast<double>(length);
    for (const float v : in) variance += (v - mean) * (v - mean);
    const double factor = 1.0 / std::sqrt(variance / static_cast<double>(length) + epsilon);
    for (size_t i = 0; i < length; ++i) out[i] = static_cast<float>((in[i] - mean) * factor);
    if (ctx.outputs.size() > 1 && ctx.Out(1).count() > 0)
      ctx.Out(1).Floats()[row] = static_cast<float>(mean);
    if (ctx.outputs.size() > 2 && ctx.Out(2).count() > 0)
      ctx.Out(2).Floats()[row] = static_cast<float>(factor);
  }
  for (size_t i = 1; i < 3; ++i) {
    if (!ctx.Has(i)) continue;
    const Shape strides[] = {BroadcastStrides(ctx.In(i).shape(), x.shape()),
                             RowMajorStrides(x.shape())};
    ForEachRow(x.shape(), strides, [&](std::span<const int64_t> at) {
      for (int64_t j = 0; j < x.shape().back(); ++j) {
        const float operand =
            ctx.In(i).Floats()[static_cast<size_t>(at[0] + j * strides[0].back())];
        float& y = ctx.Out().Floats()[static_cast<size_t>(at[1] + j)];
        y = i == 1 ? y * operand : y + operand;
      }
    });
  }
}

}  // namespace penumbra::model
