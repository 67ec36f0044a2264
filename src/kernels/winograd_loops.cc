// Winograd transforms, compiled once per instruction set.
#include "kernels/isa_entries.h"
#include "kernels/reduce_lanes.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

constexpr uint32_t kBlock = kWinogradBlock;  // channels at once

PENUMBRA_LANE uint32_t BlockCount(uint32_t rest) { return rest < kBlock ? rest : kBlock; }

PENUMBRA_LANE void ReduceBlock(const int32_t* sums, uint32_t count, const Reducer& r, uint8_t* out) {
  PENUMBRA_INDEPENDENT
  for (uint32_t c = 0; c < count; ++c) out[c] = static_cast<uint8_t>(ReduceLane(sums[c], r));
}

using Block = uint8_t[kBlock];

// Line `row` of what a transform makes of t.in blocks.
PENUMBRA_LANE void Transform(const WinogradTransform& t, uint32_t row, const Block* const* lines, const Reducer& r,
                             uint8_t* out) {
  int32_t sums[kBlock] = {};
  for (uint32_t line = 0; line < t.in; ++line) {
    const int32_t coefficient = t.rows[row][line];
    if (coefficient == 0) continue;
    const uint8_t* x = *lines[line];
    PENUMBRA_INDEPENDENT
    for (uint32_t c = 0; c < kBlock; ++c) sums[c] += x[c] * coefficient;
  }
  ReduceBlock(sums, kBlock, r, out);
}

// Both dimensions: out = T in T^T, in [t.in][t.in] blocks, out [t.out][t.out] blocks.
void TransformTile(const WinogradTransform& t, const Reducer& r, const Block* in, Block* out) {
  Block half[kWinogradMaxPositions];  // [t.out][t.in]
  const Block* lines[kWinogradMaxIn];
  for (uint32_t j = 0; j < t.in; ++j) {
    for (uint32_t i = 0; i < t.in; ++i) lines[i] = &in[i * t.in + j];
    for (uint32_t i = 0; i < t.out; ++i) Transform(t, i, lines, r, half[i * t.in + j]);
  }
  for (uint32_t i = 0; i < t.out; ++i) {
    for (uint32_t j = 0; j < t.in; ++j) lines[j] = &half[i * t.in + j];
    for (uint32_t j = 0; j < t.out; ++j) Transform(t, j, lines, r, out[i * t.out + j]);
  }
}

PENUMBRA_LANE void CopyBlock(const uint8_t* from, uint32_t count, uint8_t* out) {
  for (uint32_t c = 0; c < count; ++c) out[c] = from[c];
  for (uint32_t c = count; c < kBlock; ++c) out[c] = 0;
}

}  // namespace

void WinogradInput(const WinogradInputJob& job) {
  const WinogradTransform& t = job.plan->input;
  const Reducer r = MakeReducer(job.plan->prime);
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
      TransformTile(t, r, in, out);
      for (uint32_t q = 0; q < t.out * t.out; ++q) {
        CopyBlock(out[q], kBlock, job.out + q * job.position_size + tile * job.tile_size + first);
      }
    }
  }
}

void WinogradOutput(const WinogradOutputJob& job) {
  const WinogradTransform& t = job.plan->output;
  const Reducer r = MakeReducer(job.plan->prime);
  Block in[kWinogradMaxPositions], out[kWinogradMaxPositions];
  for (uint32_t tile = 0; tile < job.tiles; ++tile) {
    const uint32_t begin = tile * t.out;
    for (uint32_t q = 0; q < t.in * t.in; ++q) {
      CopyBlock(job.products + q * job.position_size + size_t{tile} * kBlock, kBlock, in[q]);
    }
    TransformTile(t, r, in, out);
    for (uint32_t i = 0; i < job.rows; ++i) {
      for (uint32_t j = 0; j < t.out && begin + j < job.out_w; ++j) {
        uint8_t* to = job.out + (size_t{i} * job.out_w + begin + j) * job.out_stride;
        for (uint32_t c = 0; c < job.columns; ++c) to[c] = out[i * t.out + j][c];
      }
    }
  }
}

void WinogradFilter(const WinogradFilterJob& job) {
  const WinogradTransform& t = job.plan->filter;
  const uint32_t prime = job.plan->prime;
  const Reducer r = MakeReducer(job.plan->prime);
  Block in[kWinogradTaps * kWinogradTaps], out[kWinogradMaxPositions];
  for (uint32_t tap = 0; tap < kWinogradTaps * kWinogradTaps; ++tap) {
    CopyBlock(nullptr, 0, in[tap]);
    for (uint32_t c = 0; c < job.channels; ++c) {
      const int8_t weight = job.filter[tap * job.tap_stride + c];
      in[tap][c] = static_cast<uint8_t>(weight < 0 ? weight + static_cast<int32_t>(prime) : weight);
    }
  }
  TransformTile(t, r, in, out);
  for (uint32_t q = 0; q < t.out * t.out; ++q) {
    int8_t* to = job.out + q * job.position_size;
    for (uint32_t c = 0; c < job.channels; ++c) {
      to[c] = static_cast<int8_t>(2 * uint32_t{out[q][c]} > prime ? out[q][c] - static_cast<int32_t>(prime) : out[q][c]);
    }
  }
}

}  // namespace penumbra::PENUMBRA_ISA
