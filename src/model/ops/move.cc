// Operators that only move elements.
#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "model/ops/layout.h"
#include "model/ops/ops.h"

namespace penumbra::model {
namespace {

// Reads `in` through a view of the given shape and strides into the output, which has as many
// elements.
void CopyView(KernelContext& ctx, const Shape& shape, const Shape& strides, int64_t offset = 0) {
  StridedCopy(shape, ctx.In(0), {offset, strides}, &ctx.Out(), {0, RowMajorStrides(shape)});
}

int64_t BlockSize(InferContext& ctx) {
  ctx.Require(ctx.InputRank(0) == 4, "the input has not rank 4");
  const int64_t block = ctx.node().GetInt("blocksize");
  ctx.Require(block >= 1 && block <= (1 << 15), "attribute 'blocksize' is out of range");
  return block;
}

}  // namespace

void InferConcat(InferContext& ctx) {
  ctx.Require(ctx.node().Has("axis"), "attribute 'axis' is missing");
  const int64_t axis = ctx.Axis(ctx.node().GetInt("axis"), ctx.InputRank(0));
  Shape y = ctx.InputShape(0);
  for (size_t i = 1; i < ctx.input_count(); ++i) {
    const Shape& next = ctx.InputShape(i);
    ctx.Require(ctx.InputType(i) == ctx.InputType(0), "the inputs have different element types");
    ctx.Require(next.size() == y.size(), "the inputs have different ranks");
    for (size_t d = 0; d < y.size(); ++d) {
      ctx.Require(static_cast<int64_t>(d) == axis || next[d] == y[d],
                  "shapes " + ShapeText(y) + " and " + ShapeText(next) + " do not join");
    }
    y[static_cast<size_t>(axis)] += next[static_cast<size_t>(axis)];
  }
  ctx.node().attributes = {{"axis", axis}};
  ctx.SetOutput(0, ctx.InputType(0), y);
}

void InferTrilu(InferContext& ctx) {
  Node& node = ctx.node();
  ctx.Require(ctx.InputRank(0) >= 2, "the input is not a matrix");
  const auto given = ctx.IntParameter(1);
  ctx.Require(!given || given->size() == 1, "k is not a scalar");
  node.attributes["k"] = given ? given->front() : node.GetInt("k", 0);
  node.attributes["upper"] = int64_t{node.GetInt("upper", 1) != 0};
  ctx.KeepInputs(1);
  ctx.SetOutput(0, ctx.InputType(0), ctx.InputShape(0));
}

void RunConcat(KernelContext& ctx) {
  Tensor& y = ctx.Out();
  const Shape strides = RowMajorStrides(y.shape());
  const auto axis = static_cast<size_t>(ctx.node.GetInt("axis"));
  int64_t at = 0;
  for (const Tensor* x : ctx.inputs) {
    StridedCopy(x->shape(), *x, {0, RowMajorStrides(x->shape())}, &y,
                {at * strides[axis], strides});
    at += x->shape()[axis];
  }
}

void InferSplit(InferContext& ctx) {
  const Shape& x = ctx.InputShape(0);
  const int64_t axis = ctx.Axis(ctx.node().GetInt("axis"), ctx.InputRank(0));
  const int64_t size = x[static_cast<size_t>(axis)];
  auto parts = ctx.IntsFrom(1, "split");
  if (!parts) {
    const int64_t count =
        ctx.node().GetInt("num_outputs", static_cast<int64_t>(ctx.output_count()));
    ctx.Require(count >= 1 && count <= std::max<int64_t>(1, size),
                "the number of parts is out of range");
    const int64_t each = (size + count - 1) / count;
    for (int64_t left = size, i = 0; i < count; ++i, left -= each) {
      parts = parts.value_or(std::vector<int64_t>{});
      parts->push_back(std::clamp<int64_t>(left, 0, each));
    }
  }
  ctx.Require(parts->size() == ctx.output_count(), "parts and outputs differ in number");
  int64_t total = 0;
  for (int64_t part : *parts) {
    ctx.Require(part >= 0 && part <= size, "a part is out of range");
    total += part;
  }
  ctx.Require(total == size, "the parts do not add up to the axis");
  ctx.KeepInputs(1);
  ctx.node().attributes = {{"axis", axis}, {"split", *parts}};
  Shape y = x;
  const DataType type = ctx.InputType(0);
  for (size_t i = 0; i < parts->size(); ++i) {
    y[static_cast<size_t>(axis)] = (*parts)[i];
    ctx.SetOutput(i, type, y);
  }
}

void RunSplit(KernelContext& ctx) {
  const Shape strides = RowMajorStrides(ctx.In(0).shape());
  const auto axis = static_cast<size_t>(ctx.node.GetInt("axis"));
  const auto parts = ctx.node.GetInts("split");
  int64_t at = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    Shape part = ctx.In(0).shape();
    part[axis] = parts[i];
    if (ctx.node.outputs[i] != kNoValue) {
      StridedCopy(part, ctx.In(0), {at * strides[axis], strides}, &ctx.Out(i),
                  {0, RowMajorStrides(part)});
    }
    at += parts[i];
  }
}

