// Reductions along axes.
#include <algorithm>
#include <limits>
#include <numeric>
#include <span>
#include <type_traits>
#include <vector>

#include "model/ops/layout.h"
#include "model/ops/ops.h"

namespace penumbra::model {
namespace {

// Folds the input into one state per output element: add(state, x), in row-major order.
template <typename T, typename State, typename Add>
void Fold(KernelContext& ctx, std::span<State> states, Add add) {
  const Shape& shape = ctx.In(0).shape();
  // The output seen with the input's rank: reduced axes have stride 0.
  Shape kept = shape;
  for (int64_t axis : ctx.node.GetInts("axes")) kept[static_cast<size_t>(axis)] = 1;
  const Shape strides[] = {RowMajorStrides(shape), BroadcastStrides(kept, shape)};
  const int64_t count = shape.empty() ? 1 : shape.back();
  const int64_t step = shape.empty() ? 0 : strides[1].back();
  const T* in = ctx.In(0).Data<T>().data();
  ForEachRow(shape, strides, [&](std::span<const int64_t> at) {
    for (int64_t i = 0; i < count; ++i) {
      State& state = states[static_cast<size_t>(at[1] + i * step)];
      state = add(state, in[at[0] + i]);
    }
  });
}

// Wide enough for sums of T: double for float, wrapping 64 bits for integers.
template <typename T>
using Accumulator = std::conditional_t<std::is_floating_point_v<T>, double, uint64_t>;

template <typename Add>
void Accumulate(KernelContext& ctx, int initial, bool mean, Add add) {
  const int64_t per_output = ctx.Out().count() == 0 ? 1 : ctx.In(0).count() / ctx.Out().count();
  WithElementType(ctx.In(0).type(), [&](auto tag) {
    using T = decltype(tag);
    using State = Accumulator<T>;
    std::vector<State> states(static_cast<size_t>(ctx.Out().count()), static_cast<State>(initial));
    Fold<T, State>(ctx, states, [&](State s, T x) { return add(s, static_cast<State>(x)); });
    for (size_t i = 0; i < states.size(); ++i) {
      T result = static_cast<T>(states[i]);
      if (mean && per_output > 0) {
        if constexpr (std::is_floating_point_v<T>) {
          result = static_cast<T>(states[i] / static_cast<double>(per_output));
        } else {
          result = static_cast<T>(static_cast<int64_t>(states[i]) / per_output);
        }
      }
      ctx.Out().Data<T>()[i] = result;
    }
  });
}

template <typename Better>
void Extreme(KernelContext& ctx, bool lowest_first, Better better) {
  WithElementType(ctx.In(0).type(), [&](auto tag) {
    using T = decltype(tag);
    using Limits = std::numeric_limits<T>;
    T initial = lowest_first ? Limits::lowest() : Limits::max();
    if constexpr (Limits::has_infinity)
      initial = lowest_first ? -Limits::infinity() : Limits::infinity();
    std::ranges::fill(ctx.Out().Data<T>(), initial);
    Fold<T, T>(ctx, ctx.Out().Data<T>(), [&](T best, T x) { return better(x, best) ? x : best; });
  });
}

Shape ReducedShape(const Shape& x, const std::vector<int64_t>& axes, bool keep) {
  Shape y;
  for (size_t i = 0; i < x.size(); ++i) {
    const bool reduced = std::ranges::count(axes, static_cast<int64_t>(i)) > 0;
    if (!reduced) y.push_back(x[i]);
    if (reduced && keep) y.push_back(1);
  }
  return y;
}

}  // namespace

void InferReduce(InferContext& ctx) {
  Node& node = ctx.node();
  const int64_t rank = ctx.InputRank(0);
  auto axes = ctx.IntsFrom(1, "axes");
  const bool from_input = ctx.HasInput(1);
  if (!axes || (from_input && axes->empty())) {
    axes.emplace(node.GetInt("noop_with_empty_axes") != 0 ? 0 : rank);
    std::iota(axes->begin(), axes->end(), 0);
  }
  for (int64_t& axis : *axes) axis = ctx.Axis(axis, rank);
  std::ranges::sort(*axes);
  ctx.Require(std::ranges::adjacent_find(*axes) == axes->end(), "an axis is reduced twice");
  const int64_t keep = node.GetInt("keepdims", 1) != 0;
  ctx.KeepInputs(1);
  node.attributes = {{"axes", *axes}, {"keepdims", keep}};
  ctx.SetOutput(0, ctx.InputType(0), ReducedShape(ctx.InputShape(0), *axes, keep != 0));
}

void InferArgMax(InferContext& ctx) {
  Node& node = ctx.node();
  const int64_t axis = ctx.Axis(node.GetInt("axis"), ctx.InputRank(0));
  const int64_t keep = node.GetInt("keepdims", 1) != 0;
  const int64_t last = node.GetInt("select_last_index") != 0;
  ctx.Require(ctx.InputShape(0)[static_cast<size_t>(axis)] > 0, "the searched axis is empty");
  node.attributes = {{"axis", axis}, {"keepdims", keep}, {"select_last_index", last}};
  ctx.SetOutput(0, DataType::kInt64, ReducedShape(ctx.InputShape(0), {axis}, keep != 0));
}

void RunReduceMean(KernelContext& ctx) {
  Accumulate(ctx, 0, true, [](auto s, auto x) { return s + x; });
}

void RunReduceSum(KernelContext& ctx) {
  Accumulate(ctx, 0, false, [](auto s, auto x) { return s + x; });
}

void RunReduceProd(KernelContext& ctx) {
  Accumulate(ctx, 1, false, [](auto s, auto x) { return s * x; });
}

void RunReduceMax(KernelContext& ctx) {
  Extreme(ctx, true, [](auto x, auto best) { return x > best || x != x; });
}

void RunReduceMin(KernelContext& ctx) {
  Extreme(ctx, false, [](auto x, auto best) { return x < best || x != x; });
}

void RunArgMax(KernelContext& ctx) {
  const AxisView view = ViewAround(ctx.In(0).shape(), ctx.node.GetInt("axis"));
  const bool last = ctx.node.GetInt("select_last_index") != 0;
  WithElementType(ctx.In(0).type(), [&](auto tag) {
    using T = decltype(tag);
    for (int64_t row = 0; row < view.outer * view.inner; ++row) {
      const T* x =
          ctx.In(0).Data<T>().data() + row / view.inner * view.size * view.inner + row % view.inner;
      int64_t best = 0;
      for (int64_t i = 1; i < view.size; ++i) {
        const T candidate = x[i * view.inner];
        const T leader = x[best * view.inner];
        if (candidate > leader || (last && candidate == leader)) best = i;
      }
      ctx.Out().Data<int64_t>()[static_cast<size_t>(row)] = best;
    }
  });
}

}  // namespace penumbra::model
