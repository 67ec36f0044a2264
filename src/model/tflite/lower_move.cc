// Operators that only move elements.
#include <algorithm>
#include <utility>

#include "model/tflite/lower.h"

namespace penumbra::model {
namespace {

// Numbers that the operator takes for each axis of input 0.
std::vector<int64_t> PerAxis(OperatorContext& ctx, size_t i, const std::string& what) {
  std::vector<int64_t> numbers = ctx.Ints(i);
  ctx.Require(std::ssize(numbers) == ctx.RankOf(0), std::to_string(numbers.size()) + " " + what +
                                                        " for shape " + ShapeText(ctx.ShapeOf(0)));
  return numbers;
}

// From `starts` to before `ends` along each axis of the file's order.
void Cut(OperatorContext& ctx, const std::vector<int64_t>& starts, const std::vector<int64_t>& ends,
         const std::vector<int64_t>& steps) {
  const Layout layout = ctx.LayoutOf(0);
  const ValueId y = ctx.Emit(OpKind::kSlice, {ctx.As(0, layout)},
                             {{"starts", OperatorContext::AxesIn(layout, starts)},
                              {"ends", OperatorContext::AxesIn(layout, ends)},
                              {"steps", OperatorContext::AxesIn(layout, steps)}});
  ctx.Result(y, layout);
}

void Pad(OperatorContext& ctx, const std::string& mode, float value) {
  const Shape& shape = ctx.ShapeOf(1);
  ctx.Require(shape == Shape({ctx.RankOf(0), 2}), "the padding has shape " + ShapeText(shape));
  const std::vector<int64_t> given = ctx.Ints(1);
  std::vector<int64_t> begins, ends;
  for (size_t i = 0; i < given.size(); i += 2) {
    ctx.Require(given[i] >= 0 && given[i + 1] >= 0, "a padding is negative");
    begins.push_back(given[i]);
    ends.push_back(given[i + 1]);
  }
  const Layout layout = ctx.LayoutOf(0);
  std::vector<int64_t> pads = OperatorContext::AxesIn(layout, begins);
  const std::vector<int64_t> behind = OperatorContext::AxesIn(layout, ends);
  pads.insert(pads.end(), behind.begin(), behind.end());
  const ValueId y = ctx.Emit(OpKind::kPad, {ctx.As(0, layout)},
                             {{"pads", pads}, {"mode", mode}, {"value", value}});
  ctx.Result(y, layout);
}

// Input `i` along `axis` in parts of these sizes.
void SplitInto(OperatorContext& ctx, size_t i, int64_t axis, const std::vector<int64_t>& parts) {
  const Layout layout = ctx.LayoutOf(i);
  const std::vector<ValueId> made = ctx.EmitMany(
      OpKind::kSplit, {ctx.As(i, layout)},
      {{"axis", OperatorContext::AxisIn(layout, axis)}, {"split", parts}}, ctx.output_count());
  for (size_t part = 0; part < made.size(); ++part) ctx.Result(made[part], layout, part);
}

// One axis of STRIDED_SLICE with its masks applied.
struct Range {
  int64_t start, end, step;
};
Range RangeOf(OperatorContext& ctx, Range given, int64_t extent, bool from_start, bool to_end,
              bool one) {
  if (one) {
    ctx.Require(given.step > 0, "an axis that is dropped is read backwards");
    const int64_t at = ctx.Axis(given.start, extent);
    return {at, at + 1, 1};
  }
  ctx.Require(given.step != 0, "a step is zero");
  const bool forward = given.step > 0;
  if (from_start) given.start = forward ? 0 : extent - 1;
  // -1 would count from the end.
  if (to_end) given.end = forward ? extent : -extent - 1;
  return given;
}

}  // namespace

void LowerConcatenation(OperatorContext& ctx) {
  const auto& options = ctx.OptionsOf<tflite::ConcatenationOptions>();
  if (options.fused_activation_function() != tflite::ActivationFunctionType_NONE) {
    ctx.Unsupported("a fused activation");
  }
  const int64_t rank = ctx.RankOf(0);
  std::vector<size_t> all;
  for (size_t i = 0; i < ctx.input_count(); ++i) {
    ctx.Require(ctx.RankOf(i) == rank, "the inputs have different ranks");
    all.push_back(i);
  }
  const Layout layout = ctx.CommonLayout(all);
  std::vector<ValueId> parts;
  for (const size_t i : all) parts.push_back(ctx.As(i, layout));
  const int64_t axis = OperatorContext::AxisIn(layout, ctx.Axis(options.axis(), rank));
  ctx.Result(ctx.Emit(OpKind::kConcat, std::move(parts), {{"axis", axis}}), layout);
}

void LowerGather(OperatorContext& ctx) {
  const auto* options = ctx.FindOptions<tflite::GatherOptions>();
  if (options != nullptr && options->batch_dims() != 0) ctx.Unsupported("batch_dims");
  const int64_t axis = ctx.Axis(options == nullptr ? 0 : options->axis(), ctx.RankOf(0));
  ctx.Result(ctx.Emit(OpKind::kGather, {ctx.File(0), ctx.File(1)}, {{"axis", axis}}));
}

void LowerMirrorPad(OperatorContext& ctx) {
  if (ctx.OptionsOf<tflite::MirrorPadOptions>().mode() != tflite::MirrorPadMode_REFLECT) {
    ctx.Unsupported("a mirror that repeats the border (SYMMETRIC)");
  }
  Pad(ctx, "reflect", 0.0f);
}

void LowerPad(OperatorContext& ctx) {
  float value = 0.0f;
  if (ctx.Has(2)) {
    const std::vector<float> given = ctx.Floats(2);
    ctx.Require(given.size() == 1, "the value to pad with is not one number");
    value = given[0];
  }
  Pad(ctx, "constant", value);
}

void LowerSlice(OperatorContext& ctx) {
  const Shape shape = ctx.ShapeOf(0);
  const std::vector<int64_t> starts = PerAxis(ctx, 1, "starts");
  std::vector<int64_t> ends = PerAxis(ctx, 2, "sizes");
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool inside =
        starts[i] >= 0 && starts[i] <= shape[i] && ends[i] >= -1 && ends[i] <= shape[i] - starts[i];
    ctx.Require(inside, "the slice leaves its input");
    ends[i] = ends[i] == -1 ? shape[i] : starts[i] + ends[i];
  }
  Cut(ctx, starts, ends, std::vector<int64_t>(shape.size(), 1));
}

