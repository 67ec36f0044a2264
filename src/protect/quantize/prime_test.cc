// The papers' fixed-point rule, against integers written out by hand.
#include <gtest/gtest.h>

#include <cmath>

#include "model/error.h"
#include "protect/plain/linear_integer.h"
#include "protect/quantize/quantize.h"
#include "protect/quantize/statistics.h"
#include "ring/field.h"

namespace penumbra::protect {
namespace {

// Two outputs of three inputs, dense, over two rows.
LinearOp Dense(std::vector<float> weights, std::vector<float> bias) {
  LinearOp op{};
  op.geometry = {2, 1, 3, 2, 1, 2, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1};
  op.weights = std::move(weights);
  op.bias = std::move(bias);
  return op;
}

LinearStatistics Measure(const LinearOp& op, const std::vector<float>& x) {
  std::vector<float> y(4);
  for (size_t i = 0; i < 4; ++i) {
    y[i] = op.bias[i % 2];
    for (size_t j = 0; j < 3; ++j) y[i] += x[i / 2 * 3 + j] * op.weights[i % 2 * 3 + j];
  }
  LayerAccumulator accumulator(op.geometry);
  accumulator.Add(x, y);
  return accumulator.Finish();
}

const std::vector<float> kInputs = {0.5f, -2.0f, 1.25f, 3.0f, 0.001f, 0.0f};

TEST(QuantizePrime, FixedPointOfThePapers) {
  const LinearOp op = Dense({0.5f, -1.0f, 0.001953125f, 2.0f, 0.0f, -0.25f}, {0.1f, -3.0f});
  const QuantizedLinear q = QuantizePrime(op, Measure(op, kInputs));
  EXPECT_TRUE(q.is_field);
  EXPECT_FALSE(q.may_wrap);
  EXPECT_EQ(q.prime_count, 1u);
  EXPECT_EQ(q.inv_step, 256.0f);
  EXPECT_EQ(q.klo, -512);
  EXPECT_EQ(q.khi, 768);
  // 0.001953125 * 256 = 0.5 rounds to even.
  EXPECT_EQ(q.q, (std::vector<int32_t>{128, -256, 0, 512, 0, -64}));
  EXPECT_EQ(q.scale, std::vector<float>(2, 0x1p-16f));
  EXPECT_EQ(q.bias, (std::vector<float>{6554 * 0x1p-16f, -3.0f}));
  EXPECT_EQ(q.offset, std::vector<int64_t>(2, -kFieldHalf));
  EXPECT_EQ(q.bound[0].positive, 128u);
  EXPECT_EQ(q.bound[0].negative, 256u);
  // Largest |W x|: row 1 of the second input, 2 * 3.
  EXPECT_NEAR(q.field_share, 6.0 * 65536 / kFieldHalf, 1e-6);
}

TEST(QuantizePrime, SumsOfWholeRange) {
  // 32 * 256 * 640 = 5242880 <= (p - 1) / 2 = 5242883: proved. One more unit of weight is not.
  const std::vector<float> x = {2.5f, 0, 0, 0, 0, 0};
  LinearOp op = Dense({32.0f, 0, 0, 0, 0, 0}, {0, 0});
  EXPECT_FALSE(QuantizePrime(op, Measure(op, x)).may_wrap);
  op.weights[0] += 1.0f / 256;
  const LinearStatistics statistics = Measure(op, x);
  try {
    QuantizePrime(op, statistics);
    FAIL() << "an unproved bound was accepted";
  } catch (const model::ModelError& e) {
    EXPECT_EQ(e.status(), Status::kBoundUnproved);
  }
  const QuantizedLinear q = QuantizePrime(op, statistics, {.allow_unproved_bound = true});
  EXPECT_TRUE(q.may_wrap);
  EXPECT_NEAR(q.field_share, 1.0, 1e-3);
}

// What wraps wraps in the oracle, too: y of the sum minus the prime.
TEST(QuantizePrime, OracleWrapsLikeTheField) {
  const LinearOp op = Dense({64.0f, 0, 0, 0, 0, 0}, {0.5f, 0});
  const std::vector<float> x = {2.0f, 0, 0, 0.5f, 0, 0};
  const QuantizedLinear q = QuantizePrime(op, Measure(op, x), {.allow_unproved_bound = true});
  ASSERT_TRUE(q.may_wrap);
  std::vector<float> y(4);
  IntegerLinear(op.geometry, q).Apply(x, y);
  const int64_t sum = int64_t{64 * 256} * 512;
  EXPECT_EQ(y[0], std::fma(static_cast<float>(sum - kFieldPrime), 0x1p-16f, 0.5f));
  EXPECT_EQ(y[2], 32.5f);
  // Inside the trusted half sums do not wrap.
  const QuantizedLinear inside = QuantizePrimeTrusted(op, Measure(op, x));
  EXPECT_FALSE(inside.is_field);
  IntegerLinear(op.geometry, inside).Apply(x, y);
  EXPECT_EQ(y[0], 128.5f);
}

TEST(QuantizePrime, RefusesWhatTheFixedPointCannotHold) {
  const std::vector<float> ones(6, 1.0f);
  const LinearOp heavy = Dense({20481.0f, 0, 0, 0, 0, 0}, {0, 0});
  EXPECT_THROW(QuantizePrime(heavy, Measure(heavy, ones), {.allow_unproved_bound = true}), model::ModelError);
  const LinearOp light = Dense({1.0f, 0, 0, 0, 0, 0}, {0, 0});
  EXPECT_THROW(QuantizePrime(light, Measure(light, std::vector<float>(6, 16384.0f)), {.allow_unproved_bound = true}),
               model::ModelError);
  EXPECT_THROW(QuantizePrimeTrusted(light, Measure(light, std::vector<float>(6, 129.0f))), model::ModelError);
}

}  // namespace
}  // namespace penumbra::protect
