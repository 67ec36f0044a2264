#include "protect/fingerprints/affine.h"

#include <algorithm>
#include <cmath>

namespace penumbra::protect {
namespace {

constexpr uint32_t kAveragePools = 1;  // PoolInstr::kind from here on
constexpr uint32_t kMaxReduction = 2;  // ReduceInstr::kind

bool IsSum(PassFn fn) {
  return fn == PassFn::kAdd || fn == PassFn::kSub || fn == PassFn::kReverseSub;
}

bool IsFinite(float value) { return std::isfinite(value); }

struct Affinity {
  bool operator()(const LinearOp&) const { return true; }
  bool operator()(const ElementwiseOp& op) const {
    if (op.fn == PassFn::kNeg) return true;
    const bool is_product = op.fn == PassFn::kMul || op.fn == PassFn::kDiv;
    switch (op.operand_kind) {
      case PassOperand::kScalar:
        return (IsSum(op.fn) || is_product) && IsFinite(op.a) && !IsStep(op);
      case PassOperand::kChannel:
        return (IsSum(op.fn) || is_product) && std::ranges::all_of(op.constants, IsFinite);
      case PassOperand::kTensor:
      case PassOperand::kTensorChannel:
      case PassOperand::kTensorPixel:
        return IsSum(op.fn);
      case PassOperand::kNone:
        return false;
    }
    return false;
  }
  bool operator()(const PoolOp& op) const { return op.kind >= kAveragePools; }
  bool operator()(const ReduceOp& op) const { return op.kind != kMaxReduction; }
  bool operator()(const CopyOp& op) const { return IsFinite(op.fill); }
  bool operator()(const ReshapeOp&) const { return true; }
  bool operator()(const ResizeOp&) const { return true; }
  bool operator()(const SoftmaxOp&) const { return false; }
  bool operator()(const NormalizeOp&) const { return false; }
  bool operator()(const ArgMaxOp&) const { return false; }
  bool operator()(const MatMulOp&) const { return false; }
};

void MakeAbsolute(std::vector<float>* values) {
  for (float& value : *values) value = std::fabs(value);
}

}  // namespace

bool IsAffine(const LoweredOp& op) { return std::visit(Affinity{}, op.kind); }

LoweredOp MagnitudeOf(const LoweredOp& op) {
  LoweredOp magnitude = op;
  if (auto* linear = std::get_if<LinearOp>(&magnitude.kind)) {
    MakeAbsolute(&linear->weights);
    MakeAbsolute(&linear->bias);
  } else if (auto* element = std::get_if<ElementwiseOp>(&magnitude.kind)) {
    element->a = std::fabs(element->a);
    MakeAbsolute(&element->constants);
    if (IsSum(element->fn)) element->fn = PassFn::kAdd;
    if (element->fn == PassFn::kNeg) element->fn = PassFn::kAbs;
  } else if (auto* copy = std::get_if<CopyOp>(&magnitude.kind)) {
    copy->fill = std::fabs(copy->fill);
  }
  return magnitude;
}

uint64_t RoundingCount(const LoweredGraph& graph, const LoweredOp& op) {
  if (const auto* linear = std::get_if<LinearOp>(&op.kind)) {
    return FilterLength(linear->geometry) + 1;
  }
  if (const auto* pool = std::get_if<PoolOp>(&op.kind)) {
    return uint64_t{pool->geometry.kernel_h} * pool->geometry.kernel_w + 1;
  }
  if (const auto* reduce = std::get_if<ReduceOp>(&op.kind)) {
    return graph.tensors[reduce->x].count() / graph.tensors[reduce->y].channels() + 1;
  }
  if (std::holds_alternative<ResizeOp>(op.kind)) return 6;
  return std::holds_alternative<ElementwiseOp>(op.kind) ? 1 : 0;
}

}  // namespace penumbra::protect
