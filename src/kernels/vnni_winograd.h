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
