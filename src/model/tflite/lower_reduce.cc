#include <algorithm>
#include <utility>

#include "model/tflite/lower.h"

namespace penumbra::model {
namespace {

constexpr float kLeastNorm = 1e-6f;  // below it TFLite's L2_NORMALIZATION divides by this

std::vector<int64_t> ReducedAxes(OperatorContext& ctx) {
  std::vector<int64_t> axes = ctx.Ints(1);
  for (int64_t& axis : axes) axis = ctx.Axis(axis, ctx.RankOf(0));
  std::ranges::sort(axes);
  axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
  return axes;
}

// Whether the axes that are left lie in the same order in both layouts.
bool KeepsOrder(const std::vector<int64_t>& reduced) {
  int64_t last = -1;
  for (int64_t axis = 0; axis < 4; ++axis) {
    if (std::ranges::binary_search(reduced, axis)) continue;
    if (ChannelsFirstAxis(axis) < last) return false;
    last = ChannelsFirstAxis(axis);
  }
  return true;
}

// The last axis of the file's order.
int64_t LastAxis(OperatorContext& ctx, Layout layout) {
  ctx.Require(ctx.RankOf(0) > 0, "the input is a scalar");
  return OperatorContext::AxisIn(layout, ctx.RankOf(0) - 1);
}

}  // namespace

void LowerReduction(OperatorContext& ctx, OpKind op) {
  const auto* options = ctx.FindOptions<tflite::ReducerOptions>();
  const bool keep = options != nullptr && options->keep_dims();
  std::vector<int64_t> axes = ReducedAxes(ctx);
  Layout layout = ctx.LayoutOf(0);
  if (axes.empty() || (!keep && layout == Layout::kChannelsFirst && !KeepsOrder(axes))) {
    layout = Layout::kFile;
  }
  for (int64_t& axis : axes) axis = OperatorContext::AxisIn(layout, axis);
  const ValueId y =
      ctx.Emit(op, {ctx.As(0, layout)}, {{"axes", axes}, {"keepdims", int64_t{keep}}});
  ctx.Result(y, keep ? layout : Layout::kFile);
}

void LowerArgMax(OperatorContext& ctx) {
  const int64_t axis = ctx.Axis(ctx.Int(1), ctx.RankOf(0));
  const ValueId index =
      ctx.Emit(OpKind::kArgMax, {ctx.File(0)}, {{"axis", axis}, {"keepdims", int64_t{0}}});
  ctx.Result(ctx.CastTo(index, ctx.OutputType()));
}

void LowerL2Normalization(OperatorContext& ctx) {
  const Layout layout = ctx.LayoutOf(0);
  const std::vector<int64_t> axes = {LastAxis(ctx, layout)};
  const ValueId x = ctx.As(0, layout);
  const ValueId squares = ctx.Emit(OpKind::kMul, {x, x});
  const ValueId sum =
      ctx.Emit(OpKind::kReduceSum, {squares}, {{"axes", axes}, {"keepdims", int64_t{1}}});
  const ValueId norm =
      ctx.Emit(OpKind::kMax, {ctx.Emit(OpKind::kSqrt, {sum}), ctx.Scalar(kLeastNorm)});
  const ValueId y = ctx.Emit(OpKind::kDiv, {x, norm});
  ctx.Result(ctx.Activated(y, ctx.Fused<tflite::L2NormOptions>()), layout);
}

void LowerSoftmax(OperatorContext& ctx) {
  const Layout layout = ctx.LayoutOf(0);
  const float beta = ctx.OptionsOf<tflite::SoftmaxOptions>().beta();
  ValueId x = ctx.As(0, layout);
  if (beta != 1.0f) x = ctx.Emit(OpKind::kMul, {x, ctx.Scalar(beta)});
  ctx.Result(ctx.Emit(OpKind::kSoftmax, {x}, {{"axis", LastAxis(ctx, layout)}}), layout);
}

void LowerLogSoftmax(OperatorContext& ctx) {
  const Layout layout = ctx.LayoutOf(0);
  LowerUnary(ctx, OpKind::kLogSoftmax, {{"axis", LastAxis(ctx, layout)}});
}

}  // namespace penumbra::model
