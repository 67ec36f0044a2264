// The restoring map of covers (boundary/plan.h, kLayerCovered): an output channel is a combination of the up to
// kCoverSize published rows of its cover.
#ifndef PENUMBRA_KERNELS_COVERS_H_
#define PENUMBRA_KERNELS_COVERS_H_

#include <cstdint>

#include "boundary/geometry.h"

namespace penumbra {

// KernelTable::unmix_covers: out[pixel][i] = sum_t lambda[i][t] * in[pixel][c + t] mod prime, canonical, c = CoverBegin(a[i]),
// for making pads: u = T(L'(r)). in: [pixels][m] any bytes, out: [pixels][m]; they do not overlap. The caller has checked
// that a[i] < m, lambda[i][t] < prime, and that lambda is 0 beyond the cover. Any thread.
struct UnmixCoversJob {
  const uint8_t* in;
  uint8_t* out;
  uint64_t pixels;
  uint32_t m, group_rows;  // published rows, of each group of the convolution
  const uint16_t* a;       // [m]
  const uint8_t* lambda;   // [m][kCoverSize]
  uint16_t prime;
};

// KernelTable::field_unmix_covers: the same modulo kFieldPrime, minus pad[pixel][i], centred. With a pad it decodes a reply,
// without one it makes u.
struct FieldUnmixCoversJob {
  const uint32_t* in;  // [pixels][m], any u32
  const int32_t* pad;  // [pixels][m] centred, or null
  int32_t* out;        // [pixels][m]; does not overlap `in`
  uint64_t pixels;
  uint32_t m, group_rows;
  const uint16_t* a;       // [m]
  const uint32_t* lambda;  // [m][kCoverSize]
};

// The four consecutive bytes of a pixel that one channel reads, and their factors as centred s8, lowest byte first. They
// never reach beyond the pixel, unless it has fewer than four bytes: then `begin` is 0 and the factors beyond are 0.
struct CoverTerm {
  uint16_t begin;
  uint32_t factors;
};
// row < m; lambda: [kCoverSize] canonical, nothing beyond the cover is used.
CoverTerm MakeCoverTerm(uint32_t row, uint32_t group_rows, uint32_t m, const uint8_t* lambda, uint16_t prime);

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_COVERS_H_
