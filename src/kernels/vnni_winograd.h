// What the Winograd transforms of all tiles share. For the *_avx512vnni.cc files only (isa.h).
#ifndef PENUMBRA_KERNELS_VNNI_WINOGRAD_H_
#define PENUMBRA_KERNELS_VNNI_WINOGRAD_H_

#include "kernels/vnni_lanes.h"
#include "kernels/winograd.h"

namespace penumbra::PENUMBRA_ISA {

inline constexpr uint32_t kWinograd4 = 4;
// For a plan of kWinograd4.
void WinogradInput4(const WinogradInputJob& job);
void WinogradOutput4(const WinogradOutputJob& job);

// 64 channels of column x of the tiles' inputs; zeros outside of the image.
template <uint32_t kIn>
PENUMBRA_LANE void LoadColumn(const WinogradInputJob& job, int64_t x, uint32_t channel, __mmask64 mask,
                              __m512i (&out)[kIn]) {
  const bool inside = x >= 0 && x < int64_t{job.in_w};
  const size_t at = inside ? static_cast<size_t>(x) * job.channels + channel : 0;
#pragma GCC unroll 10
  for (uint32_t i = 0; i < kIn; ++i) {
    const bool exists = inside && job.rows[i] != nullptr;
    out[i] = exists ? _mm512_maskz_loadu_epi8(mask, job.rows[i] + at) : _mm512_setzero_si512();
  }
}

// Asks for the column that a next tile will load.
template <uint32_t kIn>
PENUMBRA_LANE void FetchColumn(const WinogradInputJob& job, int64_t x, uint32_t channel) {
  if (x < 0 || x >= int64_t{job.in_w}) return;
  const size_t at = static_cast<size_t>(x) * job.channels + channel;
#pragma GCC unroll 10
  for (uint32_t i = 0; i < kIn; ++i) {
    if (job.rows[i] != nullptr) __builtin_prefetch(job.rows[i] + at);
  }
}

// Where a tile's outputs go.
struct TileOutputs {
  uint8_t* first;
  size_t row_size;  // bytes from row to row
  uint32_t width;   // pixels of a row
};
PENUMBRA_LANE TileOutputs OutputsOf(const WinogradOutputJob& job, uint32_t tile) {
  const uint32_t side = job.plan->out, rest = job.out_w - tile * side;
  return {job.out + size_t{tile} * side * job.out_stride, size_t{job.out_w} * job.out_stride, rest < side ? rest : side};
}

// Outputs are written far apart and seldom stand in a near cache: a row of them is asked for while another is computed.
PENUMBRA_LANE void FetchOutputs(const WinogradOutputJob& job, const TileOutputs& to, uint32_t row) {
  if (row >= job.rows) return;
  const size_t end = (to.width - 1) * job.out_stride + job.columns;
  for (size_t at = 0; at < end; at += 64) __builtin_prefetch(to.first + row * to.row_size + at, 1);
}

// pixels: [plan->out][plan->out].
PENUMBRA_LANE void StoreTile(const WinogradOutputJob& job, const TileOutputs& to, const __m512i* pixels,
                             const ModVectors& m) {
  const __mmask64 mask = MaskOf(job.columns);
  for (uint32_t i = 0; i < job.rows; ++i) {
    uint8_t* out = to.first + i * to.row_size;
    for (uint32_t j = 0; j < to.width; ++j, out += job.out_stride) {
      _mm512_mask_storeu_epi8(out, mask, Canonical(pixels[i * job.plan->out + j], m));
    }
  }
}

}  // namespace penumbra::PENUMBRA_ISA

#endif  // PENUMBRA_KERNELS_VNNI_WINOGRAD_H_
