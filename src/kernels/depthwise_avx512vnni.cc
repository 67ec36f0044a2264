// Depthwise convolutions computed inside: of bytes by dot products of four of them; of 16-bit levels by dot products of two
// words, in 32-bit sums that cannot overflow: with w = 16 u + v, v in [0, 16), the sums of x u and of x v stay below 2^31
// for as many taps as kMaxTaps.
#include <immintrin.h>

#include "kernels/isa_extras.h"
#include "kernels/vnni_lanes.h"
#include "kernels/vnni_taps.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

constexpr uint32_t kBlock = 32;  // channels of words, half of those of bytes
constexpr uint32_t kHalf = 16;   // channels with their two words in one vector
constexpr uint32_t kMaxTaps = 30;
constexpr uint32_t kMaxPairs = kMaxTaps / 2;
constexpr uint32_t kLowBits = 4;
// |sum of x u + sum of x v / 16| <= kMaxTaps * (2^15 * 2^11 + 2^15).
static_assert(uint64_t{kMaxTaps} * ((uint64_t{1} << 26) + (uint64_t{1} << 15)) < uint64_t{1} << 31);

struct Orders {
  __m512i words[2];   // words of two vectors, one after the other, of channels 16 h .. + 15
  __m512i dwords[2];  // likewise dwords, 8 at a time
};

Orders MakeOrders() {
  alignas(64) uint16_t words[2][32];
  alignas(64) uint32_t dwords[2][16];
  for (uint32_t h = 0; h < 2; ++h) {
    for (uint32_t i = 0; i < 32; ++i) words[h][i] = static_cast<uint16_t>(kHalf * h + i / 2 + i % 2 * 32);
    for (uint32_t i = 0; i < 16; ++i) dwords[h][i] = 8 * h + i / 2 + i % 2 * 16;
  }
  return {{_mm512_load_si512(words[0]), _mm512_load_si512(words[1])},
          {_mm512_load_si512(dwords[0]), _mm512_load_si512(dwords[1])}};
}

// Weights of two taps, by half of the block.
struct PairWeights {
  __m512i upper[2], lower[2];
};

PENUMBRA_LANE __m512i LoadWeights(const DepthwiseJob& job, uint32_t tap, uint32_t first, __mmask32 mask) {
  const ConvGeometry& g = *job.geometry;
  if (tap >= g.kernel_h * g.kernel_w) return _mm512_setzero_si512();
  return _mm512_maskz_loadu_epi16(mask, static_cast<const int16_t*>(job.weights) + size_t{tap} * g.in_c + first);
}

PENUMBRA_LANE PairWeights MakePair(const Orders& orders, __m512i a, __m512i b) {
  PairWeights out;
  for (uint32_t h = 0; h < 2; ++h) {
    const __m512i pair = _mm512_permutex2var_epi16(a, orders.words[h], b);
    out.upper[h] = _mm512_srai_epi16(pair, kLowBits);
    out.lower[h] = _mm512_and_si512(pair, _mm512_set1_epi16((1 << kLowBits) - 1));
  }
  return out;
}

// 16 u + v in 64 bits, of as many channels as there are of 16.
PENUMBRA_LANE void StoreHalf(const Orders& orders, __m512i u, __m512i v, uint32_t channels, int64_t* out) {
  const __m512i low = _mm512_add_epi32(_mm512_slli_epi32(u, kLowBits), v);
  const __m512i high = _mm512_srai_epi32(_mm512_add_epi32(u, _mm512_srai_epi32(v, kLowBits)), 32 - kLowBits);
#pragma GCC unroll 2
  for (uint32_t h = 0; h < 2; ++h) {
    const __m512i sums = _mm512_permutex2var_epi32(low, orders.dwords[h], high);
    if (channels >= 8 * (h + 1)) {
      _mm512_storeu_si512(out + 8 * h, sums);
    } else if (channels > 8 * h) {
      _mm512_mask_storeu_epi64(out + 8 * h, static_cast<__mmask8>((1u << (channels - 8 * h)) - 1), sums);
    }
  }
}

// kPairs: pairs of taps, 0: `pairs`.
template <uint32_t kPairs>
PENUMBRA_LANE void RunBlock(const DepthwiseJob& job, uint32_t first, uint32_t pairs, const uint8_t* padding) {
  using Reader = TapReader<kMaxTaps>;
  const uint32_t count = kPairs != 0 ? kPairs : pairs;
  const uint32_t width = job.geometry->in_c;
  const uint32_t channels = width - first < kBlock ? width - first : kBlock;
  const auto words = static_cast<__mmask32>((uint64_t{1} << channels) - 1);
  const __mmask64 bytes = channels == kBlock ? ~uint64_t{0} : (uint64_t{1} << 2 * channels) - 1;
  const Orders orders = MakeOrders();
  const Reader in = MakeTapReader<kMaxTaps>(job, 2 * count, 2, 2 * first, bytes, padding);
  PairWeights weights[kPairs != 0 ? kPairs : kMaxPairs];
  for (uint32_t p = 0; p < count; ++p) {
    weights[p] = MakePair(orders, LoadWeights(job, 2 * p, first, words), LoadWeights(job, 2 * p + 1, first, words));
  }
  int64_t* out = static_cast<int64_t*>(job.out) + first;
  for (uint32_t column = job.out_column_begin; column < job.out_column_end; ++column, out += width) {
    const int64_t left = LeftOf(job, column);
    __m512i u[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()}, v[2] = {u[0], u[0]};
#pragma GCC unroll 8
    for (uint32_t p = 0; p < count; ++p) {
      const __m512i a = Reader::Read(in, 2 * p, left), b = Reader::Read(in, 2 * p + 1, left);
#pragma GCC unroll 2
      for (uint32_t h = 0; h < 2; ++h) {
        const __m512i x = _mm512_permutex2var_epi16(a, orders.words[h], b);
        u[h] = _mm512_dpwssd_epi32(u[h], x, weights[p].upper[h]);
        v[h] = _mm512_dpwssd_epi32(v[h], x, weights[p].lower[h]);
      }
    }
    StoreHalf(orders, u[0], v[0], channels, out);
    if (channels > kHalf) StoreHalf(orders, u[1], v[1], channels - kHalf, out + kHalf);
  }
}

