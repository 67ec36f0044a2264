// The rule table against the operators themselves: what has a rule is run and confirmed, and what has
// none would have been refuted.
#include "protect/weights/scaling.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "model/error.h"
#include "protect/weights/profile.h"

namespace penumbra::protect {
namespace {

constexpr uint32_t kChannels = 6;
constexpr PassFn kFunctions[] = {
    PassFn::kRelu,       PassFn::kLeakyRelu,  PassFn::kClip,  PassFn::kSigmoid,
    PassFn::kHardSigmoid, PassFn::kHardSwish, PassFn::kTanh,  PassFn::kElu,
    PassFn::kSoftplus,   PassFn::kExp,        PassFn::kNeg,   PassFn::kAbs,
    PassFn::kErf,        PassFn::kFloor,      PassFn::kCeil};
constexpr PassFn kBinaryFunctions[] = {PassFn::kAdd,        PassFn::kSub, PassFn::kReverseSub,
                                       PassFn::kMul,        PassFn::kDiv, PassFn::kReverseDiv,
                                       PassFn::kMin,        PassFn::kMax};

// One operator on an image of 5 x 4 pixels.
class Scaling : public ::testing::Test {
 protected:
  Scaling() {
    for (int i = 0; i < 3; ++i) Tensor({1, 5, 4, kChannels});
    Tensor({1, kChannels});
  }
  TensorId Tensor(std::vector<uint32_t> dims) {
    LoweredTensor t;
    t.dims = std::move(dims);
    t.perm.resize(t.dims.size());
    std::iota(t.perm.begin(), t.perm.end(), 0u);
    graph_.tensors.push_back(t);
    return static_cast<TensorId>(graph_.tensors.size() - 1);
  }
  std::vector<float> Noise(size_t count) {
    std::normal_distribution<float> normal;
    std::vector<float> values(count);
    for (float& v : values) v = normal(random_);
    return values;
  }
  LoweredOp Unary(PassFn fn) {
    ElementwiseOp op{};
    op.x = 0;
    op.y = 2;
    op.fn = fn;
    op.a = fn == PassFn::kClip ? 0.0f : 0.3f;
    op.b = fn == PassFn::kClip ? 1.5f : 0.6f;
    return {"op", op};
  }
  LoweredOp Binary(PassFn fn, PassOperand kind) {
    ElementwiseOp op{};
    op.x = 0;
    op.y = 2;
    op.fn = fn;
    op.operand_kind = kind;
    op.a = 0.7f;
    op.period = kChannels;
    if (kind == PassOperand::kChannel) op.constants = Noise(kChannels);
    if (kind == PassOperand::kTensor) op.operand = 1;
    if (kind == PassOperand::kTensorChannel) op.operand = 3;
    return {"op", op};
  }
  LoweredOp Conv(uint32_t groups) {
    LinearOp op{0, 2, {5, 4, kChannels, 5, 4, kChannels, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, groups},
                {},  {}};
    op.weights = Noise(op.geometry.out_c * FilterLength(op.geometry));
    op.bias = Noise(kChannels);
    return {"conv", op};
  }
  bool Holds(const LoweredOp& op, const Scale& in, const Scale& out) const {
    return ConfirmScaling(graph_, op, ScaleOperator(op, in, out), in, out);
  }
  bool HoldsUnchanged(const LoweredOp& op) const {
    return ConfirmScaling(graph_, op, op, {2.5f}, {2.5f});
  }
  // The operator has a rule and obeys it, or has none and would not be homogeneous.
  void ExpectRule(const LoweredOp& op, ScalingRule rule) const {
    EXPECT_EQ(RuleOf(op), rule);
    if (rule == ScalingRule::kUnknown) {
      EXPECT_FALSE(HoldsUnchanged(op));
      return;
    }
    EXPECT_TRUE(Holds(op, {2.5f}, {2.5f}));
    EXPECT_TRUE(Holds(op, {0.3f}, {0.3f}));
    EXPECT_EQ(Holds(op, {2.5f}, {0.4f}), rule == ScalingRule::kChooses);
  }

