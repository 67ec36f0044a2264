// Comparisons, logic and Where: truth values are 1 and 0.
#include <algorithm>
#include <vector>

#include "protect/lower/node_lowering.h"

namespace penumbra::protect {
namespace {

using model::OpKind;

// fn(input 0, input 1), at most one of them constant.
View EmitPair(const NodeLowering& n, PassFn fn) {
  if (n.Constant(1) != nullptr)
    return EmitWithConstant(n.builder, fn, n.Any(0), *n.Constant(1), n.InDims(1));
  if (n.Constant(0) != nullptr)
    return EmitWithConstant(n.builder, Reversed(fn), n.Any(1), *n.Constant(0), n.InDims(0));
  return EmitWithTensor(n.builder, fn, n.Any(0), n.Any(1));
}

View EmitNot(Builder& b, const View& truth) {
  return EmitScalar(b, PassFn::kReverseSub, truth, 1.0f);
}

// Elements of a constant with the extents `out`, to which its own broadcast.
std::vector<float> BroadcastConstant(const std::vector<float>& constant, Dims dims,
                                     const Dims& out) {
  dims.insert(dims.begin(), out.size() - dims.size(), 1u);
  const std::vector<int64_t> strides = Strides(dims);
  std::vector<float> full(Product(out));
  std::vector<uint32_t> index(out.size(), 0);
  for (float& value : full) {
    int64_t at = 0;
    for (size_t d = 0; d < out.size(); ++d) at += dims[d] == 1 ? 0 : index[d] * strides[d];
    value = constant[static_cast<size_t>(at)];
    size_t d = out.size();
    while (d > 0 && ++index[d - 1] == out[d - 1]) index[--d] = 0;
  }
  return full;
}

// With a constant condition and one constant branch c: x * m + c where m = 0, so that an infinite c
// (attention masks) never meets a factor 0. Two computed branches: x * m + y * (1 - m).
View SelectByConstant(const NodeLowering& n, const std::vector<float>& condition) {
  std::vector<float> inverse = condition;
  std::ranges::transform(inverse, inverse.begin(), [](float m) { return 1.0f - m; });
  const auto masked = [&](size_t branch) {
    return EmitWithConstant(n.builder, PassFn::kMul, n.Any(branch),
                            branch == 1 ? condition : inverse, n.InDims(0));
  };
  const size_t fixed = n.Constant(1) != nullptr ? 1 : 2;
  if (n.Constant(fixed) == nullptr)
    return EmitWithTensor(n.builder, PassFn::kAdd, masked(1), masked(2));
  const Dims dims = BroadcastDims(n.InDims(0), n.InDims(fixed));
  const std::vector<float> chosen =
      BroadcastConstant(fixed == 1 ? condition : inverse, n.InDims(0), dims);
  std::vector<float> summand = BroadcastConstant(*n.Constant(fixed), n.InDims(fixed), dims);
  for (size_t i = 0; i < summand.size(); ++i) summand[i] = chosen[i] != 0 ? summand[i] : 0.0f;
  return EmitWithConstant(n.builder, PassFn::kAdd, masked(3 - fixed), summand, dims);
}

// Above everything where `truth` is 1 (`fn` kSub) or 0 (kReverseSub), below everything elsewhere.
View EmitBound(Builder& b, PassFn fn, const View& truth) {
  View y = EmitScalar(b, fn, truth, 0.5f);
  for (int i = 0; i < 2; ++i) y = EmitScalar(b, PassFn::kMul, y, 0x1p127f);
  return y;
}

// max(min(x, bound), min(y, -bound)) has the bits of x or y, whatever the other is.
View SelectAtRunTime(const NodeLowering& n) {
  Builder& b = n.builder;
  const auto held = [&](size_t branch, const View& limit) {
    if (n.Constant(branch) != nullptr)
      return EmitWithConstant(b, PassFn::kMin, limit, *n.Constant(branch), n.InDims(branch));
    return EmitWithTensor(b, PassFn::kMin, n.Any(branch), limit);
  };
  const View truth = n.Any(0);
  return EmitWithTensor(b, PassFn::kMax, held(1, EmitBound(b, PassFn::kSub, truth)),
                        held(2, EmitBound(b, PassFn::kReverseSub, truth)));
}

}  // namespace

// Twice 2^127 takes the smallest number beyond 1.
View EmitIsNotZero(Builder& b, const View& x) {
  View y = EmitUnary(b, PassFn::kAbs, x);
  for (int i = 0; i < 2; ++i) y = EmitScalar(b, PassFn::kMul, y, 0x1p127f);
  return EmitScalar(b, PassFn::kMin, y, 1.0f);
}

// By the sign of the difference: float32 has gradual underflow, so that it is 0 between equals
// only.
void LowerComparison(const NodeLowering& n) {
  Builder& b = n.builder;
  const View difference = EmitPair(n, PassFn::kSub);
  const auto above = [&] { return EmitIsNotZero(b, EmitUnary(b, PassFn::kRelu, difference)); };
  const auto below = [&] {
    return EmitIsNotZero(b, EmitScalar(b, PassFn::kMin, difference, 0.0f));
  };
  switch (n.node.op) {
    case OpKind::kGreater:
      return n.Define(above());
    case OpKind::kLess:
      return n.Define(below());
    case OpKind::kGreaterOrEqual:
      return n.Define(EmitNot(b, below()));
    case OpKind::kLessOrEqual:
      return n.Define(EmitNot(b, above()));
    default:
      return n.Define(EmitNot(b, EmitIsNotZero(b, difference)));
  }
}

void LowerLogical(const NodeLowering& n) {
  if (n.node.op == OpKind::kNot) return n.Define(EmitNot(n.builder, n.Any(0)));
  n.Define(EmitPair(n, n.node.op == OpKind::kAnd ? PassFn::kMin : PassFn::kMax));
}

void LowerWhere(const NodeLowering& n) {
  const std::vector<float>* condition = n.Constant(0);
  n.Define(condition != nullptr ? SelectByConstant(n, *condition) : SelectAtRunTime(n));
}

}  // namespace penumbra::protect
