// Matrix product modulo one prime of the ring: each sum of u8 residues times centred s8 weights is reduced before it
// leaves the kernel, so that 32-bit sums never reach the memory of a layer. Weights stand in the layout of
// kernels/gemm_u8s8.h. Any thread; the job owns nothing.
#ifndef PENUMBRA_KERNELS_RESIDUE_GEMM_H_
#define PENUMBRA_KERNELS_RESIDUE_GEMM_H_

#include <cstddef>
#include <cstdint>

#include "kernels/gemm_u8s8.h"

namespace penumbra {

// k * 255 * 125 < 2^31 (docs/arithmetic.md): the caller has checked that a product is no deeper.
inline constexpr uint32_t kResidueGemmMaxDepth = 67372;

// KernelTable::residue_gemm: out[i][j] = (sum over d of a[i][d] * b[j][d]) mod prime, canonical.
struct ResidueGemmJob {
  const uint8_t* a;        // [rows][k], any bytes, row i at a + i * a_stride; ceil(k/4)*4 bytes of every row are read, those
  size_t a_stride;         // beyond k meet zero weights
  const int8_t* b_packed;  // first panel to use (PackU8S8), |b| <= 125
  uint8_t* out;            // [rows][n], row i at out + i * out_stride; nothing else is written
  size_t out_stride;
  uint32_t rows, n, k;
  uint16_t prime;  // one of kPrimes
};

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_RESIDUE_GEMM_H_