void InferSlice(InferContext& ctx) {
  const Shape& x = ctx.InputShape(0);
  const auto given_starts = ctx.IntsFrom(1, "starts");
  const auto given_ends = ctx.IntsFrom(2, "ends");
  ctx.Require(given_starts && given_ends && given_starts->size() == given_ends->size(),
              "starts and ends differ in number");
  std::vector<int64_t> default_axes(given_starts->size());
  std::iota(default_axes.begin(), default_axes.end(), 0);
  const auto axes = ctx.IntsFrom(3, "axes").value_or(default_axes);
  const auto steps = ctx.IntsFrom(4, "steps").value_or(std::vector<int64_t>(axes.size(), 1));
  ctx.Require(axes.size() == given_starts->size() && steps.size() == axes.size(),
              "starts, axes and steps differ in number");
  Shape all_axes(x.size()), all_starts(x.size(), 0), all_ends = x, all_steps(x.size(), 1), y = x;
  std::iota(all_axes.begin(), all_axes.end(), 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto d = static_cast<size_t>(ctx.Axis(axes[i], ctx.InputRank(0)));
    const int64_t step = steps[i] == std::numeric_limits<int64_t>::min() ? steps[i] + 1 : steps[i];
    ctx.Require(step != 0, "a step is zero");
    const int64_t low = step > 0 ? 0 : -1;
    const int64_t high = step > 0 ? x[d] : x[d] - 1;
    const auto bound = [&](int64_t at) { return std::clamp(at < 0 ? at + x[d] : at, low, high); };
    const int64_t start = bound((*given_starts)[i]);
    const int64_t end = bound((*given_ends)[i]);
    const int64_t room = step > 0 ? end - start : start - end;
    const int64_t stride = step > 0 ? step : -step;
    y[d] = room <= 0 ? 0 : (room - 1) / stride + 1;
    all_starts[d] = start;
    // -1 would count from the end when read again.
    all_ends[d] = end < 0 ? -x[d] - 1 : end;
    all_steps[d] = step;
  }
  ctx.KeepInputs(1);
  ctx.node().attributes = {
      {"axes", all_axes}, {"starts", all_starts}, {"ends", all_ends}, {"steps", all_steps}};
  ctx.SetOutput(0, ctx.InputType(0), y);
}

void RunSlice(KernelContext& ctx) {
  if (ctx.Out().count() == 0) return;
  Shape strides = RowMajorStrides(ctx.In(0).shape());
  const auto starts = ctx.node.GetInts("starts");
  const auto steps = ctx.node.GetInts("steps");
  int64_t offset = 0;
  for (size_t i = 0; i < strides.size(); ++i) {
    offset += starts[i] * strides[i];
    // A step past the end is never taken when one element is read.
    strides[i] = ctx.Out().shape()[i] == 1 ? 0 : strides[i] * steps[i];
  }
  CopyView(ctx, ctx.Out().shape(), strides, offset);
}

void InferTranspose(InferContext& ctx) {
  const Shape& x = ctx.InputShape(0);
  std::vector<int64_t> reversed(x.size());
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  const auto order = ctx.node().GetInts("perm", reversed);
  std::vector<int64_t> sorted = order;
  std::ranges::sort(sorted);
  std::ranges::reverse(reversed);
  ctx.Require(sorted == reversed, "attribute 'perm' is not a permutation of the axes");
  Shape y;
  for (int64_t axis : order) y.push_back(x[static_cast<size_t>(axis)]);
  ctx.node().attributes = {{"perm", order}};
  ctx.SetOutput(0, ctx.InputType(0), y);
}

void RunTranspose(KernelContext& ctx) {
  const Shape own = RowMajorStrides(ctx.In(0).shape());
  Shape strides;
  for (int64_t axis : ctx.node.GetInts("perm")) strides.push_back(own[static_cast<size_t>(axis)]);
  CopyView(ctx, ctx.Out().shape(), strides);
}

void InferExpand(InferContext& ctx) {
  const auto wanted = ctx.IntsFrom(1, "shape");
  ctx.Require(wanted.has_value(), "the shape is missing");
  ElementCount(*wanted);
  const Shape y = BroadcastShapes(ctx.InputShape(0), *wanted);
  ctx.KeepInputs(1);
  ctx.node().attributes = {{"shape", y}};
  ctx.SetOutput(0, ctx.InputType(0), y);
}

