// How sure a check by secret projections is (R. Freivalds, "Probabilistic machines can use less running time", IFIP 1977;
// docs/integrity.md): a vector that differs from the right one mod p passes one uniform projection mod p with probability
// 1/p, and k independent ones with p^-k.
#ifndef PENUMBRA_RING_SOUNDNESS_H_
#define PENUMBRA_RING_SOUNDNESS_H_

#include <cstdint>

#include "boundary/limits.h"
#include "ring/modulus.h"

namespace penumbra {

// The largest b with prime^projections >= 2^b for the smallest of a layer's primes, the one that errs most: a wrong reply is
// accepted with probability at most 2^-b. prime < 2^24; 0 projections: 0. Products are rounded down to 40 bits, so the
// answer is never too large.
constexpr uint32_t SoundnessBits(uint32_t prime, uint32_t projections) {
  uint64_t mantissa = uint64_t{1} << 39;  // p^j = mantissa * 2^(exponent - 39), mantissa in [2^39, 2^40)
  uint32_t exponent = 0;
  for (uint32_t j = 0; j < projections; ++j) {
    mantissa *= prime;
    for (; mantissa >= uint64_t{1} << 40; mantissa >>= 1) ++exponent;
  }
  return exponent;
}

// The fewest projections per prime that reach `bits`; 0 when kMaxProjections do not.
constexpr uint32_t ProjectionsFor(uint32_t prime, uint32_t bits) {
  for (uint32_t k = 1; k <= kMaxProjections; ++k) {
    if (SoundnessBits(prime, k) >= bits) return k;
  }
  return 0;
}

}  // namespace penumbra

#endif  // PENUMBRA_RING_SOUNDNESS_H_
