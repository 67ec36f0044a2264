// Convolutions modulo the papers' prime: every reply congruent to the integer convolution.
#include <gtest/gtest.h>

#include <functional>

#include "accel/conformance/oracle.h"
#include "ring/field.h"

namespace penumbra::conformance {
namespace {

// What inputs and weights look like.
enum class Values { kRandom, kEnds, kLargest };

void FillInput(Rng& rng, Values values, Buffer* out_data) {
  // Canonical ends, the middle where centring changes sign, and representatives beyond the prime.
  constexpr uint32_t kEnds[] = {0,          1,           kFieldPrime / 2, kFieldPrime / 2 + 1, kFieldPrime - 1,
                                kFieldPrime, 0x7fffffffu, 0x80000000u,     0xffffffffu,         2048};
  auto* x = out_data->As<uint32_t>();
  for (size_t i = 0; i < out_data->size() / 4; ++i) {
    x[i] = values == Values::kRandom ? static_cast<uint32_t>(rng())
           : values == Values::kEnds ? kEnds[Draw(rng, 0, std::size(kEnds) - 1)]
                                     : kFieldPrime / 2;
  }
}

void FillFilters(Rng& rng, Values values, Buffer* out_blob) {
  auto* w = out_blob->As<int32_t>();
  for (size_t i = 0; i < out_blob->size() / 4; ++i) {
    const auto drawn = static_cast<int32_t>(Draw(rng, 0, 2 * kFieldHalf)) - kFieldHalf;
    const int32_t extreme = kFieldHalf - (drawn & 1);
    w[i] = values == Values::kRandom ? drawn
           : values == Values::kEnds ? (drawn < 0 ? -extreme : extreme)
                                     : -kFieldHalf;
  }
}

void ExpectRows(const TestSegment& s, const SegmentNode& n, const Buffer& x, const Buffer& y,
                uint32_t batch, RowRange rows) {
  const ConvGeometry& g = n.geometry;
  const uint64_t in_count = SampleCount(s.tensors[n.inputs[0]]);
  const uint64_t out_count = SampleCount(s.tensors[n.output]);
  const auto* w = reinterpret_cast<const int32_t*>(s.Blob(n.weight_blob).data());
  for (uint32_t b = 0; b < batch; ++b) {
    const uint32_t* got = y.As<uint32_t>() + b * out_count;
    for (size_t i = 0; i < out_count; ++i) {
      const auto oc = static_cast<uint32_t>(i % g.out_c);
      const auto pixel = static_cast<uint32_t>(i / g.out_c);
      const uint32_t oy = pixel / g.out_w, ox = pixel % g.out_w;
      if (oy < rows.begin || oy >= rows.end) {
        ASSERT_EQ(got[i], Buffer::kGuard * 0x01010101u) << "row " << oy << " was not asked for";
        continue;
      }
      ASSERT_EQ(got[i] % kFieldPrime, PrimeResidue(g, x.As<uint32_t>() + b * in_count, w, oy, ox, oc))
          << "sample " << b << " at " << oy << "," << ox << "," << oc;
    }
  }
}

void RunCase(const ConvGeometry& g, uint32_t batch, uint32_t threads, Values values, Rng& rng) {
  TestSegment s;
  s.outputs = {s.ConvPrime(s.PrimeInput(g.in_h, g.in_w, g.in_c), g)};
  FillFilters(rng, values, &s.blobs[0]);
  std::unique_ptr<PreparedSegment> prepared;
  std::string why;
  ASSERT_EQ(Backend().Prepare(s.view(), s, {threads, 3}, &prepared, &why), Status::kOk) << why;
  std::vector<RowRange> ranges = {{0, g.out_h}};
  if (Backend().capabilities().row_ranges && g.out_h > 1) {
    const uint32_t begin = Draw(rng, 0, g.out_h - 1);
    ranges.push_back({begin, Draw(rng, begin + 1, g.out_h)});
  }
  for (const RowRange& rows : ranges) {
    RunData data(s, batch);
    FillInput(rng, values, &data.inputs[0]);
    ASSERT_EQ(data.Run(prepared.get(), batch, rows), Status::kOk);
    ExpectRows(s, s.nodes[0], data.inputs[0], data.outputs[0], batch, rows);
    ASSERT_TRUE(data.outputs[0].GuardIntact());
  }
}

class PrimeConformance : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Backend().capabilities().Runs(SegmentOp::kConvPrime)) GTEST_SKIP() << "not announced";
  }
};

TEST_F(PrimeConformance, RandomShapes) {
  Rng rng(41);
  for (int i = 0; i < 200 && !HasFatalFailure(); ++i) {
    const ConvGeometry g = RandomGeometry(rng, 12, 32);
    const uint32_t batch = Draw(rng, 1, 3), threads = Draw(rng, 1, 2);
    RunCase(g, batch, threads, static_cast<Values>(i % 3), rng);
  }
}

