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

// Pixels under a tile of `in` x `in` inputs; null: zeros.
PENUMBRA_LANE void PointTile(const WinogradInputJob& job, uint32_t in, uint32_t tile, const uint8_t* out_taps[]) {
  const int64_t left = job.left + int64_t{tile} * job.plan->out;
  for (uint32_t i = 0; i < in; ++i) {
    for (uint32_t j = 0; j < in; ++j) {
      const int64_t x = left + j;
      const bool inside = job.rows[i] != nullptr && x >= 0 && x < int64_t{job.in_w};
      out_taps[i * in + j] = inside ? job.rows[i] + static_cast<size_t>(x) * job.channels : nullptr;
    }
  }
}

PENUMBRA_LANE __m512i LoadTap(const uint8_t* tap, uint32_t channel, __mmask64 mask) {
  return tap == nullptr ? _mm512_setzero_si512() : _mm512_maskz_loadu_epi8(mask, tap + channel);
}

// pixels: [plan->out][plan->out].
PENUMBRA_LANE void StoreTile(const WinogradOutputJob& job, uint32_t tile, const __m512i* pixels, const ModVectors& m) {
  const uint32_t side = job.plan->out, rest = job.out_w - tile * side, width = rest < side ? rest : side;
  const __mmask64 mask = MaskOf(job.columns);
  for (uint32_t i = 0; i < job.rows; ++i) {
    uint8_t* out = job.out + (size_t{i} * job.out_w + size_t{tile} * side) * job.out_stride;
    for (uint32_t j = 0; j < width; ++j, out += job.out_stride) {
      _mm512_mask_storeu_epi8(out, mask, Canonical(pixels[i * side + j], m));
    }
  }
}

}  // namespace penumbra::PENUMBRA_ISA

#endif  // PENUMBRA_KERNELS_VNNI_WINOGRAD_H_
