// Exact integer matrix product C = A * B^T of s16 levels and s16 weights with s64 results, for ring
// layers computed inside the trusted half. Weights beyond s16 are split by the caller
// (q = high * 2^s + low) into two products. Any thread; the job owns nothing.
#ifndef PENUMBRA_KERNELS_GEMM_S16S16_H_
#define PENUMBRA_KERNELS_GEMM_S16S16_H_

#include <cstddef>
#include <cstdint>

#include "kernels/gemm_u8s8.h"

namespace penumbra {

// Panels of 16 outputs, each [ceil(k/2)][16 outputs][2 depths] s16, zero-filled at both ends.
constexpr size_t PanelSizeS16(uint32_t k) {
  return (size_t{k} + 1) / 2 * 2 * kPanelWidth * sizeof(int16_t);
}
constexpr size_t PackedSizeS16(uint32_t n, uint32_t k) {
  return (size_t{n} + kPanelWidth - 1) / kPanelWidth * PanelSizeS16(k);
}
// weights: [n][k] row-major s16. out_packed: PackedSizeS16(n, k) bytes.
void PackS16(const int16_t* weights, uint32_t n, uint32_t k, int16_t* out_packed);

// Number of consecutive depth pairs whose sum provably fits s32 for |a| <= a_max and |b| <= b_max.
// At least 1 for every s16 operand pair except a_max = b_max = 32768, where it is 0: refuse.
constexpr uint32_t SafePairCount(uint32_t a_max, uint32_t b_max) {
  const uint64_t pair = 2 * uint64_t{a_max} * b_max;
  const uint64_t limit = 0x7fffffff;
  return pair == 0 ? static_cast<uint32_t>(limit) : static_cast<uint32_t>(limit / pair);
}

struct GemmS16Job {
  const int16_t* a;         // [rows][k] s16; ceil(k/2)*2 elements of every row are read
  size_t a_stride;          // elements
  const int16_t* b_packed;  // first panel to use (PackS16)
  int64_t* out_c;           // [rows][n] s64
  size_t c_stride;          // elements
  uint32_t rows, n, k;
  uint32_t safe_pairs;  // SafePairCount of the true bounds, >= 1
  bool accumulate;
};

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_GEMM_S16S16_H_
