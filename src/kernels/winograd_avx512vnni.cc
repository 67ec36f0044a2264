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

PENUMBRA_LANE Interleaved RepeatQuad(const int8_t* coefficients) {
  uint32_t four;
  __builtin_memcpy(&four, coefficients, sizeof(four));
  return Repeat(four);
}

PENUMBRA_LANE Interleaved Add(const Interleaved& a, const Interleaved& b) {
  return {{_mm512_add_epi32(a.of[0], b.of[0]), _mm512_add_epi32(a.of[1], b.of[1]),
           _mm512_add_epi32(a.of[2], b.of[2]), _mm512_add_epi32(a.of[3], b.of[3])}};
}
PENUMBRA_LANE Interleaved Subtract(const Interleaved& a, const Interleaved& b) {
  return {{_mm512_sub_epi32(a.of[0], b.of[0]), _mm512_sub_epi32(a.of[1], b.of[1]),
           _mm512_sub_epi32(a.of[2], b.of[2]), _mm512_sub_epi32(a.of[3], b.of[3])}};
}

// Representatives below 253.
PENUMBRA_LANE __m512i Reduce(const Interleaved& sums, const TransformMod& mod) {
  return ReduceInterleaved(sums.of[0], sums.of[1], sums.of[2], sums.of[3], mod.m);
}

// A line of blocks: block i at first[i * step].
struct Line {
  const __m512i* first;
  uint32_t step;
  PENUMBRA_LANE __m512i At(const Line& line, uint32_t i) { return line.first[i * line.step]; }
  PENUMBRA_LANE __m512i AtOrZero(const Line& line, uint32_t i) {
    return i == kNoLine ? _mm512_setzero_si512() : At(line, i);
  }
};

PENUMBRA_LANE Interleaved Quad(const WinogradTransform& t, const Line& in, uint32_t slot) {
  return Interleave(Line::AtOrZero(in, t.line[slot]), Line::AtOrZero(in, t.line[slot + 1]),
                    Line::AtOrZero(in, t.line[slot + 2]), Line::AtOrZero(in, t.line[slot + 3]));
}

PENUMBRA_LANE uint32_t PairsOf(const WinogradPlan& plan) { return (plan.in - 1) / 2; }

// Rows of +a and -a agree in the even lines and differ in the sign of the odd ones.
PENUMBRA_LANE void InputLine(const WinogradPlan& plan, const TransformMod& mod, const Line& in, __m512i* out,
                             uint32_t out_step) {
  const WinogradTransform& t = plan.input;
  const Interleaved even = Quad(t, in, 0), odd = Quad(t, in, 4), rest = Quad(t, in, 8);
  const Interleaved zero = Repeat(0);
  const uint32_t paired = 2 * PairsOf(plan);
  for (uint32_t i = 0; i < paired; i += 2) {
    const Interleaved evens = AddQuad(mod.origin, even, RepeatQuad(t.rows[i]));
    const Interleaved odds = AddQuad(zero, odd, RepeatQuad(t.rows[i] + 4));
    out[i * out_step] = Reduce(Add(evens, odds), mod);
    out[(i + 1) * out_step] = Reduce(Subtract(evens, odds), mod);
  }
  for (uint32_t i = paired; i < t.out; ++i) {
    const Interleaved halves = AddQuad(AddQuad(mod.origin, even, RepeatQuad(t.rows[i])), odd, RepeatQuad(t.rows[i] + 4));
    out[i * out_step] = Reduce(t.in > 8 ? AddQuad(halves, rest, RepeatQuad(t.rows[i] + 8)) : halves, mod);
  }
}

