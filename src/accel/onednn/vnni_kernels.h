// Residue convolutions whose reduction modulo the prime happens in registers: the int32 sums never
// reach memory. For AVX-512 VNNI (F, BW, VNNI); the caller checks the processor.
#ifndef PENUMBRA_ACCEL_ONEDNN_VNNI_KERNELS_H_
#define PENUMBRA_ACCEL_ONEDNN_VNNI_KERNELS_H_

#include <cstddef>
#include <cstdint>

namespace penumbra::onednn {

// Outputs that the matrix product computes at once: up to four panels of kPanelWidth.
inline constexpr uint32_t kMaxTilePanels = 4;

// out[i][j] = a representative in [0, 255] of sum over d of a[i][d] * b[j][d] modulo `prime`.
// Exact while the magnitude of every sum is at most kLargestSum.
struct ResidueGemmJob {
  const uint8_t* a;        // [rows][k] u8, row i at a + i * a_stride; ceil(k/4)*4 bytes of every row
  size_t a_stride;         // are read, those beyond k meet zero weights
  const int8_t* b_packed;  // first panel to use (PackU8S8)
  uint8_t* out;            // [rows][n] u8, row i at out + i * out_stride; nothing else is written
  size_t out_stride;
  uint32_t rows, n, k;
  uint16_t prime;  // one of kPrimes
};
void ResidueGemm(const ResidueGemmJob& job);

// Depthwise taps are multiplied four at a time: those of one kernel column where it has three or
// four (neighbouring outputs of 3x3 kernels then share their interleaved columns), else as they
// come. Both ends of the kernels know this order.
inline constexpr uint32_t kQuad = 4;
constexpr bool QuadsAreColumns(uint32_t kernel_h) { return kernel_h == 3 || kernel_h == 4; }
constexpr uint32_t DepthwiseQuads(uint32_t kernel_h, uint32_t kernel_w) {
  return QuadsAreColumns(kernel_h) ? kernel_w : (kernel_h * kernel_w + kQuad - 1) / kQuad;
}

// Depthwise weights: blocks of 64 channels, each [quads][64 channels, in the order in which bytes
// interleave][4 taps] s8, zero-filled at both ends.
inline constexpr uint32_t kDepthwiseBlock = 64;
constexpr size_t DepthwisePackedSize(uint32_t channels, uint32_t kernel_h, uint32_t kernel_w) {
  return size_t{(channels + kDepthwiseBlock - 1) / kDepthwiseBlock} * kDepthwiseBlock *
         DepthwiseQuads(kernel_h, kernel_w) * kQuad;
}
// weights: [channels][kernel_h][kernel_w] s8. out_packed: DepthwisePackedSize bytes.
void PackResidueDepthwise(const int8_t* weights, uint32_t channels, uint32_t kernel_h,
                          uint32_t kernel_w, int8_t* out_packed);

// A run of pixels of one output row: a representative in [0, 255] of each channel's sum modulo
// `prime`.
struct ResidueDepthwiseJob {
  const uint8_t* const* rows;  // [kernel_h]: input row [in_w][channels] under each kernel row, or
                               // null in the padding
  const uint8_t* zeros;        // [channels] zero bytes
  const int8_t* packed;        // PackResidueDepthwise
  uint8_t* out;                // [pixels][channels]
  uint32_t pixels, channels, in_w, kernel_h, kernel_w, stride_w, dilation_w, pad_left;
  const uint8_t** taps;  // scratch: DepthwiseQuads * 4 pointers
  uint16_t prime;
};
void ResidueDepthwise(const ResidueDepthwiseJob& job);

}  // namespace penumbra::onednn

#endif  // PENUMBRA_ACCEL_ONEDNN_VNNI_KERNELS_H_
