// Reduction of sums, one lane at a time. For files compiled once per instruction set (isa.h).
#ifndef PENUMBRA_KERNELS_REDUCE_LANES_H_
#define PENUMBRA_KERNELS_REDUCE_LANES_H_

#include <cstdint>

#include "kernels/isa.h"

namespace penumbra::PENUMBRA_ISA {

// Reduction of any s32: the value is shifted to [0, 2^32), folded below 2^24 (exact in float32),
// and its quotient estimated by a reciprocal rounded down: the estimate is right or one too small.
struct Reducer {
  uint32_t prime;
  uint32_t fold;    // 2^16 mod p
  uint32_t origin;  // -2^31 mod p
  float reciprocal;
};

PENUMBRA_LANE Reducer MakeReducer(uint16_t prime) {
  const uint32_t p = prime;
  const uint32_t origin = (p - (uint32_t{1} << 31) % p) % p;
  // 1 - 2^-21: more than the rounding of the quotient's three operations, less than 1 / 2^24 * p.
  const float reciprocal = (1.0f - 0x1p-21f) / static_cast<float>(p);
  return {p, (uint32_t{1} << 16) % p, origin, reciprocal};
}

PENUMBRA_LANE uint32_t ReduceLane(int32_t value, const Reducer& r) {
  const uint32_t t = static_cast<uint32_t>(value) ^ 0x80000000u;
  const uint32_t folded = (t & 0xffffu) + (t >> 16) * r.fold + r.origin;
  const auto q = static_cast<int32_t>(static_cast<float>(static_cast<int32_t>(folded)) *
                                      r.reciprocal);
  const uint32_t rest = folded - static_cast<uint32_t>(q) * r.prime;
  const uint32_t less = rest - r.prime;
  return less < rest ? less : rest;  // a negative difference wraps to a large number
}

// The same for s16 in 16-bit lanes: q = floor(t * floor(2^23 / p) / 2^23) is right or one too small.
struct NarrowReducer {
  uint16_t prime;
  uint16_t reciprocal;
  uint16_t origin;  // -2^15 mod p
};

PENUMBRA_LANE NarrowReducer MakeNarrowReducer(uint16_t prime) {
  const uint32_t p = prime;
  return {prime, static_cast<uint16_t>((uint32_t{1} << 23) / p),
          static_cast<uint16_t>((p - 32768 % p) % p)};
}

PENUMBRA_LANE uint16_t Lesser(uint16_t a, uint16_t b) { return a < b ? a : b; }

// Canonical for p > 2^7: t < 2^16, the rest before correction is below 2 p.
PENUMBRA_LANE uint16_t ReduceNarrowLane(int16_t value, const NarrowReducer& r) {
  const auto t = static_cast<uint16_t>(static_cast<uint16_t>(value) ^ 0x8000u);
  const auto high = static_cast<uint16_t>((uint32_t{t} * r.reciprocal) >> 16);
  const auto q = static_cast<uint16_t>(high >> 7);
  const auto rest = static_cast<uint16_t>(t - q * r.prime);
  const auto once = Lesser(rest, static_cast<uint16_t>(rest - r.prime));
  const auto moved = static_cast<uint16_t>(once + r.origin);
  return Lesser(moved, static_cast<uint16_t>(moved - r.prime));
}

}  // namespace penumbra::PENUMBRA_ISA

#endif  // PENUMBRA_KERNELS_REDUCE_LANES_H_
