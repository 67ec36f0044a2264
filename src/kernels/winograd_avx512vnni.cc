// Winograd transforms of any tile by AVX-512 VNNI. Lines of 64 channels meet a row of the matrix two at a time, with sums in
// 16-bit words (kWinogradRowSum), rows of opposite points share their halves, and sums are reduced in registers. Tiles of
// 4 x 4 outputs, whose coefficients are smaller, have their own (winograd4_avx512vnni.cc).
#include "kernels/isa_extras.h"
#include "kernels/vnni_lanes.h"
#include "kernels/vnni_winograd.h"
#include "kernels/vnni_words.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

// m x m outputs.
template <uint32_t kM>
struct Tile {
  static constexpr uint32_t kOut = kM, kIn = WinogradIn(kM);
  static constexpr uint32_t kPairs = (kIn - 1) / 2, kPaired = 2 * kPairs;  // of opposite points
  static constexpr bool kZero = kIn % 2 == 0;                              // 0 is a point
};

// Whether any words of a row may leave what Reduce<false> takes.
PENUMBRA_LANE bool IsWide(const int8_t* row, uint32_t count) {
  int32_t positive = 0, negative = 0;
  for (uint32_t i = 0; i < count; ++i) (row[i] < 0 ? negative : positive) += row[i];
  return positive > kWinogradRowSum / 2 || negative < -kWinogradRowSum / 2;
}

// Four lines, two and two; fewer where there are no more pairs of points.
struct Four {
  Words first, second;
};
PENUMBRA_LANE Words Dot(const Four& lines, const uint32_t coefficients[2]) {
  return Dot(lines.first, RepeatPair(coefficients[0])) + Dot(lines.second, RepeatPair(coefficients[1]));
}

// Rows of a plan's `input` as Dot takes them.
struct InputRow {
  uint32_t even[2], odd[2], rest;
  bool wide;
};

template <typename T>
struct InputRows {
  InputRow of[T::kIn];

  explicit InputRows(const WinogradTransform& t) {
    for (uint32_t i = 0; i < T::kIn; ++i) {
      const int8_t* row = t.rows[i];
      constexpr uint32_t kEven = T::kZero ? 2 : 0, kLast = T::kPairs == 4 ? 6 : 0;
      const auto from = [row](uint32_t line, bool exists) { return exists ? row[line] : int8_t{0}; };
      of[i] = {{PairOf(row[kEven], row[kEven + 2]), PairOf(row[kEven + 4], from(kEven + kLast, kLast != 0))},
               {PairOf(row[1], row[3]), PairOf(row[5], from(1 + kLast, kLast != 0))},
               PairOf(from(0, T::kZero), row[T::kIn - 1]),
               false};
      // The rows of a pair differ in their signs only.
      const int8_t* other = t.rows[i < T::kPaired ? i ^ 1 : i];
      of[i].wide = IsWide(row, T::kIn) || IsWide(other, T::kIn);
    }
  }
};

// put(i, bytes) takes element i of the result.
template <typename T, typename Put>
PENUMBRA_LANE void InputLine(const InputRows<T>& rows, const WordMod& mod, const __m512i (&d)[T::kIn], const Put& put) {
  constexpr uint32_t kEven = T::kZero ? 2 : 0;
  const __m512i zero = _mm512_setzero_si512();
  const Four even = {Pair(d[kEven], d[kEven + 2]), Pair(d[kEven + 4], T::kPairs == 4 ? d[kEven + T::kPaired - 2] : zero)};
  const Four odd = {Pair(d[1], d[3]), Pair(d[5], T::kPairs == 4 ? d[T::kPaired - 1] : zero)};
  for (uint32_t i = 0; i < T::kPaired; i += 2) {
    const InputRow& row = rows.of[i];
    const Words evens = Dot(even, row.even), odds = Dot(odd, row.odd);
    put(i, Reduce(evens + odds, mod, row.wide));
    put(i + 1, Reduce(evens - odds, mod, row.wide));
  }
  // The zero point reads even lines, infinity those of the other parity of the last line.
  const Words rest = Pair(T::kZero ? d[0] : zero, d[T::kIn - 1]);
  if constexpr (T::kZero) {
    const InputRow& row = rows.of[T::kPaired];
    put(T::kPaired, Reduce(Dot(even, row.even) + Dot(rest, RepeatPair(row.rest)), mod, row.wide));
  }
  const InputRow& row = rows.of[T::kIn - 1];
  const Words most = T::kZero ? Dot(odd, row.odd) : Dot(even, row.even);
  put(T::kIn - 1, Reduce(most + Dot(rest, RepeatPair(row.rest)), mod, row.wide));
}

// Rows of a plan's `output`: powers of the points, one of each pair.
struct OutputRow {
  uint32_t powers[2];
  bool wide;
};

template <typename T>
struct OutputRows {
  OutputRow of[T::kOut];

