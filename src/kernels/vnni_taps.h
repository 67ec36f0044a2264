// Where the taps of a depthwise kernel read, 64 bytes of channels at a time. For the *_avx512vnni.cc files only (isa.h).
#ifndef PENUMBRA_KERNELS_VNNI_TAPS_H_
#define PENUMBRA_KERNELS_VNNI_TAPS_H_

#include <immintrin.h>

#include "kernels/depthwise.h"
#include "kernels/isa.h"

namespace penumbra::PENUMBRA_ISA {

// Input row under a row of the kernel; null: padding.
PENUMBRA_LANE const uint8_t* RowUnder(const DepthwiseJob& job, uint32_t kernel_row) {
  const ConvGeometry& g = *job.geometry;
  const int64_t y = int64_t{job.out_row} * g.stride_h + int64_t{kernel_row} * g.dilation_h - g.pad_top;
  const int64_t index = y - job.input.first_row;
  const bool exists = y >= 0 && y < int64_t{g.in_h} && index >= 0 && index < int64_t{job.input.row_count};
  return exists ? static_cast<const uint8_t*>(job.input.rows[index]) : nullptr;
}

// Input column of the first tap of an output column.
PENUMBRA_LANE int64_t LeftOf(const DepthwiseJob& job, uint32_t column) {
  return int64_t{column} * job.geometry->stride_w - job.geometry->pad_left;
}

// The taps of any kernel of at most kMaxTaps, in their order: where each reads for input column `left`.
template <uint32_t kMaxTaps>
struct TapReader {
  const uint8_t* at[kMaxTaps];  // for left = 0
  size_t steps[kMaxTaps];       // bytes per input column; 0 in a row of padding
  int64_t shift[kMaxTaps];      // columns from `left` to the tap's
  const uint8_t* padding;       // a vector
  __mmask64 mask;               // bytes that are channels
  uint32_t in_w;

  PENUMBRA_LANE __m512i Read(const TapReader& from, uint32_t tap, int64_t left) {
    const int64_t x = left + from.shift[tap];
    const bool inside = x >= 0 && x < int64_t{from.in_w};
    const uint8_t* at = inside ? from.at[tap] + static_cast<size_t>(x) * from.steps[tap] : from.padding;
    return _mm512_maskz_loadu_epi8(from.mask, at);
  }
};

// A reader of `taps` taps (beyond those of the kernel: padding) from byte `first` of each pixel on.
template <uint32_t kMaxTaps>
PENUMBRA_LANE TapReader<kMaxTaps> MakeTapReader(const DepthwiseJob& job, uint32_t taps, uint32_t element_size,
                                                uint32_t first, __mmask64 mask, const uint8_t* padding) {
  const ConvGeometry& g = *job.geometry;
  TapReader<kMaxTaps> out;
  out.padding = padding;
  out.mask = mask;
  out.in_w = g.in_w;
  for (uint32_t tap = 0; tap < taps; ++tap) {
    const uint8_t* row = tap < g.kernel_h * g.kernel_w ? RowUnder(job, tap / g.kernel_w) : nullptr;
    out.at[tap] = row != nullptr ? row + first : padding;
    out.steps[tap] = row != nullptr ? size_t{g.in_c} * element_size : 0;
    out.shift[tap] = int64_t{tap % g.kernel_w} * g.dilation_w;
  }
  return out;
}

}  // namespace penumbra::PENUMBRA_ISA

#endif  // PENUMBRA_KERNELS_VNNI_TAPS_H_
