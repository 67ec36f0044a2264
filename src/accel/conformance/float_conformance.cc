// float32 operators and graphs, within a tolerance of the same in double; and the capability bits.
#include <gtest/gtest.h>

#include <cmath>

#include "accel/conformance/oracle.h"

namespace penumbra::conformance {
namespace {

constexpr double kTolerance = 2e-5;  // relative to the larger of the value and one

void ExpectClose(const TestSegment& s, const RunData& data, uint32_t batch) {
  for (uint32_t b = 0; b < batch; ++b) {
    std::vector<const float*> inputs;
    for (size_t i = 0; i < s.inputs.size(); ++i) {
      inputs.push_back(data.inputs[i].As<float>() + b * SampleCount(s.tensors[s.inputs[i]]));
    }
    const auto expected = FloatValues(s, inputs);
    for (size_t o = 0; o < s.outputs.size(); ++o) {
      const std::vector<double>& want = expected[s.outputs[o]];
      const float* got = data.outputs[o].As<float>() + b * want.size();
      for (size_t i = 0; i < want.size(); ++i) {
        ASSERT_NEAR(double{got[i]}, want[i], kTolerance * std::max(1.0, std::abs(want[i])))
            << "output " << o << " sample " << b << " element " << i;
      }
      ASSERT_TRUE(data.outputs[o].GuardIntact());
    }
  }
}

bool Announced(const TestSegment& s) {
  for (const SegmentNode& n : s.nodes) {
    if (!Backend().capabilities().Runs(n.op)) return false;
  }
  return true;
}

// Prepares `s` for up to three samples and runs it with `batch`. A backend that does not announce
// one of the operators must refuse the segment instead.
void RunAndCompare(const TestSegment& s, uint32_t batch, uint32_t threads, Rng& rng) {
  std::unique_ptr<PreparedSegment> prepared;
  std::string why;
  const Status status = Backend().Prepare(s.view(), s, {threads, 3}, &prepared, &why);
  if (!Announced(s)) {
    ASSERT_EQ(status, Status::kDeviceUnsupported);
    return;
  }
  ASSERT_EQ(status, Status::kOk) << why;
  RunData data(s, batch);
  for (Buffer& input : data.inputs) FillFloats(rng, 4.0f, &input);
  for (int repeat = 0; repeat < 2; ++repeat) {
    ASSERT_EQ(data.Run(prepared.get(), batch, FullRows(s)), Status::kOk);
    ExpectClose(s, data, batch);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(FloatConformance, RandomConvolutions) {
  Rng rng(11);
  for (int i = 0; i < 80 && !HasFatalFailure(); ++i) {
    const ConvGeometry g = RandomGeometry(rng, 12, 36);
    TestSegment s;
    s.outputs = {s.ConvFloat(s.FloatInput(g.in_h, g.in_w, g.in_c), g, i % 2 == 0, rng)};
    SCOPED_TRACE("case " + std::to_string(i));
    RunAndCompare(s, Draw(rng, 1, 3), Draw(rng, 1, 2), rng);
  }
}

TEST(FloatConformance, RandomPools) {
  Rng rng(12);
  int ran = 0;
  for (int i = 0; i < 120 && !HasFatalFailure(); ++i) {
    ConvGeometry g = RandomGeometry(rng, 12, 36);
    g.groups = g.out_c = g.in_c;
    TestSegment s;
    const SegmentOp op = i % 2 == 0 ? SegmentOp::kMaxPool : SegmentOp::kAveragePool;
    s.outputs = {s.Window(op, s.FloatInput(g.in_h, g.in_w, g.in_c), g)};
    s.nodes[0].attr_u[0] = static_cast<uint32_t>(i / 2 % 2);
    // Windows over padding alone have no value; CheckSegment tells which draws have none.
    if (!IsOk(CheckSegment(s.view(), s, {}, {~uint64_t{0}, kMaxPrimes, true, true}, nullptr)))
      continue;
    SCOPED_TRACE("case " + std::to_string(i));
    RunAndCompare(s, Draw(rng, 1, 3), Draw(rng, 1, 2), rng);
    ++ran;
  }
  EXPECT_GT(ran, 60);
}

struct UnaryCase {
  SegmentOp op;
  float a, b;
};
constexpr UnaryCase kUnary[] = {
    {SegmentOp::kRelu, 0, 0},      {SegmentOp::kLeakyRelu, 0.1f, 0}, {SegmentOp::kClip, 0, 6},
    {SegmentOp::kClip, -1, 2},     {SegmentOp::kSigmoid, 0, 0},      {SegmentOp::kTanh, 0, 0},
    {SegmentOp::kHardSwish, 0, 0},
};

TEST(FloatConformance, UnaryAloneAndBehindConvolution) {
  Rng rng(13);
  for (const UnaryCase& u : kUnary) {
    SCOPED_TRACE(SegmentOpName(u.op));
    TestSegment alone;
    alone.outputs = {alone.Unary(u.op, alone.FloatInput(5, 7, 19), u.a, u.b)};
    RunAndCompare(alone, 2, 1, rng);
    TestSegment behind;
    const uint32_t conv =
        behind.ConvFloat(behind.FloatInput(6, 6, 16), Square(6, 16, 24, 3, 1, 1, 1), true, rng);
    behind.outputs = {behind.Unary(u.op, conv, u.a, u.b)};
    RunAndCompare(behind, 1, 2, rng);
    if (HasFatalFailure()) return;
  }
}

TEST(FloatConformance, JoinsSoftmaxResizeAndGlobalPool) {
  Rng rng(14);
  for (uint32_t c : {1, 16, 21}) {
    for (SegmentOp op : {SegmentOp::kAdd, SegmentOp::kMul}) {
      TestSegment s;
      const uint32_t a = s.FloatInput(5, 6, c), b = s.FloatInput(5, 6, c);
      s.outputs = {s.Apply(op, {a, b}, s.tensors[a]), s.Apply(op, {b, b}, s.tensors[a])};
      RunAndCompare(s, 3, 1, rng);
    }
    TestSegment s;
    const uint32_t a = s.FloatInput(4, 6, c), b = s.FloatInput(4, 6, 5);
    const uint32_t joined =
        s.Apply(SegmentOp::kConcat, {a, b, a}, {4, 6, 2 * c + 5, ElementType::kF32, 0});
    s.outputs = {
        joined,
        s.Unary(SegmentOp::kSoftmax, joined),
        s.Apply(SegmentOp::kResizeNearest, {joined}, {12, 12, 2 * c + 5, ElementType::kF32, 0}),
        s.Apply(SegmentOp::kGlobalAveragePool, {joined}, {1, 1, 2 * c + 5, ElementType::kF32, 0}),
    };
    RunAndCompare(s, 2, 2, rng);
    if (HasFatalFailure()) return;
  }
}

// Residual blocks in every order that a graph may list them, with values that are read again later.
TEST(FloatConformance, ResidualGraphs) {
  Rng rng(15);
  for (uint32_t c : {16, 24, 7}) {
    for (int variant = 0; variant < 6; ++variant) {
      SCOPED_TRACE("variant " + std::to_string(variant) + ", channels " + std::to_string(c));
      const ConvGeometry same = Square(9, c, c, 3, 1, 1, 1), point = Square(9, c, c, 1, 1, 0, 1);
      TestSegment s;
      const uint32_t x = s.FloatInput(9, 9, c);
      const uint32_t stem = s.Unary(SegmentOp::kRelu, s.ConvFloat(x, same, true, rng));
      uint32_t other = stem;
      if (variant == 1) other = s.ConvFloat(stem, point, false, rng);
      const uint32_t body = s.ConvFloat(
          s.Unary(SegmentOp::kRelu, s.ConvFloat(stem, same, true, rng)), point, true, rng);
      if (variant == 2) other = s.ConvFloat(stem, point, true, rng);
      if (variant == 3) other = x;
      if (variant == 4) other = body;
      const uint32_t sum =
          s.Unary(SegmentOp::kRelu, s.Apply(SegmentOp::kAdd, {other, body}, s.tensors[x]));
      s.outputs = {s.ConvFloat(sum, same, false, rng)};
      if (variant == 5) s.outputs.push_back(s.Apply(SegmentOp::kMul, {stem, sum}, s.tensors[x]));
      if (variant == 0) s.outputs.push_back(sum);
      RunAndCompare(s, 2, 1 + c % 2, rng);
      if (HasFatalFailure()) return;
    }
  }
}

// A convolution that is added to what it reads: the sum must not overwrite its own source.
TEST(FloatConformance, ConvolutionAddedToItsInput) {
  Rng rng(16);
  const ConvGeometry point = Square(8, 32, 32, 1, 1, 0, 1);
  TestSegment s;
  const uint32_t x = s.ConvFloat(s.FloatInput(8, 8, 32), point, true, rng);
  const uint32_t y = s.ConvFloat(x, point, true, rng);
  s.outputs = {s.ConvFloat(s.Apply(SegmentOp::kAdd, {y, x}, s.tensors[x]), point, true, rng)};
  RunAndCompare(s, 2, 1, rng);
}

// A small network from image to probabilities, at several batch sizes of one prepared segment.
TEST(FloatConformance, WholeNetwork) {
  Rng rng(17);
  TestSegment s;
  uint32_t t = s.ConvFloat(s.FloatInput(32, 32, 3), Square(32, 3, 16, 3, 2, 1, 1), true, rng);
  t = s.Unary(SegmentOp::kClip, t, 0, 6);
  t = s.Unary(SegmentOp::kHardSwish, s.ConvFloat(t, Square(16, 16, 16, 3, 1, 1, 0), true, rng));
  const uint32_t wide = s.ConvFloat(t, Square(16, 16, 40, 1, 1, 0, 1), true, rng);
  const uint32_t pooled = s.Window(SegmentOp::kMaxPool, wide, Square(16, 40, 40, 3, 2, 1, 0));
  const uint32_t up = s.Apply(SegmentOp::kResizeNearest, {pooled}, s.tensors[wide]);
  const uint32_t joined = s.Apply(SegmentOp::kConcat, {up, t}, {16, 16, 56, ElementType::kF32, 0});
  const uint32_t mean =
      s.Apply(SegmentOp::kGlobalAveragePool, {joined}, {1, 1, 56, ElementType::kF32, 0});
  const uint32_t logits = s.ConvFloat(mean, Square(1, 56, 10, 1, 1, 0, 1), true, rng);
  s.outputs = {s.Unary(SegmentOp::kSoftmax, logits), logits};
  for (uint32_t batch : {3, 1, 2}) RunAndCompare(s, batch, 1 + batch % 2, rng);
}

TEST(FloatConformance, ResiduesAndFloatsInOneSegment) {
  if (!RunsResidues()) GTEST_SKIP() << "no residues";
  Rng rng(18);
  TestSegment s;
  const ConvGeometry g = Square(4, 8, 8, 3, 1, 1, 1);
  const uint32_t f = s.FloatInput(4, 4, 8);
  const uint32_t r = s.Residue(4, 4, 8, 2);
  s.inputs.push_back(r);
  s.outputs = {s.ConvResidue(r, g, 2), s.ConvFloat(f, g, true, rng)};
  FillWeights(rng, 2, false, &s.blobs[0]);
  std::unique_ptr<PreparedSegment> prepared;
  ASSERT_EQ(Backend().Prepare(s.view(), s, {}, &prepared), Status::kOk);
  RunData data(s, 1);
  FillFloats(rng, 1, &data.inputs[0]);
  std::memset(data.inputs[1].data(), 77, data.inputs[1].size());
  ASSERT_EQ(data.Run(prepared.get(), 1, FullRows(s)), Status::kOk);
  for (uint32_t i = 0; i < 2 * 4 * 4 * 8; ++i) {
    const uint32_t k = i / (4 * 4 * 8), at = i % (4 * 4 * 8);
    const int64_t sum =
        ResidueSum(g, data.inputs[1].As<uint8_t>() + k * 4 * 4 * 8,
                   s.blobs[0].As<int8_t>() + k * FilterLength(g) * 8, at / 32, at / 8 % 4, at % 8);
    ASSERT_EQ((sum - data.outputs[0].As<uint8_t>()[i]) % kPrimes[k], 0);
  }
  TestSegment floats = s;  // what the oracle knows
  floats.nodes.erase(floats.nodes.begin());
  floats.outputs.erase(floats.outputs.begin());
  floats.inputs.pop_back();
  data.inputs.pop_back();
  data.outputs.erase(data.outputs.begin());
  ExpectClose(floats, data, 1);
}

TEST(Capabilities, FloatsAndAllOrNothingOfResidues) {
  const Capabilities& c = Backend().capabilities();
  EXPECT_EQ(Backend().name(), BackendName());
  EXPECT_TRUE(c.Runs(SegmentOp::kConvFloat));
  const bool residues = RunsResidues();
  EXPECT_EQ(c.exact_residues, residues);
  EXPECT_EQ(c.max_primes >= 1, residues);
  EXPECT_LE(c.max_primes, kMaxPrimes);
  EXPECT_TRUE(residues || !(c.row_ranges || c.Runs(SegmentOp::kConvPrime)));
}

// Of any number of primes, and modulo the papers' prime.
TEST(Capabilities, ResiduesThatAreNotAnnouncedAreRefused) {
  if (RunsResidues()) GTEST_SKIP() << "announced";
  const ConvGeometry g = Square(6, 8, 4, 3, 1, 1, 1);
  for (uint32_t primes = 0; primes <= kMaxPrimes; ++primes) {
    TestSegment s;
    if (primes == 0) {
      s.outputs = {s.ConvPrime(s.PrimeInput(6, 6, 8), g)};
    } else {
      s.inputs = {s.Residue(6, 6, 8, primes)};
      s.outputs = {s.ConvResidue(s.inputs[0], g, primes)};
    }
    std::unique_ptr<PreparedSegment> prepared;
    std::string why;
    EXPECT_EQ(Backend().Prepare(s.view(), s, {}, &prepared, &why), Status::kDeviceUnsupported);
    EXPECT_EQ(prepared, nullptr);
    EXPECT_FALSE(why.empty());
  }
}

}  // namespace
}  // namespace penumbra::conformance
