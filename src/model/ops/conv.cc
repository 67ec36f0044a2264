// Conv and ConvTranspose over [N,C,L] and [N,C,H,W], as one matrix product per sample and group.
#include <algorithm>
#include <array>
#include <string>

#include "model/ops/layout.h"
#include "model/ops/matrix.h"
#include "model/ops/ops.h"
#include "model/ops/window.h"

namespace penumbra::model {
namespace {

void RequireFloatInputs(InferContext& ctx) {
  for (size_t i = 0; i < ctx.input_count(); ++i) {
    if (ctx.HasInput(i) && ctx.InputType(i) != DataType::kFloat32) {
      ctx.Unsupported("elements of type " + std::string(DataTypeName(ctx.InputType(i))));
    }
  }
}

// Common checks; returns the number of groups.
int64_t CheckChannels(InferContext& ctx, const Shape& x, const Shape& w) {
  ctx.Require(w.size() == x.size(), "input of rank " + std::to_string(x.size()) +
                                        " with weights of rank " + std::to_string(w.size()));
  const int64_t group = ctx.node().GetInt("group", 1);
  ctx.Require(group >= 1 && group <= kMaxWindowTerm && x[1] % group == 0,
              "attribute 'group' does not divide the input channels");
  ctx.node().attributes["group"] = group;
  return group;
}

void CheckBias(InferContext& ctx, int64_t channels) {
  if (!ctx.HasInput(2)) return ctx.KeepInputs(2);
  ctx.Require(ctx.InputShape(2) == Shape{channels}, "the bias has shape " +
                                                        ShapeText(ctx.InputShape(2)) +
                                                        ", expected " + std::to_string(channels));
}

// Turns output_shape and auto_pad into pads, and into output_padding where the output is to be
// larger than without any; returns the spatial output shape.
Shape TransposedOutput(InferContext& ctx, const Shape& spatial) {
  Node& node = ctx.node();
  const size_t rank = spatial.size();
  const Shape kernel = node.GetInts("kernel_shape");
  const Shape strides = node.GetInts("strides");
  const Shape dilations = node.GetInts("dilations");
  Shape extra = node.GetInts("output_padding", Shape(rank, 0));
  const std::string mode = node.GetString("auto_pad", "NOTSET");
  const bool same = mode == "SAME_UPPER" || mode == "SAME_LOWER";
  Shape wanted = node.GetInts("output_shape");
  ctx.Require(extra.size() == rank, "attribute 'output_padding' has the wrong length");
  if (wanted.size() == rank + 2) wanted.erase(wanted.begin(), wanted.begin() + 2);
  ctx.Require(wanted.empty() || wanted.size() == rank,
              "attribute 'output_shape' has the wrong length");
  Shape pads = node.GetInts("pads", Shape(2 * rank, 0));
  Shape out(rank);
  for (size_t i = 0; i < rank; ++i) {
    ctx.Require(extra[i] >= 0 && extra[i] <= kMaxWindowTerm,
                "attribute 'output_padding' is out of range");
    const int64_t full =
        strides[i] * (spatial[i] - 1) + extra[i] + (kernel[i] - 1) * dilations[i] + 1;
    if (!wanted.empty() || same) {
      out[i] = wanted.empty() ? spatial[i] * strides[i] : wanted[i];
      ctx.Require(out[i] >= 0 && out[i] <= kMaxWindowTerm,
                  "attribute 'output_shape' is out of range");
      const int64_t total = std::max<int64_t>(0, full - out[i]);
      extra[i] += std::max<int64_t>(0, out[i] - full);
      pads[i] = mode == "SAME_UPPER" ? total / 2 : total - total / 2;
      pads[rank + i] = total - pads[i];
    } else {
      out[i] = full - pads[i] - pads[rank + i];
    }
    ctx.Require(out[i] > 0, "the output would be empty");
  }
  node.attributes["pads"] = pads;
  node.attributes["output_padding"] = extra;
  node.attributes.erase("output_shape");
  node.attributes.erase("auto_pad");
  return out;
}

// Fills the output with the bias, or zeros.
void StartWithBias(KernelContext& ctx) {
  const bool biased = ctx.Has(2);
  Tensor& y = ctx.Out();
  const AxisView view = ViewAround(y.shape(), 1);
  for (int64_t plane = 0; plane < view.outer * view.size; ++plane) {
    const float bias = biased ? ctx.In(2).Floats()[static_cast<size_t>(plane % view.size)] : 0.0f;
    std::fill_n(y.Floats().data() + plane * view.inner, view.inner, bias);
  }
}

bool IsPointwise(const Window2d& w) {
  return w.KernelCount() == 1 && w.stride == std::array<int64_t, 2>{1, 1} && w.in == w.out;
}

}  // namespace

void InferConv(InferContext& ctx) {
  RequireFloatInputs(ctx);
  const Shape x = ctx.InputShape(0);
  const Shape w = ctx.InputShape(1);
  const Shape spatial = SpatialShape(ctx, 0);
  const int64_t group = CheckChannels(ctx, x, w);
  ctx.Require(w[1] * group == x[1], "weights for " + std::to_string(w[1] * group) +
                                        " input channels, input has " + std::to_string(x[1]));
  ctx.Require(w[0] > 0 && w[0] % group == 0,
              "attribute 'group' does not divide the output channels");
  CanonicalWindow(ctx, spatial, Shape(w.begin() + 2, w.end()));
  CheckBias(ctx, w[0]);
  Shape y = WindowOutput(ctx, spatial, false);
  y.insert(y.begin(), {x[0], w[0]});
  ctx.SetOutput(0, DataType::kFloat32, y);
}

void InferConvTranspose(InferContext& ctx) {
  RequireFloatInputs(ctx);
  const Shape x = ctx.InputShape(0);
  const Shape w = ctx.InputShape(1);
  const Shape spatial = SpatialShape(ctx, 0);
  const int64_t group = CheckChannels(ctx, x, w);
  ctx.Require(w[0] == x[1], "weights for " + std::to_string(w[0]) + " input channels, input has " +
                                std::to_string(x[1]));
  const Attribute mode = ctx.node().GetString("auto_pad", "NOTSET");
  ctx.node().attributes["auto_pad"] = std::get<std::string>(mode) == "VALID" ? "VALID" : "NOTSET";
  CanonicalWindow(ctx, spatial, Shape(w.begin() + 2, w.end()));
  ctx.node().attributes["auto_pad"] = mode;
  CheckBias(ctx, w[1] * group);
  Shape y = TransposedOutput(ctx, spatial);
  y.insert(y.begin(), {x[0], w[1] * group});
  ctx.SetOutput(0, DataType::kFloat32, y);
}

void RunConv(KernelContext& ctx) {
  const Tensor& x = ctx.In(0);
  Tensor& y = ctx.Out();
  const Window2d w = LiftWindow(ctx.node, x.shape(), y.shape());
  const int64_t group = ctx.node.GetInt("group");
  const int64_t in_c = x.shape()[1] / group;
  const int64_t out_c = y.shape()[1] / group;
  const int64_t taps = in_c * w.KernelCount();
  const bool depthwise = in_c == 1 && out_c == 1;
  const bool in_place = depthwise || IsPointwise(w);
  StartWithBias(ctx);
  std::vector<float> columns(in_place ? 0 : static_cast<size_t>(taps * w.OutCount()));
  for (int64_t part = 0; part < x.shape()[0] * group; ++part) {
    const float* image = x.Floats().data() + part * in_c * w.InCount();
    const float* weights = ctx.In(1).Floats().data() + part % group * out_c * taps;
    float* out = y.Floats().data() + part * out_c * w.OutCount();
    if (depthwise) {
      AddWeightedTaps(image, weights, w, out);
      continue;
    }
    if (!in_place) ImageToColumns(image, in_c, w, columns.data());
    MultiplyAdd({.rows = out_c, .inner = taps, .columns = w.OutCount()}, weights,
                in_place ? image : columns.data(), out);
  }
}

void RunConvTranspose(KernelContext& ctx) {
  const Tensor& x = ctx.In(0);
  Tensor& y = ctx.Out();
  const Window2d w = LiftWindow(ctx.node, y.shape(), x.shape());
  const int64_t group = ctx.node.GetInt("group");
  const int64_t in_c = x.shape()[1] / group;
  const int64_t out_c = y.shape()[1] / group;
  const int64_t taps = out_c * w.KernelCount();
  StartWithBias(ctx);
  std::vector<float> columns(static_cast<size_t>(taps * w.OutCount()));
  for (int64_t part = 0; part < x.shape()[0] * group; ++part) {
    const float* image = x.Floats().data() + part * in_c * w.OutCount();
    const float* weights = ctx.In(1).Floats().data() + part % group * in_c * taps;
    std::ranges::fill(columns, 0.0f);
    MultiplyAdd({.rows = taps, .inner = in_c, .columns = w.OutCount(), .a_transposed = true},
                weights, image, columns.data());
    AddColumnsToImage(columns.data(), out_c, w, y.Floats().data() + part * out_c * w.InCount());
  }
}

}  // namespace penumbra::model
