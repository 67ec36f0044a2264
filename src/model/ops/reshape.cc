// Operators that keep the elements and their order: all of them become Reshape. And those whose
// result is known from shapes and constants alone: they become constants.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "model/ops/ops.h"

namespace penumbra::model {
namespace {

void BecomeReshape(InferContext& ctx, const Shape& shape) {
  ctx.Require(ElementCount(shape) == ElementCount(ctx.InputShape(0)),
              "shape " + ShapeText(ctx.InputShape(0)) + " cannot become " + ShapeText(shape));
  ctx.KeepInputs(1);
  ctx.node().op = OpKind::kReshape;
  ctx.node().attributes = {{"shape", shape}};
  ctx.SetOutput(0, ctx.InputType(0), shape);
}

// Sorted axes in [0, rank), each once.
std::vector<int64_t> UniqueAxes(InferContext& ctx, std::vector<int64_t> axes, int64_t rank) {
  for (int64_t& axis : axes) axis = ctx.Axis(axis, rank);
  std::ranges::sort(axes);
  ctx.Require(std::ranges::adjacent_find(axes) == axes.end(), "an axis is named twice");
  return axes;
}

}  // namespace

void InferReshape(InferContext& ctx) {
  const auto wanted = ctx.IntsFrom(1, "shape");
  ctx.Require(wanted.has_value(), "the shape is missing");
  const Shape& x = ctx.InputShape(0);
  Shape shape = *wanted;
  // In the canonical form (one input) a zero is a dimension of zero elements.
  const bool zero_copies = ctx.HasInput(1) && ctx.node().GetInt("allowzero") == 0;
  int64_t known = 1;
  auto guessed = shape.end();
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && zero_copies) {
      ctx.Require(i < x.size(), "a zero in the shape copies a dimension that does not exist");
      shape[i] = x[i];
    }
    ctx.Require(shape[i] >= -1, "the shape holds " + std::to_string(shape[i]));
    if (shape[i] == -1) {
      ctx.Require(guessed == shape.end(), "the shape holds -1 twice");
      guessed = shape.begin() + static_cast<int64_t>(i);
    } else {
      known = ElementCount({known, shape[i]});
    }
  }
  if (guessed != shape.end()) {
    ctx.Require(known > 0 && ElementCount(x) % known == 0,
                "shape " + ShapeText(x) + " cannot become " + ShapeText(*wanted));
    *guessed = ElementCount(x) / known;
  }
  BecomeReshape(ctx, shape);
}

void InferFlatten(InferContext& ctx) {
  const Shape& x = ctx.InputShape(0);
  int64_t axis = ctx.node().GetInt("axis", 1);
  if (axis < 0) axis += ctx.InputRank(0);
  ctx.Require(axis >= 0 && axis <= ctx.InputRank(0), "attribute 'axis' is out of range");
  const Shape head(x.begin(), x.begin() + axis);
  const Shape tail(x.begin() + axis, x.end());
  BecomeReshape(ctx, {ElementCount(head), ElementCount(tail)});
}

void InferSqueeze(InferContext& ctx) {
  const Shape& x = ctx.InputShape(0);
  auto axes = ctx.IntsFrom(1, "axes");
  if (!axes) {
    axes.emplace();
    for (size_t i = 0; i < x.size(); ++i) {
      if (x[i] == 1) axes->push_back(static_cast<int64_t>(i));
    }
  }
  *axes = UniqueAxes(ctx, *axes, ctx.InputRank(0));
  Shape y;
  for (size_t i = 0; i < x.size(); ++i) {
    const bool squeezed = std::ranges::binary_search(*axes, static_cast<int64_t>(i));
    ctx.Require(!squeezed || x[i] == 1,
                "squeezed axis " + std::to_string(i) + " has more than one element");
    if (!squeezed) y.push_back(x[i]);
  }
  BecomeReshape(ctx, y);
}

void InferUnsqueeze(InferContext& ctx) {
  const auto wanted = ctx.IntsFrom(1, "axes");
  ctx.Require(wanted.has_value(), "the axes are missing");
  const auto axes =
      UniqueAxes(ctx, *wanted, ctx.InputRank(0) + static_cast<int64_t>(wanted->size()));
  Shape y = ctx.InputShape(0);
  for (int64_t axis : axes) y.insert(y.begin() + axis, 1);
  BecomeReshape(ctx, y);
}

void InferShape(InferContext& ctx) {
  const Shape& x = ctx.InputShape(0);
  const auto rank = static_cast<int64_t>(x.size());
  const auto bound = [rank](int64_t at) {
    return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  const int64_t start = bound(ctx.node().GetInt("start"));
  const int64_t end = std::max(start, bound(ctx.node().GetInt("end", rank)));
  ctx.SetConstantOutput(0, Tensor::Vector<int64_t>(Shape(x.begin() + start, x.begin() + end)));
}

void InferSize(InferContext& ctx) {
  ctx.SetConstantOutput(0, Tensor::Scalar<int64_t>(ElementCount(ctx.InputShape(0))));
}

void InferConstantOfShape(InferContext& ctx) {
  const Shape shape = *ctx.IntParameter(0);
  if (ElementCount(shape) > kMaxFoldedCount)
    ctx.Unsupported("a constant of shape " + ShapeText(shape));
  // The importer hands the tensor attribute `value` over as a second input.
  if (!ctx.HasInput(1)) return ctx.SetConstantOutput(0, Tensor(DataType::kFloat32, shape));
  const Value& fill = ctx.Input(1);
  ctx.Require(fill.IsConstant() && fill.constant->count() == 1,
              "attribute 'value' is not one element");
  Tensor out(fill.type, shape);
  WithElementType(fill.type, [&](auto tag) {
    using T = decltype(tag);
    std::ranges::fill(out.Data<T>(), fill.constant->Data<T>()[0]);
  });
  ctx.SetConstantOutput(0, std::move(out));
}

void InferRange(InferContext& ctx) {
  const DataType type = ctx.InputType(0);
  ctx.Require(type == ctx.InputType(1) && type == ctx.InputType(2),
              "the inputs have different element types");
  std::vector<double> bounds;
  for (size_t i = 0; i < 3; ++i) {
    const auto given = type == DataType::kFloat32 ? std::vector<int64_t>{} : *ctx.IntParameter(i);
    const auto floats = *ctx.FloatParameter(i);
    ctx.Require(floats.size() == 1, "the bounds are not scalars");
    bounds.push_back(given.empty() ? floats[0] : static_cast<double>(given[0]));
  }
  const double steps = std::ceil((bounds[1] - bounds[0]) / bounds[2]);
  ctx.Require(bounds[2] != 0 && steps < static_cast<double>(kMaxFoldedCount),
              "the range is endless or too long");
  Tensor out(type, {static_cast<int64_t>(std::max(0.0, steps))});
  WithElementType(type, [&](auto tag) {
    using T = decltype(tag);
    const auto data = out.Data<T>();
    for (size_t i = 0; i < data.size(); ++i) {
      data[i] = static_cast<T>(bounds[0] + static_cast<double>(i) * bounds[2]);
    }
  });
  ctx.SetConstantOutput(0, std::move(out));
}

}  // namespace penumbra::model
