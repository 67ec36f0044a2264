#include "protect/audit/recover_filters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <set>

#include "protect/weights/published_weights.h"

namespace penumbra::protect {
namespace {

struct Secret {
  ConvGeometry geometry;
  std::vector<int32_t> q;
  uint32_t prime_count;
};

ConvGeometry Geometry(uint32_t in_c, uint32_t out_c, uint32_t kernel, uint32_t groups) {
  return {8, 8, in_c, 8, 8, out_c, kernel, kernel, 1, 1, 1, 1, kernel / 2, kernel / 2, kernel / 2, kernel / 2, groups};
}

// Normal weights of which the largest of a filter is about four deviations, as quantisation leaves them.
Secret RandomSecret(const ConvGeometry& geometry, uint32_t prime_count, double deviation) {
  std::mt19937_64 rng(1);
  std::normal_distribution<double> normal(0, deviation);
  Secret secret{geometry, std::vector<int32_t>(geometry.out_c * FilterLength(geometry)), prime_count};
  for (int32_t& q : secret.q) q = static_cast<int32_t>(std::lround(normal(rng)));
  return secret;
}

// Sign and common factor taken away, so that equal filters compare equal.
std::vector<int32_t> Primitive(std::vector<int32_t> weights) {
  int32_t divisor = 0;
  for (const int32_t w : weights) divisor = std::gcd(divisor, w);
  const auto first = std::ranges::find_if(weights, [](int32_t w) { return w != 0; });
  if (first == weights.end()) return weights;
  if (*first < 0) divisor = -divisor;
  for (int32_t& w : weights) w /= divisor;
  return weights;
}

std::multiset<std::vector<int32_t>> SecretFilters(const Secret& secret) {
  std::multiset<std::vector<int32_t>> filters;
  const auto n = static_cast<ptrdiff_t>(FilterLength(secret.geometry));
  for (auto at = secret.q.begin(); at != secret.q.end(); at += n) filters.insert(Primitive({at, at + n}));
  return filters;
}

std::multiset<std::vector<int32_t>> Recovered(const Secret& secret, double ratio) {
  const IntegerLayer layer{secret.geometry, secret.q, secret.prime_count};
  const auto published = MakeShadowNetWeights(layer, ratio, DeriveSecretKey({}, 1));
  std::vector<int8_t> rows;
  for (uint32_t k = 0; k < secret.prime_count; ++k) {
    const std::vector<int8_t> plane = published->Rows(k);
    rows.insert(rows.end(), plane.begin(), plane.end());
  }
  std::multiset<std::vector<int32_t>> filters;
  RecoverFilters({published->geometry(), secret.prime_count, rows},
                 [&](const RecoveredFilter& filter) { filters.insert(Primitive(filter.weights)); });
  return filters;
}

TEST(RecoverFilters, EveryFilterOfALayerOf64x576) {
  const Secret secret = RandomSecret(Geometry(64, 64, 3, 1), 3, 30);
  EXPECT_TRUE(Recovered(secret, 1.2) == SecretFilters(secret));
  EXPECT_TRUE(Recovered(secret, 2.0) == SecretFilters(secret));
}

TEST(RecoverFilters, LargeWeightsOfShortFilters) {
  const Secret first = RandomSecret(Geometry(3, 32, 3, 1), 3, 1000);
  EXPECT_TRUE(Recovered(first, 1.2) == SecretFilters(first));
  const Secret grouped = RandomSecret(Geometry(8, 16, 3, 2), 4, 1000);
  EXPECT_TRUE(Recovered(grouped, 1.5) == SecretFilters(grouped));
}

TEST(RecoverFilters, EveryChannelOfADepthwiseLayer) {
  const Secret secret = RandomSecret(Geometry(32, 32, 3, 32), 3, 1000);
  EXPECT_TRUE(Recovered(secret, 1.2) == SecretFilters(secret));
}

TEST(RecoverFilters, TwoPrimesAreEnough) {
  const Secret secret = RandomSecret(Geometry(64, 16, 1, 1), 2, 10);
  EXPECT_TRUE(Recovered(secret, 1.2) == SecretFilters(secret));
}

// What fills the whole ring hides among random filters: there is nothing small to find.
TEST(RecoverFilters, FindsNothingWhereNothingIsSmall) {
  std::mt19937_64 rng(2);
  Secret secret = RandomSecret(Geometry(64, 64, 1, 1), 3, 1);
  std::uniform_int_distribution<int32_t> uniform(-7000000, 7000000);
  for (int32_t& q : secret.q) q = uniform(rng);
  EXPECT_TRUE(Recovered(secret, 1.2).empty());
}

TEST(RecoverFilters, DoesNotGuessWhereChanceWouldDo) {
  const std::vector<int8_t> rows(size_t{3} * 4 * 8);
  EXPECT_FALSE(CanTellFilters({Geometry(8, 4, 1, 1), 3, rows}));
  EXPECT_FALSE(CanTellFilters({Geometry(64, 4, 1, 1), 1, rows}));
  RecoverFilters({Geometry(8, 4, 1, 1), 3, rows}, [](const RecoveredFilter&) { ADD_FAILURE(); });
}

}  // namespace
}  // namespace penumbra::protect
