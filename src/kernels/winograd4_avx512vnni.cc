// F(4x4, 3x3) with points 1, -1, 2, -2, 0 and infinity: coefficients so small that 16-bit words hold both dimensions of most
// sums.
#include "kernels/vnni_winograd.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

constexpr uint32_t kOut = kWinograd4, kIn = WinogradIn(kWinograd4);

// 64 bytes as words: even and odd groups of eight, as bytes unpack.
struct Words {
  __m512i low, high;
};

PENUMBRA_LANE Words Widen(__m512i bytes) {
  const __m512i zero = _mm512_setzero_si512();
  return {_mm512_unpacklo_epi8(bytes, zero), _mm512_unpackhi_epi8(bytes, zero)};
}
PENUMBRA_LANE Words operator+(const Words& a, const Words& b) {
  return {_mm512_add_epi16(a.low, b.low), _mm512_add_epi16(a.high, b.high)};
}
PENUMBRA_LANE Words operator-(const Words& a, const Words& b) {
  return {_mm512_sub_epi16(a.low, b.low), _mm512_sub_epi16(a.high, b.high)};
}
PENUMBRA_LANE Words Shift(const Words& a, unsigned bits) {
  return {_mm512_slli_epi16(a.low, bits), _mm512_slli_epi16(a.high, bits)};
}

// Words are exact modulo 2^16; adding a multiple of the prime that makes the true value unsigned
// makes them exact.
struct WordMod {
  ModVectors m;
  __m512i offset;
};

PENUMBRA_LANE WordMod MakeWordMod(const ModPlan& plan, uint32_t below) {
  const uint32_t p = plan.prime;
  return {Broadcast(plan), _mm512_set1_epi16(static_cast<int16_t>((below + p - 1) / p * p))};
}
PENUMBRA_LANE Words Reduce(const Words& v, const WordMod& mod) {
  return {ReduceWords(_mm512_add_epi16(v.low, mod.offset), mod.m),
          ReduceWords(_mm512_add_epi16(v.high, mod.offset), mod.m)};
}
PENUMBRA_LANE __m512i Narrow(const Words& v) {
  return _mm512_packus_epi16(v.low, v.high);
}

// One dimension of the input transform. Coefficients of a row add up to at most 10 in magnitude,
// so both dimensions of bytes stay within 255 * 100 < 2^15.
PENUMBRA_LANE void InputLine(const Words d[6], Words out[6]) {
  // -4 d1 - 4 d2 + d3 + d4 and so on, last 4 d0 - 5 d2 + d4: BT of the paper, its rows in the order of WinogradPlan.
  const Words even = d[4] - Shift(d[2], 2), odd = d[3] - Shift(d[1], 2);
  const Words even2 = d[4] - d[2], odd2 = Shift(d[3] - d[1], 1);
  out[0] = even + odd;
  out[1] = even - odd;
  out[2] = even2 + odd2;
  out[3] = even2 - odd2;
  out[4] = Shift(d[0], 2) - d[2] + even;
  out[5] = d[5] - d[3] + Shift(d[1] - d[3], 2);
}
constexpr uint32_t kInputBelow = 255 * 100;

// One dimension of the output transform. From bytes (at most 255): [0, 1275], [-765, 765],
// [0, 2550], [-2295, 2550].
PENUMBRA_LANE void OutputLine(const Words m[6], Words out[4]) {
  const Words sum = m[0] + m[1], difference = m[0] - m[1];
  const Words sum2 = m[2] + m[3], difference2 = m[2] - m[3];
  out[0] = m[4] + sum + sum2;
  out[1] = difference + Shift(difference2, 1);
  out[2] = sum + Shift(sum2, 2);
  out[3] = difference + Shift(difference2, 3) + m[5];
}
// The last is reduced before the second dimension, which makes at worst [-9 * 2550, 10 * 2550] of
// the third.
constexpr uint32_t kFirstBelow = 2295, kSecondBelow = 9 * 2550;
static_assert(kSecondBelow + 255 + 10 * 2550 < 65536 && kInputBelow * 2 + 255 < 65536);

// 64 channels of one tile.
PENUMBRA_LANE void InputBlock(const uint8_t* const* taps, uint32_t channel, __mmask64 mask,
                                     const WordMod& mod, uint8_t* out, size_t position_size) {
  Words half[kIn][kIn];  // first dimension done, [row][column]
  for (uint32_t j = 0; j < kIn; ++j) {
    Words column[kIn], done[kIn];
#pragma GCC unroll 6
    for (uint32_t i = 0; i < kIn; ++i) column[i] = Widen(LoadTap(taps[i * kIn + j], channel, mask));
    InputLine(column, done);
#pragma GCC unroll 6
    for (uint32_t i = 0; i < kIn; ++i) half[i][j] = done[i];
  }
  for (uint32_t i = 0; i < kIn; ++i) {
    Words done[kIn];
    InputLine(half[i], done);
#pragma GCC unroll 6
    for (uint32_t j = 0; j < kIn; ++j) {
      _mm512_storeu_si512(out + (i * kIn + j) * position_size,
                          Narrow(Reduce(done[j], mod)));
    }
  }
}

// All 16 outputs of one tile.
PENUMBRA_LANE void OutputBlock(const uint8_t* products, size_t position_size,
                                      const WordMod& first, const WordMod& second,
                                      __m512i out[kOut * kOut]) {
  Words half[kOut][kIn];
  for (uint32_t j = 0; j < kIn; ++j) {
    Words column[kIn], done[kOut];
#pragma GCC unroll 6
    for (uint32_t i = 0; i < kIn; ++i) {
      column[i] = Widen(_mm512_loadu_si512(products + (i * kIn + j) * position_size));
    }
    OutputLine(column, done);
    half[0][j] = done[0];
    half[1][j] = done[1];
    half[2][j] = done[2];
    half[3][j] = Reduce(done[3], first);
  }
  for (uint32_t i = 0; i < kOut; ++i) {
    Words done[kOut];
    OutputLine(half[i], done);
#pragma GCC unroll 4
    for (uint32_t j = 0; j < kOut; ++j) out[i * kOut + j] = Narrow(Reduce(done[j], second));
  }
}

}  // namespace

void WinogradInput4(const WinogradInputJob& job) {
  const WordMod mod = MakeWordMod(PlanMod(job.plan->prime), kInputBelow);
  const uint8_t* taps[kIn * kIn];
  for (uint32_t tile = 0; tile < job.tiles; ++tile) {
    PointTile(job, kIn, tile, taps);
    for (uint32_t c = 0; c < job.channels; c += kWinogradBlock) {
      InputBlock(taps, c, MaskOf(job.channels - c), mod, job.out + tile * job.tile_size + c, job.position_size);
    }
  }
}

void WinogradOutput4(const WinogradOutputJob& job) {
  const ModPlan plan = PlanMod(job.plan->prime);
  const WordMod first = MakeWordMod(plan, kFirstBelow), second = MakeWordMod(plan, kSecondBelow);
  for (uint32_t tile = 0; tile < job.tiles; ++tile) {
    __m512i pixels[kOut * kOut];
    OutputBlock(job.products + size_t{tile} * kWinogradBlock, job.position_size, first, second, pixels);
    StoreTile(job, tile, pixels, first.m);
  }
}

}  // namespace penumbra::PENUMBRA_ISA
