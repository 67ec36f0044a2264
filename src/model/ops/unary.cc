// Operators on one tensor, element by element.
#include <algorithm>
#include <cmath>
#include <limits>

#include "model/ops/ops.h"
#include "model/ops/saturating_cast.h"

namespace penumbra::model {
namespace {

template <typename Function>
void MapFloat(KernelContext& ctx, Function f) {
  const auto in = ctx.In(0).Floats();
  const auto out = ctx.Out().Floats();
  for (size_t i = 0; i < in.size(); ++i) out[i] = f(in[i]);
}

template <typename Function>
void MapAny(KernelContext& ctx, Function f) {
  WithElementType(ctx.In(0).type(), [&](auto tag) {
    using T = decltype(tag);
    const auto in = ctx.In(0).Data<T>();
    const auto out = ctx.Out().Data<T>();
    for (size_t i = 0; i < in.size(); ++i) out[i] = static_cast<T>(f(in[i]));
  });
}

void RequireFloat(InferContext& ctx) {
  if (ctx.InputType(0) != DataType::kFloat32) {
    ctx.Unsupported("elements of type " + std::string(DataTypeName(ctx.InputType(0))));
  }
}

void SetDefault(InferContext& ctx, const std::string& key, float fallback) {
  ctx.node().attributes[key] = ctx.node().GetFloat(key, fallback);
}

}  // namespace

void InferSameAsInput(InferContext& ctx) { ctx.SetOutput(0, ctx.InputType(0), ctx.InputShape(0)); }

void InferFloatUnary(InferContext& ctx) {
  RequireFloat(ctx);
  InferSameAsInput(ctx);
}

void InferLeakyRelu(InferContext& ctx) {
  SetDefault(ctx, "alpha", 0.01f);
  InferFloatUnary(ctx);
}

void InferElu(InferContext& ctx) {
  SetDefault(ctx, "alpha", 1.0f);
  InferFloatUnary(ctx);
}

void InferHardSigmoid(InferContext& ctx) {
  SetDefault(ctx, "alpha", 0.2f);
  SetDefault(ctx, "beta", 0.5f);
  InferFloatUnary(ctx);
}

void InferClip(InferContext& ctx) {
  static constexpr float kUnlimited = std::numeric_limits<float>::infinity();
  const auto limit = [&ctx](size_t i, const std::string& key, float fallback) {
    const auto given = ctx.FloatParameter(i);
    if (given) ctx.Require(given->size() == 1, "limit '" + key + "' is not a scalar");
    ctx.node().attributes[key] = given ? given->front() : ctx.node().GetFloat(key, fallback);
  };
  limit(1, "min", -kUnlimited);
  limit(2, "max", kUnlimited);
  ctx.KeepInputs(1);
  InferSameAsInput(ctx);
}

void InferNot(InferContext& ctx) {
  ctx.Require(ctx.InputType(0) == DataType::kBool, "the input is not bool");
  InferSameAsInput(ctx);
}

void InferCast(InferContext& ctx) {
  const DataType to = ComputeType(DataTypeFromOnnx(ctx.node().GetInt("to")));
  if (to == DataType::kUndefined) {
    ctx.Unsupported("cast to ONNX element type " + std::to_string(ctx.node().GetInt("to")));
  }
  ctx.SetOutput(0, to, ctx.InputShape(0));
}

void InferDropout(InferContext& ctx) {
  if (const auto training = ctx.IntParameter(2);
      training && !training->empty() && training->front() != 0) {
    ctx.Unsupported("training mode");
  }
  if (ctx.output_count() > 1 && ctx.node().outputs[1] != kNoValue) {
    Tensor mask(DataType::kBool, ctx.InputShape(0));
    std::ranges::fill(mask.Data<bool>(), true);
    ctx.SetConstantOutput(1, std::move(mask));
    ctx.node().outputs.resize(1);
  }
  ctx.KeepInputs(1);
  ctx.node().attributes.clear();
  ctx.node().op = OpKind::kIdentity;
  InferSameAsInput(ctx);
}

void InferGelu(InferContext& ctx) {
  const std::string approximate = ctx.node().GetString("approximate", "none");
  ctx.Require(approximate == "none" || approximate == "tanh",
              "attribute 'approximate' is '" + approximate + "'");
  ctx.node().attributes["approximate"] = approximate;
  InferFloatUnary(ctx);
}

void RunRelu(KernelContext& ctx) {
  MapAny(ctx, [](auto x) { return x < decltype(x){0} ? decltype(x){0} : x; });
}

void RunLeakyRelu(KernelContext& ctx) {
  const float alpha = ctx.node.GetFloat("alpha");
  MapFloat(ctx, [alpha](float x) { return x < 0 ? alpha * x : x; });
}

void RunClip(KernelContext& ctx) {
  const float min = ctx.node.GetFloat("min");
  const float max = ctx.node.GetFloat("max");
  MapAny(ctx, [min, max](auto x) {
    using T = decltype(x);
    return std::min(std::max(x, SaturatingCast<T>(min)), SaturatingCast<T>(max));
  });
}

void RunSigmoid(KernelContext& ctx) {
  MapFloat(ctx, [](float x) { return 1.0f / (1.0f + std::exp(-x)); });
}

void RunHardSigmoid(KernelContext& ctx) {
  const float alpha = ctx.node.GetFloat("alpha");
  const float beta = ctx.node.GetFloat("beta");
  MapFloat(ctx,
           [alpha, beta](float x) { return std::max(0.0f, std::min(1.0f, alpha * x + beta)); });
}

void RunHardSwish(KernelContext& ctx) {
  MapFloat(ctx, [](float x) { return x * std::max(0.0f, std::min(1.0f, x / 6.0f + 0.5f)); });
}

void RunTanh(KernelContext& ctx) {
  MapFloat(ctx, [](float x) { return std::tanh(x); });
}

void RunElu(KernelContext& ctx) {
  const float alpha = ctx.node.GetFloat("alpha");
  MapFloat(ctx, [alpha](float x) { return x < 0 ? alpha * std::expm1(x) : x; });
}

void RunSoftplus(KernelContext& ctx) {
  MapFloat(ctx, [](float x) { return std::max(x, 0.0f) + std::log1p(std::exp(-std::fabs(x))); });
}

void RunExp(KernelContext& ctx) {
  MapFloat(ctx, [](float x) { return std::exp(x); });
}

void RunLog(KernelContext& ctx) {
  MapFloat(ctx, [](float x) { return std::log(x); });
}

void RunSqrt(KernelContext& ctx) {
  MapFloat(ctx, [](float x) { return std::sqrt(x); });
}

void RunNeg(KernelContext& ctx) {
  MapAny(ctx, [](auto x) {
    if constexpr (std::is_integral_v<decltype(x)>) {
      return static_cast<decltype(x)>(uint64_t{0} - static_cast<uint64_t>(x));
    } else {
      return -x;
    }
  });
}

void RunAbs(KernelContext& ctx) {
  MapAny(ctx, [](auto x) {
    if constexpr (std::is_integral_v<decltype(x)>) {
      return x < decltype(x){0} ? static_cast<decltype(x)>(uint64_t{0} - static_cast<uint64_t>(x))
                                : x;
    } else {
      return std::fabs(x);
    }
  });
}

void RunFloor(KernelContext& ctx) {
  MapFloat(ctx, [](float x) { return std::floor(x); });
}

void RunCeil(KernelContext& ctx) {
  MapFloat(ctx, [](float x) { return std::ceil(x); });
}

void RunErf(KernelContext& ctx) {
  MapFloat(ctx, [](float x) { return std::erf(x); });
}

void RunGelu(KernelContext& ctx) {
  if (ctx.node.GetString("approximate") == "tanh") {
    constexpr float kRootOfTwoOverPi = 0.797884583f;
    return MapFloat(ctx, [](float x) {
      return 0.5f * x * (1.0f + std::tanh(kRootOfTwoOverPi * (x + 0.044715f * x * x * x)));
    });
  }
  MapFloat(ctx, [](float x) { return 0.5f * x * (1.0f + std::erf(x * 0.707106769f)); });
}

void RunReciprocal(KernelContext& ctx) {
  MapFloat(ctx, [](float x) { return 1.0f / x; });
}

void RunNot(KernelContext& ctx) {
  MapAny(ctx, [](auto x) { return !x; });
}

void RunCast(KernelContext& ctx) {
  WithElementType(ctx.In(0).type(), [&](auto from_tag) {
    using From = decltype(from_tag);
    WithElementType(ctx.Out().type(), [&](auto to_tag) {
      using To = decltype(to_tag);
      const auto in = ctx.In(0).Data<From>();
      const auto out = ctx.Out().Data<To>();
      for (size_t i = 0; i < in.size(); ++i) out[i] = SaturatingCast<To>(in[i]);
    });
  });
}

void RunCopy(KernelContext& ctx) {
  std::ranges::copy(ctx.In(0).bytes(), ctx.Out().bytes().begin());
}

}  // namespace penumbra::model