  explicit OutputRows(const WinogradTransform& t) {
    for (uint32_t k = 0; k < T::kOut; ++k) {
      int8_t powers[5] = {};
      for (uint32_t i = 0; i < T::kPairs; ++i) powers[i] = t.rows[k][2 * i];
      powers[4] = 1;  // of 0 or infinity, where the row has it
      of[k] = {{PairOf(powers[0], powers[1]), PairOf(powers[2], powers[3])}, IsWide(powers, 5)};
    }
  }
};

// Row k multiplies the products of +a and -a with a^k and (-a)^k: even rows take sums of the two, odd rows differences.
template <typename T, typename Put>
PENUMBRA_LANE void OutputLine(const OutputRows<T>& rows, const WordMod& mod, const ModVectors& m,
                              const __m512i (&products)[T::kIn], const Put& put) {
  __m512i sums[4] = {}, differences[4] = {};
#pragma GCC unroll 4
  for (uint32_t i = 0; i < T::kPairs; ++i) {
    // With one of the two canonical, a carry is worth 256 mod p and a borrow p, and neither happens again.
    const __m512i plus = products[2 * i], minus = Canonical(products[2 * i + 1], m);
    const __m512i sum = _mm512_add_epi8(plus, minus), difference = _mm512_sub_epi8(plus, minus);
    sums[i] = _mm512_mask_add_epi8(sum, _mm512_cmplt_epu8_mask(sum, plus), sum, mod.carry);
    differences[i] = _mm512_mask_add_epi8(difference, _mm512_cmplt_epu8_mask(plus, minus), difference, m.prime_bytes);
  }
  const Four even = {Pair(sums[0], sums[1]), Pair(sums[2], sums[3])};
  const Four odd = {Pair(differences[0], differences[1]), Pair(differences[2], differences[3])};
#pragma GCC unroll 8
  for (uint32_t k = 0; k < T::kOut; ++k) {
    Words total = Dot(k % 2 == 0 ? even : odd, rows.of[k].powers);
    if (T::kZero && k == 0) total = total + Widen(products[T::kPaired]);
    if (k + 1 == T::kOut) total = total + Widen(products[T::kIn - 1]);
    put(k, Reduce(total, mod, rows.of[k].wide));
  }
}

// A row of tiles, 64 channels.
template <typename T>
PENUMBRA_LANE void InputBlock(const WinogradInputJob& job, const InputRows<T>& rows, const WordMod& mod, uint32_t channel) {
  const __mmask64 mask = MaskOf(job.channels - channel);
  __m512i half[T::kIn][T::kIn], line[T::kIn];  // first dimension done: [element][column]
  uint8_t* to = job.out + channel;
  for (uint32_t tile = 0; tile < job.tiles; ++tile, to += job.tile_size) {
    const int64_t left = job.left + int64_t{tile} * T::kOut;
    // The last columns of a tile are the first of the next.
    for (uint32_t i = 0; tile > 0 && i < T::kIn; ++i) {
      half[i][0] = half[i][T::kOut];
      half[i][1] = half[i][T::kOut + 1];
    }
    for (uint32_t j = tile > 0 ? T::kIn - T::kOut : 0; j < T::kIn; ++j) {
      LoadColumn(job, left + j, channel, mask, line);
      FetchColumn<T::kIn>(job, left + j + T::kOut, channel);
      InputLine(rows, mod, line, [&](uint32_t i, __m512i bytes) { half[i][j] = bytes; });
    }
    uint8_t* position = to;
    for (uint32_t i = 0; i < T::kIn; ++i) {
      InputLine(rows, mod, half[i], [&](uint32_t j, __m512i bytes) {
        _mm512_storeu_si512(position + j * job.position_size, bytes);
      });
      position += T::kIn * job.position_size;
    }
  }
}

template <uint32_t kM>
void Input(const WinogradInputJob& job) {
  const InputRows<Tile<kM>> rows(job.plan->input);
  const WordMod mod = MakeWordMod(PlanMod(job.plan->prime));
  for (uint32_t c = 0; c < job.channels; c += kWinogradBlock) InputBlock<Tile<kM>>(job, rows, mod, c);
}

// Products of one tile, or of a tile in either half of a vector.
template <bool kTwo>
PENUMBRA_LANE __m512i LoadProducts(const uint8_t* first, const uint8_t* second) {
  if constexpr (!kTwo) return _mm512_loadu_si512(first);
  const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(first));
  const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(second));
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

