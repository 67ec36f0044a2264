#include "accel/onednn/vnni_winograd.h"

#include "accel/onednn/vnni_reduce.h"

namespace penumbra::onednn {
namespace {

// 64 bytes as words: even and odd groups of eight, as bytes unpack.
struct Words {
  __m512i low, high;
};

PENUMBRA_VNNI_INLINE Words Widen(__m512i bytes) {
  const __m512i zero = _mm512_setzero_si512();
  return {_mm512_unpacklo_epi8(bytes, zero), _mm512_unpackhi_epi8(bytes, zero)};
}
PENUMBRA_VNNI_INLINE Words operator+(const Words& a, const Words& b) {
  return {_mm512_add_epi16(a.low, b.low), _mm512_add_epi16(a.high, b.high)};
}
PENUMBRA_VNNI_INLINE Words operator-(const Words& a, const Words& b) {
  return {_mm512_sub_epi16(a.low, b.low), _mm512_sub_epi16(a.high, b.high)};
}
PENUMBRA_VNNI_INLINE Words Shift(const Words& a, unsigned bits) {
  return {_mm512_slli_epi16(a.low, bits), _mm512_slli_epi16(a.high, bits)};
}

// Words are exact modulo 2^16; adding a multiple of the prime that makes the true value unsigned
// makes them exact.
struct WordMod {
  ModVectors m;
  __m512i offset;
};

PENUMBRA_VNNI_INLINE WordMod MakeWordMod(const ModPlan& plan, uint32_t below) {
  const uint32_t p = plan.prime;
  return {Broadcast(plan), _mm512_set1_epi16(static_cast<int16_t>((below + p - 1) / p * p))};
}
PENUMBRA_VNNI_INLINE Words Reduce(const Words& v, const WordMod& mod) {
  return {ReduceWords(_mm512_add_epi16(v.low, mod.offset), mod.m),
          ReduceWords(_mm512_add_epi16(v.high, mod.offset), mod.m)};
}
PENUMBRA_VNNI_INLINE __m512i Narrow(const Words& v) {
  return _mm512_packus_epi16(v.low, v.high);
}

// One dimension of the input transform. Coefficients of a row add up to at most 10 in magnitude,
// so both dimensions of bytes stay within 255 * 100 < 2^15.
PENUMBRA_VNNI_INLINE void InputLine(const Words d[6], Words out[6]) {
  // 4 d0 - 5 d2 + d4, -4 d1 - 4 d2 + d3 + d4 and so on: BT of the paper.
  const Words even = d[4] - Shift(d[2], 2), odd = d[3] - Shift(d[1], 2);
  const Words even2 = d[4] - d[2], odd2 = Shift(d[3] - d[1], 1);
  out[0] = Shift(d[0], 2) - d[2] + even;
  out[1] = even + odd;
  out[2] = even - odd;
  out[3] = even2 + odd2;
  out[4] = even2 - odd2;
  out[5] = d[5] - d[3] + Shift(d[1] - d[3], 2);
}
constexpr uint32_t kInputBelow = 255 * 100;

// One dimension of the output transform. From bytes (at most 255): [0, 1275], [-765, 765],
// [0, 2550], [-2295, 2550].
PENUMBRA_VNNI_INLINE void OutputLine(const Words m[6], Words out[4]) {
  const Words sum = m[1] + m[2], difference = m[1] - m[2];
  const Words sum2 = m[3] + m[4], difference2 = m[3] - m[4];
  out[0] = m[0] + sum + sum2;
  out[1] = difference + Shift(difference2, 1);
  out[2] = sum + Shift(sum2, 2);
  out[3] = difference + Shift(difference2, 3) + m[5];
}
// The last is reduced before the second dimension, which makes at worst [-9 * 2550, 10 * 2550] of
// the third.
constexpr uint32_t kFirstBelow = 2295, kSecondBelow = 9 * 2550;
static_assert(kSecondBelow + 255 + 10 * 2550 < 65536 && kInputBelow * 2 + 255 < 65536);

void PointTile(const WinogradInputJob& job, uint32_t tile, const uint8_t* out_taps[]) {
  const int64_t left = job.left + int64_t{tile} * kWinogradOut;
  for (uint32_t i = 0; i < kWinogradIn; ++i) {
    const int64_t y = job.top + i;
    const bool exists = y >= int64_t{job.row_begin} && y < int64_t{job.row_end};
    for (uint32_t j = 0; j < kWinogradIn; ++j) {
      const int64_t x = left + j;
      const bool inside = exists && x >= 0 && x < int64_t{job.in_w};
      out_taps[i * kWinogradIn + j] =
          inside ? job.image + (static_cast<size_t>(y) * job.in_w + static_cast<size_t>(x)) *
                                   job.channels
                 : job.zeros;
    }
  }
}

// 64 channels of one tile.
PENUMBRA_VNNI_INLINE void InputBlock(const uint8_t* const* taps, uint32_t channel, __mmask64 mask,
                                     const WordMod& mod, uint8_t* out, size_t position_size) {
  Words half[kWinogradIn][kWinogradIn];  // first dimension done, [row][column]
  for (uint32_t j = 0; j < kWinogradIn; ++j) {
    Words column[kWinogradIn], done[kWinogradIn];
#pragma GCC unroll 6
    for (uint32_t i = 0; i < kWinogradIn; ++i) {
      column[i] =
          Widen(_mm512_maskz_loadu_epi8(mask, taps[i * kWinogradIn + j] + channel));
    }
    InputLine(column, done);
#pragma GCC unroll 6
    for (uint32_t i = 0; i < kWinogradIn; ++i) half[i][j] = done[i];
  }
  for (uint32_t i = 0; i < kWinogradIn; ++i) {
    Words done[kWinogradIn];
    InputLine(half[i], done);
#pragma GCC unroll 6
    for (uint32_t j = 0; j < kWinogradIn; ++j) {
      _mm512_storeu_si512(out + (i * kWinogradIn + j) * position_size,
                          Narrow(Reduce(done[j], mod)));
    }
  }
}

// All 16 outputs of one tile.
PENUMBRA_VNNI_INLINE void OutputBlock(const uint8_t* products, size_t position_size,
                                      const WordMod& first, const WordMod& second,
                                      __m512i out[kWinogradOut][kWinogradOut]) {
  Words half[kWinogradOut][kWinogradIn];
  for (uint32_t j = 0; j < kWinogradIn; ++j) {
    Words column[kWinogradIn], done[kWinogradOut];
#pragma GCC unroll 6
    for (uint32_t i = 0; i < kWinogradIn; ++i) {
      column[i] = Widen(_mm512_loadu_si512(products + (i * kWinogradIn + j) * position_size));
    }
    OutputLine(column, done);
    half[0][j] = done[0];
    half[1][j] = done[1];
    half[2][j] = done[2];
    half[3][j] = Reduce(done[3], first);
  }
  for (uint32_t i = 0; i < kWinogradOut; ++i) {
    Words done[kWinogradOut];
    OutputLine(half[i], done);
#pragma GCC unroll 4
    for (uint32_t j = 0; j < kWinogradOut; ++j) out[i][j] = Narrow(Reduce(done[j], second));
  }
}

}  // namespace

void WinogradInput(const WinogradInputJob& job) {
  const ModPlan plan = PlanMod(job.prime);
  const WordMod mod = MakeWordMod(plan, kInputBelow);
  const uint8_t* taps[kWinogradPositions];
  for (uint32_t tile = 0; tile < job.tiles; ++tile) {
    PointTile(job, tile, taps);
    for (uint32_t c = 0; c < job.channels; c += kWinogradBlock) {
      const uint32_t rest = job.channels - c;
      const __mmask64 mask = rest >= 64 ? ~uint64_t{0} : (uint64_t{1} << rest) - 1;
      InputBlock(taps, c, mask, mod, job.out + tile * job.tile_size + c, job.position_size);
    }
  }
}

void WinogradOutput(const WinogradOutputJob& job) {
  const ModPlan plan = PlanMod(job.prime);
  const WordMod first = MakeWordMod(plan, kFirstBelow), second = MakeWordMod(plan, kSecondBelow);
  const __mmask64 mask = job.columns >= 64 ? ~uint64_t{0} : (uint64_t{1} << job.columns) - 1;
  for (uint32_t tile = 0; tile < job.tiles; ++tile) {
    __m512i pixels[kWinogradOut][kWinogradOut];
    OutputBlock(job.products + size_t{tile} * kWinogradBlock, job.position_size, first, second,
                pixels);
    const uint32_t rest = job.out_w - tile * kWinogradOut;
    const uint32_t width = rest < kWinogradOut ? rest : kWinogradOut;
    for (uint32_t i = 0; i < job.rows; ++i) {
      uint8_t* out = job.out + (size_t{i} * job.out_w + tile * kWinogradOut) * job.out_c;
      for (uint32_t j = 0; j < width; ++j, out += job.out_c) {
        _mm512_mask_storeu_epi8(out, mask, pixels[i][j]);
      }
    }
  }
}

}  // namespace penumbra::onednn