  LoweredGraph graph_;
  std::mt19937 random_{5};
};

TEST_F(Scaling, UnaryFunctions) {
  uint32_t associative = 0;
  for (const PassFn fn : kFunctions) {
    SCOPED_TRACE(static_cast<int>(fn));
    const bool keeps = fn == PassFn::kRelu || fn == PassFn::kLeakyRelu || fn == PassFn::kNeg ||
                       fn == PassFn::kAbs;
    ExpectRule(Unary(fn), keeps ? ScalingRule::kKeeps : ScalingRule::kUnknown);
    associative += keeps;
  }
  EXPECT_EQ(associative, 4u);
}

TEST_F(Scaling, FunctionsOfAConstant) {
  for (const PassFn fn : kBinaryFunctions) {
    SCOPED_TRACE(static_cast<int>(fn));
    const bool factor = fn == PassFn::kMul || fn == PassFn::kDiv;
    const bool summand =
        fn == PassFn::kAdd || fn == PassFn::kSub || fn == PassFn::kReverseSub;
    ExpectRule(Binary(fn, PassOperand::kScalar),
               factor ? ScalingRule::kKeeps : ScalingRule::kUnknown);
    ExpectRule(Binary(fn, PassOperand::kChannel), factor    ? ScalingRule::kChooses
                                                  : summand ? ScalingRule::kKeeps
                                                            : ScalingRule::kUnknown);
  }
}

TEST_F(Scaling, FunctionsOfTwoActivations) {
  for (const PassFn fn : kBinaryFunctions) {
    SCOPED_TRACE(static_cast<int>(fn));
    const bool product = fn == PassFn::kMul || fn == PassFn::kDiv || fn == PassFn::kReverseDiv;
    const LoweredOp op = Binary(fn, PassOperand::kTensor);
    ExpectRule(op, product ? ScalingRule::kUnknown : ScalingRule::kKeeps);
  }
  ExpectRule(Binary(PassFn::kAdd, PassOperand::kTensorChannel), ScalingRule::kKeeps);
  ExpectRule(Binary(PassFn::kMul, PassOperand::kTensorChannel), ScalingRule::kUnknown);
}

TEST_F(Scaling, LinearLayers) {
  for (const uint32_t groups : {1u, 2u, kChannels}) {
    SCOPED_TRACE(groups);
    const LoweredOp conv = Conv(groups);
    ExpectRule(conv, ScalingRule::kChooses);
    const Scale rows = {0.2f, 3, 1.5f, 0.7f, 5, 2};
    const Scale columns = {4, 0.3f, 0.9f, 2, 1.1f, 0.5f};
    EXPECT_TRUE(Holds(conv, columns, rows));
    // The weights as they were, with another scale than asked for, are refuted.
    EXPECT_FALSE(ConfirmScaling(graph_, conv, ScaleOperator(conv, rows, rows), columns, rows));
  }
}

TEST_F(Scaling, WindowsAndMovement) {
  for (const uint32_t kind : {0u, 1u, 2u}) {
    SCOPED_TRACE(kind);
    const ConvGeometry window{5, 4, kChannels, 5, 4, kChannels, 3, 3, 1,
                              1, 1, 1,         1, 1, 1,         1, kChannels};
    ExpectRule({"pool", PoolOp{0, 2, kind, window}}, ScalingRule::kKeeps);
    ExpectRule({"reduce", ReduceOp{0, 3, kind}}, ScalingRule::kKeeps);
  }
  CopyOp shifted{2, {{0, {1, 20, 5}, {0, 6, 1}, {0, 6, 1}, 0, 1}}, true, 0};
  ExpectRule({"pad", shifted}, ScalingRule::kKeeps);
  shifted.fill = 1;
  ExpectRule({"pad", shifted}, ScalingRule::kUnknown);
  ExpectRule({"softmax", SoftmaxOp{0, 2, kChannels, false}}, ScalingRule::kUnknown);
  ExpectRule({"normalise", NormalizeOp{0, 2, kChannels, 1e-5f}}, ScalingRule::kUnknown);
  const TensorId column = Tensor({1, 5, 4, 1});
  ExpectRule({"argmax", ArgMaxOp{0, column, kChannels, false}}, ScalingRule::kUnknown);
  const TensorId a = Tensor({1, 1, 4, 3});
  const TensorId b = Tensor({1, 1, 3, 2});
  ExpectRule({"matmul", MatMulOp{a, b, Tensor({1, 1, 4, 2}), 1, 4, 3, 2, false}},
             ScalingRule::kUnknown);
}

// Integers travel as float32 and must come out as they are; a scale could round them.
TEST_F(Scaling, OperatorsOnIntegersAreNotAssociative) {
  for (int i = 0; i < 5; ++i) Tensor({1, 5, 4, kChannels});
  const auto relu = [](TensorId x, TensorId y) {
    ElementwiseOp op{};
    op.x = x;
    op.y = y;
    op.fn = PassFn::kRelu;
    return LoweredOp{"relu", op};
  };
  const TensorId first = 4;  // chains 0 -> 1 -> 2 and 4 -> 5, and 6 -> 7
  graph_.ops = {relu(0, 1), relu(1, 2), relu(first, first + 1), relu(first + 2, first + 3)};
  graph_.inputs = {{"x", 0, model::DataType::kInt64, {}}, {"f", first, model::DataType::kFloat32, {}},
                   {"g", first + 2, model::DataType::kFloat32, {}}};
  graph_.outputs = {{"y", 2, model::DataType::kFloat32, {}},
                    {"z", first + 1, model::DataType::kFloat32, {}},
                    {"w", first + 3, model::DataType::kUint8, {}}};
  EXPECT_EQ(ProfileOperators(graph_), (std::vector<bool>{false, false, true, false}));
}

TEST_F(Scaling, ConstantsThatDoNotFitAreRefusedByName) {
  LoweredOp conv = Conv(1);
  std::get<LinearOp>(conv.kind).weights[3] = 1e38f;
  EXPECT_NO_THROW(ScaleOperator(conv, {1.5f}, {2.0f}));
  for (const auto& [in, out] : {std::pair{0.125f, 8.0f}, std::pair{1e30f, 1e-30f}}) {
    LoweredOp small = Conv(1);
    try {
      (void)ScaleOperator(in < 1 ? conv : small, {in}, {out});
      ADD_FAILURE();
    } catch (const model::ModelError& e) {
      EXPECT_EQ(e.status(), Status::kInvalidArgument);
      EXPECT_NE(std::string(e.what()).find("conv"), std::string::npos) << e.what();
    }
  }
}

}  // namespace
}  // namespace penumbra::protect
