// float32 matrix product C = A * B^T with one fixed order: every output starts at +0 (or at its old
// value) and takes acc = fma(a[k], b[k], acc) for k = 0, 1, .., so that the bits are the same on
// every instruction set and for every split of rows, outputs or depth. Any thread.
#ifndef PENUMBRA_KERNELS_GEMM_F32_H_
#define PENUMBRA_KERNELS_GEMM_F32_H_

#include <cstddef>
#include <cstdint>

#include "kernels/gemm_u8s8.h"

namespace penumbra {

// Panels of 16 outputs, each [k][16 outputs] float32, zero-filled at the end.
constexpr size_t PanelSizeF32(uint32_t k) { return size_t{k} * kPanelWidth * sizeof(float); }
constexpr size_t PackedSizeF32(uint32_t n, uint32_t k) {
  return (size_t{n} + kPanelWidth - 1) / kPanelWidth * PanelSizeF32(k);
}
// weights: [n][k] row-major float32. out_packed: PackedSizeF32(n, k) bytes.
void PackF32(const float* weights, uint32_t n, uint32_t k, float* out_packed);

struct GemmF32Job {
  const float* a;         // [rows][k] float32
  size_t a_stride;        // elements
  const float* b_packed;  // first panel to use (PackF32)
  float* out_c;           // [rows][n] float32
  size_t c_stride;        // elements
  uint32_t rows, n, k;
  bool accumulate;
};

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_GEMM_F32_H_