constexpr uint32_t kQuad = 4;  // taps of bytes
constexpr uint32_t kMaxQuads = kMaxTaps / kQuad + 1;

PENUMBRA_LANE Interleaved QuadWeights(const DepthwiseJob& job, uint32_t tap, uint32_t first, __mmask64 mask) {
  const ConvGeometry& g = *job.geometry;
  __m512i of[kQuad];
  for (uint32_t t = 0; t < kQuad; ++t) {
    const bool exists = tap + t < g.kernel_h * g.kernel_w;
    const auto* from = static_cast<const int8_t*>(job.weights) + (exists ? size_t{tap + t} * g.in_c + first : 0);
    of[t] = _mm512_maskz_loadu_epi8(exists ? mask : 0, from);
  }
  return Interleave(of[0], of[1], of[2], of[3]);
}

// Sums of 64 channels in their order.
PENUMBRA_LANE void StoreSums(const Interleaved& s, uint32_t channels, int32_t* out) {
  const __m512i low01 = _mm512_shuffle_i32x4(s.of[0], s.of[1], 0x44), high01 = _mm512_shuffle_i32x4(s.of[0], s.of[1], 0xee);
  const __m512i low23 = _mm512_shuffle_i32x4(s.of[2], s.of[3], 0x44), high23 = _mm512_shuffle_i32x4(s.of[2], s.of[3], 0xee);
  const __m512i sums[4] = {_mm512_shuffle_i32x4(low01, low23, 0x88), _mm512_shuffle_i32x4(low01, low23, 0xdd),
                           _mm512_shuffle_i32x4(high01, high23, 0x88), _mm512_shuffle_i32x4(high01, high23, 0xdd)};
#pragma GCC unroll 4
  for (uint32_t q = 0; q < 4; ++q) {
    if (channels >= 16 * (q + 1)) {
      _mm512_storeu_si512(out + 16 * q, sums[q]);
    } else if (channels > 16 * q) {
      _mm512_mask_storeu_epi32(out + 16 * q, static_cast<__mmask16>((1u << (channels - 16 * q)) - 1), sums[q]);
    }
  }
}

// kQuads: quads of taps, 0: `quads`.
template <uint32_t kQuads>
PENUMBRA_LANE void RunByteBlock(const DepthwiseJob& job, uint32_t first, uint32_t quads, const uint8_t* padding) {
  using Reader = TapReader<kMaxQuads * kQuad>;
  const uint32_t count = kQuads != 0 ? kQuads : quads;
  const uint32_t width = job.geometry->in_c;
  const __mmask64 mask = MaskOf(width - first);
  const auto in = MakeTapReader<kMaxQuads * kQuad>(job, count * kQuad, 1, first, mask, padding);
  Interleaved weights[kQuads != 0 ? kQuads : kMaxQuads];
  for (uint32_t q = 0; q < count; ++q) weights[q] = QuadWeights(job, q * kQuad, first, mask);
  int32_t* out = static_cast<int32_t*>(job.out) + first;
  for (uint32_t column = job.out_column_begin; column < job.out_column_end; ++column, out += width) {
    const int64_t left = LeftOf(job, column);
    Interleaved sums = Repeat(0);
#pragma GCC unroll 3
    for (uint32_t q = 0; q < count; ++q) {
      const uint32_t tap = q * kQuad;
      sums = AddQuad(sums, Interleave(Reader::Read(in, tap, left), Reader::Read(in, tap + 1, left),
                                      Reader::Read(in, tap + 2, left), Reader::Read(in, tap + 3, left)),
                     weights[q]);
    }
    StoreSums(sums, width - first, out);
  }
}

}  // namespace

void DepthwiseU8S8(const DepthwiseJob& job) {
  const ConvGeometry& g = *job.geometry;
  const uint64_t taps = uint64_t{g.kernel_h} * g.kernel_w;
  if (taps > kMaxTaps) return avx512::DepthwiseU8S8(job);
  const auto quads = static_cast<uint32_t>((taps + kQuad - 1) / kQuad);
  alignas(64) uint8_t padding[64];
  _mm512_store_si512(padding, _mm512_set1_epi8(static_cast<char>(job.padding)));
  for (uint32_t first = 0; first < g.in_c; first += 2 * kBlock) {
    quads == 3 ? RunByteBlock<3>(job, first, quads, padding) : RunByteBlock<0>(job, first, quads, padding);
  }
}

void DepthwiseS16S64(const DepthwiseJob& job) {
  const ConvGeometry& g = *job.geometry;
  const uint64_t taps = uint64_t{g.kernel_h} * g.kernel_w;
  if (taps > kMaxTaps) return avx512::DepthwiseS16S64(job);
  const auto pairs = static_cast<uint32_t>((taps + 1) / 2);
  alignas(64) uint8_t padding[64];
  _mm512_store_si512(padding, _mm512_set1_epi16(static_cast<int16_t>(job.padding)));
  for (uint32_t first = 0; first < g.in_c; first += kBlock) {
    pairs == 5 ? RunBlock<5>(job, first, pairs, padding) : RunBlock<0>(job, first, pairs, padding);
  }
}

}  // namespace penumbra::PENUMBRA_ISA
