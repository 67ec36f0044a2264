// Exact Winograd convolution F(4x4, 3x3) in the residue field: 36 products per 16 outputs instead of
// 144. The interpolation (points 0, 1, -1, 2, -2, infinity; matrices of Lavin and Gray, "Fast
// Algorithms for Convolutional Neural Networks", CVPR 2016) divides by 6 and 24, which have inverses
// modulo every prime of the ring, so nothing is rounded (compare Liu and Mattina, "Efficient Residue
// Number System Based Winograd Convolution", ECCV 2020). Kernels for AVX-512 VNNI.
#ifndef PENUMBRA_ACCEL_ONEDNN_VNNI_WINOGRAD_H_
#define PENUMBRA_ACCEL_ONEDNN_VNNI_WINOGRAD_H_

#include <cstddef>
#include <cstdint>

namespace penumbra::onednn {

inline constexpr uint32_t kWinogradOut = 4;  // outputs of one tile, per side
inline constexpr uint32_t kWinogradIn = 6;   // inputs
inline constexpr uint32_t kWinogradPositions = kWinogradIn * kWinogradIn;
inline constexpr uint32_t kWinogradBlock = 64;  // channels that the transforms take at once

// Rows of 6x6 input tiles, kWinogradOut apart, to their 36 positions.
struct WinogradInputJob {
  const uint8_t* image;         // [in_h, in_w, channels]
  uint32_t row_begin, row_end;  // rows of the image that exist; others are zeros
  uint32_t in_w, channels;
  int64_t top, left;  // input pixel of the first tile's corner; may lie outside
  uint32_t tiles;     // in this row of tiles
  const uint8_t* zeros;  // [channels]
  uint8_t* out;       // position q of tile t at out + q * position_size + t * tile_size: u8
  size_t position_size, tile_size;  // representatives; tile_size: channels rounded up to 64
  uint16_t prime;
};
void WinogradInput(const WinogradInputJob& job);

// The products' 36 positions of a row of tiles to at most 4 rows of outputs.
struct WinogradOutputJob {
  const uint8_t* products;  // position q of tile t at products + q * position_size + t * 64: u8
  size_t position_size;
  uint32_t tiles, columns;  // columns: output channels, at most 64
  uint8_t* out;             // [rows, out_w, out_c] from the first of these channels on
  uint32_t rows, out_w, out_c;
  uint16_t prime;
};
void WinogradOutput(const WinogradOutputJob& job);

}  // namespace penumbra::onednn

#endif  // PENUMBRA_ACCEL_ONEDNN_VNNI_WINOGRAD_H_
