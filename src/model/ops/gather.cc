// Operators that read each output element from a place found in a table: Gather and Pad.
#include <algorithm>
#include <limits>
#include <numeric>

#include "model/ops/layout.h"
#include "model/ops/ops.h"
#include "model/ops/saturating_cast.h"

namespace penumbra::model {
namespace {

// Far above any network and low enough that sums cannot overflow.
constexpr int64_t kMaxPad = int64_t{1} << 32;

// Source index of each output index along one axis; -1 reads the fill value.
std::vector<int64_t> PadTable(int64_t size, int64_t begin, int64_t out_size,
                              const std::string& mode) {
  std::vector<int64_t> table(static_cast<size_t>(out_size));
  for (int64_t i = 0; i < out_size; ++i) {
    int64_t at = i - begin;
    if (mode == "edge") {
      at = std::clamp<int64_t>(at, 0, size - 1);
    } else if (mode == "reflect" && size > 1) {
      const int64_t period = 2 * (size - 1);
      at = (at % period + period) % period;
      at = std::min(at, period - at);
    } else if (mode == "wrap") {
      at = (at % size + size) % size;
    } else if (mode == "reflect") {
      at = 0;
    } else if (at < 0 || at >= size) {
      at = -1;
    }
    table[static_cast<size_t>(i)] = at;
  }
  return table;
}

}  // namespace

void InferGather(InferContext& ctx) {
  const Shape& x = ctx.InputShape(0);
  const int64_t axis = ctx.Axis(ctx.node().GetInt("axis"), ctx.InputRank(0));
  const DataType index_type = ctx.InputType(1);
  ctx.Require(index_type == DataType::kInt64 || index_type == DataType::kInt32,
              "the indices are not integers");
  Shape y(x.begin(), x.begin() + axis);
  const Shape& indices = ctx.InputShape(1);
  y.insert(y.end(), indices.begin(), indices.end());
  y.insert(y.end(), x.begin() + axis + 1, x.end());
  ctx.node().attributes = {{"axis", axis}};
  ctx.SetOutput(0, ctx.InputType(0), y);
}

void RunGather(KernelContext& ctx) {
  const AxisView view = ViewAround(ctx.In(0).shape(), ctx.node.GetInt("axis"));
  std::vector<int64_t> indices = ctx.In(1).ToInt64();
  for (int64_t& index : indices) {
    if (index < -view.size || index >= view.size) {
      throw ModelError(
          Status::kInvalidArgument,
          "index " + std::to_string(index) + " is outside an axis of " + std::to_string(view.size));
    }
    if (index < 0) index += view.size;
  }
  const size_t row = static_cast<size_t>(view.inner) * ElementSize(ctx.In(0).type());
  std::byte* out = ctx.Out().bytes().data();
  for (int64_t outer = 0; outer < view.outer; ++outer) {
    for (int64_t index : indices) {
      const auto from = static_cast<size_t>(outer * view.size + index) * row;
      out = std::ranges::copy(ctx.In(0).bytes().subspan(from, row), out).out;
    }
  }
}

void InferPad(InferContext& ctx) {
  Node& node = ctx.node();
  const Shape& x = ctx.InputShape(0);
  const std::string mode = node.GetString("mode", "constant");
  ctx.Require(mode == "constant" || mode == "reflect" || mode == "edge" || mode == "wrap",
              "unknown mode '" + mode + "'");
  const auto given = ctx.IntsFrom(1, "pads");
  ctx.Require(given.has_value(), "the pads are missing");
  std::vector<int64_t> axes(x.size());
  std::iota(axes.begin(), axes.end(), 0);
  axes = ctx.IntParameter(3).value_or(axes);
  ctx.Require(given->size() == 2 * axes.size(), "pads and axes differ in number");
  Shape pads(2 * x.size(), 0);
  Shape y = x;
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<size_t>(ctx.Axis(axes[i], ctx.InputRank(0)));
    const int64_t begin = (*given)[i];
    const int64_t end = (*given)[axes.size() + i];
    ctx.Require(std::max(std::abs(begin), std::abs(end)) <= kMaxPad, "a pad is absurdly large");
    pads[axis] = begin;
    pads[x.size() + axis] = end;
    y[axis] = x[axis] + begin + end;
    ctx.Require(y[axis] >= 0, "negative pads remove more than there is");
    ctx.Require(mode == "constant" || x[axis] > 0 || y[axis] == 0,
                "an empty axis cannot be extended");
  }
  const auto fill = ctx.FloatParameter(2);
  const float value = fill && !fill->empty() ? fill->front() : node.GetFloat("value", 0.0f);
  ctx.KeepInputs(1);
  node.attributes = {{"pads", pads}, {"mode", mode}, {"value", value}};
  ctx.SetOutput(0, ctx.InputType(0), y);
}

void RunPad(KernelContext& ctx) {
  const Shape& x = ctx.In(0).shape();
  const auto pads = ctx.node.GetInts("pads");
  std::vector<std::vector<int64_t>> tables;
  for (size_t axis = 0; axis < x.size(); ++axis) {
    tables.push_back(
        PadTable(x[axis], pads[axis], ctx.Out().shape()[axis], ctx.node.GetString("mode")));
  }
  const float value = ctx.node.GetFloat("value");
  WithElementType(ctx.Out().type(), [&](auto tag) {
    using T = decltype(tag);
    std::ranges::fill(ctx.Out().Data<T>(), SaturatingCast<T>(value));
  });
  GatherByTables(ctx.In(0), tables, &ctx.Out());
}

}  // namespace penumbra::model
