// Constants of decoding with products of word pairs. For the restore_<isa>.cc files only (isa.h).
#ifndef PENUMBRA_KERNELS_RESTORE_WORDS_H_
#define PENUMBRA_KERNELS_RESTORE_WORDS_H_

#include <cstdint>

#include "kernels/isa.h"
#include "kernels/restore_plan.h"

namespace penumbra::PENUMBRA_ISA {

inline constexpr uint32_t kNarrowPrimes = 3;

// Of the words (v0, v1), "pair", and (v2, 0), "single", of a channel: one dword in every lane. `Lanes` has Vector and Repeat(int32_t).
template <typename Lanes>
struct DecodeConstants {
  typename Lanes::Vector low_pair, low_single;            // cofactors modulo 2^16, as s16
  typename Lanes::Vector high;                            // all ones when the cofactors need 2^16 added
  typename Lanes::Vector quotient_pair, quotient_single;  // 2^22 / p_k
  typename Lanes::Vector modulus;
};

PENUMBRA_LANE int32_t WordPair(int64_t low, int64_t high) {
  return static_cast<int32_t>((static_cast<uint32_t>(low) & 0xffffu) | static_cast<uint32_t>(high) << 16);
}

template <typename Lanes>
PENUMBRA_LANE DecodeConstants<Lanes> MakeDecodeConstants(const RestorePlan& plan) {
  int64_t quotient[kNarrowPrimes] = {};
  for (uint32_t k = 0; k < plan.prime_count; ++k) {
    quotient[k] = static_cast<int64_t>(plan.inverse_prime[k] * (1 << kQuotientBits) + 0.5);
  }
  return {Lanes::Repeat(WordPair(plan.cofactor[0], plan.cofactor[1])),
          Lanes::Repeat(WordPair(plan.cofactor[2], 0)),
          // Three primes: every cofactor lies in [2^15, 2^16), negative as s16. Fewer: below 2^15.
          Lanes::Repeat(plan.prime_count == kNarrowPrimes ? -1 : 0),
          Lanes::Repeat(WordPair(quotient[0], quotient[1])),
          Lanes::Repeat(WordPair(quotient[2], 0)),
          Lanes::Repeat(static_cast<int32_t>(plan.modulus))};
}

}  // namespace penumbra::PENUMBRA_ISA

#endif  // PENUMBRA_KERNELS_RESTORE_WORDS_H_
