// F(4x4, 3x3) with points 1, -1, 2, -2, 0 and infinity: coefficients so small that 16-bit words hold both dimensions of most
// sums. Sums of bytes lie between -255 n and 255 p, where n and p are what the negative and the positive coefficients add up
// to; Reduce<false> takes them while neither is more than 64, Reduce<true> up to 128.
#include "kernels/vnni_lanes.h"
#include "kernels/vnni_winograd.h"
#include "kernels/vnni_words.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

constexpr uint32_t kOut = kWinograd4, kIn = WinogradIn(kWinograd4);

// One dimension of the input transform: BT of the paper, its rows in the order of WinogradPlan.
PENUMBRA_LANE void InputLine(const Words d[6], Words out[6]) {
  // -4 d1 - 4 d2 + d3 + d4 and so on, last 4 d0 - 5 d2 + d4.
  const Words even = d[4] - Shift(d[2], 2), odd = d[3] - Shift(d[1], 2);
  const Words even2 = d[4] - d[2], odd2 = Shift(d[3] - d[1], 1);
  out[0] = even + odd;
  out[1] = even - odd;
  out[2] = even2 + odd2;
  out[3] = even2 - odd2;
  out[4] = Shift(d[0], 2) - d[2] + even;
  out[5] = d[5] - d[3] + Shift(d[1] - d[3], 2);
}
// Of a row, n and p are 8 and 2 in the first, at most 5 in the others: 32 and 68 in both dimensions of the first, at most 50
// elsewhere.
constexpr bool InputIsWide(uint32_t i, uint32_t j) { return i == 0 && j == 0; }

// One dimension of the output transform. n and p of its rows: 0 and 5, 3 and 3, 0 and 10, 9 and 10.
PENUMBRA_LANE void OutputLine(const Words m[6], Words out[4]) {
  const Words sum = m[0] + m[1], difference = m[0] - m[1];
  const Words sum2 = m[2] + m[3], difference2 = m[2] - m[3];
  out[0] = m[4] + sum + sum2;
  out[1] = difference + Shift(difference2, 1);
  out[2] = sum + Shift(sum2, 2);
  out[3] = difference + Shift(difference2, 3) + m[5];
}
// The last row is reduced before the second dimension, which makes at worst 90 and 100 of the third.
constexpr bool OutputIsWide(uint32_t i, uint32_t j) { return i == 2 && j >= 2; }

// A row of tiles, 64 channels.
PENUMBRA_LANE void InputBlock(const WinogradInputJob& job, const WordMod& mod, uint32_t channel) {
  const __mmask64 mask = MaskOf(job.channels - channel);
  Words half[kIn][kIn];  // first dimension done: [element][column]
  uint8_t* to = job.out + channel;
  for (uint32_t tile = 0; tile < job.tiles; ++tile, to += job.tile_size) {
    const int64_t left = job.left + int64_t{tile} * kOut;
    // The last columns of a tile are the first of the next.
    for (uint32_t i = 0; tile > 0 && i < kIn; ++i) {
      half[i][0] = half[i][kOut];
      half[i][1] = half[i][kOut + 1];
    }
    for (uint32_t j = tile > 0 ? kIn - kOut : 0; j < kIn; ++j) {
      __m512i bytes[kIn];
      Words column[kIn], done[kIn];
      LoadColumn(job, left + j, channel, mask, bytes);
#pragma GCC unroll 6
      for (uint32_t i = 0; i < kIn; ++i) column[i] = Widen(bytes[i]);
      InputLine(column, done);
#pragma GCC unroll 6
      for (uint32_t i = 0; i < kIn; ++i) half[i][j] = done[i];
    }
    uint8_t* position = to;
#pragma GCC unroll 6
    for (uint32_t i = 0; i < kIn; ++i) {
      Words done[kIn];
      InputLine(half[i], done);
#pragma GCC unroll 6
      for (uint32_t j = 0; j < kIn; ++j, position += job.position_size) {
        _mm512_storeu_si512(position, Reduce(done[j], mod, InputIsWide(i, j)));
      }
    }
  }
}

// All 16 outputs of one tile.
PENUMBRA_LANE void OutputBlock(const uint8_t* products, size_t position_size, const WordMod& mod,
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
    half[3][j] = Widen(Reduce<false>(done[3], mod));
  }
#pragma GCC unroll 4
  for (uint32_t i = 0; i < kOut; ++i) {
    Words done[kOut];
    OutputLine(half[i], done);
#pragma GCC unroll 4
    for (uint32_t j = 0; j < kOut; ++j) out[i * kOut + j] = Reduce(done[j], mod, OutputIsWide(i, j));
  }
}

}  // namespace

void WinogradInput4(const WinogradInputJob& job) {
  const WordMod mod = MakeWordMod(PlanMod(job.plan->prime));
  for (uint32_t c = 0; c < job.channels; c += kWinogradBlock) InputBlock(job, mod, c);
}

void WinogradOutput4(const WinogradOutputJob& job) {
  const ModPlan plan = PlanMod(job.plan->prime);
  const WordMod mod = MakeWordMod(plan);
  const ModVectors m = Broadcast(plan);
  for (uint32_t tile = 0; tile < job.tiles; ++tile) {
    __m512i pixels[kOut * kOut];
    const TileOutputs to = OutputsOf(job, tile);
    for (uint32_t i = 0; i < kOut; ++i) FetchOutputs(job, to, i);
    OutputBlock(job.products + size_t{tile} * kWinogradBlock, job.position_size, mod, pixels);
    StoreTile(job, to, pixels, m);
  }
}

}  // namespace penumbra::PENUMBRA_ISA