// Outputs of tile `tile`, with kTwo of the next as well if there is one: its channels fit in what the first leaves empty.
template <typename T, bool kTwo>
PENUMBRA_LANE void OutputTile(const WinogradOutputJob& job, const OutputRows<T>& rows, const WordMod& mod,
                              const ModVectors& m, uint32_t tile) {
  const bool next = kTwo && tile + 1 < job.tiles;
  const uint8_t* from = job.products + size_t{tile} * kWinogradBlock;
  const size_t second = next ? kWinogradBlock : 0;
  const TileOutputs to = OutputsOf(job, tile);
  __m512i half[T::kOut][T::kIn], line[T::kIn], pixels[T::kOut * T::kOut];
  for (uint32_t j = 0; j < T::kIn; ++j, from += job.position_size) {
    FetchOutputs(job, to, j);
    for (uint32_t i = 0; i < T::kIn; ++i) {
      const uint8_t* at = from + i * T::kIn * job.position_size;
      line[i] = LoadProducts<kTwo>(at, at + second);
    }
    OutputLine(rows, mod, m, line, [&](uint32_t i, __m512i bytes) { half[i][j] = bytes; });
  }
  for (uint32_t i = 0; i < T::kOut; ++i) {
    OutputLine(rows, mod, m, half[i], [&](uint32_t j, __m512i bytes) { pixels[i * T::kOut + j] = bytes; });
  }
  StoreTile(job, to, pixels, m);
  if (!next) return;
  for (__m512i& pixel : pixels) pixel = _mm512_shuffle_i64x2(pixel, pixel, 0x4e);
  StoreTile(job, OutputsOf(job, tile + 1), pixels, m);
}

template <uint32_t kM>
void Output(const WinogradOutputJob& job) {
  const OutputRows<Tile<kM>> rows(job.plan->output);
  const ModPlan plan = PlanMod(job.plan->prime);
  const WordMod mod = MakeWordMod(plan);
  const ModVectors m = Broadcast(plan);
  if (job.columns <= kWinogradBlock / 2) {
    for (uint32_t tile = 0; tile < job.tiles; tile += 2) OutputTile<Tile<kM>, true>(job, rows, mod, m, tile);
  } else {
    for (uint32_t tile = 0; tile < job.tiles; ++tile) OutputTile<Tile<kM>, false>(job, rows, mod, m, tile);
  }
}

// Sums of a filter's taps with any coefficients start here, so that they are positive: a multiple of the prime.
PENUMBRA_LANE uint32_t FilterOrigin(uint32_t prime) {
  constexpr uint32_t kLargest = kWinogradTaps * 255 * 125;
  return (kLargest + prime - 1) / prime * prime;
}

PENUMBRA_LANE uint32_t Quad(int8_t a, int8_t b, int8_t c) {
  return (PairOf(a, b) & 0xffffu) | static_cast<uint32_t>(static_cast<uint8_t>(c)) << 16;
}

// out: plan->in elements, `step` apart.
PENUMBRA_LANE void FilterLine(const WinogradPlan& plan, const ModVectors& m, const __m512i (&taps)[kWinogradTaps],
                              __m512i* out, uint32_t step) {
  const Interleaved in = Interleave(taps[0], taps[1], taps[2], _mm512_setzero_si512());
  const Interleaved origin = Repeat(FilterOrigin(plan.prime));
  for (uint32_t i = 0; i < plan.in; ++i, out += step) {
    const int8_t* row = plan.filter.rows[i];
    const Interleaved sums = AddQuad(origin, in, Repeat(Quad(row[0], row[1], row[2])));
    *out = ReduceInterleaved(sums.of[0], sums.of[1], sums.of[2], sums.of[3], m);
  }
}

}  // namespace

void WinogradInput(const WinogradInputJob& job) {
  switch (job.plan->out) {
    case 4: return WinogradInput4(job);
    case 5: return Input<5>(job);
    case 6: return Input<6>(job);
    case 7: return Input<7>(job);
    default: return Input<8>(job);
  }
}

void WinogradOutput(const WinogradOutputJob& job) {
  switch (job.plan->out) {
    case 4: return WinogradOutput4(job);
    case 5: return Output<5>(job);
    case 6: return Output<6>(job);
    case 7: return Output<7>(job);
    default: return Output<8>(job);
  }
}

void WinogradFilter(const WinogradFilterJob& job) {
  const WinogradPlan& plan = *job.plan;
  const ModVectors m = Broadcast(PlanMod(plan.prime));
  const __mmask64 mask = MaskOf(job.channels);
  __m512i taps[kWinogradTaps], half[kWinogradMaxIn][kWinogradTaps], out[kWinogradMaxIn];  // half: [element][column]
  for (uint32_t j = 0; j < kWinogradTaps; ++j) {
    for (uint32_t i = 0; i < kWinogradTaps; ++i) {
      const __m512i weights = _mm512_maskz_loadu_epi8(mask, job.filter + (i * kWinogradTaps + j) * job.tap_stride);
      taps[i] = _mm512_mask_add_epi8(weights, _mm512_movepi8_mask(weights), weights, m.prime_bytes);
    }
    FilterLine(plan, m, taps, &half[0][j], kWinogradTaps);
  }
  const __m512i largest = _mm512_set1_epi8(static_cast<int8_t>(plan.prime / 2));
  int8_t* to = job.out;
  for (uint32_t i = 0; i < plan.in; ++i) {
    FilterLine(plan, m, half[i], out, 1);
    for (uint32_t j = 0; j < plan.in; ++j, to += job.position_size) {
      const __m512i centred =
          _mm512_mask_sub_epi8(out[j], _mm512_cmpgt_epu8_mask(out[j], largest), out[j], m.prime_bytes);
      _mm512_mask_storeu_epi8(to, mask, centred);
    }
  }
}

}  // namespace penumbra::PENUMBRA_ISA
