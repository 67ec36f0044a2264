// ShadowNet's LinearTransform on residues alone, for making pads: u = T(L'(r)).
#ifndef PENUMBRA_KERNELS_UNMIX_H_
#define PENUMBRA_KERNELS_UNMIX_H_

#include <cstdint>

namespace penumbra {

// KernelTable::unmix: out[pixel][i] = lambda[i] * (in[pixel][a[i]] - in[pixel][b[i]]) mod prime, canonical. b[i] == kNoPartner:
// nothing is subtracted. lambda[i] < prime. in: [pixels][wide] canonical residues, out: [pixels][m]; they do not overlap.
// Indices are below `wide`: the caller has checked them. Any thread.
struct UnmixJob {
  const uint8_t* in;
  uint8_t* out;
  uint64_t pixels;
  uint32_t m, wide;
  const uint16_t *a, *b;   // [m]
  const uint8_t* lambda;   // [m]
  uint16_t prime;
};

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_UNMIX_H_
