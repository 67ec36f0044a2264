#include <gtest/gtest.h>

#include "kernels/gemm_f32.h"
#include "kernels/gemm_s16s16.h"
#include "kernels/gemm_u8s8.h"
#include "kernels/test_support.h"

namespace penumbra {
namespace {

struct Shape {
  uint32_t rows, n, k;
};
const Shape kShapes[] = {{1, 1, 1},    {1, 16, 4},   {6, 64, 64},  {7, 65, 66},   {13, 17, 3},
                         {5, 48, 127}, {12, 63, 31}, {8, 128, 9},  {19, 130, 257}, {3, 200, 5},
                         {17, 33, 64}, {2, 15, 576}, {33, 31, 100}};

template <typename A, typename B, typename C>
std::vector<C> Naive(const std::vector<A>& a, size_t stride, const std::vector<B>& b, Shape s) {
  std::vector<C> c(size_t{s.rows} * s.n);
  for (uint32_t i = 0; i < s.rows; ++i) {
    for (uint32_t j = 0; j < s.n; ++j) {
      int64_t sum = 0;
      for (uint32_t k = 0; k < s.k; ++k) sum += int64_t{a[i * stride + k]} * b[j * s.k + k];
      c[i * s.n + j] = static_cast<C>(sum);
    }
  }
  return c;
}

TEST(GemmU8S8, EveryIsaEqualsNaiveSum) {
  TestRandom random(1);
  for (const Shape& s : kShapes) {
    const size_t stride = s.k + 3 + random.Between(0, 9);
    const auto a = random.Integers<uint8_t>(s.rows * stride + 4, 0, 255);
    const auto b = random.Integers<int8_t>(size_t{s.n} * s.k, -128, 127);
    const auto expected = Naive<uint8_t, int8_t, int32_t>(a, stride, b, s);
    std::vector<int8_t> packed(PackedSizeU8S8(s.n, s.k));
    PackU8S8(b.data(), s.n, s.k, packed.data());
    for (const Isa isa : SupportedIsas()) {
      const size_t c_stride = s.n + 5;
      std::vector<int32_t> c(s.rows * c_stride, 77);
      const auto run = [&](bool accumulate) {
        Kernels(isa).gemm_u8s8({a.data(), stride, packed.data(), c.data(), c_stride, s.rows, s.n,
                                s.k, accumulate});
      };
      run(false);
      run(true);
      for (uint32_t i = 0; i < s.rows; ++i) {
        for (uint32_t j = 0; j < c_stride; ++j) {
          const int32_t want = j < s.n ? 2 * expected[i * s.n + j] : 77;
          ASSERT_EQ(c[i * c_stride + j], want) << IsaName(isa) << " " << s.n << " " << s.k;
        }
      }
    }
  }
}

TEST(GemmU8S8, ExactAtTheDeepestSum) {
  const uint32_t k = kGemmU8S8MaxDepth;
  const std::vector<uint8_t> a(PanelSizeU8S8(k) / kPanelWidth, 255);
  for (const int extreme : {125, -125}) {
    const std::vector<int8_t> b(k, static_cast<int8_t>(extreme));
    std::vector<int8_t> packed(PackedSizeU8S8(1, k));
    PackU8S8(b.data(), 1, k, packed.data());
    for (const Isa isa : SupportedIsas()) {
      int32_t c = 0;
      Kernels(isa).gemm_u8s8({a.data(), 0, packed.data(), &c, 1, 1, 1, k, false});
      EXPECT_EQ(int64_t{c}, int64_t{k} * 255 * extreme) << IsaName(isa);
    }
  }
}

TEST(GemmS16, EveryIsaEqualsNaiveSum) {
  TestRandom random(2);
  for (const Shape& s : kShapes) {
    for (const int64_t limit : {32767, 5100, 11}) {
      const size_t stride = s.k + 1 + random.Between(0, 9);
      const auto a = random.Integers<int16_t>(s.rows * stride + 2, -limit, limit);
      const auto b = random.Integers<int16_t>(size_t{s.n} * s.k, -limit, limit);
      const auto expected = Naive<int16_t, int16_t, int64_t>(a, stride, b, s);
      std::vector<int16_t> packed(PackedSizeS16(s.n, s.k) / sizeof(int16_t));
      PackS16(b.data(), s.n, s.k, packed.data());
      const auto bound = static_cast<uint32_t>(limit);
      for (const Isa isa : SupportedIsas()) {
        std::vector<int64_t> c(size_t{s.rows} * s.n, 3);
        const auto run = [&](bool accumulate) {
          Kernels(isa).gemm_s16s16({a.data(), stride, packed.data(), c.data(), s.n, s.rows, s.n,
                                    s.k, SafePairCount(bound, bound), accumulate});
        };
        run(false);
        ASSERT_EQ(c, expected) << IsaName(isa) << " " << s.n << " " << s.k << " " << limit;
        run(true);
        for (size_t i = 0; i < c.size(); ++i) ASSERT_EQ(c[i], 2 * expected[i]);
      }
    }
  }
}

TEST(GemmS16, SafePairCountHoldsAtTheBound) {
  EXPECT_EQ(SafePairCount(32768, 32768), 0u);
  EXPECT_EQ(SafePairCount(32768, 32767), 1u);
  for (const uint32_t a : {1u, 255u, 5100u, 32768u}) {
    for (const uint32_t b : {1u, 127u, 1152u, 32767u}) {
      const uint64_t pairs = SafePairCount(a, b);
      EXPECT_LE(pairs * 2 * a * b, 0x7fffffffu);
      EXPECT_GT((pairs + 1) * 2 * a * b, 0x7fffffffu);
    }
  }
}

TEST(GemmF32, EveryIsaFollowsTheWrittenOrder) {
  TestRandom random(3);
  for (const Shape& s : kShapes) {
    const auto a = random.Floats(size_t{s.rows} * s.k, 3.0f);
    const auto b = random.Floats(size_t{s.n} * s.k, 2.0f);
    std::vector<float> packed(PackedSizeF32(s.n, s.k) / sizeof(float));
    PackF32(b.data(), s.n, s.k, packed.data());
    std::vector<float> expected(size_t{s.rows} * s.n);
    for (uint32_t i = 0; i < s.rows; ++i) {
      for (uint32_t j = 0; j < s.n; ++j) {
        float sum = 0.0f;
        for (uint32_t k = 0; k < s.k; ++k) sum = std::fmaf(a[i * s.k + k], b[j * s.k + k], sum);
        expected[i * s.n + j] = sum;
      }
    }
    for (const Isa isa : SupportedIsas()) {
      std::vector<float> c(expected.size());
      Kernels(isa).gemm_f32(
          {a.data(), s.k, packed.data(), c.data(), s.n, s.rows, s.n, s.k, false});
      EXPECT_TRUE(SameBits(c, expected)) << IsaName(isa) << " " << s.n << " " << s.k;
    }
  }
}

TEST(GemmF32, DepthMayBeCutAnywhere) {
  TestRandom random(4);
  const Shape s = {9, 37, 50};
  const uint32_t cut = 23;
  const auto a = random.Floats(size_t{s.rows} * s.k, 3.0f);
  const auto b = random.Floats(size_t{s.n} * s.k, 2.0f);
  std::vector<float> head;
  std::vector<float> tail;
  for (size_t i = 0; i < b.size(); ++i) (i % s.k < cut ? head : tail).push_back(b[i]);
  const auto pack = [&](const std::vector<float>& w, uint32_t k) {
    std::vector<float> packed(PackedSizeF32(s.n, k) / sizeof(float));
    PackF32(w.data(), s.n, k, packed.data());
    return packed;
  };
  const auto all = pack(b, s.k);
  const auto first = pack(head, cut);
  const auto second = pack(tail, s.k - cut);
  for (const Isa isa : SupportedIsas()) {
    const auto gemm = Kernels(isa).gemm_f32;
    std::vector<float> whole(size_t{s.rows} * s.n);
    std::vector<float> parts(whole.size());
    gemm({a.data(), s.k, all.data(), whole.data(), s.n, s.rows, s.n, s.k, false});
    gemm({a.data(), s.k, first.data(), parts.data(), s.n, s.rows, s.n, cut, false});
    gemm({a.data() + cut, s.k, second.data(), parts.data(), s.n, s.rows, s.n, s.k - cut, true});
    EXPECT_TRUE(SameBits(whole, parts)) << IsaName(isa);
  }
}

}  // namespace
}  // namespace penumbra
