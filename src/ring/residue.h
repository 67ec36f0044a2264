// Scalar reference for going between integers and residue vectors. The kernels are tested against
// these; the compiler and cold trusted code use them directly. No state, safe from any thread.
#ifndef PENUMBRA_RING_RESIDUE_H_
#define PENUMBRA_RING_RESIDUE_H_

#include <cstdint>

#include "ring/modulus.h"

namespace penumbra {

// out_residues: [prime_count] u8, canonical residues of `value`.
constexpr void EncodeResidues(int64_t value, uint32_t prime_count, uint8_t* out_residues) {
  for (uint32_t k = 0; k < prime_count; ++k) {
    out_residues[k] = static_cast<uint8_t>(Residue(value, kPrimes[k]));
  }
}

// out_residues: [prime_count] s8, centred residues of `value` (the form weights travel in).
constexpr void EncodeCentredResidues(int64_t value, uint32_t prime_count, int8_t* out_residues) {
  for (uint32_t k = 0; k < prime_count; ++k) {
    out_residues[k] = static_cast<int8_t>(CentredResidue(value, kPrimes[k]));
  }
}

// The one integer in [window_begin, window_begin + M) with these residues (docs/arithmetic.md step 5).
// residues: [prime_count] u8, any representative in [0, 255]. |window_begin| < 2^62.
constexpr int64_t DecodeResidues(const uint8_t* residues, const CrtConstants& crt,
                                 int64_t window_begin) {
  uint64_t sum = 0;  // < kMaxPrimes * 2^8 * 2^40
  for (uint32_t k = 0; k < crt.prime_count; ++k) {
    const uint32_t p = kPrimes[k];
    sum += uint64_t{residues[k] % p * crt.cofactor_inverse[k] % p} * crt.cofactor[k];
  }
  const auto m = static_cast<int64_t>(crt.modulus);
  int64_t distance = (static_cast<int64_t>(sum % crt.modulus) - window_begin % m) % m;
  if (distance < 0) distance += m;
  return window_begin + distance;
}

}  // namespace penumbra

#endif  // PENUMBRA_RING_RESIDUE_H_
