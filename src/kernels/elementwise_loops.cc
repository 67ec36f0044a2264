// Unary and binary functions of elementwise.h, compiled once per instruction set.
#include "kernels/isa_entries.h"
#include "kernels/lane_math.h"
#include "kernels/lane_pow.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

template <Unary kOp>
PENUMBRA_LANE float UnaryLane(float x, float a, float b) {
  if constexpr (kOp == Unary::kLeakyRelu) {
    return x >= 0.0f ? x : a * x;
  } else if constexpr (kOp == Unary::kSigmoid) {
    return Sigmoid(x);
  } else if constexpr (kOp == Unary::kHardSigmoid) {
    return x != x ? x : Min(Max(Fma(a, x, b), 0.0f), 1.0f);
  } else if constexpr (kOp == Unary::kHardSwish) {
    return x * Min(Max(Fma(0.166666672f, x, 0.5f), 0.0f), 1.0f);
  } else if constexpr (kOp == Unary::kTanh) {
    return Tanh(x);
  } else if constexpr (kOp == Unary::kElu) {
    return x > 0.0f ? x : a * ExpMinusOne(0.0f < x ? 0.0f : x);
  } else if constexpr (kOp == Unary::kSoftplus) {
    return Softplus(x);
  } else if constexpr (kOp == Unary::kExp) {
    return Exp(x);
  } else if constexpr (kOp == Unary::kLog) {
    return Log(x);
  } else if constexpr (kOp == Unary::kSqrt) {
    return __builtin_sqrtf(x);
  } else if constexpr (kOp == Unary::kNeg) {
    return -x;
  } else if constexpr (kOp == Unary::kAbs) {
    return Abs(x);
  } else if constexpr (kOp == Unary::kErf) {
    return Erf(x);
  } else if constexpr (kOp == Unary::kGelu) {
    return (0.5f * x) * (1.0f + Erf(x * 0.707106769f));
  } else {
    return Floor(x);
  }
}

template <Binary kOp>
PENUMBRA_LANE float BinaryLane(float x, float y) {
  if constexpr (kOp == Binary::kAdd) {
    return x + y;
  } else if constexpr (kOp == Binary::kSub) {
    return x - y;
  } else if constexpr (kOp == Binary::kMul) {
    return x * y;
  } else if constexpr (kOp == Binary::kDiv) {
    return x / y;
  } else if constexpr (kOp == Binary::kMin) {
    return x != x ? x : Min(x, y);
  } else if constexpr (kOp == Binary::kMax) {
    return x != x ? x : Max(x, y);
  } else if constexpr (kOp == Binary::kPow) {
    return Pow(x, y);
  } else {
    return x >= 0.0f ? x : x * y;
  }
}

}  // namespace

template <Unary kOp>
void RunUnary(const float* x, size_t count, float a, float b, float* out_y) {
  if constexpr (kOp == Unary::kRelu || kOp == Unary::kClip) {
    // A comparison less than with OneNan of the result, which the compiler does not leave out.
    const float low = kOp == Unary::kRelu ? 0.0f : OneNan(a), high = OneNan(b);
    PENUMBRA_INDEPENDENT
    for (size_t i = 0; i < count; ++i) {
      const float raised = Max(x[i], low);
      const float y = kOp == Unary::kRelu ? raised : Min(raised, high);
      out_y[i] = x[i] != x[i] ? FromBits(0x7fc00000u) : y;
    }
  } else {
    PENUMBRA_INDEPENDENT
    for (size_t i = 0; i < count; ++i) out_y[i] = OneNan(UnaryLane<kOp>(x[i], a, b));
  }
}

template <Binary kOp, Operand kOperand>
void RunBinary(const float* x, const float* y, size_t count, float* out_z) {
  const float first_x = count != 0 ? x[0] : 0.0f;
  const float first_y = count != 0 ? y[0] : 0.0f;
  PENUMBRA_INDEPENDENT
  for (size_t i = 0; i < count; ++i) {
    const float left = kOperand == Operand::kScalarLeft ? first_x : x[i];
    const float right = kOperand == Operand::kScalarRight ? first_y : y[i];
    out_z[i] = OneNan(BinaryLane<kOp>(left, right));
  }
}

#define PENUMBRA_UNARY(op) \
  template void RunUnary<Unary::op>(const float*, size_t, float, float, float*);
PENUMBRA_FOR_EACH_UNARY(PENUMBRA_UNARY)
#undef PENUMBRA_UNARY

#define PENUMBRA_BINARY(op)                                                                      \
  template void RunBinary<Binary::op, Operand::kSame>(const float*, const float*, size_t,       \
                                                      float*);                                   \
  template void RunBinary<Binary::op, Operand::kScalarRight>(const float*, const float*, size_t, \
                                                             float*);                            \
  template void RunBinary<Binary::op, Operand::kScalarLeft>(const float*, const float*, size_t,  \
                                                            float*);
PENUMBRA_FOR_EACH_BINARY(PENUMBRA_BINARY)
#undef PENUMBRA_BINARY

}  // namespace penumbra::PENUMBRA_ISA
