#include "accel/onednn/vnni_kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <vector>

#include "accel/onednn/fused_conv.h"
#include "accel/onednn/vnni_winograd.h"
#include "accel/onednn/winograd_weights.h"
#include "boundary/geometry.h"
#include "kernels/gemm_u8s8.h"

namespace penumbra::onednn {
namespace {

constexpr uint8_t kGuard = 0x5a;

struct Product {
  uint32_t rows, n, k;
  uint16_t prime;
};

// Rows of A and C lie apart; every sum is checked, and that nothing else is written.
void ExpectProduct(const Product& p, const std::vector<uint8_t>& a, const std::vector<int8_t>& b) {
  const size_t a_stride = (p.k + 3) / 4 * 4, out_stride = p.n + 3;
  std::vector<int8_t> packed(PackedSizeU8S8(p.n, p.k));
  PackU8S8(b.data(), p.n, p.k, packed.data());
  std::vector<uint8_t> out(p.rows * out_stride, kGuard);
  ResidueGemm({a.data(), a_stride, packed.data(), out.data(), out_stride, p.rows, p.n, p.k,
               p.prime});
  for (uint32_t i = 0; i < p.rows; ++i) {
    for (uint32_t j = 0; j < p.n; ++j) {
      int64_t sum = 0;
      for (uint32_t d = 0; d < p.k; ++d) sum += int64_t{a[i * a_stride + d]} * b[j * p.k + d];
      ASSERT_EQ((sum - out[i * out_stride + j]) % p.prime, 0)
          << p.rows << "x" << p.n << "x" << p.k << " mod " << p.prime << " at " << i << "," << j;
    }
    for (uint32_t j = p.n; j < out_stride; ++j) ASSERT_EQ(out[i * out_stride + j], kGuard);
  }
}

std::vector<uint8_t> RandomBytes(std::mt19937* rng, size_t count) {
  std::vector<uint8_t> bytes(count);
  for (uint8_t& v : bytes) v = static_cast<uint8_t>((*rng)() >> 24);
  return bytes;
}

std::vector<int8_t> RandomWeights(std::mt19937* rng, size_t count) {
  std::vector<int8_t> weights(count);
  for (int8_t& v : weights) v = static_cast<int8_t>(static_cast<int>((*rng)() % 251) - 125);
  return weights;
}

// Every tile: 1 to 4 panels, whole and ragged, and every number of rows.
TEST(ResidueGemm, EveryTile) {
  if (!FusedConvSupported()) GTEST_SKIP() << "no AVX-512 VNNI";
  std::mt19937 rng(1);
  for (uint32_t n : {1, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 80, 153}) {
    for (uint32_t rows = 1; rows <= 30; ++rows) {
      const uint32_t k = 1 + static_cast<uint32_t>(rng() % 40);
      const Product p = {rows, n, k, kPrimes[rng() % 8]};
      ExpectProduct(p, RandomBytes(&rng, rows * size_t{(k + 3) / 4 * 4}),
                    RandomWeights(&rng, size_t{n} * k));
      if (HasFatalFailure()) return;
    }
  }
}

// Sums that stand at both ends of the 32-bit range and next to every power of two below: the bytes
// of the biased accumulator take all values. Column j's sum is 255 * 125 * (full filters) plus a rest.
TEST(ResidueGemm, SumsUpToBothEnds) {
  if (!FusedConvSupported()) GTEST_SKIP() << "no AVX-512 VNNI";
  constexpr uint32_t kDepth = 67371, kColumns = 64;
  for (uint16_t prime : kPrimes) {
    std::vector<uint8_t> a((kDepth + 3) / 4 * 4, 255);
    std::vector<int8_t> b(size_t{kColumns} * kDepth, 0);
    for (uint32_t j = 0; j < kColumns; ++j) {
      const int8_t sign = j % 2 == 0 ? 1 : -1;
      const uint32_t full = j < 4 ? kDepth : (uint32_t{1} << (j / 4)) + j % 4;
      for (uint32_t d = 0; d < std::min(full, kDepth); ++d) {
        b[size_t{j} * kDepth + d] = static_cast<int8_t>(125 * sign);
      }
    }
    ExpectProduct({1, kColumns, kDepth, prime}, a, b);
    // Fillings that differ by less than a byte's step.
    for (uint32_t d = 0; d < 257; ++d) a[d] = static_cast<uint8_t>(d);
    ExpectProduct({1, kColumns, kDepth, prime}, a, b);
    if (HasFatalFailure()) return;
  }
}

// Every value that two bytes of input make, modulo every prime: the second half of the reduction
// sees each of its cases.
TEST(ResidueGemm, EveryResidue) {
  if (!FusedConvSupported()) GTEST_SKIP() << "no AVX-512 VNNI";
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

// One tile by transforms alone, against the convolution; worst-case bytes included.
class WinogradTile {
 public:
  WinogradTile(std::mt19937* rng, bool edge, uint16_t prime) : prime_(prime) {
    image_ = RandomBytes(rng, size_t{36} * kChannels);
    filter_ = RandomWeights(rng, size_t{9} * kChannels);
    if (!edge) return;
    for (uint8_t& v : image_) v = static_cast<uint8_t>((*rng)() % 2 == 0 ? 0 : 255);
  }

  void Expect() const {
    const std::vector<uint8_t> products = Products(), out = Outputs(products);
    for (uint32_t y = 0; y < kWinogradOut; ++y) {
      for (uint32_t x = 0; x < kWinogradOut; ++x) {
        for (uint32_t c = 0; c < kChannels; ++c) {
          const uint8_t got = out[(y * kWinogradOut + x) * kChannels + c];
          ASSERT_EQ((Sum(y, x, c) - got) % prime_, 0) << y << "," << x << "," << c;
        }
      }
    }
  }

 private:
  static constexpr uint32_t kChannels = 64;

  int64_t Sum(uint32_t y, uint32_t x, uint32_t c) const {
    int64_t sum = 0;
    for (uint32_t tap = 0; tap < 9; ++tap) {
      const uint32_t pixel = (y + tap / 3) * kWinogradIn + x + tap % 3;
      sum += int64_t{image_[pixel * kChannels + c]} * filter_[tap * kChannels + c];
    }
    return sum;
  }

  // Channel by channel, as representatives that are as large as a byte can hold.
  std::vector<uint8_t> Products() const {
    const std::vector<uint8_t> zeros(kChannels);
    std::vector<uint8_t> inputs(size_t{36} * kChannels);
    std::vector<int8_t> weights(size_t{36} * kChannels);
    WinogradInput({image_.data(), 0, 6, 6, kChannels, 0, 0, 1, zeros.data(), inputs.data(),
                   kChannels, kChannels, prime_});
    TransformFilter(filter_.data(), kChannels, prime_, kChannels, weights.data());
    std::vector<uint8_t> products(inputs.size());
    for (size_t i = 0; i < inputs.size(); ++i) {
      EXPECT_LE(2 * std::abs(weights[i]), prime_);
      int rest = (inputs[i] * weights[i]) % prime_;
      rest += rest < 0 ? prime_ : 0;
      products[i] = static_cast<uint8_t>(rest + prime_ <= 255 ? rest + prime_ : rest);
    }
    return products;
  }

  std::vector<uint8_t> Outputs(const std::vector<uint8_t>& products) const {
    std::vector<uint8_t> out(size_t{16} * kChannels);
    WinogradOutput(
        {products.data(), kChannels, 1, kChannels, out.data(), 4, 4, kChannels, prime_});
    return out;
  }

  const uint16_t prime_;
  std::vector<uint8_t> image_;
  std::vector<int8_t> filter_;
};

TEST(Winograd, OneTile) {
  if (!FusedConvSupported()) GTEST_SKIP() << "no AVX-512 VNNI";
  std::mt19937 rng(2);
  for (uint16_t prime : kPrimes) {
    for (int i = 0; i < 400; ++i) {
      WinogradTile(&rng, i % 2 == 0, prime).Expect();
      if (HasFatalFailure()) return;
    }
  }
}

// The bytes that drive each intermediate of the output transform to its end, in either dimension.
TEST(Winograd, OutputTransformAtItsEnds) {
  if (!FusedConvSupported()) GTEST_SKIP() << "no AVX-512 VNNI";
  constexpr int kA[4][6] = {
      {1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}};
  for (uint16_t prime : kPrimes) {
    for (uint32_t target = 0; target < 32; ++target) {
      const int(&row)[6] = kA[target / 8], (&column)[6] = kA[target / 2 % 4];
      std::vector<uint8_t> products(size_t{36} * 64), out(size_t{16} * 64);
      for (uint32_t q = 0; q < 36; ++q) {
        const bool high = (row[q / 6] * column[q % 6] > 0) == (target % 2 == 0);
        std::fill_n(products.begin() + q * 64, 64, static_cast<uint8_t>(high ? 255 : 0));
      }
      WinogradOutput({products.data(), 64, 1, 64, out.data(), 4, 4, 64, prime});
      for (uint32_t pixel = 0; pixel < 16; ++pixel) {
        int64_t sum = 0;
        for (uint32_t q = 0; q < 36; ++q) {
          sum += kA[pixel / 4][q / 6] * kA[pixel % 4][q % 6] * products[q * 64];
        }
        ASSERT_EQ((sum - out[pixel * 64 + 63]) % prime, 0) << prime << " " << target;
      }
    }
  }
}

}  // namespace
}  // namespace penumbra::onednn
