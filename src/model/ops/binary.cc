// Operators on two or more tensors, element by element, with numpy broadcasting.
#include <algorithm>
#include <cmath>
#include <limits>

#include "model/ops/layout.h"
#include "model/ops/ops.h"

namespace penumbra::model {
namespace {

// out[i] = f(a[i], b[i]) with a and b broadcast to out; `out` may be `a` when the shapes are equal.
template <typename A, typename B, typename R, typename Function>
void Broadcast2(const Tensor& a, const Tensor& b, Tensor& out, Function f) {
  const Shape& shape = out.shape();
  const Shape strides[] = {BroadcastStrides(a.shape(), shape), BroadcastStrides(b.shape(), shape),
                           BroadcastStrides(shape, shape)};
  const int64_t count = shape.empty() ? 1 : shape.back();
  const int64_t a_step = shape.empty() ? 0 : strides[0].back();
  const int64_t b_step = shape.empty() ? 0 : strides[1].back();
  const A* a_data = a.Data<A>().data();
  const B* b_data = b.Data<B>().data();
  R* out_data = out.Data<R>().data();
  ForEachRow(shape, strides, [&](std::span<const int64_t> at) {
    for (int64_t i = 0; i < count; ++i) {
      out_data[at[2] + i] =
          static_cast<R>(f(a_data[at[0] + i * a_step], b_data[at[1] + i * b_step]));
    }
  });
}

// `in` broadcast to `shape`.
template <typename T>
Tensor Spread(const Tensor& in, const Shape& shape) {
  Tensor out(in.type(), shape);
  Broadcast2<T, T, T>(in, in, out, [](T a, T) { return a; });
  return out;
}

template <typename Function>
void Arithmetic(KernelContext& ctx, Function f) {
  WithElementType(ctx.Out().type(), [&](auto tag) {
    using T = decltype(tag);
    Broadcast2<T, T, T>(ctx.In(0), ctx.In(1), ctx.Out(), f);
  });
}

template <typename Function>
void Comparison(KernelContext& ctx, Function f) {
  WithElementType(ctx.In(0).type(), [&](auto tag) {
    using T = decltype(tag);
    Broadcast2<T, T, bool>(ctx.In(0), ctx.In(1), ctx.Out(), f);
  });
}

// Min, Max and Sum: the first input spread over the output, then one input after the other.
template <typename Function>
void Accumulate(KernelContext& ctx, Function f) {
  WithElementType(ctx.Out().type(), [&](auto tag) {
    using T = decltype(tag);
    Broadcast2<T, T, T>(ctx.In(0), ctx.In(0), ctx.Out(), [](T a, T) { return a; });
    for (size_t i = 1; i < ctx.inputs.size(); ++i) {
      Broadcast2<T, T, T>(ctx.Out(), ctx.In(i), ctx.Out(), f);
    }
  });
}

// Integer arithmetic wraps, as numpy's does; through uint64_t it is defined for every width.
template <typename T, typename Function>
T Wrapping(T a, T b, Function f) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(f(static_cast<uint64_t>(a), static_cast<uint64_t>(b)));
  } else {
    return f(a, b);
  }
}

template <typename T>
T Divide(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    if (b == T{0}) throw ModelError(Status::kInvalidArgument, "integer division by zero");
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) {
      return static_cast<T>(uint64_t{0} - static_cast<uint64_t>(a));
    }
  }
  return static_cast<T>(a / b);
}

void RequireSameType(InferContext& ctx) {
  for (size_t i = 1; i < ctx.input_count(); ++i) {
    ctx.Require(ctx.InputType(i) == ctx.InputType(0), "the inputs have different element types");
  }
}

Shape BroadcastAll(InferContext& ctx) {
  Shape shape = ctx.InputShape(0);
  for (size_t i = 1; i < ctx.input_count(); ++i) shape = BroadcastShapes(shape, ctx.InputShape(i));
  return shape;
}

}  // namespace

void InferArithmetic(InferContext& ctx) {
  RequireSameType(ctx);
  ctx.Require(ctx.InputType(0) != DataType::kBool, "arithmetic on bool");
  ctx.SetOutput(0, ctx.InputType(0), BroadcastAll(ctx));
}

void InferPow(InferContext& ctx) {
  ctx.Require(ctx.InputType(0) != DataType::kBool && ctx.InputType(1) != DataType::kBool,
              "arithmetic on bool");
  ctx.SetOutput(0, ctx.InputType(0), BroadcastAll(ctx));
}

void InferComparison(InferContext& ctx) {
  RequireSameType(ctx);
  ctx.SetOutput(0, DataType::kBool, BroadcastAll(ctx));
}

void InferLogical(InferContext& ctx) {
  ctx.Require(ctx.InputType(0) == DataType::kBool && ctx.InputType(1) == DataType::kBool,
              "the inputs are not bool");
  ctx.SetOutput(0, DataType::kBool, BroadcastAll(ctx));
}

