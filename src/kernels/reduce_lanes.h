// Reduction of 32-bit sums, one lane at a time. For files compiled once per instruction set (isa.h).
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

}  // namespace penumbra::PENUMBRA_ISA

#endif  // PENUMBRA_KERNELS_REDUCE_LANES_H_
