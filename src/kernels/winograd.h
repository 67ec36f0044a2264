// Exact Winograd convolution F(m x m, 3 x 3) in the residue field: (m + 2)^2 products for m^2 outputs instead of 9 m^2.
// Interpolation at distinct points of F_p divides by numbers that all have inverses, so nothing is rounded and the tile may
// be as large as pays (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016; Liu and Mattina,
// "Efficient Residue Number System Based Winograd Convolution", ECCV 2020). Any thread; nothing here allocates.
//
//   outputs = A^T [ (G filter G^T) * (B^T inputs B) ] A       with B^T = input, G = filter, A^T = output of a WinogradPlan
#ifndef PENUMBRA_KERNELS_WINOGRAD_H_
#define PENUMBRA_KERNELS_WINOGRAD_H_

#include <cstddef>
#include <cstdint>

namespace penumbra {

inline constexpr uint32_t kWinogradTaps = 3;
inline constexpr uint32_t kWinogradMinOut = 4, kWinogradMaxOut = 8;  // m
inline constexpr uint32_t kWinogradMaxIn = kWinogradMaxOut + kWinogradTaps - 1;
inline constexpr uint32_t kWinogradMaxPositions = kWinogradMaxIn * kWinogradMaxIn;
inline constexpr uint32_t kWinogradBlock = 64;  // channels that the transforms take at once

constexpr uint32_t WinogradIn(uint32_t out) { return out + kWinogradTaps - 1; }
constexpr uint32_t WinogradPositions(uint32_t out) { return WinogradIn(out) * WinogradIn(out); }

// A matrix of centred residues that is applied to a line of bytes.
struct WinogradTransform {
  uint32_t in, out;
  int8_t rows[kWinogradMaxIn][kWinogradMaxIn];  // [out][in]
};

// Rows of `input` and `output` whose positive coefficients, and whose negative ones, add up to no more than this keep sums of
// bytes in 16 bits: 255 * 128 < 2^15. MakeWinogradPlan's do, of every tile and prime (winograd_test.cc).
inline constexpr int32_t kWinogradRowSum = 128;

struct WinogradPlan {
  uint32_t out, in;  // m, m + 2
  uint16_t prime;
  WinogradTransform input, filter, output;
};

// out in [kWinogradMinOut, kWinogradMaxOut], prime one of kPrimes. Positions of a dimension: points +a, -a, .., then 0 where
// the number of finite points is odd, infinity last. Rows of +a and -a of `input` agree in the even lines and are each other's
// negative in the odd ones, and so are their columns of `output`, which kernels make use of. Columns of 0 and infinity of
// `output` hold a single 1, in the first and in the last row.
WinogradPlan MakeWinogradPlan(uint32_t out, uint16_t prime);

// KernelTable::winograd_input: a row of overlapping input tiles, `plan->out` pixels apart, to their positions.
struct WinogradInputJob {
  const WinogradPlan* plan;
  const uint8_t* const* rows;  // [plan->in]: input rows [in_w][channels] that the tiles see, null for zeros
  uint32_t in_w, channels;
  int64_t left;      // input column of the first tile; may lie outside
  uint32_t tiles;
  uint8_t* out;      // position q of tile t at out + q * position_size + t * tile_size: any representatives; bytes up to the
  size_t position_size, tile_size;  // next multiple of 64 channels are written, too
};

// KernelTable::winograd_output: the products at all positions of a row of tiles to rows of outputs.
struct WinogradOutputJob {
  const WinogradPlan* plan;
  const uint8_t* products;  // position q of tile t at products + q * position_size + t * 64: any representatives
  size_t position_size;
  uint32_t tiles, columns;  // columns: output channels, at most 64
  uint8_t* out;             // [rows][out_w] pixels of out_stride bytes, canonical; `columns` bytes of each are written
  size_t out_stride;
  uint32_t rows, out_w;     // rows <= plan->out
};

// KernelTable::winograd_filter: at most 64 input channels of one filter.
struct WinogradFilterJob {
  const WinogradPlan* plan;
  const int8_t* filter;   // tap t of channel c at filter + t * tap_stride + c, centred
  size_t tap_stride;
  uint32_t channels;
  int8_t* out;            // position q at out + q * position_size: [channels] centred; nothing else is written
  size_t position_size;
};

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_WINOGRAD_H_
