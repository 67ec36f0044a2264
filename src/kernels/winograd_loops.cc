// Winograd transforms, compiled once per instruction set.
#include "kernels/isa_entries.h"
#include "kernels/reduce_words.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

constexpr uint32_t kBlock = kWinogradBlock;  // channels at once

PENUMBRA_LANE uint32_t BlockCount(uint32_t rest) { return rest < kBlock ? rest : kBlock; }

using Block = uint8_t[kBlock];

// Vectors of the compiler: as plain loops, gcc 12 leaves some of these sums to scalar code.
constexpr uint32_t kLanes = kWordLanes;
typedef uint8_t ByteLanes __attribute__((vector_size(kLanes), aligned(1), may_alias));
typedef int32_t WideLanes __attribute__((vector_size(4 * kLanes)));

// Sums that may need 32 bits.
struct WideSums {
  using Factor = int32_t;
  using Sum = WideLanes;
  explicit WideSums(uint16_t prime) : reducer(MakeReducer(prime)) {}
  PENUMBRA_LANE void Reduce(const WideSums& s, const Sum& sum, uint8_t* out) {
    PENUMBRA_INDEPENDENT
    for (uint32_t i = 0; i < kLanes; ++i) out[i] = static_cast<uint8_t>(ReduceLane(sum[i], s.reducer));
  }
  Reducer reducer;
};
// Sums of rows within kWinogradRowSum, modulo 2^16.
struct NarrowSums {
  using Factor = uint16_t;
  using Sum = WordLanes;
  explicit NarrowSums(uint16_t prime) : reducer(MakeNarrowReducer(prime)) {}
  PENUMBRA_LANE void Reduce(const NarrowSums& s, const Sum& sum, uint8_t* out) {
    *reinterpret_cast<ByteLanes*>(out) = __builtin_convertvector(ReduceWords(sum, s.reducer), ByteLanes);
  }
  NarrowReducer reducer;
};

using Lines = const uint8_t* [kWinogradMaxIn];  // blocks

PENUMBRA_LANE const ByteLanes& LanesAt(const uint8_t* bytes) { return *reinterpret_cast<const ByteLanes*>(bytes); }

// out = the sum of factors times lines.
template <typename Sums>
PENUMBRA_LANE void Combine(const Lines& lines, const int8_t* factors, uint32_t count, const Sums& s, uint8_t* out) {
  using Sum = typename Sums::Sum;
  for (uint32_t c = 0; c < kBlock; c += 2 * kLanes) {
    Sum low = {}, high = {};
    for (uint32_t line = 0; line < count; ++line) {
      const auto factor = static_cast<typename Sums::Factor>(factors[line]);
      low += __builtin_convertvector(LanesAt(lines[line] + c), Sum) * factor;
      high += __builtin_convertvector(LanesAt(lines[line] + c + kLanes), Sum) * factor;
    }
    Sums::Reduce(s, low, out + c);
    Sums::Reduce(s, high, out + c + kLanes);
  }
}

// Every row of a transform, of one line of blocks.
template <typename Sums>
struct DirectRows {
  Sums sums;
  PENUMBRA_LANE void Apply(const DirectRows& r, const WinogradTransform& t, const Lines& lines, Block* const* out) {
    for (uint32_t row = 0; row < t.out; ++row) Combine(lines, t.rows[row], t.in, r.sums, *out[row]);
  }
};

// The same of `output`, whose rows have equal factors for opposite points, or in odd rows opposite ones: the lines of both are
// added up, or subtracted, first.
struct PairedRows {
  NarrowSums sums;
  PENUMBRA_LANE void Apply(const PairedRows& r, const WinogradTransform& t, const Lines& lines, Block* const* out) {
    const uint32_t pairs = (t.in - 1) / 2, count = t.in - pairs;
    Block merged[2][kWinogradMaxIn / 2];
    Lines by_parity[2];
    for (uint32_t j = 0; j < pairs; ++j) {
      const uint8_t* x = lines[2 * j];
      const uint8_t* y = lines[2 * j + 1];
      for (uint32_t c = 0; c < kBlock; c += kLanes) {
        const WordLanes a = __builtin_convertvector(LanesAt(x + c), WordLanes);
        const WordLanes b = __builtin_convertvector(LanesAt(y + c), WordLanes);
        NarrowSums::Reduce(r.sums, a + b, merged[0][j] + c);
        NarrowSums::Reduce(r.sums, a - b, merged[1][j] + c);
      }
      by_parity[0][j] = merged[0][j];
      by_parity[1][j] = merged[1][j];
    }
    for (uint32_t j = pairs; j < count; ++j) by_parity[0][j] = by_parity[1][j] = lines[pairs + j];
    for (uint32_t row = 0; row < t.out; ++row) {
      int8_t factors[kWinogradMaxIn];
      for (uint32_t j = 0; j < count; ++j) factors[j] = t.rows[row][j < pairs ? 2 * j : pairs + j];
      Combine(by_parity[row % 2], factors, count, r.sums, *out[row]);
    }
  }
};