void RunExpand(KernelContext& ctx) {
  CopyView(ctx, ctx.Out().shape(), BroadcastStrides(ctx.In(0).shape(), ctx.Out().shape()));
}

void InferTile(InferContext& ctx) {
  const auto repeats = ctx.IntsFrom(1, "repeats");
  const Shape& x = ctx.InputShape(0);
  ctx.Require(repeats && repeats->size() == x.size(), "repeats and axes differ in number");
  Shape y;
  for (size_t i = 0; i < x.size(); ++i) {
    ctx.Require((*repeats)[i] >= 0, "a repeat is negative");
    y.push_back(ElementCount({x[i], (*repeats)[i]}));
  }
  ctx.KeepInputs(1);
  ctx.node().attributes = {{"repeats", *repeats}};
  ctx.SetOutput(0, ctx.InputType(0), y);
}

void RunTile(KernelContext& ctx) {
  // Every axis becomes two: which copy (stride 0), and where in it.
  const Shape& x = ctx.In(0).shape();
  const Shape own = RowMajorStrides(x);
  const auto repeats = ctx.node.GetInts("repeats");
  Shape shape, strides;
  for (size_t i = 0; i < x.size(); ++i) {
    shape.insert(shape.end(), {repeats[i], x[i]});
    strides.insert(strides.end(), {0, own[i]});
  }
  CopyView(ctx, shape, strides);
}

void InferDepthToSpace(InferContext& ctx) {
  const int64_t block = BlockSize(ctx);
  const Shape& x = ctx.InputShape(0);
  const std::string mode = ctx.node().GetString("mode", "DCR");
  ctx.Require(mode == "DCR" || mode == "CRD", "unknown mode '" + mode + "'");
  ctx.Require(x[1] % (block * block) == 0, "the block does not divide the channels");
  ctx.node().attributes = {{"blocksize", block}, {"mode", mode}};
  ctx.SetOutput(0, ctx.InputType(0), {x[0], x[1] / (block * block), x[2] * block, x[3] * block});
}

void RunTrilu(KernelContext& ctx) {
  const Shape& shape = ctx.In(0).shape();
  const int64_t rows = shape[shape.size() - 2];
  const int64_t columns = shape.back();
  const bool upper = ctx.node.GetInt("upper") != 0;
  // Diagonals further away than the matrix is wide are all alike; clamped, j - i - k cannot wrap.
  const int64_t k = std::clamp(ctx.node.GetInt("k"), -rows - 1, columns + 1);
  WithElementType(ctx.Out().type(), [&](auto tag) {
    using T = decltype(tag);
    const auto x = ctx.In(0).Data<T>();
    const auto y = ctx.Out().Data<T>();
    for (size_t at = 0; at < y.size(); ++at) {
      const auto j = static_cast<int64_t>(at) % columns;
      const auto i = static_cast<int64_t>(at) / columns % rows;
      if (upper ? j - i >= k : j - i <= k) y[at] = x[at];
    }
  });
}

void RunDepthToSpace(KernelContext& ctx) {
  const Shape& y = ctx.Out().shape();
  const Shape s = RowMajorStrides(ctx.In(0).shape());
  const int64_t block = ctx.node.GetInt("blocksize");
  // Channel = (by, bx, c) when depth comes first, (c, by, bx) when the column of blocks does.
  const bool depth_first = ctx.node.GetString("mode") == "DCR";
  const int64_t channel = depth_first ? s[1] : s[1] * block * block;
  const int64_t block_x = depth_first ? s[1] * y[1] : s[1];
  CopyView(ctx, {y[0], y[1], y[2] / block, block, y[3] / block, block},
           {s[0], channel, s[2], block_x * block, s[3], block_x});
}

void InferSpaceToDepth(InferContext& ctx) {
  const int64_t block = BlockSize(ctx);
  const Shape& x = ctx.InputShape(0);
  ctx.Require(x[2] % block == 0 && x[3] % block == 0, "the block does not divide the plane");
  ctx.node().attributes = {{"blocksize", block}};
  ctx.SetOutput(0, ctx.InputType(0),
                {x[0], ElementCount({x[1], block * block}), x[2] / block, x[3] / block});
}

void RunSpaceToDepth(KernelContext& ctx) {
  const Shape& x = ctx.In(0).shape();
  const Shape& y = ctx.Out().shape();
  const Shape s = RowMajorStrides(x);
  const int64_t block = ctx.node.GetInt("blocksize");
  CopyView(ctx, {y[0], block, block, x[1], y[2], y[3]},
           {s[0], s[2], s[3], s[1], s[2] * block, s[3] * block});
}

}  // namespace penumbra::model
