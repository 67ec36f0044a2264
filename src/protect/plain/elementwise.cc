// Element-wise operators through the kernels' table.
#include <array>

#include "protect/plain/trusted_ops.h"

namespace penumbra::protect {
namespace {

constexpr bool IsUnary(PassFn fn) { return fn < PassFn::kAdd; }

// Kernel of a unary function that has one of its own.
constexpr Unary UnaryOf(PassFn fn) {
  switch (fn) {
    case PassFn::kRelu:
      return Unary::kRelu;
    case PassFn::kLeakyRelu:
      return Unary::kLeakyRelu;
    case PassFn::kClip:
      return Unary::kClip;
    case PassFn::kSigmoid:
      return Unary::kSigmoid;
    case PassFn::kHardSigmoid:
      return Unary::kHardSigmoid;
    case PassFn::kHardSwish:
      return Unary::kHardSwish;
    case PassFn::kTanh:
      return Unary::kTanh;
    case PassFn::kElu:
      return Unary::kElu;
    case PassFn::kSoftplus:
      return Unary::kSoftplus;
    case PassFn::kExp:
      return Unary::kExp;
    case PassFn::kLog:
      return Unary::kLog;
    case PassFn::kSqrt:
      return Unary::kSqrt;
    case PassFn::kNeg:
      return Unary::kNeg;
    case PassFn::kAbs:
      return Unary::kAbs;
    case PassFn::kErf:
      return Unary::kErf;
    default:
      return Unary::kFloor;
  }
}

struct BinaryChoice {
  Binary fn;
  bool reversed;  // the operand stands on the left
};
constexpr BinaryChoice BinaryOf(PassFn fn) {
  switch (fn) {
    case PassFn::kAdd:
      return {Binary::kAdd, false};
    case PassFn::kSub:
      return {Binary::kSub, false};
    case PassFn::kReverseSub:
      return {Binary::kSub, true};
    case PassFn::kMul:
      return {Binary::kMul, false};
    case PassFn::kDiv:
      return {Binary::kDiv, false};
    case PassFn::kReverseDiv:
      return {Binary::kDiv, true};
    case PassFn::kMin:
      return {Binary::kMin, false};
    case PassFn::kMax:
      return {Binary::kMax, false};
    case PassFn::kPow:
      return {Binary::kPow, false};
    case PassFn::kReversePow:
      return {Binary::kPow, true};
    default:
      return {Binary::kPrelu, false};
  }
}

void EvaluateUnary(const KernelTable& kernels, const ElementwiseOp& op, In x, Out out_y) {
  const auto apply = [&](Unary fn, const float* from) {
    kernels.unary[static_cast<size_t>(fn)](from, out_y.size(), op.a, op.b, out_y.data());
  };
  if (op.fn == PassFn::kReciprocal) {
    static constexpr float kOne = 1.0f;
    BinaryFn* const divide =
        kernels
            .binary[static_cast<size_t>(Binary::kDiv)][static_cast<size_t>(Operand::kScalarLeft)];
    divide(&kOne, x.data(), out_y.size(), out_y.data());
  } else if (op.fn == PassFn::kCeil) {
    apply(Unary::kNeg, x.data());
    apply(Unary::kFloor, out_y.data());
    apply(Unary::kNeg, out_y.data());
  } else {
    apply(UnaryOf(op.fn), x.data());
  }
}

// fn over one run of x with an operand of the same length or a scalar.
void ApplyRun(const KernelTable& kernels, BinaryChoice choice, const float* x, const float* operand,
              bool scalar, size_t count, float* out_y) {
  const auto& entries = kernels.binary[static_cast<size_t>(choice.fn)];
  if (!scalar) {
    BinaryFn* const fn = entries[static_cast<size_t>(Operand::kSame)];
    return choice.reversed ? fn(operand, x, count, out_y) : fn(x, operand, count, out_y);
  }
  if (choice.reversed) {
    entries[static_cast<size_t>(Operand::kScalarLeft)](operand, x, count, out_y);
  } else {
    entries[static_cast<size_t>(Operand::kScalarRight)](x, operand, count, out_y);
  }
}

}  // namespace

void EvaluateElementwise(const KernelTable& kernels, const ElementwiseOp& op, uint32_t row_elems,
                         In x, In operand, Out out_y) {
  if (IsUnary(op.fn)) return EvaluateUnary(kernels, op, x, out_y);
  const BinaryChoice choice = BinaryOf(op.fn);
  switch (op.operand_kind) {
    case PassOperand::kTensor:
      return ApplyRun(kernels, choice, x.data(), operand.data(), false, x.size(), out_y.data());
    case PassOperand::kChannel:
    case PassOperand::kTensorChannel: {
      const float* channels =
          op.operand_kind == PassOperand::kChannel ? op.constants.data() : operand.data();
      for (size_t at = 0; at < x.size(); at += op.period) {
        ApplyRun(kernels, choice, x.data() + at, channels, op.period == 1, op.period,
                 out_y.data() + at);
      }
      return;
    }
    case PassOperand::kTensorPixel: {
      const size_t per_row = row_elems / op.period;
      for (size_t pixel = 0; pixel < x.size() / row_elems * per_row; ++pixel) {
        const size_t at = pixel * op.period;
        ApplyRun(kernels, choice, x.data() + at, operand.data() + pixel, true, op.period,
                 out_y.data() + at);
      }
      return;
    }
    case PassOperand::kNone:
    case PassOperand::kScalar:
      return ApplyRun(kernels, choice, x.data(), &op.a, true, x.size(), out_y.data());
  }
}

}  // namespace penumbra::protect
