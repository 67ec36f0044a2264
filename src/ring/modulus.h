// The ring: integers modulo M, the product of the first s of kPrimes, and its CRT constants.
// Everything is constexpr or branch-light integer arithmetic; no state, safe from any thread.
// Source: residue number systems, Garner/CRT; primes fixed in boundary/geometry.h.
#ifndef PENUMBRA_RING_MODULUS_H_
#define PENUMBRA_RING_MODULUS_H_

#include <cstdint>

#include "boundary/geometry.h"

namespace penumbra {

// M = kPrimes[0] * .. * kPrimes[prime_count - 1]. prime_count in [0, kMaxPrimes]; M < 2^48.
constexpr uint64_t Modulus(uint32_t prime_count) {
  uint64_t m = 1;
  for (uint32_t k = 0; k < prime_count && k < kMaxPrimes; ++k) m *= kPrimes[k];
  return m;
}

// Canonical residue in [0, p) of any integer, p > 0.
constexpr uint32_t Residue(int64_t value, uint32_t p) {
  const int64_t r = value % static_cast<int64_t>(p);
  return static_cast<uint32_t>(r < 0 ? r + p : r);
}

// Centred residue in [-(p-1)/2, (p-1)/2] of any integer, p odd, p < 2^31. Fits s8 for every ring prime.
constexpr int32_t CentredResidue(int64_t value, uint32_t p) {
  const auto r = static_cast<int32_t>(Residue(value, p));
  return r > static_cast<int32_t>((p - 1) / 2) ? r - static_cast<int32_t>(p) : r;
}

// value^-1 mod p for a prime p < 2^32 by Fermat; 0 when value is a multiple of p. The sequence of
// operations depends on p only, never on value.
constexpr uint32_t ModularInverse(int64_t value, uint32_t p) {
  uint64_t result = 1;
  uint64_t base = Residue(value, p);
  for (uint32_t e = p - 2; e != 0; e >>= 1) {
    if (e & 1) result = result * base % p;
    base = base * base % p;
  }
  return static_cast<uint32_t>(result);
}

// Constants of the Chinese remainder theorem for one prime count:
//   x = sum_k ((x mod p_k) * cofactor_inverse[k] mod p_k) * cofactor[k]   (mod modulus)
struct CrtConstants {
  uint32_t prime_count;
  uint64_t modulus;                      // M
  uint64_t cofactor[kMaxPrimes];         // M / p_k; 0 beyond prime_count
  uint32_t cofactor_inverse[kMaxPrimes]; // (M / p_k)^-1 mod p_k; 0 beyond prime_count
};

// prime_count in [1, kMaxPrimes].
constexpr CrtConstants MakeCrtConstants(uint32_t prime_count) {
  CrtConstants c{};
  c.prime_count = prime_count;
  c.modulus = Modulus(prime_count);
  for (uint32_t k = 0; k < prime_count && k < kMaxPrimes; ++k) {
    c.cofactor[k] = c.modulus / kPrimes[k];
    c.cofactor_inverse[k] =
        ModularInverse(static_cast<int64_t>(c.cofactor[k] % kPrimes[k]), kPrimes[k]);
  }
  return c;
}

}  // namespace penumbra

#endif  // PENUMBRA_RING_MODULUS_H_