// Both dimensions: out = T in T^T, in [t.in][t.in] blocks, out [t.out][t.out] blocks.
template <typename Rows>
void TransformTile(const WinogradTransform& t, const Rows& rows, const Block* in, Block* out) {
  Block half[kWinogradMaxPositions];  // [t.out][t.in]
  Lines lines;
  Block* to[kWinogradMaxIn];
  for (uint32_t j = 0; j < t.in; ++j) {
    for (uint32_t i = 0; i < t.in; ++i) lines[i] = in[i * t.in + j];
    for (uint32_t i = 0; i < t.out; ++i) to[i] = &half[i * t.in + j];
    Rows::Apply(rows, t, lines, to);
  }
  for (uint32_t i = 0; i < t.out; ++i) {
    for (uint32_t j = 0; j < t.in; ++j) lines[j] = half[i * t.in + j];
    for (uint32_t j = 0; j < t.out; ++j) to[j] = &out[i * t.out + j];
    Rows::Apply(rows, t, lines, to);
  }
}

PENUMBRA_LANE void CopyBlock(const uint8_t* from, uint32_t count, uint8_t* out) {
  if (count == kBlock) {
    __builtin_memcpy(out, from, kBlock);
    return;
  }
  for (uint32_t c = 0; c < count; ++c) out[c] = from[c];
  for (uint32_t c = count; c < kBlock; ++c) out[c] = 0;
}

}  // namespace

void WinogradInput(const WinogradInputJob& job) {
  const WinogradTransform& t = job.plan->input;
  const DirectRows<NarrowSums> rows = {NarrowSums(job.plan->prime)};
  Block in[kWinogradMaxPositions], out[kWinogradMaxPositions];
  for (uint32_t tile = 0; tile < job.tiles; ++tile) {
    const int64_t left = job.left + int64_t{tile} * job.plan->out;
    for (uint32_t first = 0; first < job.channels; first += kBlock) {
      const uint32_t count = BlockCount(job.channels - first);
      for (uint32_t q = 0; q < t.in * t.in; ++q) {
        const uint8_t* row = job.rows[q / t.in];
        const int64_t x = left + q % t.in;
        const bool exists = row != nullptr && x >= 0 && x < int64_t{job.in_w};
        const size_t at = exists ? static_cast<size_t>(x) * job.channels + first : 0;
        CopyBlock(exists ? row + at : in[q], exists ? count : 0, in[q]);
      }
      TransformTile(t, rows, in, out);
      for (uint32_t q = 0; q < t.out * t.out; ++q) {
        CopyBlock(out[q], kBlock, job.out + q * job.position_size + tile * job.tile_size + first);
      }
    }
  }
}

void WinogradOutput(const WinogradOutputJob& job) {
  const WinogradTransform& t = job.plan->output;
  const PairedRows rows = {NarrowSums(job.plan->prime)};
  Block in[kWinogradMaxPositions], out[kWinogradMaxPositions];
  for (uint32_t tile = 0; tile < job.tiles; ++tile) {
    const uint32_t begin = tile * t.out;
    for (uint32_t q = 0; q < t.in * t.in; ++q) {
      CopyBlock(job.products + q * job.position_size + size_t{tile} * kBlock, kBlock, in[q]);
    }
    TransformTile(t, rows, in, out);
    for (uint32_t i = 0; i < job.rows; ++i) {
      for (uint32_t j = 0; j < t.out && begin + j < job.out_w; ++j) {
        uint8_t* to = job.out + (size_t{i} * job.out_w + begin + j) * job.out_stride;
        const uint8_t* from = out[i * t.out + j];
        if (job.columns == kBlock) {
          __builtin_memcpy(to, from, kBlock);
        } else {
          for (uint32_t c = 0; c < job.columns; ++c) to[c] = from[c];
        }
      }
    }
  }
}

void WinogradFilter(const WinogradFilterJob& job) {
  const WinogradTransform& t = job.plan->filter;
  const uint32_t prime = job.plan->prime;
  const DirectRows<WideSums> rows = {WideSums(job.plan->prime)};
  Block in[kWinogradTaps * kWinogradTaps], out[kWinogradMaxPositions];
  for (uint32_t tap = 0; tap < kWinogradTaps * kWinogradTaps; ++tap) {
    CopyBlock(nullptr, 0, in[tap]);
    for (uint32_t c = 0; c < job.channels; ++c) {
      const int8_t weight = job.filter[tap * job.tap_stride + c];
      in[tap][c] = static_cast<uint8_t>(weight < 0 ? weight + static_cast<int32_t>(prime) : weight);
    }
  }
  TransformTile(t, rows, in, out);
  for (uint32_t q = 0; q < t.out * t.out; ++q) {
    int8_t* to = job.out + q * job.position_size;
    for (uint32_t c = 0; c < job.channels; ++c) {
      to[c] = static_cast<int8_t>(2 * uint32_t{out[q][c]} > prime ? out[q][c] - static_cast<int32_t>(prime) : out[q][c]);
    }
  }
}

}  // namespace penumbra::PENUMBRA_ISA