void InferPRelu(InferContext& ctx) {
  ctx.Require(ctx.InputType(0) == DataType::kFloat32 && ctx.InputType(1) == DataType::kFloat32,
              "the inputs are not float");
  ctx.Require(BroadcastAll(ctx) == ctx.InputShape(0), "the slope does not broadcast to the input");
  ctx.SetOutput(0, DataType::kFloat32, ctx.InputShape(0));
}

void InferWhere(InferContext& ctx) {
  ctx.Require(ctx.InputType(0) == DataType::kBool, "the condition is not bool");
  ctx.Require(ctx.InputType(1) == ctx.InputType(2), "the inputs have different element types");
  ctx.SetOutput(0, ctx.InputType(1), BroadcastAll(ctx));
}

void RunAdd(KernelContext& ctx) {
  Arithmetic(ctx,
             [](auto a, auto b) { return Wrapping(a, b, [](auto x, auto y) { return x + y; }); });
}

void RunSub(KernelContext& ctx) {
  Arithmetic(ctx,
             [](auto a, auto b) { return Wrapping(a, b, [](auto x, auto y) { return x - y; }); });
}

void RunMul(KernelContext& ctx) {
  Arithmetic(ctx,
             [](auto a, auto b) { return Wrapping(a, b, [](auto x, auto y) { return x * y; }); });
}

void RunDiv(KernelContext& ctx) {
  Arithmetic(ctx, [](auto a, auto b) { return Divide(a, b); });
}

void RunPow(KernelContext& ctx) {
  WithElementType(ctx.In(0).type(), [&](auto base_tag) {
    using Base = decltype(base_tag);
    WithElementType(ctx.In(1).type(), [&](auto exponent_tag) {
      using Exponent = decltype(exponent_tag);
      Broadcast2<Base, Exponent, Base>(ctx.In(0), ctx.In(1), ctx.Out(), [](Base x, Exponent y) {
        const double power = std::pow(static_cast<double>(x), static_cast<double>(y));
        if constexpr (std::is_integral_v<Base>) {
          const auto end = std::ldexp(1.0, std::numeric_limits<Base>::digits);
          const double least = std::is_signed_v<Base> ? -end : 0.0;
          if (!(power >= least && power < end))
            throw ModelError(Status::kInvalidArgument, "integer power overflows");
        }
        return static_cast<Base>(power);
      });
    });
  });
}

void RunMin(KernelContext& ctx) {
  Accumulate(ctx, [](auto a, auto b) { return b < a || b != b ? b : a; });
}

void RunMax(KernelContext& ctx) {
  Accumulate(ctx, [](auto a, auto b) { return a < b || b != b ? b : a; });
}

void RunSum(KernelContext& ctx) {
  Accumulate(ctx,
             [](auto a, auto b) { return Wrapping(a, b, [](auto x, auto y) { return x + y; }); });
}

void RunPRelu(KernelContext& ctx) {
  Broadcast2<float, float, float>(ctx.In(0), ctx.In(1), ctx.Out(),
                                  [](float x, float slope) { return x < 0 ? slope * x : x; });
}

void RunEqual(KernelContext& ctx) {
  Comparison(ctx, [](auto a, auto b) { return a == b; });
}

void RunLess(KernelContext& ctx) {
  Comparison(ctx, [](auto a, auto b) { return a < b; });
}

void RunLessOrEqual(KernelContext& ctx) {
  Comparison(ctx, [](auto a, auto b) { return a <= b; });
}

void RunGreater(KernelContext& ctx) {
  Comparison(ctx, [](auto a, auto b) { return a > b; });
}

void RunGreaterOrEqual(KernelContext& ctx) {
  Comparison(ctx, [](auto a, auto b) { return a >= b; });
}

void RunAnd(KernelContext& ctx) {
  Comparison(ctx, [](auto a, auto b) { return a && b; });
}

void RunOr(KernelContext& ctx) {
  Comparison(ctx, [](auto a, auto b) { return a || b; });
}

void RunWhere(KernelContext& ctx) {
  WithElementType(ctx.Out().type(), [&](auto tag) {
    using T = decltype(tag);
    const Shape& shape = ctx.Out().shape();
    const Tensor condition = Spread<bool>(ctx.In(0), shape);
    const Tensor yes = Spread<T>(ctx.In(1), shape);
    const Tensor no = Spread<T>(ctx.In(2), shape);
    for (size_t i = 0; i < static_cast<size_t>(ctx.Out().count()); ++i) {
      ctx.Out().Data<T>()[i] = condition.Data<bool>()[i] ? yes.Data<T>()[i] : no.Data<T>()[i];
    }
  });
}

}  // namespace penumbra::model
