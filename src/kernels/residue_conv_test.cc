#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "kernels/isa_test_support.h"
#include "kernels/test_support.h"
#include "ring/modulus.h"

namespace penumbra {
namespace {

constexpr uint8_t kGuard = 0x5a;

struct Product {
  uint32_t rows, n, k;
  uint16_t prime;
};

class ResidueKernels : public ::testing::TestWithParam<Isa> {
 protected:
  const KernelTable& Table() const { return Kernels(GetParam()); }

  // Rows of A and C lie apart; every residue is checked, and that nothing else is written.
  void ExpectProduct(const Product& p, const std::vector<uint8_t>& a, const std::vector<int8_t>& b) const {
    const size_t a_stride = (p.k + 3) / 4 * 4, out_stride = p.n + 3;
    std::vector<int8_t> packed(PackedSizeU8S8(p.n, p.k));
    PackU8S8(b.data(), p.n, p.k, packed.data());
    std::vector<uint8_t> out(p.rows * out_stride, kGuard);
    Table().residue_gemm({a.data(), a_stride, packed.data(), out.data(), out_stride, p.rows, p.n, p.k, p.prime});
    for (uint32_t i = 0; i < p.rows; ++i) {
      for (uint32_t j = 0; j < p.n; ++j) {
        int64_t sum = 0;
        for (uint32_t d = 0; d < p.k; ++d) sum += int64_t{a[i * a_stride + d]} * b[size_t{j} * p.k + d];
        ASSERT_EQ(out[i * out_stride + j], Residue(sum, p.prime))
            << p.rows << "x" << p.n << "x" << p.k << " mod " << p.prime << " at " << i << "," << j;
      }
      for (uint32_t j = p.n; j < out_stride; ++j) ASSERT_EQ(out[i * out_stride + j], kGuard);
    }
  }
};

// Every tile: 1 to 4 panels, whole and ragged, and every number of rows.
TEST_P(ResidueKernels, EveryTileOfTheProduct) {
  TestRandom random(1);
  for (uint32_t n : {1, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 80, 153}) {
    for (uint32_t rows = 1; rows <= 30; ++rows) {
      const auto k = static_cast<uint32_t>(random.Between(1, 40));
      const Product p = {rows, n, k, kPrimes[random.Bits() % 8]};
      ExpectProduct(p, random.Integers<uint8_t>(rows * size_t{(k + 3) / 4 * 4}, 0, 255),
                    random.Integers<int8_t>(size_t{n} * k, -125, 125));
      if (HasFatalFailure()) return;
    }
  }
}

// Sums that stand at both ends of the 32-bit range and next to every power of two below: the bytes of the accumulator take
// all values. Column j's sum is 255 * 125 * (full filters) plus a rest.
TEST_P(ResidueKernels, SumsUpToBothEnds) {
  constexpr uint32_t kColumns = 64, kDepth = kResidueGemmMaxDepth;
  for (uint16_t prime : kPrimes) {
    std::vector<uint8_t> a((kDepth + 3) / 4 * 4, 255);
    std::vector<int8_t> b(size_t{kColumns} * kDepth, 0);
    for (uint32_t j = 0; j < kColumns; ++j) {
      const int sign = j % 2 == 0 ? 1 : -1;
      const uint32_t full = j < 4 ? kDepth : (uint32_t{1} << (j / 4)) + j % 4;
      for (uint32_t d = 0; d < std::min(full, kDepth); ++d) b[size_t{j} * kDepth + d] = static_cast<int8_t>(125 * sign);
    }
    ExpectProduct({1, kColumns, kDepth, prime}, a, b);
    for (uint32_t d = 0; d < 257; ++d) a[d] = static_cast<uint8_t>(d);  // less than a byte's step apart
    ExpectProduct({1, kColumns, kDepth, prime}, a, b);
    if (HasFatalFailure()) return;
  }
}

// Every value that two bytes of input make, modulo every prime: all cases of the second half of a reduction.
TEST_P(ResidueKernels, EveryResidue) {
  std::vector<uint8_t> a;
  for (uint32_t v = 0; v < 65536; ++v) {
    a.push_back(static_cast<uint8_t>(v));
    a.push_back(static_cast<uint8_t>(v >> 8));
    a.insert(a.end(), {0, 0});
  }
  for (uint16_t prime : kPrimes) {
    ExpectProduct({65536, 4, 2, prime}, a, {1, 125, -125, 1, 125, -100, -1, -125});
    if (HasFatalFailure()) return;
  }
}

TEST_P(ResidueKernels, NothingToMultiply) {
  ExpectProduct({0, 16, 4, 251}, {}, std::vector<int8_t>(64, 1));
  ExpectProduct({3, 0, 4, 251}, std::vector<uint8_t>(12, 1), {});
}

struct Depthwise {
  ConvGeometry geometry;
  uint32_t out_row, begin, end;  // columns
  uint16_t prime;
};

void ExpectDepthwise(const KernelTable& table, const Depthwise& d, bool edge, TestRandom* random) {
  const ConvGeometry& g = d.geometry;
  const uint32_t taps = g.kernel_h * g.kernel_w;
  const auto image = random->Integers<uint8_t>(size_t{g.in_h} * g.in_w * g.in_c, edge ? 254 : 0, 255);
  const auto weights = random->Integers<int8_t>(size_t{taps} * g.in_c, edge ? 124 : -125, 125);
  std::vector<const void*> rows(g.in_h);
  for (uint32_t y = 0; y < g.in_h; ++y) rows[y] = image.data() + size_t{y} * g.in_w * g.in_c;
  std::vector<int8_t> packed(weights.size());
  PackDepthwise(weights.data(), g.in_c, taps, 1, packed.data());
  const size_t count = size_t{d.end - d.begin} * g.in_c;
  std::vector<uint8_t> out(count + 1, kGuard);
  table.residue_depthwise({&g, {rows.data(), 0, g.in_h}, packed.data(), 0, d.out_row, d.begin, d.end, out.data()},
                          d.prime);
  for (size_t i = 0; i < count; ++i) {
    const auto c = static_cast<uint32_t>(i % g.in_c), column = d.begin + static_cast<uint32_t>(i / g.in_c);
    int64_t sum = 0;
    for (uint32_t tap = 0; tap < taps; ++tap) {
      const int64_t y = int64_t{d.out_row} * g.stride_h + int64_t{tap / g.kernel_w} * g.dilation_h - g.pad_top;
      const int64_t x = int64_t{column} * g.stride_w + int64_t{tap % g.kernel_w} * g.dilation_w - g.pad_left;
      if (y < 0 || y >= g.in_h || x < 0 || x >= g.in_w) continue;
      sum += int64_t{image[(static_cast<size_t>(y) * g.in_w + static_cast<size_t>(x)) * g.in_c + c]} *
             weights[size_t{c} * taps + tap];
    }
    ASSERT_EQ(out[i], Residue(sum, d.prime)) << "column " << column << " channel " << c;
  }
  ASSERT_EQ(out.back(), kGuard);
}

// Kernels that do and do not share columns, ragged channels, stride, dilation, padding wider than the image, parts of a row,
// and more taps than any kernel keeps at hand.
TEST_P(ResidueKernels, DepthwiseRows) {
  TestRandom random(2);
  const uint32_t sides[] = {1, 2, 3, 3, 3, 4, 5, 7, 9};
  for (int i = 0; i < 300; ++i) {
    const auto draw = [&](int64_t low, int64_t high) { return static_cast<uint32_t>(random.Between(low, high)); };
    ConvGeometry g{};
    g.in_c = g.out_c = g.groups = draw(1, 150);
    g.kernel_h = sides[draw(0, 8)];
    g.kernel_w = i % 3 == 0 ? sides[draw(0, 8)] : g.kernel_h;
    g.stride_h = g.stride_w = draw(1, 3);
    g.dilation_h = g.dilation_w = i % 4 == 0 ? 2 : 1;
    g.pad_top = draw(0, 3);
    g.pad_left = draw(0, 5);
    g.in_h = draw(1, 9);
    g.in_w = draw(1, 12);
    g.out_w = draw(1, 12);
    const uint32_t begin = i % 2 == 0 ? 0 : draw(0, g.out_w - 1);
    ExpectDepthwise(Table(), {g, draw(0, 6), begin, draw(begin + 1, g.out_w), kPrimes[draw(0, 7)]}, i % 5 == 0, &random);
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, ResidueKernels, ::testing::ValuesIn(SupportedIsas()), IsaTestName);

}  // namespace
}  // namespace penumbra
