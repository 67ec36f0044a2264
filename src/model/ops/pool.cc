// Pools over windows and over whole planes.
#include <algorithm>
#include <limits>

#include "model/ops/layout.h"
#include "model/ops/ops.h"
#include "model/ops/window.h"

namespace penumbra::model {
namespace {

void InferPool(InferContext& ctx, bool overhang_is_exact) {
  Node& node = ctx.node();
  const Shape x = ctx.InputShape(0);
  const Shape spatial = SpatialShape(ctx, 0);
  CanonicalWindow(ctx, spatial, {});
  const Shape kernel = node.GetInts("kernel_shape");
  const Shape out = WindowOutput(ctx, spatial, node.GetInt("ceil_mode") != 0);
  // Where cells beyond the padding never count, more padding says the same as ceil_mode.
  Shape pads = node.GetInts("pads");
  bool overhangs = false;
  for (size_t i = 0; i < spatial.size(); ++i) {
    const int64_t extent = (kernel[i] - 1) * node.GetInts("dilations")[i] + 1;
    const int64_t reach = (out[i] - 1) * node.GetInts("strides")[i] + extent;
    const int64_t missing = reach - spatial[i] - pads[i] - pads[spatial.size() + i];
    overhangs = overhangs || missing > 0;
    if (missing > 0 && overhang_is_exact) pads[spatial.size() + i] += missing;
  }
  node.attributes["pads"] = pads;
  node.attributes["ceil_mode"] = int64_t{overhangs && !overhang_is_exact};
  Shape y = out;
  y.insert(y.begin(), {x[0], x[1]});
  ctx.SetOutput(0, ctx.InputType(0), y);
}

// The taps [begin, end) of a window along one axis that fall on cells in [low, limit).
struct TapRange {
  int64_t begin, end;
};
TapRange TapsInside(const Window2d& w, size_t axis, int64_t out_index, int64_t low, int64_t limit) {
  const int64_t start = out_index * w.stride[axis] - w.pad_begin[axis];
  const int64_t dilation = w.dilation[axis];
  const auto first_at_least = [&](int64_t cell) {  // smallest tap that falls on `cell` or behind it
    const int64_t gap = cell - start;
    return gap <= 0 ? 0 : std::min(w.kernel[axis], (gap + dilation - 1) / dilation);
  };
  return {first_at_least(low), first_at_least(limit)};
}

// Folds the input cells of one window into `state` with add(state, x).
template <typename T, typename State, typename Add>
State FoldWindow(const T* plane, const Window2d& w, int64_t y, int64_t x, State state, Add add) {
  const TapRange rows = TapsInside(w, 0, y, 0, w.in[0]);
  const TapRange columns = TapsInside(w, 1, x, 0, w.in[1]);
  for (int64_t ky = rows.begin; ky < rows.end; ++ky) {
    const T* row = plane + (y * w.stride[0] - w.pad_begin[0] + ky * w.dilation[0]) * w.in[1];
    for (int64_t kx = columns.begin; kx < columns.end; ++kx) {
      state = add(state, row[x * w.stride[1] - w.pad_begin[1] + kx * w.dilation[1]]);
    }
  }
  return state;
}

template <typename Body>
void ForEachWindow(const Shape& out_shape, const Window2d& w, Body body) {
  for (int64_t plane = 0; plane < out_shape[0] * out_shape[1]; ++plane) {
    for (int64_t y = 0; y < w.out[0]; ++y) {
      for (int64_t x = 0; x < w.out[1]; ++x)
        body(plane, y, x, (plane * w.out[0] + y) * w.out[1] + x);
    }
  }
}

// Cells an average divides by: those inside the input or, with padding counted, inside the padded
// input.
int64_t DivisorOf(const Window2d& w, int64_t y, int64_t x, bool count_padding) {
  int64_t divisor = 1;
  for (size_t axis = 0; axis < 2; ++axis) {
    const int64_t low = count_padding ? -w.pad_begin[axis] : 0;
    const int64_t limit = w.in[axis] + (count_padding ? w.pad_end[axis] : 0);
    const TapRange taps = TapsInside(w, axis, axis == 0 ? y : x, low, limit);
    divisor *= taps.end - taps.begin;
  }
  return divisor;
}

}  // namespace

void InferMaxPool(InferContext& ctx) {
  if (ctx.output_count() > 1 && ctx.node().outputs[1] != kNoValue)
    ctx.Unsupported("output 'Indices' of MaxPool");
  if (ctx.node().GetInt("storage_order") != 0) ctx.Unsupported("attribute storage_order");
  ctx.node().attributes.erase("storage_order");
  InferPool(ctx, true);
}

void InferAveragePool(InferContext& ctx) {
  if (ctx.InputType(0) != DataType::kFloat32) ctx.Unsupported("elements that are not float");
  const int64_t count_padding = ctx.node().GetInt("count_include_pad");
  ctx.node().attributes["count_include_pad"] = int64_t{count_padding != 0};
  InferPool(ctx, count_padding == 0);
}

void InferGlobalPool(InferContext& ctx) {
  if (ctx.InputType(0) != DataType::kFloat32) ctx.Unsupported("elements that are not float");
  ctx.Require(ctx.InputRank(0) >= 3, "the input has no spatial axes");
  Shape y(ctx.InputShape(0).size(), 1);
  y[0] = ctx.InputShape(0)[0];
  y[1] = ctx.InputShape(0)[1];
  ctx.Require(ElementCount(ctx.InputShape(0)) > 0, "the input is empty");
  ctx.SetOutput(0, DataType::kFloat32, y);
}

void RunMaxPool(KernelContext& ctx) {
  const Window2d w = LiftWindow(ctx.node, ctx.In(0).shape(), ctx.Out().shape());
  WithElementType(ctx.In(0).type(), [&](auto tag) {
    using T = decltype(tag);
    const T* in = ctx.In(0).Data<T>().data();
    T* out = ctx.Out().Data<T>().data();
    ForEachWindow(ctx.Out().shape(), w, [&](int64_t plane, int64_t y, int64_t x, int64_t at) {
      out[at] = FoldWindow(in + plane * w.InCount(), w, y, x, std::numeric_limits<T>::lowest(),
                           [](T best, T cell) { return cell > best ? cell : best; });
    });
  });
}

void RunAveragePool(KernelContext& ctx) {
  const Window2d w = LiftWindow(ctx.node, ctx.In(0).shape(), ctx.Out().shape());
  const bool count_padding = ctx.node.GetInt("count_include_pad") != 0;
  const float* in = ctx.In(0).Floats().data();
  float* out = ctx.Out().Floats().data();
  ForEachWindow(ctx.Out().shape(), w, [&](int64_t plane, int64_t y, int64_t x, int64_t at) {
    const int64_t divisor = DivisorOf(w, y, x, count_padding);
    const double sum = FoldWindow(in + plane * w.InCount(), w, y, x, 0.0,
                                  [](double total, float cell) { return total + cell; });
    out[at] = divisor == 0 ? 0.0f : static_cast<float>(sum / static_cast<double>(divisor));
  });
}

void RunGlobalAveragePool(KernelContext& ctx) {
  const int64_t plane_count = ctx.Out().count();
  const int64_t plane_size = ctx.In(0).count() / std::max<int64_t>(1, plane_count);
  for (int64_t plane = 0; plane < plane_count; ++plane) {
    double sum = 0;
    for (float x : ctx.In(0).Floats().subspan(plane * plane_size, plane_size)) sum += x;
    ctx.Out().Floats()[plane] = static_cast<float>(sum / static_cast<double>(plane_size));
  }
}

void RunGlobalMaxPool(KernelContext& ctx) {
  const int64_t plane_count = ctx.Out().count();
  const int64_t plane_size = ctx.In(0).count() / std::max<int64_t>(1, plane_count);
  for (int64_t plane = 0; plane < plane_count; ++plane) {
    ctx.Out().Floats()[plane] =
        std::ranges::max(ctx.In(0).Floats().subspan(plane * plane_size, plane_size));
  }
}

}  // namespace penumbra::model