void LowerSplit(OperatorContext& ctx) {
  const int64_t axis = ctx.Axis(ctx.Int(0), ctx.RankOf(1));
  const int64_t extent = ctx.ShapeOf(1)[static_cast<size_t>(axis)];
  const auto count = static_cast<int64_t>(ctx.output_count());
  ctx.Require(extent % count == 0, "the axis does not split into equal parts");
  SplitInto(ctx, 1, axis, std::vector<int64_t>(ctx.output_count(), extent / count));
}

void LowerSplitV(OperatorContext& ctx) {
  const int64_t axis = ctx.Axis(ctx.Int(2), ctx.RankOf(0));
  std::vector<int64_t> parts = ctx.Ints(1);
  int64_t left = ctx.ShapeOf(0)[static_cast<size_t>(axis)];
  for (const int64_t part : parts) {
    ctx.Require(part >= -1 && part <= left, "a part is out of range");
    left -= std::max<int64_t>(0, part);
  }
  ctx.Require(std::ranges::count(parts, -1) <= 1, "two parts have an open size");
  std::ranges::replace(parts, -1, left);
  SplitInto(ctx, 0, axis, parts);
}

void LowerStridedSlice(OperatorContext& ctx) {
  const auto& options = ctx.OptionsOf<tflite::StridedSliceOptions>();
  if (options.ellipsis_mask() != 0 || options.new_axis_mask() != 0) {
    ctx.Unsupported("an ellipsis or a new axis");
  }
  const Shape shape = ctx.ShapeOf(0);
  std::vector<int64_t> starts = ctx.Ints(1), ends = ctx.Ints(2), steps = ctx.Ints(3);
  const size_t count = starts.size();
  ctx.Require(count <= shape.size() && count <= 31 && ends.size() == count && steps.size() == count,
              "starts, ends and steps do not fit the input");
  std::vector<bool> dropped(shape.size(), false);
  for (size_t i = 0; i < count; ++i) {
    const auto set = [i](int32_t mask) { return (static_cast<uint32_t>(mask) >> i & 1) != 0; };
    dropped[i] = set(options.shrink_axis_mask());
    const Range range = RangeOf(ctx, {starts[i], ends[i], steps[i]}, shape[i],
                                set(options.begin_mask()), set(options.end_mask()), dropped[i]);
    starts[i] = range.start;
    ends[i] = range.end;
    steps[i] = range.step;
  }
  for (size_t i = count; i < shape.size(); ++i) {
    starts.push_back(0);
    ends.push_back(shape[i]);
    steps.push_back(1);
  }
  if (std::ranges::count(dropped, true) == 0) return Cut(ctx, starts, ends, steps);
  const ValueId cut = ctx.Emit(OpKind::kSlice, {ctx.File(0)},
                               {{"starts", starts}, {"ends", ends}, {"steps", steps}});
  Shape kept;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (!dropped[i]) kept.push_back(ctx.ValueShape(cut)[i]);
  }
  ctx.Result(ctx.Reshape(cut, kept));
}

void LowerTile(OperatorContext& ctx) {
  const Layout layout = ctx.LayoutOf(0);
  const std::vector<int64_t> repeats = PerAxis(ctx, 1, "repeats");
  const ValueId y = ctx.Emit(OpKind::kTile, {ctx.As(0, layout)},
                             {{"repeats", OperatorContext::AxesIn(layout, repeats)}});
  ctx.Result(y, layout);
}

void LowerTranspose(OperatorContext& ctx) {
  const Layout layout = ctx.LayoutOf(0);
  std::vector<int64_t> perm = PerAxis(ctx, 1, "axes");
  for (int64_t& axis : perm) axis = OperatorContext::AxisIn(layout, ctx.Axis(axis, ctx.RankOf(0)));
  ctx.Result(ctx.Transpose(ctx.As(0, layout), perm));
}

}  // namespace penumbra::model
