#include "kernels/field.h"

#include <gtest/gtest.h>

#include <numeric>

#include "kernels/draws_test_support.h"
#include "kernels/field_golden_test_support.h"
#include "kernels/isa_test_support.h"
#include "kernels/self_test.h"
#include "kernels/test_support.h"
#include "ring/field.h"

namespace penumbra {
namespace {

constexpr auto kP = static_cast<int32_t>(kFieldPrime);

std::vector<int32_t> Centred(const std::vector<uint32_t>& residues) {
  std::vector<int32_t> centred;
  for (const uint32_t r : residues) centred.push_back(CentredResidue(r, kFieldPrime));
  return centred;
}

// x: [rows][k] residues, w: [n][k] centred; canonical products by way of packing, limbs and reduction.
std::vector<uint32_t> Multiply(const KernelTable& table, const std::vector<uint32_t>& x,
                               const std::vector<int32_t>& w, uint32_t rows, uint32_t n, uint32_t k) {
  std::vector<uint32_t> words(x.size());
  table.field_split(x.data(), x.size(), words.data());
  std::vector<int16_t> packed(PackedSizeField(n, k) / sizeof(int16_t));
  PackField(w.data(), n, k, packed.data());
  std::vector<int64_t> sums(size_t{rows} * kFieldFilters * n);
  table.gemm_s16s16({reinterpret_cast<const int16_t*>(words.data()), 2 * size_t{k}, packed.data(), sums.data(),
                     kFieldFilters * size_t{n}, rows, kFieldFilters * n, 2 * k, kFieldSafePairs, false});
  std::vector<uint32_t> out(size_t{rows} * n);
  table.field_reduce({sums.data(), true, out.size(), out.data()});
  return out;
}

class Field : public ::testing::TestWithParam<Isa> {
 protected:
  const KernelTable& table() const { return Kernels(GetParam()); }
};

template <typename T, size_t kCount>
std::vector<T> Vector(const T (&values)[kCount]) {
  return {values, values + kCount};
}

TEST_P(Field, GoldenProducts) {
  Draws draws(1);
  const auto x = draws.Words(7 * 613);
  const auto w = Centred(draws.Residues(11 * 613));
  EXPECT_EQ(Multiply(table(), x, w, 7, 11, 613), Vector(field_golden::kProducts));
}

TEST_P(Field, GoldenWideSums) {
  Draws draws(2);
  std::vector<int64_t> sums;
  for (size_t i = 0; i < std::size(field_golden::kWideSums); ++i) {
    const uint64_t high = draws.Word();
    const uint64_t low = draws.Word();
    sums.push_back(static_cast<int64_t>((high << 32 | low) >> 2) - (int64_t{1} << 61));
  }
  std::vector<uint32_t> out(sums.size());
  table().field_reduce({sums.data(), false, sums.size(), out.data()});
  EXPECT_EQ(out, Vector(field_golden::kWideSums));
}

TEST_P(Field, GoldenDraws) {
  const auto draws = Draws(3).Words(400);
  std::vector<uint32_t> out(150, 7);
  // In two parts: the result does not depend on how the draws are cut.
  FieldDraw job = {draws.data(), 101, out.data(), out.size(), 0};
  table().field_draw(&job);
  EXPECT_LT(job.filled, 101u);
  job.draws += 101;
  job.draw_count = 299;
  table().field_draw(&job);
  EXPECT_EQ(job.filled, out.size());
  EXPECT_EQ(out, Vector(field_golden::kAccepted));
}

TEST_P(Field, GoldenMasks) {
  Draws draws(4);
  std::vector<int32_t> levels;
  for (size_t i = 0; i < 120; ++i) {
    levels.push_back(static_cast<int32_t>(draws.Word() % ((1u << 23) - 1)) - ((1 << 22) - 1));
  }
  const auto pads = draws.Residues(120);
  std::vector<uint32_t> out(120);
  table().field_mask({levels.data(), pads.data(), out.size(), out.data()});
  EXPECT_EQ(out, Vector(field_golden::kMasked));
  table().field_mask({levels.data(), nullptr, out.size(), out.data()});
  for (size_t i = 0; i < 120; ++i) EXPECT_EQ(out[i], Residue(levels[i], kFieldPrime));
}

TEST_P(Field, GoldenUnmix) {
  constexpr uint32_t kPixels = 3, kM = 37, kWide = 45;
  Draws draws(5);
  const auto in = draws.Words(kPixels * kWide);
  std::vector<uint16_t> a, b;
  for (uint32_t i = 0; i < kM; ++i) a.push_back(static_cast<uint16_t>(draws.Word() % kWide));
  for (uint32_t i = 0; i < kM; ++i) {
    const uint32_t word = draws.Word();
    b.push_back(word % 5 == 0 ? kNoPartner : static_cast<uint16_t>(word % kWide));
  }
  const auto lambda = draws.Residues(kM);
  const auto pads = Centred(draws.Residues(kPixels * kM));
  std::vector<int32_t> out(kPixels * kM);
  table().field_unmix({in.data(), pads.data(), out.data(), kPixels, kM, kWide, a.data(), b.data(), lambda.data()});
  EXPECT_EQ(out, Vector(field_golden::kUnmixed));
}

// Every end of every range, and lengths around the one at which 16-bit sums are flushed.
TEST_P(Field, WorstCaseProducts) {
  const uint32_t ends[] = {0, 1, kFieldPrime / 2, kFieldPrime / 2 + 1, kFieldPrime - 1, kFieldPrime, 0xffffffffu,
                           2048, 2047, 0x7fffffffu, kFieldPrime - 2048, kFieldPrime - 2049};
  const int32_t weights[] = {kFieldHalf, -kFieldHalf, 0, 1, -1, 2048, -2048, 2047, kFieldHalf - 2047};
  for (const uint32_t k : {1u, 2u, 254u, 255u, 256u, 511u, 4608u, 67371u}) {
    for (const uint32_t x : ends) {
      std::vector<int32_t> w;
      for (const int32_t weight : weights) w.insert(w.end(), k, weight);
      const auto out = Multiply(table(), std::vector<uint32_t>(k, x), w, 1, std::size(weights), k);
      for (size_t i = 0; i < std::size(weights); ++i) {
        const int64_t term = int64_t{Residue(x, kFieldPrime)} * weights[i] % kP;
        ASSERT_EQ(out[i], Residue(term * k, kFieldPrime)) << x << " times " << weights[i] << ", " << k << " terms";
      }
    }
  }
}

TEST_P(Field, ReductionAtTheBoundaries) {
  std::vector<int64_t> sums;
  for (const int64_t quotient : {int64_t{0}, int64_t{1}, int64_t{-1}, int64_t{1} << 20, int64_t{1} << 27,
                                 (int64_t{1} << 38) - 1, -(int64_t{1} << 38)}) {
    for (const int64_t rest : {0, 1, -1, kFieldHalf, kFieldHalf + 1, -kFieldHalf, kP - 1, 1 - kP}) {
      sums.push_back(quotient * kP + rest);
    }
  }
  std::vector<uint32_t> out(sums.size());
  table().field_reduce({sums.data(), false, sums.size(), out.data()});
  for (size_t i = 0; i < sums.size(); ++i) EXPECT_EQ(out[i], Residue(sums[i], kFieldPrime)) << sums[i];
}

TEST_P(Field, DepthwiseEqualsIntegers) {
  TestRandom random(9);
  const ConvGeometry g = {6, 7, 70, 3, 4, 70, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 70};
  auto x = random.Integers<uint32_t>(6 * 7 * 70, 0, 0xffffffff);
  const auto w = random.Integers<int32_t>(9 * 70, -kFieldHalf, kFieldHalf);  // tap-major
  std::vector<uint32_t> words(x.size());
  table().field_split(x.data(), x.size(), words.data());
  std::vector<const void*> rows;
  for (size_t y = 0; y < 6; ++y) rows.push_back(words.data() + y * 7 * 70);
  for (uint32_t oy = 0; oy < g.out_h; ++oy) {
    std::vector<int64_t> sums(g.out_w * 70);
    table().depthwise_field({&g, {rows.data(), 0, 6}, w.data(), 0, oy, 0, g.out_w, sums.data()});
    for (uint32_t at = 0; at < sums.size(); ++at) {
      int64_t sum = 0;
      for (uint32_t tap = 0; tap < 9; ++tap) {
        const int64_t y = int64_t{oy} * 2 + tap / 3 - 1;
        const int64_t column = int64_t{at / 70} * 2 + tap % 3 - 1;
        if (y < 0 || y >= 6 || column < 0 || column >= 7) continue;
        sum += int64_t{CentredResidue(x[static_cast<size_t>((y * 7 + column) * 70) + at % 70], kFieldPrime)} *
               w[tap * 70 + at % 70];
      }
      ASSERT_EQ(sums[at], sum);
    }
  }
}

// Any words against centred ones, in runs of windows, at the ends of both ranges and at the longest filter.
TEST_P(Field, ProjectionsEqualIntegers) {
  TestRandom random(11);
  struct Shape {
    uint32_t runs, length, pixels, projections, pixel_stride;
    bool extreme;
  };
  for (const Shape& s : {Shape{1, 1, 1, 1, 1, false}, Shape{3, 130, 5, 2, 16, false}, Shape{2, 63, 4, 3, 70, true},
                         Shape{1, 67371, 2, 2, 0, true}}) {
    const size_t projection_stride = s.length + 5;
    auto x = random.Integers<uint32_t>((s.pixels - 1) * s.pixel_stride + s.length, 0, 0xffffffff);
    auto t = random.Integers<int32_t>(s.projections * projection_stride, -kFieldHalf, kFieldHalf);
    if (s.extreme) std::fill(x.begin(), x.end(), kFieldPrime / 2);
    if (s.extreme) std::fill(t.begin(), t.end(), -kFieldHalf);
    std::vector<ProjectRun> runs(s.runs, {reinterpret_cast<const uint8_t*>(x.data()),
                                          reinterpret_cast<const int8_t*>(t.data())});
    const ProjectJob job = {runs.data(), s.runs, 4 * s.length, 4 * size_t{s.pixel_stride}, 4 * projection_stride,
                            s.pixels, s.projections, nullptr};
    std::vector<int64_t> sums(s.pixels * s.projections + 1, 99);
    table().field_project(job, sums.data());
    for (uint32_t at = 0; at < s.pixels * s.projections; ++at) {
      int64_t sum = 0;
      for (uint32_t c = 0; c < s.length; ++c) {
        sum += int64_t{CentredResidue(x[at / s.projections * s.pixel_stride + c], kFieldPrime)} *
               t[at % s.projections * projection_stride + c];
      }
      ASSERT_EQ(sums[at], sum * s.runs) << s.length;
    }
    EXPECT_EQ(sums.back(), 99);
  }
}

TEST_P(Field, CombinationsEqualIntegers) {
  TestRandom random(12);
  for (const uint32_t count : {1u, 2u, 75u, 65535u}) {
    const uint32_t length = count == 65535 ? 3 : 101;
    const auto rows = random.Integers<int32_t>(count * (length + 2), -kFieldHalf, kFieldHalf);
    const auto factors = random.Integers<int32_t>(count, -kFieldHalf, kFieldHalf);
    std::vector<int64_t> wanted = random.Integers<int64_t>(length, -kFieldHalf, kFieldHalf);
    std::vector<int64_t> sums = wanted;
    table().field_combine({rows.data(), length + 2, factors.data(), count, length, sums.data()});
    for (uint32_t o = 0; o < count; ++o) {
      for (uint32_t c = 0; c < length; ++c) wanted[c] += int64_t{rows[o * (length + 2) + c]} * factors[o];
    }
    EXPECT_EQ(sums, wanted);
  }
}

// 24-bit draws that are not residues never come out, and every residue is as likely as any other.
TEST_P(Field, DrawsAreUniform) {
  TestRandom random(10);
  constexpr size_t kBins = 64, kCount = 200000;
  std::vector<uint32_t> draws(1u << 20), out(kCount);
  for (uint32_t& draw : draws) draw = static_cast<uint32_t>(random.Bits());
  FieldDraw job = {draws.data(), draws.size(), out.data(), out.size(), 0};
  table().field_draw(&job);
  ASSERT_EQ(job.filled, kCount);
  std::vector<double> bins(kBins);
  for (const uint32_t r : out) {
    ASSERT_LT(r, kFieldPrime);
    ++bins[uint64_t{r} * kBins / kFieldPrime];
  }
  double chi = 0;
  for (const double bin : bins) chi += (bin - double{kCount} / kBins) * (bin - double{kCount} / kBins);
  // 63 degrees of freedom: beyond 128 with probability 2e-6; the seed is fixed.
  EXPECT_LT(chi / (double{kCount} / kBins), 128);
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, Field, ::testing::ValuesIn(SupportedIsas()), IsaTestName);

}  // namespace
}  // namespace penumbra
