#include "ring/modulus.h"

#include <gtest/gtest.h>

namespace penumbra {
namespace {

TEST(Modulus, InverseOfEveryUnitOfEveryPrime) {
  for (const uint16_t p : kPrimes) {
    for (int64_t x = 1; x < p; ++x) {
      EXPECT_EQ(x * ModularInverse(x, p) % p, 1);
      EXPECT_EQ(ModularInverse(x - p, p), ModularInverse(x, p));
    }
    EXPECT_EQ(ModularInverse(0, p), 0u);
  }
}

TEST(Modulus, PrimesArePrime) {
  for (const uint16_t p : kPrimes) {
    for (uint16_t d = 2; d < p; ++d) EXPECT_NE(p % d, 0);
  }
}

TEST(Modulus, CentredResidueIsCongruentAndSmall) {
  for (const uint16_t p : kPrimes) {
    for (int64_t x = -1000; x <= 1000; ++x) {
      const int32_t c = CentredResidue(x, p);
      EXPECT_EQ((x - c) % p, 0);
      EXPECT_LE(c < 0 ? -c : c, (p - 1) / 2);
      EXPECT_LT(Residue(x, p), p);
    }
    EXPECT_LT(Residue(INT64_MIN, p), p);
    EXPECT_LT(Residue(INT64_MAX, p), p);
  }
}

}  // namespace
}  // namespace penumbra
