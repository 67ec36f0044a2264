#include "ring/soundness.h"

#include <gtest/gtest.h>

#include <cmath>

namespace penumbra {
namespace {

TEST(Soundness, IsTheLogarithmOfTheSmallestPrime) {
  for (uint32_t primes = 1; primes <= kMaxPrimes; ++primes) {
    for (uint32_t k = 0; k <= kMaxProjections; ++k) {
      const double bits = k * std::log2(static_cast<double>(kPrimes[primes - 1]));
      EXPECT_EQ(SoundnessBits(kPrimes[primes - 1], k), static_cast<uint32_t>(bits)) << primes << " primes, " << k;
    }
  }
}

TEST(Soundness, SixProjectionsReachFortyBitsAndFiveDoNot) {
  EXPECT_EQ(SoundnessBits(239, 6), 47u);
  EXPECT_EQ(SoundnessBits(239, 5), 39u);
  EXPECT_EQ(ProjectionsFor(239, 40), 6u);
  EXPECT_EQ(ProjectionsFor(227, 40), 6u);
  EXPECT_EQ(ProjectionsFor(251, 7), 1u);
  EXPECT_EQ(ProjectionsFor(251, 8), 2u);
}

TEST(Soundness, TwoProjectionsOverThePapersPrimeReachFortyBits) {
  EXPECT_EQ(SoundnessBits(kFieldPrime, 1), 23u);
  EXPECT_EQ(SoundnessBits(kFieldPrime, 2), 46u);
  EXPECT_EQ(ProjectionsFor(kFieldPrime, 40), 2u);
  for (uint32_t k = 0; k <= kMaxProjections; ++k) {
    EXPECT_EQ(SoundnessBits(kFieldPrime, k), static_cast<uint32_t>(k * std::log2(double{kFieldPrime})));
  }
}

TEST(Soundness, WhatCannotBeMetIsZero) {
  EXPECT_EQ(ProjectionsFor(239, SoundnessBits(239, kMaxProjections)), kMaxProjections);
  EXPECT_EQ(ProjectionsFor(239, SoundnessBits(239, kMaxProjections) + 1), 0u);
  EXPECT_EQ(ProjectionsFor(239, ~0u), 0u);
}

}  // namespace
}  // namespace penumbra
