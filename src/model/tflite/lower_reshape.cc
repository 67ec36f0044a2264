// Operators that keep the elements and their order, and those about shapes.
#include <algorithm>
#include <utility>

#include "model/tflite/lower.h"

namespace penumbra::model {
namespace {

// Resolves the one dimension that may be open.
Shape ResolvedShape(OperatorContext& ctx, Shape shape) {
  const Shape& x = ctx.ShapeOf(0);
  int64_t known = 1;
  for (const int64_t extent : shape) {
    ctx.Require(extent >= -1, "the shape holds " + std::to_string(extent));
    if (extent >= 0) known = ElementCount({known, extent});
  }
  const auto open = std::ranges::count(shape, -1);
  ctx.Require(open <= 1, "the shape holds -1 twice");
  if (open == 1) {
    ctx.Require(known > 0 && ElementCount(x) % known == 0, "the shape does not fit");
    std::ranges::replace(shape, -1, ElementCount(x) / known);
  }
  ctx.Require(ElementCount(shape) == ElementCount(x),
              "shape " + ShapeText(x) + " cannot become " + ShapeText(shape));
  return shape;
}

bool Flattens(const Shape& from, const Shape& to) {
  return to == Shape{from[0], ElementCount(Shape(from.begin() + 1, from.end()))};
}

}  // namespace

void LowerReshape(OperatorContext& ctx) {
  Shape wanted;
  if (ctx.Has(1)) {
    wanted = ctx.Ints(1);
  } else {
    for (const int32_t extent : Items(ctx.OptionsOf<tflite::ReshapeOptions>().new_shape())) {
      wanted.push_back(extent);
    }
  }
  const Shape shape = ResolvedShape(ctx, wanted);
  if (shape == ctx.ShapeOf(0)) return ctx.ResultIsInput();
  if (ctx.LayoutOf(0) == Layout::kChannelsFirst && Flattens(ctx.ShapeOf(0), shape)) {
    return ctx.tensors().DefineFlattened(ctx.Out(), ctx.In(0));
  }
  ctx.Result(ctx.Reshape(ctx.File(0), shape));
}

void LowerSqueeze(OperatorContext& ctx) {
  const auto* options = ctx.FindOptions<tflite::SqueezeOptions>();
  const Shape& x = ctx.ShapeOf(0);
  std::vector<bool> squeezed(x.size(), false);
  bool named = false;
  for (const int32_t axis : Items(options == nullptr ? nullptr : options->squeeze_dims())) {
    const auto at = static_cast<size_t>(ctx.Axis(axis, ctx.RankOf(0)));
    ctx.Require(x[at] == 1, "squeezed axis " + std::to_string(at) + " has not one element");
    squeezed[at] = named = true;
  }
  Shape shape;
  for (size_t i = 0; i < x.size(); ++i) {
    if (named ? !squeezed[i] : x[i] != 1) shape.push_back(x[i]);
  }
  ctx.Result(ctx.Reshape(ctx.File(0), shape));
}

void LowerExpandDims(OperatorContext& ctx) {
  Shape shape = ctx.ShapeOf(0);
  const int64_t axis = ctx.Axis(ctx.Int(1), ctx.RankOf(0) + 1);
  shape.insert(shape.begin() + axis, 1);
  ctx.Result(ctx.Reshape(ctx.File(0), shape));
}

void LowerPack(OperatorContext& ctx) {
  const Shape shape = ctx.ShapeOf(0);
  const int64_t axis = ctx.Axis(ctx.OptionsOf<tflite::PackOptions>().axis(), ctx.RankOf(0) + 1);
  Shape lifted = shape;
  lifted.insert(lifted.begin() + axis, 1);
  std::vector<ValueId> parts;
  for (size_t i = 0; i < ctx.input_count(); ++i) {
    ctx.Require(ctx.ShapeOf(i) == shape, "the inputs have different shapes");
    parts.push_back(ctx.Reshape(ctx.File(i), lifted));
  }
  ctx.Result(ctx.Emit(OpKind::kConcat, std::move(parts), {{"axis", axis}}));
}

void LowerUnpack(OperatorContext& ctx) {
  const int64_t axis = ctx.Axis(ctx.OptionsOf<tflite::UnpackOptions>().axis(), ctx.RankOf(0));
  Shape shape = ctx.ShapeOf(0);
  ctx.Require(shape[static_cast<size_t>(axis)] == static_cast<int64_t>(ctx.output_count()),
              "the axis and the outputs differ in number");
  const std::vector<int64_t> ones(ctx.output_count(), 1);
  const std::vector<ValueId> parts = ctx.EmitMany(
      OpKind::kSplit, {ctx.File(0)}, {{"axis", axis}, {"split", ones}}, ctx.output_count());
  shape.erase(shape.begin() + axis);
  for (size_t i = 0; i < parts.size(); ++i) {
    ctx.Result(ctx.Reshape(parts[i], shape), Layout::kFile, i);
  }
}

void LowerShape(OperatorContext& ctx) {
  const ValueId shape = ctx.Constant(Tensor::Vector<int64_t>(ctx.ShapeOf(0)));
  ctx.Result(ctx.CastTo(shape, ctx.OutputType()));
}

void LowerBroadcastTo(OperatorContext& ctx) {
  ctx.Result(ctx.Emit(OpKind::kExpand, {ctx.File(0)}, {{"shape", ctx.Ints(1)}}));
}

}  // namespace penumbra::model