// Row k multiplies the products of +a and -a with a^k and (-a)^k: even rows take sums of the two, odd rows differences.
PENUMBRA_LANE void OutputLine(const WinogradPlan& plan, const TransformMod& mod, const Line& in, __m512i* out,
                              uint32_t out_step) {
  const WinogradTransform& t = plan.output;
  const uint32_t pairs = PairsOf(plan), paired = 2 * pairs;
  const __m512i carry = _mm512_set1_epi8(static_cast<int8_t>(256 - plan.prime));
  __m512i sums[4] = {}, differences[4] = {};
  for (uint32_t i = 0; i < pairs; ++i) {
    // Canonical: a carry is worth 256 mod p then, a borrow p.
    const __m512i plus = Canonical(Line::At(in, 2 * i), mod.m), minus = Canonical(Line::At(in, 2 * i + 1), mod.m);
    const __m512i sum = _mm512_add_epi8(plus, minus), difference = _mm512_sub_epi8(plus, minus);
    sums[i] = _mm512_mask_add_epi8(sum, _mm512_cmplt_epu8_mask(sum, plus), sum, carry);
    differences[i] =
        _mm512_mask_add_epi8(difference, _mm512_cmplt_epu8_mask(plus, minus), difference, mod.m.prime_bytes);
  }
  const Interleaved even = Interleave(sums[0], sums[1], sums[2], sums[3]);
  const Interleaved odd = Interleave(differences[0], differences[1], differences[2], differences[3]);
  const __m512i zero = _mm512_setzero_si512();
  const Interleaved rest =
      Interleave(Line::At(in, paired), paired + 1 < t.in ? Line::At(in, paired + 1) : zero, zero, zero);
  for (uint32_t k = 0; k < t.out; ++k) {
    const int8_t* row = t.rows[k];
    const int8_t powers[4] = {row[0], row[2], row[4], pairs > 3 ? row[6] : int8_t{0}};
    Interleaved total = AddQuad(mod.origin, k % 2 == 0 ? even : odd, RepeatQuad(powers));
    if (k == 0 || k + 1 == t.out) {
      const int8_t others[4] = {row[paired], paired + 1 < t.in ? row[paired + 1] : int8_t{0}, 0, 0};
      total = AddQuad(total, rest, RepeatQuad(others));
    }
    out[k * out_step] = Reduce(total, mod);
  }
}

PENUMBRA_LANE void FilterLine(const WinogradPlan& plan, const TransformMod& mod, const Line& in, __m512i* out,
                              uint32_t out_step) {
  const Interleaved taps = Quad(plan.filter, in, 0);
  for (uint32_t i = 0; i < plan.in; ++i) {
    out[i * out_step] = Reduce(AddQuad(mod.origin, taps, RepeatQuad(plan.filter.rows[i])), mod);
  }
}

// Both dimensions: in [side][side], out [out_side][out_side].
template <typename RunLine>
PENUMBRA_LANE void TransformTile(uint32_t side, uint32_t out_side, const __m512i* in, __m512i* out,
                                 const RunLine& run_line) {
  __m512i half[kWinogradMaxPositions];  // [out_side][side]
  for (uint32_t j = 0; j < side; ++j) run_line(Line{in + j, side}, half + j, side);
  for (uint32_t i = 0; i < out_side; ++i) run_line(Line{half + i * side, 1}, out + i * out_side, 1);
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
      TransformTile(t.in, t.out, in, out, [&](const Line& line, __m512i* to, uint32_t step) {
        InputLine(*job.plan, mod, line, to, step);
      });
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
    TransformTile(t.in, t.out, in, out, [&](const Line& line, __m512i* to, uint32_t step) {
      OutputLine(*job.plan, mod, line, to, step);
    });
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
  TransformTile(t.in, t.out, in, out, [&](const Line& line, __m512i* to, uint32_t step) {
    FilterLine(*job.plan, mod, line, to, step);
  });
  const __m512i half = _mm512_set1_epi8(static_cast<int8_t>(job.plan->prime / 2));
  for (uint32_t q = 0; q < t.out * t.out; ++q) {
    const __m512i centred = _mm512_mask_sub_epi8(out[q], _mm512_cmpgt_epu8_mask(out[q], half), out[q], mod.m.prime_bytes);
    _mm512_mask_storeu_epi8(job.out + q * job.position_size, mask, centred);
  }
}

}  // namespace penumbra::PENUMBRA_ISA
