#include "kernels/elementwise.h"

#include <gtest/gtest.h>

#include "kernels/test_support.h"

namespace penumbra {
namespace {

std::vector<float> MixedFloats(uint64_t seed) {
  TestRandom random(seed);
  std::vector<float> x = SpecialFloats();
  for (const float size : {0.01f, 1.0f, 12.0f, 120.0f}) {
    const auto more = random.Floats(700, size);
    x.insert(x.end(), more.begin(), more.end());
  }
  const auto any = random.AnyFloats(3001);
  x.insert(x.end(), any.begin(), any.end());
  return x;
}

std::vector<float> RunUnary(Isa isa, Unary op, const std::vector<float>& x, float a = 0.0f,
                            float b = 0.0f) {
  std::vector<float> y(x.size());
  Kernels(isa).unary[static_cast<uint32_t>(op)](x.data(), x.size(), a, b, y.data());
  return y;
}

TEST(Elementwise, UnaryBitsAgreeOnEveryIsa) {
  const auto x = MixedFloats(1);
  for (uint32_t op = 0; op < kUnaryCount; ++op) {
    const auto expected = RunUnary(Isa::kScalar, static_cast<Unary>(op), x, 0.2f, 0.7f);
    for (const Isa isa : SupportedIsas()) {
      EXPECT_TRUE(SameBits(RunUnary(isa, static_cast<Unary>(op), x, 0.2f, 0.7f), expected))
          << IsaName(isa) << " " << op;
      auto in_place = x;
      Kernels(isa).unary[op](in_place.data(), x.size(), 0.2f, 0.7f, in_place.data());
      EXPECT_TRUE(SameBits(in_place, expected)) << IsaName(isa) << " in place " << op;
    }
  }
}

TEST(Elementwise, BinaryBitsAgreeOnEveryIsa) {
  const auto x = MixedFloats(2);
  auto y = MixedFloats(3);
  std::swap(y[0], y[70]);
  for (size_t i = 0; i + 3 < y.size(); i += 4) y[i] = x[(i * 31 + 5) % x.size()];
  for (uint32_t op = 0; op < kBinaryCount; ++op) {
    for (uint32_t operand = 0; operand < kOperandCount; ++operand) {
      std::vector<float> expected(x.size());
      Kernels(Isa::kScalar).binary[op][operand](x.data(), y.data(), x.size(), expected.data());
      for (const Isa isa : SupportedIsas()) {
        std::vector<float> z(x.size());
        Kernels(isa).binary[op][operand](x.data(), y.data(), x.size(), z.data());
        EXPECT_TRUE(SameBits(z, expected)) << IsaName(isa) << " " << op << " " << operand;
      }
    }
  }
}

// Distance in units of the last place of the float32 nearest to `exact`.
double UlpError(float got, long double exact) {
  const float nearest = static_cast<float>(exact);
  const float size = std::fabs(nearest);
  const float step = std::nextafterf(size, std::numeric_limits<float>::infinity()) - size;
  const float unit = std::fmax(step, std::numeric_limits<float>::denorm_min());
  return static_cast<double>(std::fabs(static_cast<long double>(got) - exact) / unit);
}

template <typename Exact>
double WorstUlp(Unary op, const std::vector<float>& x, Exact exact) {
  const auto y = RunUnary(DetectIsa(), op, x, 1.0f);
  double worst = 0.0;
  for (size_t i = 0; i < x.size(); ++i) {
    worst = std::fmax(worst, UlpError(y[i], exact(static_cast<long double>(x[i]))));
  }
  return worst;
}

// `count` values spread evenly over the bit patterns between two floats of one sign.
std::vector<float> Sweep(float low, float high, uint32_t count) {
  uint32_t from = 0;
  uint32_t to = 0;
  std::memcpy(&from, &low, sizeof(from));
  std::memcpy(&to, &high, sizeof(to));
  std::vector<float> x(count);
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t bits = from + static_cast<uint32_t>(uint64_t{to - from} * i / count);
    std::memcpy(&x[i], &bits, sizeof(bits));
  }
  return x;
}

std::vector<float> BothSigns(float low, float high, uint32_t count) {
  std::vector<float> x = Sweep(low, high, count);
  for (uint32_t i = 0; i < count; ++i) x.push_back(-x[i]);
  return x;
}

constexpr uint32_t kSweep = 400000;

TEST(ElementwiseAccuracy, Exp) {
  EXPECT_LE(WorstUlp(Unary::kExp, BothSigns(1e-6f, 87.3f, kSweep), [](long double x) {
              return std::exp(x);
            }), 2.0);
}
TEST(ElementwiseAccuracy, Log) {
  const auto exact = [](long double x) { return std::log(x); };
  EXPECT_LE(WorstUlp(Unary::kLog, Sweep(1.2e-38f, 3.4e38f, kSweep), exact), 2.0);
  EXPECT_LE(WorstUlp(Unary::kLog, Sweep(0.5f, 2.0f, kSweep), exact), 2.0);
}
TEST(ElementwiseAccuracy, Tanh) {
  EXPECT_LE(WorstUlp(Unary::kTanh, BothSigns(1e-20f, 12.0f, kSweep), [](long double x) {
              return std::tanh(x);
            }), 4.0);
}
TEST(ElementwiseAccuracy, Sigmoid) {
  EXPECT_LE(WorstUlp(Unary::kSigmoid, BothSigns(1e-10f, 87.0f, kSweep), [](long double x) {
              return 1.0L / (1.0L + std::exp(-x));
            }), 4.0);
}
TEST(ElementwiseAccuracy, Erf) {
  EXPECT_LE(WorstUlp(Unary::kErf, BothSigns(1e-20f, 6.0f, kSweep), [](long double x) {
              return std::erf(x);
            }), 4.0);
}
TEST(ElementwiseAccuracy, EluNearZero) {
  EXPECT_LE(WorstUlp(Unary::kElu, [] {
              auto x = Sweep(1e-10f, 20.0f, kSweep);
              for (float& v : x) v = -v;
              return x;
            }(), [](long double x) { return std::expm1(x); }), 4.0);
}
TEST(ElementwiseAccuracy, Softplus) {
  EXPECT_LE(WorstUlp(Unary::kSoftplus, BothSigns(1e-6f, 80.0f, kSweep), [](long double x) {
              return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
            }), 4.0);
}

TEST(ElementwiseAccuracy, Pow) {
  TestRandom random(5);
  std::vector<float> x = Sweep(1e-30f, 1e30f, 50000);
  std::vector<float> y(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const float limit = 80.0f / std::fmax(1.0f, std::fabs(std::log(x[i])));
    y[i] = random.Floats(1, limit)[0];
  }
  std::vector<float> z(x.size());
  Kernels(DetectIsa()).binary[static_cast<uint32_t>(Binary::kPow)][0](x.data(), y.data(), x.size(),
                                                                       z.data());
  for (size_t i = 0; i < x.size(); ++i) {
    const long double exact =
        std::pow(static_cast<long double>(x[i]), static_cast<long double>(y[i]));
    ASSERT_LE(UlpError(z[i], exact), 0.51) << x[i] << " " << y[i];
  }
}

TEST(Elementwise, PowSpecialCasesAreThoseOfC99) {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> values = {0.0f, -0.0f, 1.0f, -1.0f, 2.0f,  -2.0f, 3.0f,  -3.0f, 0.5f,
                                     -0.5f, inf,  -inf, nan,   1e30f, -1e30f, 16777216.0f};
  for (const float x : values) {
    for (const float y : values) {
      float z = 0.0f;
      Kernels(DetectIsa()).binary[static_cast<uint32_t>(Binary::kPow)][0](&x, &y, 1, &z);
      const float expected = std::pow(x, y);
      if (std::isnan(expected)) {
        EXPECT_TRUE(std::isnan(z)) << x << " ^ " << y;
      } else {
        EXPECT_EQ(z, expected) << x << " ^ " << y;
        EXPECT_EQ(std::signbit(z), std::signbit(expected)) << x << " ^ " << y;
      }
    }
  }
}

TEST(Elementwise, SpecialValuesOfUnary) {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto at = [](Unary op, float x) { return RunUnary(DetectIsa(), op, {x}, 0.1f, 6.0f)[0]; };
  for (uint32_t op = 0; op < kUnaryCount; ++op) {
    uint32_t bits = 0;
    const float y = at(static_cast<Unary>(op), nan);
    std::memcpy(&bits, &y, sizeof(bits));
    EXPECT_EQ(bits, 0x7fc00000u) << op;
  }
  EXPECT_EQ(at(Unary::kExp, inf), inf);
  EXPECT_EQ(at(Unary::kExp, -inf), 0.0f);
  EXPECT_EQ(at(Unary::kExp, 88.8f), inf);
  EXPECT_EQ(at(Unary::kLog, 0.0f), -inf);
  EXPECT_EQ(at(Unary::kLog, inf), inf);
  EXPECT_TRUE(std::isnan(at(Unary::kLog, -1.0f)));
  EXPECT_EQ(at(Unary::kTanh, inf), 1.0f);
  EXPECT_EQ(at(Unary::kTanh, -inf), -1.0f);
  EXPECT_EQ(at(Unary::kSigmoid, inf), 1.0f);
  EXPECT_EQ(at(Unary::kSigmoid, -inf), 0.0f);
  EXPECT_EQ(at(Unary::kErf, -inf), -1.0f);
  EXPECT_EQ(at(Unary::kSoftplus, inf), inf);
  EXPECT_EQ(at(Unary::kSoftplus, -inf), 0.0f);
  EXPECT_EQ(at(Unary::kElu, -inf), -0.1f);
  EXPECT_EQ(at(Unary::kFloor, -0.5f), -1.0f);
  EXPECT_EQ(at(Unary::kFloor, 8388607.5f), 8388607.0f);
  EXPECT_EQ(at(Unary::kFloor, -inf), -inf);
  EXPECT_TRUE(std::signbit(at(Unary::kFloor, -0.0f)));
  EXPECT_EQ(at(Unary::kLeakyRelu, -2.0f), -0.2f);
  EXPECT_EQ(at(Unary::kClip, 7.0f), 6.0f);
}

TEST(Levels, QuantiseRoundsHalvesToEvenAndClamps) {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> x = {0.25f, 0.75f, 1.25f, -0.25f, -0.75f, 5.2f,
                                5.3f,  -9.0f, 1e30f, inf,    -inf,   nan};
  const std::vector<int32_t> expected = {0, 2, 2, 0, -2, 10, 10, -7, 10, 10, -7, -7};
  for (const Isa isa : SupportedIsas()) {
    std::vector<int32_t> wide(x.size());
    std::vector<int16_t> narrow(x.size());
    std::vector<uint8_t> bytes(x.size());
    const KernelTable& table = Kernels(isa);
    EXPECT_EQ(table.quantise_s32({x.data(), x.size(), 2.0f, -7, 10, wide.data()}), 6u);
    EXPECT_EQ(table.quantise_s16({x.data(), x.size(), 2.0f, -7, 10, narrow.data()}), 6u);
    EXPECT_EQ(table.quantise_u8({x.data(), x.size(), 2.0f, -7, 10, bytes.data()}), 6u);
    for (size_t i = 0; i < x.size(); ++i) {
      EXPECT_EQ(wide[i], expected[i]) << IsaName(isa) << " " << x[i];
      EXPECT_EQ(narrow[i], expected[i]);
      EXPECT_EQ(bytes[i], expected[i] + 7);
    }
  }
}

TEST(Levels, LargestLevelsAreExact) {
  TestRandom random(6);
  const int32_t largest = (1 << 22) - 1;
  auto x = random.Floats(5001, 4.2e6f);
  x.push_back(4194302.5f);
  x.push_back(-4194302.5f);
  std::vector<int32_t> k(x.size());
  for (const Isa isa : SupportedIsas()) {
    Kernels(isa).quantise_s32({x.data(), x.size(), 1.0f, -largest, largest, k.data()});
    for (size_t i = 0; i < x.size(); ++i) {
      const float clamped = std::fmin(std::fmax(x[i], -4194303.0f), 4194303.0f);
      ASSERT_EQ(k[i], static_cast<int32_t>(std::nearbyint(static_cast<double>(clamped)))) << x[i];
    }
  }
}

TEST(Levels, DequantiseAndAffineAreOneRounding) {
  TestRandom random(7);
  const auto levels = random.Integers<int32_t>(999, INT32_MIN, INT32_MAX);
  const auto sums = random.Integers<int64_t>(999, INT64_MIN / 4, INT64_MAX / 4);
  const auto scale = random.Floats(37, 0.1f);
  const auto bias = random.Floats(37, 9.0f);
  for (const Isa isa : SupportedIsas()) {
    std::vector<float> y(999);
    Kernels(isa).dequantise_s32(levels.data(), levels.size(), 0.37f, y.data());
    for (size_t i = 0; i < y.size(); ++i) ASSERT_EQ(y[i], static_cast<float>(levels[i]) * 0.37f);
    Kernels(isa).affine_s32({levels.data(), scale.data(), bias.data(), 27, 37, y.data()});
    for (size_t i = 0; i < y.size(); ++i) {
      ASSERT_EQ(y[i], std::fmaf(static_cast<float>(levels[i]), scale[i % 37], bias[i % 37]));
    }
    Kernels(isa).affine_s64({sums.data(), scale.data(), bias.data(), 27, 37, y.data()});
    for (size_t i = 0; i < y.size(); ++i) {
      ASSERT_EQ(y[i], std::fmaf(static_cast<float>(sums[i]), scale[i % 37], bias[i % 37]));
    }
  }
}

}  // namespace
}  // namespace penumbra
