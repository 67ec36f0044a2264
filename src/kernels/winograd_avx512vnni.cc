// Winograd transforms of any tile by AVX-512 VNNI: four lines of 64 channels meet a row of the matrix at a time, and the sums
// are reduced modulo the prime in registers. Tiles of 4 x 4 outputs, whose coefficients are small, have their own
// (winograd4_avx512vnni.cc).
#include "kernels/isa_extras.h"
#include "kernels/vnni_winograd.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

// Sums of kWinogradSlots products start here, so that they are positive: a multiple of the prime.
PENUMBRA_LANE uint32_t OriginOf(uint32_t prime) {
  constexpr uint32_t kLargest = kWinogradSlots * 255 * 125;
  return (kLargest + prime - 1) / prime * prime;
}

struct TransformMod {
  ModVectors m;
  Interleaved origin;
};

PENUMBRA_LANE TransformMod ModOf(uint16_t prime) {
  return {Broadcast(PlanMod(prime)), Repeat(OriginOf(prime))};
}

// Lines in the slots of a transform.
template <uint32_t kQuads>
struct Lines {
  Interleaved quads[kQuads];
};

// lines[step * i]: line i.
template <uint32_t kQuads>
PENUMBRA_LANE Lines<kQuads> Gather(const WinogradTransform& t, const __m512i* lines, uint32_t step) {
  Lines<kQuads> out;
  const auto line = [&](uint32_t slot) {
    return t.line[slot] == kNoLine ? _mm512_setzero_si512() : lines[step * t.line[slot]];
  };
#pragma GCC unroll 3
  for (uint32_t q = 0; q < kQuads; ++q) {
    out.quads[q] = Interleave(line(4 * q), line(4 * q + 1), line(4 * q + 2), line(4 * q + 3));
  }
  return out;
}

// One row of the transform: representatives below 253.
template <uint32_t kQuads>
PENUMBRA_LANE __m512i Row(const Lines<kQuads>& lines, const int8_t* coefficients, const TransformMod& mod) {
  Interleaved sums = mod.origin;
#pragma GCC unroll 3
  for (uint32_t q = 0; q < kQuads; ++q) {
    int32_t four;
    __builtin_memcpy(&four, coefficients + 4 * q, sizeof(four));
    if (kQuads > 1 && four == 0) continue;
    const __m512i all = _mm512_set1_epi32(four);
    sums = AddQuad(sums, lines.quads[q], {{all, all, all, all}});
  }
  return ReduceInterleaved(sums.of[0], sums.of[1], sums.of[2], sums.of[3], mod.m);
}

// Both dimensions: in [t.in][t.in], out [t.out][t.out].
template <uint32_t kQuads>
PENUMBRA_LANE void TransformTile(const WinogradTransform& t, const TransformMod& mod, const __m512i* in, __m512i* out) {
  __m512i half[kWinogradMaxPositions];  // [t.out][t.in]
  for (uint32_t j = 0; j < t.in; ++j) {
    const Lines<kQuads> column = Gather<kQuads>(t, in + j, t.in);
    for (uint32_t i = 0; i < t.out; ++i) half[i * t.in + j] = Row<kQuads>(column, t.rows[i], mod);
  }
  for (uint32_t i = 0; i < t.out; ++i) {
    const Lines<kQuads> row = Gather<kQuads>(t, half + i * t.in, 1);
    for (uint32_t j = 0; j < t.out; ++j) out[i * t.out + j] = Row<kQuads>(row, t.rows[j], mod);
  }
}

void TransformLarge(const WinogradTransform& t, const TransformMod& mod, const __m512i* in, __m512i* out) {
  if (t.in > 8) {
    TransformTile<3>(t, mod, in, out);
  } else {
    TransformTile<2>(t, mod, in, out);
  }
}

}  // namespace

void WinogradInput(const WinogradInputJob& job) {
  if (job.plan->out == kWinograd4) return WinogradInput4(job);
  const WinogradTransform& t = job.plan->input;
  const TransformMod mod = ModOf(job.plan->prime);
  __m512i in[kWinogradMaxPositions], out[kWinogradMaxPositions];
  for (uint32_t tile = 0; tile < job.tiles; ++tile) {
    const uint8_t* taps[kWinogradMaxPositions];
    PointTile(job, t.in, tile, taps);
    for (uint32_t c = 0; c < job.channels; c += kWinogradBlock) {
      const __mmask64 mask = MaskOf(job.channels - c);
      for (uint32_t q = 0; q < t.in * t.in; ++q) in[q] = LoadTap(taps[q], c, mask);
      TransformLarge(t, mod, in, out);
      uint8_t* to = job.out + tile * job.tile_size + c;
      for (uint32_t q = 0; q < t.out * t.out; ++q, to += job.position_size) _mm512_storeu_si512(to, out[q]);
    }
  }
}

void WinogradOutput(const WinogradOutputJob& job) {
  if (job.plan->out == kWinograd4) return WinogradOutput4(job);
  const WinogradTransform& t = job.plan->output;
  const TransformMod mod = ModOf(job.plan->prime);
  __m512i in[kWinogradMaxPositions], out[kWinogradMaxPositions];
  for (uint32_t tile = 0; tile < job.tiles; ++tile) {
    const uint8_t* from = job.products + size_t{tile} * kWinogradBlock;
    for (uint32_t q = 0; q < t.in * t.in; ++q, from += job.position_size) in[q] = _mm512_loadu_si512(from);
    TransformLarge(t, mod, in, out);
    StoreTile(job, tile, out, mod.m);
  }
}

void WinogradFilter(const WinogradFilterJob& job) {
  const WinogradTransform& t = job.plan->filter;
  const TransformMod mod = ModOf(job.plan->prime);
  const __mmask64 mask = MaskOf(job.channels);
  __m512i in[kWinogradTaps * kWinogradTaps], out[kWinogradMaxPositions];
  for (uint32_t tap = 0; tap < kWinogradTaps * kWinogradTaps; ++tap) {
    const __m512i weights = _mm512_maskz_loadu_epi8(mask, job.filter + tap * job.tap_stride);
    in[tap] = _mm512_mask_add_epi8(weights, _mm512_movepi8_mask(weights), weights, mod.m.prime_bytes);
  }
  TransformTile<1>(t, mod, in, out);
  const __m512i half = _mm512_set1_epi8(static_cast<int8_t>(job.plan->prime / 2));
  for (uint32_t q = 0; q < t.out * t.out; ++q) {
    const __m512i centred = _mm512_mask_sub_epi8(out[q], _mm512_cmpgt_epu8_mask(out[q], half), out[q], mod.m.prime_bytes);
    _mm512_mask_storeu_epi8(job.out + q * job.position_size, mask, centred);
  }
}

}  // namespace penumbra::PENUMBRA_ISA
