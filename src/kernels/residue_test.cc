#include "ring/residue.h"

#include "boundary/limits.h"

#include <gtest/gtest.h>

#include "kernels/test_support.h"

namespace penumbra {
namespace {

TEST(ReduceMod, ExactOverTheWholeRange) {
  TestRandom random(1);
  std::vector<int32_t> sums = {INT32_MIN, INT32_MIN + 1, INT32_MAX, INT32_MAX - 1, 0, 1, -1};
  for (const uint16_t p : kPrimes) {
    for (const int64_t quotient : {-8000000, -65536, -1, 0, 1, 257, 65535, 8000000}) {
      for (int64_t off = -2; off <= 2; ++off) {
        sums.push_back(static_cast<int32_t>(quotient * p + off));
      }
    }
  }
  for (int64_t base = INT32_MIN; base < INT32_MAX - 65536; base += 65536 * 13) {
    for (int64_t off = -3; off <= 3; ++off) {
      if (base + off >= INT32_MIN) sums.push_back(static_cast<int32_t>(base + off));
    }
  }
  for (int i = 0; i < 200000; ++i) sums.push_back(static_cast<int32_t>(random.Bits()));
  for (const Isa isa : SupportedIsas()) {
    for (const uint16_t p : kPrimes) {
      std::vector<uint8_t> out(sums.size());
      Kernels(isa).reduce_mod(sums.data(), sums.size(), p, out.data());
      for (size_t i = 0; i < sums.size(); ++i) {
        ASSERT_EQ(out[i], Residue(sums[i], p)) << IsaName(isa) << " " << sums[i] << " " << p;
      }
    }
  }
}

TEST(ReduceMod, EveryPairOfHalves) {
  // All 2^16 high halves, with low halves that reach the fold's largest value.
  std::vector<int32_t> sums;
  for (uint32_t high = 0; high < 65536; ++high) {
    for (const uint32_t low : {0u, 1u, 32768u, 65535u}) {
      sums.push_back(static_cast<int32_t>(high << 16 | low));
    }
  }
  for (const Isa isa : SupportedIsas()) {
    for (const uint16_t p : kPrimes) {
      std::vector<uint8_t> out(sums.size());
      Kernels(isa).reduce_mod(sums.data(), sums.size(), p, out.data());
      for (size_t i = 0; i < sums.size(); ++i) ASSERT_EQ(out[i], Residue(sums[i], p));
    }
  }
}

TEST(Mask, EveryLevelOfSixteenBits) {
  std::vector<int16_t> narrow(65536);
  std::vector<int32_t> wide(65536);
  for (int32_t i = 0; i < 65536; ++i) {
    narrow[static_cast<size_t>(i)] = static_cast<int16_t>(i - 32768);
    wide[static_cast<size_t>(i)] = (i - 32768) * 65521;
  }
  const size_t count = narrow.size();
  std::vector<uint8_t> pads(kMaxPrimes * count);
  TestRandom random(2);
  for (uint32_t k = 0; k < kMaxPrimes; ++k) {
    for (size_t i = 0; i < count; ++i) {
      pads[k * count + i] = static_cast<uint8_t>(random.Between(0, kPrimes[k] - 1));
    }
  }
  for (const Isa isa : SupportedIsas()) {
    for (const bool padded : {true, false}) {
      std::vector<uint8_t> out_narrow(kMaxPrimes * count);
      std::vector<uint8_t> out_wide(kMaxPrimes * count);
      const size_t gap = count + 3;  // from plane to plane of what is sent
      std::vector<uint8_t> sent_narrow(kMaxPrimes * gap), sent_wide(kMaxPrimes * gap);
      const uint8_t* pad = padded ? pads.data() : nullptr;
      Kernels(isa).mask_s16({narrow.data(), pad, count, out_narrow.data(), count, 6, count, sent_narrow.data(), gap});
      Kernels(isa).mask_s32({wide.data(), pad, count, out_wide.data(), count, 6, count, sent_wide.data(), gap});
      for (size_t i = 0; i < kMaxPrimes * count; ++i) {
        const uint16_t p = kPrimes[i / count];
        const uint32_t add = padded ? pads[i] : 0;
        ASSERT_EQ(out_narrow[i], (Residue(narrow[i % count], p) + add) % p) << IsaName(isa);
        ASSERT_EQ(out_wide[i], (Residue(wide[i % count], p) + add) % p) << IsaName(isa);
        const size_t at = i / count * gap + i % count;
        ASSERT_EQ(sent_narrow[at], out_narrow[i]) << IsaName(isa);
        ASSERT_EQ(sent_wide[at], out_wide[i]) << IsaName(isa);
      }
    }
  }
}

TEST(Permute, EveryIsaMovesEveryChannel) {
  TestRandom random(12);
  for (const uint32_t channels : {1u, 3u, 31u, 32u, 33u, 64u, 65u, 200u, 1000u, 1024u, 1100u}) {
    const uint32_t pixels = 5;
    std::vector<uint16_t> perm(channels);
    for (uint32_t c = 0; c < channels; ++c) perm[c] = static_cast<uint16_t>(c * 7919u % channels);
    std::swap(perm.front(), perm.back());
    const auto in = random.Integers<int16_t>(size_t{pixels} * channels, -32768, 32767);
    for (const Isa isa : SupportedIsas()) {
      std::vector<int16_t> out(in.size() + 1, 77);
      Kernels(isa).permute_s16({in.data(), perm.data(), channels, pixels, out.data()});
      for (size_t at = 0; at < in.size(); ++at) {
        ASSERT_EQ(out[at], in[at / channels * channels + perm[at % channels]]) << IsaName(isa) << " " << channels;
      }
      ASSERT_EQ(out.back(), 77);
    }
  }
}

// The formula of pad_stream.h, word for word.
std::vector<uint8_t> NaivePads(std::vector<uint8_t> row, const std::vector<uint8_t>& spare,
                               uint16_t prime) {
  size_t next = 0;
  for (uint8_t& r : row) {
    while (r >= prime) r = spare.at(next++);
  }
  return row;
}

TEST(PadFill, FollowsTheFormulaHoweverTheSpareIsCut) {
  TestRandom random(3);
  for (const size_t count : {size_t{1}, size_t{63}, size_t{64}, size_t{1000}, size_t{4097}}) {
    for (const uint16_t prime : {uint16_t{251}, uint16_t{211}}) {
      const auto row = random.Integers<uint8_t>(count, 0, 255);
      const auto spare = random.Integers<uint8_t>(SpareSize(count, prime), 0, 255);
      const auto expected = NaivePads(row, spare, prime);
      for (const Isa isa : SupportedIsas()) {
        for (const size_t piece : {spare.size(), size_t{7}, size_t{1}}) {
          auto pads = row;
          PadFill fill = {pads.data(), count, prime, spare.data(), piece, 0, 0};
          while (!Kernels(isa).pad_fill(&fill)) {
            ASSERT_EQ(fill.spare_used, piece);
            fill.spare += piece;
            ASSERT_LE(fill.spare + piece, spare.data() + spare.size());
          }
          ASSERT_EQ(pads, expected) << IsaName(isa) << " " << count << " " << piece;
        }
      }
    }
  }
}

TEST(PadFill, ResiduesAreUniform) {
  TestRandom random(4);
  constexpr size_t kCount = 500000;
  for (const uint16_t prime : {uint16_t{251}, uint16_t{223}}) {
    auto pads = random.Integers<uint8_t>(kCount, 0, 255);
    const auto spare = random.Integers<uint8_t>(SpareSize(kCount, prime), 0, 255);
    PadFill fill = {pads.data(), kCount, prime, spare.data(), spare.size(), 0, 0};
    ASSERT_TRUE(Kernels(DetectIsa()).pad_fill(&fill));
    std::vector<double> seen(256);
    for (const uint8_t r : pads) ++seen[r];
    const double mean = static_cast<double>(kCount) / prime;
    double chi_square = 0.0;
    for (uint32_t r = 0; r < 256; ++r) {
      if (r >= prime) {
        EXPECT_EQ(seen[r], 0.0);
      } else {
        chi_square += (seen[r] - mean) * (seen[r] - mean) / mean;
      }
    }
    // prime - 1 degrees of freedom; six deviations of sqrt(2 * prime).
    EXPECT_LT(chi_square, prime + 6.0 * std::sqrt(2.0 * prime));
    EXPECT_GT(chi_square, prime - 6.0 * std::sqrt(2.0 * prime));
  }
}

// The formula of unmix.h, word for word; nothing outside [pixels][m] is touched.
TEST(Unmix, FollowsTheFormula) {
  TestRandom random(5);
  const uint32_t sizes[][2] = {{1, 1}, {31, 40}, {32, 128}, {33, 129}, {64, 77}, {100, 300}, {70, 2458}, {40, 5000}};
  constexpr uint32_t kPixels = 7;
  for (const auto& [m, wide] : sizes) {
    for (const uint16_t prime : kPrimes) {
      auto in = random.Integers<uint8_t>(size_t{kPixels} * wide, 0, prime - 1);
      const auto a = random.Integers<uint16_t>(m, 0, wide - 1);
      auto b = random.Integers<uint16_t>(m, 0, wide - 1);
      auto lambda = random.Integers<uint8_t>(m, 1, prime - 1);
      // The largest differences and products, of both signs, in the last channel.
      b[m / 2] = kNoPartner;
      in[a[m - 1]] = static_cast<uint8_t>(prime - 1);
      in[b[m - 1] == kNoPartner ? a[m - 1] : wide + b[m - 1]] = static_cast<uint8_t>(prime - 1);
      lambda[m - 1] = static_cast<uint8_t>(prime / 2);
      for (const Isa isa : SupportedIsas()) {
        std::vector<uint8_t> out(size_t{kPixels} * m + 64, 255);
        Kernels(isa).unmix({in.data(), out.data(), kPixels, m, wide, a.data(), b.data(), lambda.data(), prime});
        for (size_t at = 0; at < size_t{kPixels} * m; ++at) {
          const uint8_t* row = in.data() + at / m * wide;
          const uint16_t partner = b[at % m];
          const int64_t difference = row[a[at % m]] - (partner == kNoPartner ? 0 : row[partner]);
          ASSERT_EQ(out[at], Residue(difference * lambda[at % m], prime))
              << IsaName(isa) << " m " << m << " of " << wide << " channel " << at % m;
        }
        for (size_t at = size_t{kPixels} * m; at < out.size(); ++at) ASSERT_EQ(out[at], 255);
      }
    }
  }
}

}  // namespace
}  // namespace penumbra
