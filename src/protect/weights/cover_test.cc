#include "protect/weights/cover.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "kernels/cover_golden_test_support.h"

namespace penumbra::protect {
namespace {

CoverMatrix Product(const CoverMatrix& a, const CoverMatrix& b, uint32_t p) {
  CoverMatrix product;
  for (uint32_t r = 0; r < kCoverSize; ++r) {
    for (uint32_t c = 0; c < kCoverSize; ++c) {
      uint64_t sum = 0;
      for (uint32_t t = 0; t < kCoverSize; ++t) sum += uint64_t{a.At(r, t)} * b.At(t, c) % p;
      product.At(r, c) = static_cast<uint32_t>(sum % p);
    }
  }
  return product;
}

CoverMatrix Identity(uint32_t size) {
  CoverMatrix identity;
  for (uint32_t i = 0; i < size; ++i) identity.At(i, i) = 1;
  return identity;
}

TEST(Cover, InversesOfThePythonOracle) {
  for (const cover_golden::Inverse& wanted : cover_golden::kInverses) {
    CoverMatrix matrix;
    std::ranges::copy(wanted.matrix, matrix.entry.begin());
    const auto inverse = InverseModulo(matrix, wanted.size, wanted.prime);
    ASSERT_EQ(inverse.has_value(), wanted.invertible) << wanted.prime;
    if (!wanted.invertible) continue;
    EXPECT_TRUE(std::ranges::equal(inverse->entry, wanted.inverse)) << wanted.prime;
  }
}

TEST(Cover, MatricesTimesInversesAreIdentities) {
  SecretStream stream(DeriveSecretKey({}, 3), 0);
  for (const uint32_t p : {uint32_t{kPrimes[0]}, uint32_t{kPrimes[5]}, kFieldPrime}) {
    for (uint32_t round = 0; round < 200; ++round) {
      const uint32_t size = 1 + round % kCoverSize;
      const CoverPair pair = DrawCover(&stream, size, p);
      EXPECT_EQ(Product(pair.matrix, pair.inverse, p).entry, Identity(size).entry);
      EXPECT_EQ(Product(pair.inverse, pair.matrix, p).entry, Identity(size).entry);
    }
  }
}

// Modulo 3 there are 48 invertible matrices of two rows: all are drawn, equally often.
TEST(Cover, InvertibleMatricesAreUniform) {
  SecretStream stream(DeriveSecretKey({}, 8), 0);
  std::map<std::array<uint32_t, kCoverSize * kCoverSize>, double> counts;
  constexpr double kDraws = 48 * 200;
  for (int i = 0; i < kDraws; ++i) ++counts[DrawCover(&stream, 2, 3).matrix.entry];
  ASSERT_EQ(counts.size(), 48u);
  double chi = 0;
  for (const auto& [matrix, count] : counts) chi += (count - 200) * (count - 200) / 200;
  EXPECT_LT(chi, 47 + 6 * 9.7);  // mean 47, deviation sqrt(94)
}

// Four directions, four filters along each: every cover gets one of each.
TEST(Cover, LikeFiltersArePutApart) {
  constexpr uint32_t kLength = 600;
  std::vector<int32_t> q;
  for (int32_t i = 0; i < 16; ++i) {
    for (uint32_t j = 0; j < kLength; ++j) {
      q.push_back(j % 4 == static_cast<uint32_t>(i % 4) ? 1000 + i : (i + 3) % 5);
    }
  }
  for (uint64_t key = 0; key < 20; ++key) {
    SecretStream stream(DeriveSecretKey({}, key), 0);
    const std::vector<uint16_t> order = DissimilarOrder(q, kLength, 0, 16, &stream);
    for (size_t begin = 0; begin < order.size(); begin += kCoverSize) {
      uint32_t directions = 0;
      for (size_t t = 0; t < kCoverSize; ++t) directions |= 1u << (order[begin + t] % 4);
      EXPECT_EQ(directions, 15u);
    }
  }
}

TEST(Cover, OrdersArePermutationsOfTheirRange) {
  std::mt19937 rng(4);
  std::vector<int32_t> q(20 * 7);
  for (int32_t& w : q) w = static_cast<int32_t>(rng() % 200) - 100;
  std::fill_n(q.begin() + 7 * 6, 14, 0);  // two filters of zeros
  SecretStream stream(DeriveSecretKey({}, 1), 0);
  for (const auto& [begin, end] : {std::pair{0u, 20u}, {5u, 12u}, {19u, 20u}}) {
    std::vector<uint16_t> order = DissimilarOrder(q, 7, begin, end, &stream);
    std::ranges::sort(order);
    ASSERT_EQ(order.size(), end - begin);
    for (uint32_t i = 0; i < order.size(); ++i) EXPECT_EQ(order[i], begin + i);
  }
}

}  // namespace
}  // namespace penumbra::protect
