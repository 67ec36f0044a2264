#include "ring/residue.h"

#include <gtest/gtest.h>

#include <random>

namespace penumbra {
namespace {

int64_t RoundTrip(int64_t value, const CrtConstants& crt, int64_t window_begin) {
  uint8_t residues[kMaxPrimes];
  EncodeResidues(value, crt.prime_count, residues);
  return DecodeResidues(residues, crt, window_begin);
}

TEST(Residue, EveryValueOfTheSmallRings) {
  for (const uint32_t s : {1u, 2u}) {
    const CrtConstants crt = MakeCrtConstants(s);
    const auto m = static_cast<int64_t>(crt.modulus);
    for (const int64_t begin : {int64_t{0}, -m / 2, -m + 1, m * 3 + 7, -m * 5 - 1}) {
      for (int64_t value = begin; value < begin + m; ++value) {
        ASSERT_EQ(RoundTrip(value, crt, begin), value);
      }
    }
  }
}

TEST(Residue, WindowEdgesOfEveryRing) {
  std::mt19937_64 random(1);
  for (uint32_t s = 1; s <= kMaxPrimes; ++s) {
    const CrtConstants crt = MakeCrtConstants(s);
    const auto m = static_cast<int64_t>(crt.modulus);
    for (int i = 0; i < 20000; ++i) {
      const int64_t begin = static_cast<int64_t>(random()) >> (2 + random() % 60);
      const auto inside = static_cast<int64_t>(random() % crt.modulus);
      for (const int64_t off : {int64_t{0}, int64_t{1}, inside, m - 2, m - 1}) {
        ASSERT_EQ(RoundTrip(begin + off, crt, begin), begin + off);
      }
      // One step outside wraps to the other edge: the window is exactly M long.
      ASSERT_EQ(RoundTrip(begin + m, crt, begin), begin);
      ASSERT_EQ(RoundTrip(begin - 1, crt, begin), begin + m - 1);
    }
  }
}

TEST(Residue, AnyRepresentativeDecodesAlike) {
  const CrtConstants crt = MakeCrtConstants(3);
  for (int64_t value = -2000; value < 2000; ++value) {
    uint8_t residues[kMaxPrimes];
    EncodeResidues(value, 3, residues);
    for (uint32_t k = 0; k < 3; ++k) {
      if (residues[k] + kPrimes[k] <= 255) {
        residues[k] = static_cast<uint8_t>(residues[k] + kPrimes[k]);
      }
    }
    EXPECT_EQ(DecodeResidues(residues, crt, -5000), value);
  }
}

// Sums of products taken residue by residue decode to the sum itself: the reason for the ring.
TEST(Residue, LinearCombinationsCommuteWithDecoding) {
  std::mt19937_64 random(2);
  for (uint32_t s = 3; s <= kMaxPrimes; ++s) {
    const CrtConstants crt = MakeCrtConstants(s);
    for (int trial = 0; trial < 2000; ++trial) {
      int64_t sum = 0;
      int32_t sums[kMaxPrimes] = {};
      for (int j = 0; j < 50; ++j) {
        const auto x = static_cast<int64_t>(random() % 501) - 100;
        const auto w = static_cast<int64_t>(random() % 401) - 200;
        sum += x * w;
        uint8_t xr[kMaxPrimes];
        int8_t wr[kMaxPrimes];
        EncodeResidues(x, s, xr);
        EncodeCentredResidues(w, s, wr);
        for (uint32_t k = 0; k < s; ++k) sums[k] += xr[k] * wr[k];
      }
      uint8_t reply[kMaxPrimes];
      for (uint32_t k = 0; k < s; ++k) {
        reply[k] = static_cast<uint8_t>(Residue(sums[k], kPrimes[k]));
      }
      ASSERT_EQ(DecodeResidues(reply, crt, -static_cast<int64_t>(crt.modulus / 2)), sum);
    }
  }
}

}  // namespace
}  // namespace penumbra