// Lengths around every point at which sums are cut (255 and 315 terms of 16-bit limbs; 163 and 327 of float64), long
// dense layers, the longest filter there is.
TEST_F(PrimeConformance, LongFilters) {
  Rng rng(42);
  std::vector<ConvGeometry> cases = {
      Square(5, 512, 9, 3, 1, 1, 1),
      Square(28, 16, 16, 27, 1, 13, 0),
      Square(26, 2, 4, 25, 1, 12, 2),
      {1, 700, 1, 1, 101, 4, 1, 600, 1, 1, 1, 1, 0, 0, 0, 0, 1},
      {1, 1, 25088, 1, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1},
      {1, 1, 67372, 1, 1, 3, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1},
  };
  for (const uint32_t length : {163u, 164u, 254u, 255u, 256u, 314u, 315u, 316u, 327u, 328u, 511u}) {
    cases.push_back(Square(2, length, 3, 1, 1, 0, 1));
  }
  for (const ConvGeometry& g : cases) {
    for (const Values values : {Values::kRandom, Values::kEnds, Values::kLargest}) {
      RunCase(g, 2, 2, values, rng);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(PrimeConformance, LargeImagesAndGroups) {
  Rng rng(43);
  for (const uint32_t threads : {1u, 2u}) {
    RunCase(Square(40, 8, 24, 3, 1, 1, 1), 2, threads, Values::kEnds, rng);
    RunCase(Square(60, 3, 16, 7, 2, 3, 1), 1, threads, Values::kRandom, rng);
    RunCase(Square(50, 32, 32, 3, 1, 1, 0), 1, threads, Values::kEnds, rng);
    RunCase(Square(14, 24, 40, 3, 1, 1, 4), 2, threads, Values::kEnds, rng);
    if (HasFatalFailure()) return;
  }
}

TEST_F(PrimeConformance, ChainAndThreads) {
  Rng rng(44);
  const ConvGeometry first = Square(8, 12, 20, 3, 1, 1, 1), second = Square(8, 20, 7, 1, 2, 0, 1);
  TestSegment s;
  const uint32_t middle = s.ConvPrime(s.PrimeInput(8, 8, 12), first);
  s.outputs = {s.ConvPrime(middle, second), middle};
  for (Buffer& blob : s.blobs) FillFilters(rng, Values::kRandom, &blob);
  RunData data(s, 2);
  FillInput(rng, Values::kRandom, &data.inputs[0]);
  for (const uint32_t threads : {1u, 2u}) {
    std::unique_ptr<PreparedSegment> prepared;
    ASSERT_EQ(Backend().Prepare(s.view(), s, {threads, 2}, &prepared), Status::kOk);
    ASSERT_EQ(data.Run(prepared.get(), 2, FullRows(s)), Status::kOk);
    ExpectRows(s, s.nodes[0], data.inputs[0], data.outputs[1], 2, {0, 8});
    ExpectRows(s, s.nodes[1], data.outputs[1], data.outputs[0], 2, {0, 4});
  }
}

TEST_F(PrimeConformance, HostileSegmentsAreRefused) {
  const ConvGeometry g = Square(6, 8, 4, 3, 1, 1, 1);
  const auto prepare = [&g](const std::function<void(TestSegment*)>& attack) {
    TestSegment s;
    s.outputs = {s.ConvPrime(s.PrimeInput(6, 6, 8), g)};
    attack(&s);
    std::unique_ptr<PreparedSegment> prepared;
    return Backend().Prepare(s.view(), s, {1, 1}, &prepared);
  };
  using T = TestSegment*;
  EXPECT_EQ(prepare([](T) {}), Status::kOk);
  EXPECT_EQ(prepare([](T s) { s->tensors[0].prime_count = 1; }), Status::kMalformed);
  EXPECT_EQ(prepare([](T s) { s->tensors[0].type = ElementType::kU8Residue; }), Status::kMalformed);
  EXPECT_EQ(prepare([](T s) { s->tensors[1].type = ElementType::kF32; }), Status::kMalformed);
  EXPECT_EQ(prepare([](T s) { s->nodes[0].op = SegmentOp::kConvFloat; }), Status::kMalformed);
  EXPECT_EQ(prepare([](T s) { s->nodes[0].bias_blob = 0; }), Status::kMalformed);
  EXPECT_EQ(prepare([](T s) { s->nodes[0].weight_blob = kNoBlob; }), Status::kMalformed);
  EXPECT_EQ(prepare([](T s) { s->blobs[0] = Buffer(s->blobs[0].size() - 4); }), Status::kMalformed);
  EXPECT_EQ(prepare([](T s) { s->blobs[0].As<int32_t>()[7] = kFieldHalf + 1; }), Status::kMalformed);
  EXPECT_EQ(prepare([](T s) { s->blobs[0].As<int32_t>()[287] = -kFieldHalf - 1; }), Status::kMalformed);
  EXPECT_EQ(prepare([](T s) { s->blobs[0].As<int32_t>()[7] = INT32_MIN; }), Status::kMalformed);
  const ConvGeometry long_filter = {1, 1, 67373, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1};
  TestSegment s;
  s.outputs = {s.ConvPrime(s.PrimeInput(1, 1, 67373), long_filter)};
  std::unique_ptr<PreparedSegment> prepared;
  EXPECT_EQ(Backend().Prepare(s.view(), s, {1, 1}, &prepared), Status::kMalformed);
}

}  // namespace
}  // namespace penumbra::conformance
