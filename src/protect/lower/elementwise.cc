// Element-wise operators: which function, on which operands. How an operand broadcasts is decided
// in broadcast.cc.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "protect/lower/node_lowering.h"

namespace penumbra::protect {
namespace {

using model::OpKind;

PassFn FunctionOf(OpKind op) {
  switch (op) {
    case OpKind::kRelu:
      return PassFn::kRelu;
    case OpKind::kLeakyRelu:
      return PassFn::kLeakyRelu;
    case OpKind::kSigmoid:
      return PassFn::kSigmoid;
    case OpKind::kHardSigmoid:
      return PassFn::kHardSigmoid;
    case OpKind::kHardSwish:
      return PassFn::kHardSwish;
    case OpKind::kTanh:
      return PassFn::kTanh;
    case OpKind::kElu:
      return PassFn::kElu;
    case OpKind::kSoftplus:
      return PassFn::kSoftplus;
    case OpKind::kExp:
      return PassFn::kExp;
    case OpKind::kLog:
      return PassFn::kLog;
    case OpKind::kSqrt:
      return PassFn::kSqrt;
    case OpKind::kNeg:
      return PassFn::kNeg;
    case OpKind::kAbs:
      return PassFn::kAbs;
    case OpKind::kErf:
      return PassFn::kErf;
    case OpKind::kFloor:
      return PassFn::kFloor;
    case OpKind::kCeil:
      return PassFn::kCeil;
    case OpKind::kReciprocal:
      return PassFn::kReciprocal;
    case OpKind::kAdd:
    case OpKind::kSum:
      return PassFn::kAdd;
    case OpKind::kSub:
      return PassFn::kSub;
    case OpKind::kMul:
      return PassFn::kMul;
    case OpKind::kDiv:
      return PassFn::kDiv;
    case OpKind::kMin:
      return PassFn::kMin;
    case OpKind::kMax:
      return PassFn::kMax;
    case OpKind::kPow:
      return PassFn::kPow;
    default:
      return PassFn::kPRelu;
  }
}

// Integers are kept as float32: only what selects or negates them stays exact.
bool KeepsIntegersExact(OpKind op) {
  return op == OpKind::kMin || op == OpKind::kMax || op == OpKind::kNeg || op == OpKind::kAbs ||
         op == OpKind::kRelu || op == OpKind::kClip;
}

void RequireFloat(const NodeLowering& n) {
  if (KeepsIntegersExact(n.node.op)) return;
  for (size_t i = 0; i < n.node.inputs.size(); ++i) {
    if (n.InType(i) != model::DataType::kFloat32) {
      n.Unsupported("arithmetic on " + std::string(model::DataTypeName(n.InType(i))) +
                    " activations");
    }
  }
}

// The factor and summand per output channel that fn with a constant operand means; false when fn is
// not affine.
bool AffineOf(PassFn fn, float c, float* out_factor, float* out_summand) {
  *out_factor = 1.0f;
  *out_summand = 0.0f;
  switch (fn) {
    case PassFn::kAdd:
      *out_summand = c;
      return true;
    case PassFn::kSub:
      *out_summand = -c;
      return true;
    case PassFn::kReverseSub:
      *out_factor = -1.0f;
      *out_summand = c;
      return true;
    case PassFn::kMul:
      *out_factor = c;
      return true;
    case PassFn::kDiv:
      *out_factor = 1.0f / c;
      return std::isfinite(1.0f / c);
    default:
      return false;
  }
}

// Value of a constant operand for every channel; empty when it varies along other axes.
std::vector<float> PerChannel(const std::vector<float>& constant, const Dims& constant_dims,
                              const Dims& x, uint32_t channel_axis) {
  const size_t skip = x.size() - std::min(x.size(), constant_dims.size());
  for (size_t d = 0; d < constant_dims.size(); ++d) {
    if (constant_dims[d] != 1 && d + skip != channel_axis) return {};
  }
  if (constant.size() == 1) return std::vector<float>(x[channel_axis], constant[0]);
  return constant;
}

// Constant scale or shift right after a linear layer that nobody else reads: part of the layer.
bool FoldIntoLinear(const NodeLowering& n, PassFn fn, size_t x_input,
                    const std::vector<float>& constant, const Dims& constant_dims) {
  if (n.InDims(x_input) != n.OutDims()) return false;
  LinearOp* linear = n.builder.FoldableLinear(n.in(x_input));
  if (linear == nullptr) return false;
  const View x = n.Any(x_input);
  const std::vector<float> channel =
      PerChannel(constant, constant_dims, n.OutDims(), x.perm.back());
  float factor = 0;
  float summand = 0;
  if (channel.size() != linear->bias.size()) return false;
  for (float c : channel) {
    if (!AffineOf(fn, c, &factor, &summand)) return false;
  }
  const size_t length = linear->weights.size() / channel.size();
  for (size_t o = 0; o < channel.size(); ++o) {
    AffineOf(fn, channel[o], &factor, &summand);
    for (size_t j = 0; j < length; ++j) linear->weights[o * length + j] *= factor;
    linear->bias[o] = linear->bias[o] * factor + summand;
  }
  n.builder.Rename(n.in(x_input), n.out());
  return true;
}

View WithConstant(const NodeLowering& n, PassFn fn, const View& x, size_t constant_input) {
  return EmitWithConstant(n.builder, fn, x, *n.Constant(constant_input), n.InDims(constant_input));
}

bool IsSquare(const NodeLowering& n) {
  const std::vector<float>* exponent = n.Constant(1);
  return n.node.op == OpKind::kPow && exponent != nullptr && exponent->size() == 1 &&
         (*exponent)[0] == 2.0f;
}

// fn over all inputs from left to right (Min and Max take any number).
void LowerVariadic(const NodeLowering& n, PassFn fn) {
  View y = n.Constant(0) != nullptr ? n.In(0, IdentityPerm(n.InDims(0).size())) : n.Any(0);
  for (size_t i = 1; i < n.node.inputs.size(); ++i) {
    y = n.Constant(i) != nullptr ? WithConstant(n, fn, y, i)
                                 : EmitWithTensor(n.builder, fn, y, n.Any(i));
  }
  n.Define(y);
}

}  // namespace

PassFn Reversed(PassFn fn) {
  switch (fn) {
    case PassFn::kSub:
      return PassFn::kReverseSub;
    case PassFn::kReverseSub:
      return PassFn::kSub;
    case PassFn::kDiv:
      return PassFn::kReverseDiv;
    case PassFn::kReverseDiv:
      return PassFn::kDiv;
    case PassFn::kPow:
      return PassFn::kReversePow;
    case PassFn::kReversePow:
      return PassFn::kPow;
    default:
      return fn;
  }
}

void LowerUnary(const NodeLowering& n) {
  RequireFloat(n);
  const PassFn fn = FunctionOf(n.node.op);
  const float a = n.node.GetFloat("alpha");
  const float b = n.node.GetFloat("beta");
  if (fn == PassFn::kNeg && FoldIntoLinear(n, PassFn::kMul, 0, {-1.0f}, {1})) return;
  n.Define(EmitUnary(n.builder, fn, n.Any(0), a, b));
}

void LowerClip(const NodeLowering& n) {
  RequireFloat(n);
  const float low = n.node.GetFloat("min");
  const float high = n.node.GetFloat("max");
  View y = n.Any(0);
  if (std::isfinite(low) && std::isfinite(high)) {
    y = EmitUnary(n.builder, PassFn::kClip, y, low, high);
  } else if (low == 0.0f) {
    y = EmitUnary(n.builder, PassFn::kRelu, y);
  } else if (std::isfinite(low)) {
    y = EmitScalar(n.builder, PassFn::kMax, y, low);
  } else if (std::isfinite(high)) {
    y = EmitScalar(n.builder, PassFn::kMin, y, high);
  }
  n.Define(y);
}

void LowerBinary(const NodeLowering& n) {
  RequireFloat(n);
  const PassFn fn = FunctionOf(n.node.op);
  if (n.node.inputs.size() != 2) return LowerVariadic(n, fn);
  const bool constant[2] = {n.Constant(0) != nullptr, n.Constant(1) != nullptr};
  if (IsSquare(n)) {
    const View x = n.Any(0);
    return n.Define(EmitWithTensor(n.builder, PassFn::kMul, x, x));
  }
  if (constant[1] && !constant[0]) {
    if (FoldIntoLinear(n, fn, 0, *n.Constant(1), n.InDims(1))) return;
    return n.Define(WithConstant(n, fn, n.Any(0), 1));
  }
  if (constant[0] && !constant[1] && fn != PassFn::kPRelu) {
    if (FoldIntoLinear(n, Reversed(fn), 1, *n.Constant(0), n.InDims(0))) return;
    return n.Define(WithConstant(n, Reversed(fn), n.Any(1), 0));
  }
  LowerVariadic(n, fn);
}

void LowerBatchNormalization(const NodeLowering& n) {
  std::vector<const std::vector<float>*> parameters;
  for (size_t i = 1; i < 5; ++i) {
    parameters.push_back(n.Constant(i));
    if (parameters.back() == nullptr) n.Unsupported("parameters that are computed at run time");
  }
  const double epsilon = n.node.GetFloat("epsilon", 1e-5f);
  const size_t channels = parameters[0]->size();
  std::vector<float> factor(channels);
  std::vector<float> summand(channels);
  for (size_t c = 0; c < channels; ++c) {
    const double scale = (*parameters[0])[c] / std::sqrt((*parameters[3])[c] + epsilon);
    factor[c] = static_cast<float>(scale);
    summand[c] = static_cast<float>((*parameters[1])[c] - (*parameters[2])[c] * scale);
  }
  Dims shape(n.InDims(0).size(), 1);
  shape.at(1) = static_cast<uint32_t>(channels);
  const View scaled = EmitWithConstant(n.builder, PassFn::kMul, n.Any(0), factor, shape);
  n.Define(EmitWithConstant(n.builder, PassFn::kAdd, scaled, summand, shape));
}

}  // namespace penumbra::protect
