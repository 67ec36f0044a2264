#include "protect/weights/scaling.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "model/error.h"

namespace penumbra::protect {
namespace {

struct ElementRule {
  PassFn fn;
  PassOperand operand;
  ScalingRule rule;
};

constexpr ScalingRule kKeeps = ScalingRule::kKeeps;
constexpr std::array kElementRules = {
    ElementRule{PassFn::kRelu, PassOperand::kNone, kKeeps},
    ElementRule{PassFn::kLeakyRelu, PassOperand::kNone, kKeeps},
    ElementRule{PassFn::kNeg, PassOperand::kNone, kKeeps},
    ElementRule{PassFn::kAbs, PassOperand::kNone, kKeeps},
    ElementRule{PassFn::kMul, PassOperand::kScalar, kKeeps},
    ElementRule{PassFn::kDiv, PassOperand::kScalar, kKeeps},
    ElementRule{PassFn::kMul, PassOperand::kChannel, ScalingRule::kChooses},
    ElementRule{PassFn::kDiv, PassOperand::kChannel, ScalingRule::kChooses},
    ElementRule{PassFn::kAdd, PassOperand::kChannel, kKeeps},
    ElementRule{PassFn::kSub, PassOperand::kChannel, kKeeps},
    ElementRule{PassFn::kReverseSub, PassOperand::kChannel, kKeeps},
    ElementRule{PassFn::kAdd, PassOperand::kTensor, kKeeps},
    ElementRule{PassFn::kSub, PassOperand::kTensor, kKeeps},
    ElementRule{PassFn::kReverseSub, PassOperand::kTensor, kKeeps},
    ElementRule{PassFn::kMin, PassOperand::kTensor, kKeeps},
    ElementRule{PassFn::kMax, PassOperand::kTensor, kKeeps},
    ElementRule{PassFn::kAdd, PassOperand::kTensorChannel, kKeeps},
    ElementRule{PassFn::kSub, PassOperand::kTensorChannel, kKeeps},
};

struct Rules {
  ScalingRule operator()(const LinearOp&) const { return ScalingRule::kChooses; }
  ScalingRule operator()(const ElementwiseOp& op) const {
    const auto* found = std::ranges::find_if(kElementRules, [&op](const ElementRule& rule) {
      return rule.fn == op.fn && rule.operand == op.operand_kind;
    });
    return found == kElementRules.end() ? ScalingRule::kUnknown : found->rule;
  }
  ScalingRule operator()(const PoolOp&) const { return kKeeps; }
  ScalingRule operator()(const ReduceOp&) const { return kKeeps; }
  ScalingRule operator()(const CopyOp& op) const {
    return op.needs_fill && op.fill != 0 ? ScalingRule::kUnknown : kKeeps;
  }
  ScalingRule operator()(const ReshapeOp&) const { return kKeeps; }
  ScalingRule operator()(const ResizeOp&) const { return kKeeps; }
  ScalingRule operator()(const SoftmaxOp&) const { return ScalingRule::kUnknown; }
  ScalingRule operator()(const NormalizeOp&) const { return ScalingRule::kUnknown; }
  ScalingRule operator()(const ArgMaxOp&) const { return ScalingRule::kUnknown; }
  ScalingRule operator()(const MatMulOp&) const { return ScalingRule::kUnknown; }
};

float LargestOf(std::span<const float> values) {
  float largest = 0;
  for (const float v : values) largest = std::max(largest, std::abs(v));
  return largest;
}

// Refuses constants that became infinite, or so small that those beside the largest lose bits.
void RequireFits(const std::string& name, std::span<const float> before,
                 std::span<const float> after) {
  constexpr float kLeast =
      std::numeric_limits<float>::min() / std::numeric_limits<float>::epsilon();
  const float largest = LargestOf(after);
  const bool shrunk = largest < kLeast && LargestOf(before) >= kLeast;
  // An infinity that was there before (an attention mask) is no worse for its scale.
  const bool became_infinite = std::isfinite(LargestOf(before)) && !std::isfinite(largest);
  if (!became_infinite && !shrunk) return;
  throw model::ModelError(Status::kInvalidArgument,
                          "float32 cannot hold the constants of this layer under its secret scale",
                          {.node = name},
                          "choose a smaller range of scales (--weights scalar:8), or keep the layer "
                          "inside (--layers)");
}

void ScaleLinear(const Scale& in, const Scale& out, LinearOp* op) {
  const ConvGeometry& g = op->geometry;
  const uint32_t group_in = g.in_c / g.groups;
  const uint32_t group_out = g.out_c / g.groups;
  const uint64_t filter_length = FilterLength(g);
  std::vector<double> inverse(g.in_c);
  for (uint32_t i = 0; i < g.in_c; ++i) inverse[i] = 1.0 / in[i % in.size()];
  float* w = op->weights.data();
  for (uint32_t o = 0; o < g.out_c; ++o) {
    const double* of_group = inverse.data() + o / group_out * group_in;
    const double factor = out[o % out.size()];
    for (uint64_t k = 0; k < filter_length; k += group_in) {
      for (uint32_t i = 0; i < group_in; ++i, ++w) {
        *w = static_cast<float>(*w * (factor * of_group[i]));
      }
    }
    op->bias[o] = static_cast<float>(op->bias[o] * factor);
  }
}

void ScaleConstants(double factor, std::vector<float>* constants) {
  for (float& c : *constants) c = static_cast<float>(c * factor);
}

void ScaleElementwise(double in, double out, ElementwiseOp* op) {
  switch (op->fn) {
    case PassFn::kMul:
      return ScaleConstants(out / in, &op->constants);
    case PassFn::kDiv:
      return ScaleConstants(in / out, &op->constants);
    default:
      return ScaleConstants(out, &op->constants);
  }
}

}  // namespace

ScalingRule RuleOf(const LoweredOp& op) { return std::visit(Rules{}, op.kind); }

LoweredOp ScaleOperator(const LoweredOp& op, const Scale& in, const Scale& out) {
  LoweredOp scaled = op;
  if (auto* linear = std::get_if<LinearOp>(&scaled.kind)) {
    const auto& original = std::get<LinearOp>(op.kind);
    ScaleLinear(in, out, linear);
    RequireFits(op.name, original.weights, linear->weights);
    RequireFits(op.name, original.bias, linear->bias);
  } else if (auto* element = std::get_if<ElementwiseOp>(&scaled.kind)) {
    ScaleElementwise(in.front(), out.front(), element);
    RequireFits(op.name, std::get<ElementwiseOp>(op.kind).constants, element->constants);
  }
  return scaled;
}

void ApplyScale(const Scale& scale, std::span<float> elements) {
  for (size_t i = 0; i < elements.size(); ++i) elements[i] *= scale[i % scale.size()];
}

}  // namespace penumbra::protect
