#include "ring/soundness.h"

#include <gtest/gtest.h>

#include <cmath>

namespace penumbra {
namespace {

TEST(Soundness, IsTheLogarithmOfTheSmallestPrime) {
  for (uint32_t primes = 1; primes <= kMaxPrimes; ++primes) {
    for (uint32_t k = 0; k <= kMaxProjections; ++k) {
      const double bits = k * std::log2(static_cast<double>(kPrimes[primes - 1]));
      EXPECT_EQ(SoundnessBits(primes, k), static_cast<uint32_t>(bits)) << primes << " primes, " << k;
    }
  }
}

TEST(Soundness, SixProjectionsReachFortyBitsAndFiveDoNot) {
  EXPECT_EQ(SoundnessBits(3, 6), 47u);
  EXPECT_EQ(SoundnessBits(3, 5), 39u);
  EXPECT_EQ(ProjectionsFor(3, 40), 6u);
  EXPECT_EQ(ProjectionsFor(6, 40), 6u);
  EXPECT_EQ(ProjectionsFor(1, 7), 1u);
  EXPECT_EQ(ProjectionsFor(1, 8), 2u);
}

TEST(Soundness, WhatCannotBeMetIsZero) {
  EXPECT_EQ(ProjectionsFor(3, SoundnessBits(3, kMaxProjections)), kMaxProjections);
  EXPECT_EQ(ProjectionsFor(3, SoundnessBits(3, kMaxProjections) + 1), 0u);
  EXPECT_EQ(ProjectionsFor(3, ~0u), 0u);
}

}  // namespace
}  // namespace penumbra
