// Exact integer matrix product C = A * B^T of u8 residues (or levels) and s8 weights, accumulated
// modulo 2^32 as s32: exact while k * 255 * max|b| < 2^31, for centred residues k <= 67371
// (docs/arithmetic.md). No saturating instruction is used. Any thread; the job owns nothing.
#ifndef PENUMBRA_KERNELS_GEMM_U8S8_H_
#define PENUMBRA_KERNELS_GEMM_U8S8_H_

#include <cstddef>
#include <cstdint>

namespace penumbra {

inline constexpr uint32_t kPanelWidth = 16;  // outputs per packed panel
inline constexpr uint32_t kGemmU8S8MaxDepth = 67371;

// One packed layout for every instruction set, so that packed weights can be stored and streamed:
// panels of 16 outputs, each [ceil(k/4)][16 outputs][4 depths] s8, zero-filled at both ends.
constexpr size_t PanelSizeU8S8(uint32_t k) { return (size_t{k} + 3) / 4 * 4 * kPanelWidth; }
constexpr size_t PackedSizeU8S8(uint32_t n, uint32_t k) {
  return (size_t{n} + kPanelWidth - 1) / kPanelWidth * PanelSizeU8S8(k);
}
// weights: [n][k] row-major s8 (OHWI). out_packed: PackedSizeU8S8(n, k) bytes.
void PackU8S8(const int8_t* weights, uint32_t n, uint32_t k, int8_t* out_packed);

struct GemmU8S8Job {
  const uint8_t* a;        // [rows][k] u8, row i at a + i * a_stride; ceil(k/4)*4 bytes of every row
  size_t a_stride;         // are read, those beyond k meet zero weights and may hold anything
  const int8_t* b_packed;  // first panel to use (PackU8S8)
  int32_t* out_c;          // [rows][n] s32, row i at out_c + i * c_stride
  size_t c_stride;         // elements
  uint32_t rows, n, k;
  bool accumulate;  // add to out_c instead of overwriting it
};

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_GEMM_U8S8_H_
