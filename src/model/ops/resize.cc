// Resize and Upsample. Interpolation is separable: one axis after the other, each output index a
// weighted sum of a few input indices.
#include <algorithm>
#include <cmath>

#include "model/ops/layout.h"
#include "model/ops/ops.h"
#include "model/ops/resize_coordinates.h"

namespace penumbra::model {
namespace {

struct Tap {
  int64_t index;
  double weight;
};

// Keys' cubic convolution kernel with parameter a at distance x.
double CubicWeight(double x, double a) {
  x = std::fabs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

std::vector<Tap> TapsAt(const Node& node, const AxisScale& axis, int64_t at) {
  const double x = SourceCoordinate(node.GetString("coordinate_transformation_mode"), axis, at);
  const double base = std::floor(x);
  std::vector<Tap> taps;
  if (node.GetString("mode") == "linear") {
    taps = {{static_cast<int64_t>(base), 1 - (x - base)},
            {static_cast<int64_t>(base) + 1, x - base}};
  } else {
    for (int64_t i = static_cast<int64_t>(base) - 1; i <= static_cast<int64_t>(base) + 2; ++i) {
      taps.push_back({i, CubicWeight(x - static_cast<double>(i), node.GetFloat("cubic_coeff_a"))});
    }
  }
  double sum = 0;
  for (Tap& tap : taps) {
    const bool outside = tap.index < 0 || tap.index >= axis.in;
    if (outside && node.GetInt("exclude_outside") != 0) tap.weight = 0;
    tap.index = std::clamp<int64_t>(tap.index, 0, axis.in - 1);
    sum += tap.weight;
  }
  for (Tap& tap : taps) tap.weight /= sum;
  return taps;
}

Tensor InterpolateAxis(const Node& node, const Tensor& x, int64_t axis, const AxisScale& scale) {
  Shape shape = x.shape();
  shape[static_cast<size_t>(axis)] = scale.out;
  Tensor y(DataType::kFloat32, shape);
  const AxisView view = ViewAround(x.shape(), axis);
  for (int64_t at = 0; at < scale.out; ++at) {
    const std::vector<Tap> taps = TapsAt(node, scale, at);
    for (int64_t outer = 0; outer < view.outer; ++outer) {
      float* out = y.Floats().data() + (outer * scale.out + at) * view.inner;
      for (const Tap& tap : taps) {
        const float* in = x.Floats().data() + (outer * view.size + tap.index) * view.inner;
        const auto weight = static_cast<float>(tap.weight);
        for (int64_t i = 0; i < view.inner; ++i) out[i] += weight * in[i];
      }
    }
  }
  return y;
}

// Scales that fit all `sizes` the same way, when the policy asks to keep the aspect ratio.
void KeepAspectRatio(const std::string& policy, const Shape& x, const std::vector<int64_t>& axes,
                     Shape* sizes, std::vector<float>* scales) {
  if (policy == "stretch" || axes.empty()) return;
  const auto ratio = [&](int64_t axis) { return (*scales)[static_cast<size_t>(axis)]; };
  float common = ratio(axes[0]);
  for (int64_t axis : axes) {
    common = policy == "not_larger" ? std::min(common, ratio(axis)) : std::max(common, ratio(axis));
  }
  for (int64_t axis : axes) {
    const auto i = static_cast<size_t>(axis);
    (*scales)[i] = common;
    (*sizes)[i] = std::llround(common * static_cast<float>(x[i]));
  }
}

void CheckModes(InferContext& ctx) {
  Node& node = ctx.node();
  const std::string mode = node.GetString("mode", "nearest");
  if (mode != "nearest" && mode != "linear" && mode != "cubic")
    ctx.Unsupported("mode '" + mode + "'");
  if (mode != "nearest" && ctx.InputType(0) != DataType::kFloat32) {
    ctx.Unsupported("interpolation of elements that are not float");
  }
  if (node.GetInt("antialias") != 0) ctx.Unsupported("attribute antialias = 1");
  const bool first_version = node.opset > 0 && node.opset < 11;
  const std::string coordinates =
      node.GetString("coordinate_transformation_mode", first_version ? "asymmetric" : "half_pixel");
  static constexpr std::string_view kModes[] = {"asymmetric",           "align_corners",
                                                "half_pixel",           "pytorch_half_pixel",
                                                "tf_half_pixel_for_nn", "half_pixel_symmetric"};
  if (std::ranges::count(kModes, coordinates) == 0) {
    ctx.Unsupported("coordinate_transformation_mode '" + coordinates + "'");
  }
  const std::string nearest =
      node.GetString("nearest_mode", first_version ? "floor" : "round_prefer_floor");
  static constexpr std::string_view kRoundings[] = {"round_prefer_floor", "round_prefer_ceil",
                                                    "floor", "ceil"};
  ctx.Require(std::ranges::count(kRoundings, nearest) == 1,
              "unknown nearest_mode '" + nearest + "'");
  node.attributes["mode"] = mode;
  node.attributes["coordinate_transformation_mode"] = coordinates;
  node.attributes["nearest_mode"] = nearest;
  node.attributes["cubic_coeff_a"] = node.GetFloat("cubic_coeff_a", -0.75f);
  node.attributes["exclude_outside"] =
      int64_t{mode == "cubic" && node.GetInt("exclude_outside") != 0};
}

// Spreads scales or sizes given for `axes` over all axes.
template <typename T>
std::vector<T> OverAllAxes(InferContext& ctx, const std::vector<T>& given,
                           const std::vector<int64_t>& axes, std::vector<T> all) {
  ctx.Require(given.size() == axes.size(), "scales or sizes and axes differ in number");
  for (size_t i = 0; i < axes.size(); ++i) all[static_cast<size_t>(axes[i])] = given[i];
  return all;
}

// Sets the canonical sizes and scales from one of the two.
void SetScales(InferContext& ctx, const std::optional<std::vector<float>>& given_scales,
               const std::optional<std::vector<int64_t>>& given_sizes) {
  Node& node = ctx.node();
  const Shape& x = ctx.InputShape(0);
  std::vector<int64_t> axes = node.GetInts("axes");
  if (axes.empty()) {
    for (size_t i = 0; i < x.size(); ++i) axes.push_back(static_cast<int64_t>(i));
  }
  for (int64_t& axis : axes) axis = ctx.Axis(axis, ctx.InputRank(0));
  Shape sizes = x;
  std::vector<float> scales(x.size(), 1.0f);
  if (given_scales) {
    scales = OverAllAxes(ctx, *given_scales, axes, scales);
    for (size_t i = 0; i < x.size(); ++i) {
      ctx.Require(scales[i] > 0 && scales[i] < 65536, "a scale is out of range");
      sizes[i] = static_cast<int64_t>(static_cast<float>(x[i]) * scales[i]);
    }
  } else {
    ctx.Require(given_sizes.has_value(), "scales and sizes are both missing");
    sizes = OverAllAxes(ctx, *given_sizes, axes, sizes);
    for (size_t i = 0; i < x.size(); ++i) {
      ctx.Require(sizes[i] > 0 && x[i] > 0, "a size is not positive");
      scales[i] = static_cast<float>(sizes[i]) / static_cast<float>(x[i]);
    }
    KeepAspectRatio(node.GetString("keep_aspect_ratio_policy", "stretch"), x, axes, &sizes,
                    &scales);
  }
  node.attributes["sizes"] = sizes;
  node.attributes["scales"] = scales;
}

// Canonical attributes agree with each other and the input, wherever they came from.
void CheckSizes(InferContext& ctx) {
  const Shape& x = ctx.InputShape(0);
  const Shape sizes = ctx.node().GetInts("sizes");
  const std::vector<float> scales = ctx.node().GetFloats("scales");
  ctx.Require(sizes.size() == x.size() && scales.size() == x.size(),
              "sizes and axes differ in number");
  for (size_t i = 0; i < x.size(); ++i) {
    const double exact = static_cast<double>(scales[i]) * static_cast<double>(x[i]);
    const bool agrees = std::fabs(exact - static_cast<double>(sizes[i])) < 1 + 1e-5 * exact;
    ctx.Require(scales[i] > 0 && agrees, "sizes and scales do not agree");
    ctx.Require(sizes[i] >= 0 && (x[i] > 0 || sizes[i] == 0), "a size is out of range");
  }
}

}  // namespace

void InferResize(InferContext& ctx) {
  Node& node = ctx.node();
  CheckModes(ctx);
  const bool canonical = node.Has("sizes") && node.Has("scales");
  if (!canonical) {
    const bool first_version = node.opset > 0 && node.opset < 11;
    const auto filled = [](auto parameter) {
      return parameter && parameter->empty() ? std::nullopt : std::move(parameter);
    };
    SetScales(ctx, filled(ctx.FloatParameter(first_version ? 1 : 2)), filled(ctx.IntParameter(3)));
    for (const char* key :
         {"axes", "keep_aspect_ratio_policy", "antialias", "extrapolation_value"}) {
      node.attributes.erase(key);
    }
    ctx.KeepInputs(1);
  }
  CheckSizes(ctx);
  ctx.SetOutput(0, ctx.InputType(0), node.GetInts("sizes"));
}

void InferUpsample(InferContext& ctx) {
  Node& node = ctx.node();
  auto scales = ctx.FloatParameter(1);
  if (!scales) scales = node.GetFloats("scales");
  const std::string mode = node.GetString("mode", "nearest");
  node.op = OpKind::kResize;
  node.attributes = {{"mode", mode == "bilinear" ? "linear" : mode},
                     {"coordinate_transformation_mode", "asymmetric"},
                     {"nearest_mode", "floor"}};
  ctx.KeepInputs(1);
  CheckModes(ctx);
  SetScales(ctx, scales, std::nullopt);
  InferResize(ctx);
}

void RunResize(KernelContext& ctx) {
  const Node& node = ctx.node;
  const Shape& in = ctx.In(0).shape();
  const Shape& out = ctx.Out().shape();
  const auto scales = node.GetFloats("scales");
  const auto axis_scale = [&](size_t i) { return AxisScale{in[i], out[i], scales[i]}; };
  if (node.GetString("mode") != "nearest") {
    Tensor current = ctx.In(0);
    for (size_t i = 0; i < in.size(); ++i) {
      if (in[i] == out[i] && scales[i] == 1.0f) continue;
      current = InterpolateAxis(node, current, static_cast<int64_t>(i), axis_scale(i));
    }
    ctx.Out() = std::move(current);
    return;
  }
  std::vector<std::vector<int64_t>> tables(in.size());
  for (size_t i = 0; i < in.size(); ++i) {
    for (int64_t at = 0; at < out[i]; ++at) {
      const double x =
          SourceCoordinate(node.GetString("coordinate_transformation_mode"), axis_scale(i), at);
      tables[i].push_back(NearestIndex(node.GetString("nearest_mode"), x, in[i]));
    }
  }
  GatherByTables(ctx.In(0), tables, &ctx.Out());
}

}  // namespace penumbra::model
