// Constants of decoding with products of word pairs, as dwords to repeat in every lane. For the restore_<isa>.cc files only (isa.h).
#ifndef PENUMBRA_KERNELS_RESTORE_WORDS_H_
#define PENUMBRA_KERNELS_RESTORE_WORDS_H_

#include <cstdint>

#include "kernels/isa.h"
#include "kernels/restore_plan.h"

namespace penumbra::PENUMBRA_ISA {

inline constexpr uint32_t kNarrowPrimes = 3;

// Of the words (v0, v1), "pair", and (v2, 0), "single", of a channel.
struct DecodeWords {
  int32_t low_pair, low_single;            // cofactors modulo 2^16, as s16
  int32_t high;                            // all ones when the cofactors need 2^16 added
  int32_t quotient_pair, quotient_single;  // 2^22 / p_k
  int32_t modulus;
};

PENUMBRA_LANE int32_t WordPair(int64_t low, int64_t high) {
  return static_cast<int32_t>((static_cast<uint32_t>(low) & 0xffffu) | static_cast<uint32_t>(high) << 16);
}

PENUMBRA_LANE DecodeWords MakeDecodeWords(const RestorePlan& plan) {
  int64_t quotient[kNarrowPrimes] = {};
  for (uint32_t k = 0; k < plan.prime_count; ++k) {
    quotient[k] = static_cast<int64_t>(plan.inverse_prime[k] * (1 << kQuotientBits) + 0.5);
  }
  return {WordPair(plan.cofactor[0], plan.cofactor[1]),
          WordPair(plan.cofactor[2], 0),
          // Three primes: every cofactor lies in [2^15, 2^16), negative as s16. Fewer: below 2^15.
          plan.prime_count == kNarrowPrimes ? -1 : 0,
          WordPair(quotient[0], quotient[1]),
          WordPair(quotient[2], 0),
          static_cast<int32_t>(plan.modulus)};
}

}  // namespace penumbra::PENUMBRA_ISA

#endif  // PENUMBRA_KERNELS_RESTORE_WORDS_H_
