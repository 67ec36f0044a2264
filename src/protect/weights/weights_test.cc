// The algebra of every transform: restore(published layer (x)) == x through the secret layer,
// exactly, over random shapes.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "boundary/limits.h"
#include "protect/weights/published_weights.h"
#include "ring/modulus.h"
#include "ring/residue.h"

namespace penumbra::protect {
namespace {

using Rng = std::mt19937_64;

struct Layer {
  ConvGeometry geometry;
  std::vector<int32_t> q;
  uint32_t prime_count;
};

uint32_t Draw(Rng& rng, uint32_t lo, uint32_t hi) {
  return std::uniform_int_distribution<uint32_t>(lo, hi)(rng);
}

Layer RandomLayer(Rng& rng, bool depthwise) {
  Layer layer{};
  ConvGeometry& g = layer.geometry;
  g.groups = depthwise ? Draw(rng, 2, 9) : Draw(rng, 1, 3);
  g.in_c = depthwise ? g.groups : g.groups * Draw(rng, 1, 4);
  g.out_c = depthwise ? g.groups : g.groups * Draw(rng, 1, 7);
  g.kernel_h = Draw(rng, 1, 3);
  g.kernel_w = Draw(rng, 1, 3);
  g.stride_h = Draw(rng, 1, 2);
  g.stride_w = Draw(rng, 1, 2);
  g.dilation_h = Draw(rng, 1, 2);
  g.dilation_w = 1;
  g.pad_top = Draw(rng, 0, 1);
  g.pad_left = Draw(rng, 0, 1);
  g.out_h = Draw(rng, 1, 3);
  g.out_w = Draw(rng, 1, 3);
  g.in_h = (g.out_h - 1) * g.stride_h + (g.kernel_h - 1) * g.dilation_h + 1;
  g.in_w = (g.out_w - 1) * g.stride_w + (g.kernel_w - 1) * g.dilation_w + 1;
  layer.prime_count = Draw(rng, 1, kMaxPrimes);
  layer.q.resize(g.out_c * FilterLength(g));
  for (int32_t& q : layer.q) q = static_cast<int32_t>(Draw(rng, 0, 80000)) - 40000;
  return layer;
}

// y[pixel][oc] = sum w x mod p by definition; x: [in_h][in_w][in_c], w: OHWI, any integers.
template <typename W>
std::vector<uint32_t> Convolve(const ConvGeometry& g, const std::vector<uint32_t>& x,
                               const std::vector<W>& w, uint32_t p) {
  std::vector<uint32_t> y(size_t{g.out_h} * g.out_w * g.out_c);
  const uint32_t icg = g.in_c / g.groups;
  const uint32_t ocg = g.out_c / g.groups;
  for (size_t o = 0; o < y.size(); ++o) {
    const auto oc = static_cast<uint32_t>(o % g.out_c);
    const auto ox = static_cast<int32_t>(o / g.out_c % g.out_w);
    const auto oy = static_cast<int32_t>(o / g.out_c / g.out_w);
    int64_t sum = 0;
    for (uint32_t j = 0; j < FilterLength(g); ++j) {
      const uint32_t ic = j % icg;
      const auto kx = static_cast<int32_t>(j / icg % g.kernel_w * g.dilation_w);
      const auto ky = static_cast<int32_t>(j / icg / g.kernel_w * g.dilation_h);
      const int32_t ix =
          ox * static_cast<int32_t>(g.stride_w) + kx - static_cast<int32_t>(g.pad_left);
      const int32_t iy =
          oy * static_cast<int32_t>(g.stride_h) + ky - static_cast<int32_t>(g.pad_top);
      if (ix < 0 || iy < 0 || ix >= static_cast<int32_t>(g.in_w) ||
          iy >= static_cast<int32_t>(g.in_h)) {
        continue;
      }
      const size_t at = (static_cast<size_t>(iy) * g.in_w + static_cast<size_t>(ix)) * g.in_c +
                        oc / ocg * icg + ic;
      sum += static_cast<int64_t>(w[oc * FilterLength(g) + j]) * int64_t{x[at]} % int64_t{p};
    }
    y[o] = Residue(sum, p);
  }
  return y;
}

// Published rows of one prime, whatever they are made of.
std::vector<int32_t> RowsOf(const PublishedWeights& published, uint32_t prime_index, bool is_field) {
  if (is_field) return published.FieldRows();
  const std::vector<int8_t> rows = published.Rows(prime_index);
  return {rows.begin(), rows.end()};
}

// One channel of one pixel of the reply, restored by the written formula.
int64_t Restored(const PublishedWeights& published, uint32_t k, size_t channel, const uint32_t* pixel,
                 uint32_t p) {
  const RestoreTables& t = published.tables();
  const size_t at = size_t{k} * published.geometry().out_c + channel;
  const size_t m = t.a.size();
  if (!t.covered()) {
    const int64_t b = t.b[channel] == kNoPartner ? 0 : pixel[t.b[channel]];
    return t.lambda[k * m + channel] * (int64_t{pixel[t.a[channel]]} - b) % p;
  }
  const uint32_t group_rows = OutChannelsPerGroup(published.geometry());
  const uint32_t begin = CoverBegin(t.a[channel], group_rows);
  int64_t sum = 0;
  for (uint32_t r = 0; r < CoverRows(begin, group_rows); ++r) {
    sum += int64_t{t.lambda[at * kCoverSize + r]} * pixel[begin + r] % p;
  }
  return sum % p;
}

void ExpectRestores(const Layer& layer, const PublishedWeights& published, Rng& rng,
                    bool is_field = false) {
  const ConvGeometry& g = layer.geometry;
  const CrtConstants crt = MakeCrtConstants(layer.prime_count);
  for (uint32_t k = 0; k < (is_field ? 1 : layer.prime_count); ++k) {
    const uint32_t p = is_field ? kFieldPrime : kPrimes[k];
    std::vector<uint32_t> x(size_t{g.in_h} * g.in_w * g.in_c);
    for (uint32_t& v : x) v = Draw(rng, 0, p - 1);
    std::vector<uint32_t> sent = x;
    if (!published.input_perm().empty()) {
      for (size_t i = 0; i < x.size(); ++i) {
        sent[i] = x[i / g.in_c * g.in_c + published.input_perm()[i % g.in_c]];
      }
    }
    const std::vector<int32_t> rows = RowsOf(published, k, is_field);
    ASSERT_EQ(rows.size(), published.geometry().out_c * FilterLength(g));
    for (const int32_t w : rows) ASSERT_LE(std::abs(w), static_cast<int>(p - 1) / 2);
    const std::vector<uint32_t> reply = Convolve(published.geometry(), sent, rows, p);
    const std::vector<uint32_t> truth = Convolve(g, x, layer.q, p);
    for (size_t o = 0; o < truth.size(); ++o) {
      const uint32_t* pixel = reply.data() + o / g.out_c * published.geometry().out_c;
      const int64_t v = Restored(published, k, o % g.out_c, pixel, p);
      // Over the ring lambda holds the CRT factor (M / p)^-1 as well.
      const auto factor = is_field ? 1 : static_cast<int64_t>(crt.cofactor[k] % p);
      ASSERT_EQ(Residue(v * factor, p), truth[o]);
    }
  }
}

TEST(Weights, RestoreUndoesEveryTransform) {
  Rng rng(7);
  for (uint64_t round = 0; round < 300; ++round) {
    const Layer layer = RandomLayer(rng, round % 3 == 0);
    const IntegerLayer view{layer.geometry, layer.q, layer.prime_count};
    ExpectRestores(layer, *MakePlainWeights(view), rng);
    const double ratio = 1 + Draw(rng, 0, 20) / 10.0;
    ExpectRestores(layer, *MakeShadowNetWeights(view, ratio, DeriveSecretKey({}, round)), rng);
    ExpectRestores(layer, *MakeGroupCoverWeights(view, DeriveSecretKey({}, round)), rng);
    const IntegerLayer field{layer.geometry, layer.q, 1, true};
    ExpectRestores(layer, *MakePlainWeights(field), rng, true);
    ExpectRestores(layer, *MakeShadowNetWeights(field, ratio, DeriveSecretKey({}, round)), rng, true);
    ExpectRestores(layer, *MakeGroupCoverWeights(field, DeriveSecretKey({}, round)), rng, true);
    if (HasFatalFailure()) return;
  }
}

TEST(ShadowNet, FilterCountOfThePaper) {
  EXPECT_EQ(ShadowNetFilterCount(64, 1.2), 76u);
  EXPECT_EQ(ShadowNetFilterCount(64, 1.0), 65u);
  EXPECT_EQ(ShadowNetFilterCount(1, 1.2), 2u);
  EXPECT_EQ(ShadowNetFilterCount(10, 2.0), 20u);
}

TEST(ShadowNet, DepthMultipliersGetRandomFiltersPerGroup) {
  Rng rng(3);
  Layer layer = RandomLayer(rng, true);
  layer.geometry.out_c *= 2;
  layer.q.resize(layer.geometry.out_c * FilterLength(layer.geometry), 5);
  const auto published =
      MakeShadowNetWeights({layer.geometry, layer.q, layer.prime_count}, 1.2, SecretKey{});
  EXPECT_EQ(published->geometry().out_c, layer.geometry.groups * 3);
  ExpectRestores(layer, *published, rng);
}

TEST(ShadowNet, KeysDecideEverythingAndRowsAreStable) {
  Rng rng(5);
  const Layer layer = RandomLayer(rng, false);
  const IntegerLayer view{layer.geometry, layer.q, layer.prime_count};
  const auto one = MakeShadowNetWeights(view, 1.5, DeriveSecretKey({}, 1));
  const auto same = MakeShadowNetWeights(view, 1.5, DeriveSecretKey({}, 1));
  const auto other = MakeShadowNetWeights(view, 1.5, DeriveSecretKey({}, 2));
  EXPECT_EQ(one->Rows(0), one->Rows(0));
  EXPECT_EQ(one->Rows(0), same->Rows(0));
  EXPECT_NE(one->Rows(0), other->Rows(0));
  EXPECT_EQ(one->tables().lambda, same->tables().lambda);
}

// The same in the papers' field, in 64 bins.
TEST(ShadowNet, FieldRowsOfAZeroLayerAreUniform) {
  ConvGeometry g{1, 1, 4096, 1, 1, 16, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1};
  const std::vector<int32_t> q(size_t{16} * 4096, 0);
  const auto published = MakeShadowNetWeights({g, q, 1, true}, 2.0, DeriveSecretKey({}, 9));
  const RestoreTables& t = published->tables();
  const std::set<uint16_t> hidden(t.a.begin(), t.a.end());
  const std::vector<int32_t> rows = published->FieldRows();
  std::vector<double> counts(64);
  double total = 0;
  for (uint16_t row = 0; row < 32; ++row) {
    if (hidden.contains(row)) continue;
    for (size_t j = 0; j < 4096; ++j) {
      ++counts[uint64_t{Residue(rows[row * size_t{4096} + j], kFieldPrime)} * 64 / kFieldPrime];
    }
    total += 4096;
  }
  double chi = 0;
  for (const double count : counts) chi += (count - total / 64) * (count - total / 64) / (total / 64);
  EXPECT_LT(chi, 63 + 6 * 11.3);  // mean 63, deviation sqrt(126)
}

// Chi-square over all residues of one prime: an all-zero layer publishes nothing but random
// filters.
TEST(ShadowNet, PublishedRowsOfAZeroLayerAreUniform) {
  ConvGeometry g{1, 1, 4096, 1, 1, 16, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1};
  const std::vector<int32_t> q(size_t{16} * 4096, 0);
  const auto published = MakeShadowNetWeights({g, q, 1}, 2.0, DeriveSecretKey({}, 9));
  const RestoreTables& t = published->tables();
  const std::vector<int8_t> rows = published->Rows(0);
  const std::set<uint16_t> hidden(t.a.begin(), t.a.end());
  std::map<int8_t, double> counts;
  double total = 0;
  for (uint16_t row = 0; row < 32; ++row) {
    if (hidden.contains(row)) continue;
    for (size_t j = 0; j < 4096; ++j) counts[rows[row * size_t{4096} + j]] += 1;
    total += 4096;
  }
  ASSERT_EQ(counts.size(), kPrimes[0]);
  const double expected = total / kPrimes[0];
  double chi = 0;
  for (const auto& [value, count] : counts)
    chi += (count - expected) * (count - expected) / expected;
  EXPECT_LT(chi, 250 + 6 * 22.4);  // mean 250, deviation sqrt(500)
}

Layer LayerOf(const ConvGeometry& g, Rng& rng) {
  Layer layer{g, std::vector<int32_t>(g.out_c * FilterLength(g)), 3};
  for (int32_t& q : layer.q) q = static_cast<int32_t>(Draw(rng, 0, 2000)) - 1000;
  return layer;
}

TEST(GroupCover, PublishesAsManyFiltersAsThereAre) {
  Rng rng(11);
  for (const uint32_t m : {1u, 2u, 3u, 4u, 5u, 7u, 8u, 31u}) {
    for (const uint32_t groups : {1u, 2u}) {
      const uint32_t out_c = m * groups;
      const Layer layer = LayerOf({1, 1, 6 * groups, 1, 1, out_c, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, groups}, rng);
      const auto published = MakeGroupCoverWeights({layer.geometry, layer.q, 3}, DeriveSecretKey({}, m));
      EXPECT_EQ(published->geometry().out_c, out_c);
      EXPECT_TRUE(published->tables().covered());
      ExpectRestores(layer, *published, rng);
      std::vector<uint16_t> rows = published->tables().a;
      std::sort(rows.begin(), rows.end());
      for (uint32_t i = 0; i < out_c; ++i) EXPECT_EQ(rows[i], i);
    }
  }
}

TEST(GroupCover, DepthwiseLayersAreShuffled) {
  Rng rng(12);
  const Layer layer = RandomLayer(rng, true);
  const IntegerLayer view{layer.geometry, layer.q, layer.prime_count};
  const auto published = MakeGroupCoverWeights(view, DeriveSecretKey({}, 2));
  const auto shadownet = MakeShadowNetWeights(view, 1.2, DeriveSecretKey({}, 2));
  EXPECT_FALSE(published->tables().covered());
  EXPECT_EQ(published->Rows(0), shadownet->Rows(0));
}

TEST(GroupCover, KeysDecideEverythingAndRowsAreStable) {
  Rng rng(13);
  const Layer layer = LayerOf({1, 1, 64, 1, 1, 64, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1}, rng);
  const IntegerLayer view{layer.geometry, layer.q, layer.prime_count};
  const auto one = MakeGroupCoverWeights(view, DeriveSecretKey({}, 1));
  const auto same = MakeGroupCoverWeights(view, DeriveSecretKey({}, 1));
  const auto other = MakeGroupCoverWeights(view, DeriveSecretKey({}, 2));
  EXPECT_EQ(one->Rows(0), one->Rows(0));
  EXPECT_EQ(one->Rows(1), same->Rows(1));
  EXPECT_EQ(one->tables().lambda, same->tables().lambda);
  EXPECT_NE(one->Rows(0), other->Rows(0));
  EXPECT_NE(one->tables().a, other->tables().a);
  EXPECT_NE(one->input_perm(), other->input_perm());
}

// Input channels move only where a filter of their group can follow them.
TEST(GroupCover, InputsArePermutedWithinTheirGroup) {
  Rng rng(14);
  const Layer layer = LayerOf({1, 1, 96, 1, 1, 8, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 2}, rng);
  const auto published = MakeGroupCoverWeights({layer.geometry, layer.q, 3}, DeriveSecretKey({}, 1));
  std::vector<uint16_t> perm = published->input_perm();
  ASSERT_EQ(perm.size(), 96u);
  uint32_t moved = 0;
  for (uint32_t c = 0; c < 96; ++c) {
    EXPECT_EQ(perm[c] / 48, c / 48);
    moved += perm[c] != c;
  }
  EXPECT_GT(moved, 60u);
  std::sort(perm.begin(), perm.end());
  for (uint32_t c = 0; c < 96; ++c) EXPECT_EQ(perm[c], c);
}

// Filters of one weight each, times uniform matrices: published weights are uniform residues.
TEST(GroupCover, PublishedWeightsAreUniform) {
  const ConvGeometry g{1, 1, 1, 1, 1, 16384, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1};
  std::vector<int32_t> q(16384);
  for (size_t i = 0; i < q.size(); ++i) q[i] = static_cast<int32_t>(i % 9) - 4;
  const auto published = MakeGroupCoverWeights({g, q, 1}, DeriveSecretKey({}, 5));
  std::map<int8_t, double> counts;
  for (const int8_t w : published->Rows(0)) counts[w] += 1;
  ASSERT_EQ(counts.size(), kPrimes[0]);
  const double expected = static_cast<double>(q.size()) / kPrimes[0];
  double chi = 0;
  for (const auto& [value, count] : counts) chi += (count - expected) * (count - expected) / expected;
  EXPECT_LT(chi, 250 + 6 * 22.4);  // mean 250, deviation sqrt(500)
}

TEST(SecretStream, BelowIsInRangeAndReachesEverything) {
  SecretStream stream(DeriveSecretKey({}, 4), 0);
  for (const uint32_t bound : {1u, 2u, 3u, 17u, 256u, 257u}) {
    std::set<uint32_t> seen;
    for (uint32_t i = 0; i < bound * 40; ++i) seen.insert(stream.Below(bound));
    EXPECT_EQ(seen.size(), bound);
    EXPECT_LT(*seen.rbegin(), bound);
  }
}

TEST(SecretStream, PermutationsArePermutations) {
  SecretStream stream(DeriveSecretKey({}, 4), 1);
  std::set<std::vector<uint16_t>> seen;
  for (int i = 0; i < 200; ++i) {
    std::vector<uint16_t> order = stream.Permutation(4);
    seen.insert(order);
    std::sort(order.begin(), order.end());
    EXPECT_EQ(order, (std::vector<uint16_t>{0, 1, 2, 3}));
  }
  EXPECT_EQ(seen.size(), 24u);
}

TEST(SecretStream, DrawnKeysDiffer) { EXPECT_NE(DrawSecretKey(), DrawSecretKey()); }

}  // namespace
}  // namespace penumbra::protect
