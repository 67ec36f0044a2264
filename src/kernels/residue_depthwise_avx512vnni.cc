// AVX-512 VNNI: four taps of 64 channels at a time, reduced modulo the prime in registers.
#include "kernels/isa_extras.h"
#include "kernels/vnni_lanes.h"
#include "kernels/vnni_taps.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

constexpr uint32_t kBlock = 64;  // channels
constexpr uint32_t kQuad = 4;    // taps
constexpr uint32_t kMaxQuads = 16;

// What the taps in the padding read.
alignas(64) constexpr uint8_t kZeros[kBlock] = {};

// A masked store is slower than a plain one.
PENUMBRA_LANE void StoreBlock(__m512i bytes, __mmask64 mask, uint8_t* out) {
  if (mask == ~uint64_t{0}) {
    _mm512_storeu_si512(out, bytes);
  } else {
    _mm512_mask_storeu_epi8(out, mask, bytes);
  }
}

PENUMBRA_LANE __m512i LoadWeights(const DepthwiseJob& job, uint32_t tap, uint32_t first, __mmask64 mask) {
  if (tap >= job.geometry->kernel_h * job.geometry->kernel_w) return _mm512_setzero_si512();
  return _mm512_maskz_loadu_epi8(mask, static_cast<const int8_t*>(job.weights) + size_t{tap} * job.geometry->in_c + first);
}

PENUMBRA_LANE __m512i ReduceSums(const Interleaved& s, const ModVectors& m) {
  return Canonical(ReduceInterleaved(s.of[0], s.of[1], s.of[2], s.of[3], m), m);
}

// One block of channels of a 3x3 kernel's output row: where it reads and what it multiplies with.
struct ColumnReader {
  const uint8_t* rows[3];
  size_t steps[3];  // bytes from pixel to pixel; 0 in the padding, where rows[y] are zeros
  uint32_t in_w;
  __mmask64 mask;

  PENUMBRA_LANE Interleaved Read(const ColumnReader& from, int64_t x) {
    __m512i t[3];
    const bool inside = x >= 0 && x < int64_t{from.in_w};
#pragma GCC unroll 3
    for (uint32_t y = 0; y < 3; ++y) {
      const uint8_t* at = inside ? from.rows[y] + static_cast<size_t>(x) * from.steps[y] : kZeros;
      t[y] = _mm512_maskz_loadu_epi8(from.mask, at);
    }
    return Interleave(t[0], t[1], t[2], _mm512_setzero_si512());
  }
};

// Stride 1: each interleaved column serves three outputs.
PENUMBRA_LANE void RunDense3x3(const DepthwiseJob& job, const ColumnReader& in, const Interleaved weights[3],
                               const ModPlan& plan, uint8_t* out) {
  const ModVectors m = Broadcast(plan);
  const Interleaved start = Repeat(plan.origin);
  int64_t x = LeftOf(job, job.out_column_begin);
  Interleaved next = AddQuad(start, ColumnReader::Read(in, x), weights[0]);
  const Interleaved second = ColumnReader::Read(in, x + 1);
  Interleaved now = AddQuad(next, second, weights[1]);
  next = AddQuad(start, second, weights[0]);
  x += 2;
  for (uint32_t i = job.out_column_begin; i < job.out_column_end; ++i, ++x, out += job.geometry->in_c) {
    const Interleaved column = ColumnReader::Read(in, x);
    now = AddQuad(now, column, weights[2]);
    StoreBlock(ReduceSums(now, m), in.mask, out);
    now = AddQuad(next, column, weights[1]);
    next = AddQuad(start, column, weights[0]);
  }
}

// Stride 2: every other column serves two outputs.
PENUMBRA_LANE void RunHalved3x3(const DepthwiseJob& job, const ColumnReader& in, const Interleaved weights[3],
                                const ModPlan& plan, uint8_t* out) {
  const ModVectors m = Broadcast(plan);
  const Interleaved start = Repeat(plan.origin);
  int64_t x = LeftOf(job, job.out_column_begin);
  Interleaved now = AddQuad(start, ColumnReader::Read(in, x), weights[0]);
  for (uint32_t i = job.out_column_begin; i < job.out_column_end; ++i, x += 2, out += job.geometry->in_c) {
    now = AddQuad(now, ColumnReader::Read(in, x + 1), weights[1]);
    const Interleaved shared = ColumnReader::Read(in, x + 2);
    now = AddQuad(now, shared, weights[2]);
    StoreBlock(ReduceSums(now, m), in.mask, out);
    now = AddQuad(start, shared, weights[0]);
  }
}

void Run3x3(const DepthwiseJob& job, const ModPlan& plan, uint32_t first) {
  const ConvGeometry& g = *job.geometry;
  ColumnReader in{{}, {}, g.in_w, MaskOf(g.in_c - first)};
  for (uint32_t y = 0; y < 3; ++y) {
    const uint8_t* row = RowUnder(job, y);
    in.rows[y] = row != nullptr ? row + first : kZeros;
    in.steps[y] = row != nullptr ? g.in_c : 0;
  }
  Interleaved weights[3];  // one per kernel column
  for (uint32_t x = 0; x < 3; ++x) {
    weights[x] = Interleave(LoadWeights(job, x, first, in.mask), LoadWeights(job, 3 + x, first, in.mask),
                            LoadWeights(job, 6 + x, first, in.mask), _mm512_setzero_si512());
  }
  uint8_t* out = static_cast<uint8_t*>(job.out) + first;
  if (g.stride_w == 1) {
    RunDense3x3(job, in, weights, plan, out);
  } else {
    RunHalved3x3(job, in, weights, plan, out);
  }
}

void RunAnyKernel(const DepthwiseJob& job, const ModPlan& plan, uint32_t first) {
  const ConvGeometry& g = *job.geometry;
  const uint32_t taps = g.kernel_h * g.kernel_w, quads = (taps + kQuad - 1) / kQuad;
  using Reader = TapReader<kMaxQuads * kQuad>;
  const auto in = MakeTapReader<kMaxQuads * kQuad>(job, quads * kQuad, 1, first, MaskOf(g.in_c - first), kZeros);
  Interleaved weights[kMaxQuads];
  for (uint32_t q = 0; q < quads; ++q) {
    weights[q] = Interleave(LoadWeights(job, q * kQuad, first, in.mask), LoadWeights(job, q * kQuad + 1, first, in.mask),
                            LoadWeights(job, q * kQuad + 2, first, in.mask),
                            LoadWeights(job, q * kQuad + 3, first, in.mask));
  }
  const ModVectors m = Broadcast(plan);
  uint8_t* out = static_cast<uint8_t*>(job.out) + first;
  for (uint32_t column = job.out_column_begin; column < job.out_column_end; ++column, out += g.in_c) {
    const int64_t left = LeftOf(job, column);
    Interleaved sums = Repeat(plan.origin);
    for (uint32_t q = 0; q < quads; ++q) {
      const uint32_t tap = q * kQuad;
      sums = AddQuad(sums, Interleave(Reader::Read(in, tap, left), Reader::Read(in, tap + 1, left),
                                      Reader::Read(in, tap + 2, left), Reader::Read(in, tap + 3, left)),
                     weights[q]);
    }
    StoreBlock(ReduceSums(sums, m), in.mask, out);
  }
}

}  // namespace

void ResidueDepthwise(const DepthwiseJob& job, uint16_t prime) {
  const ConvGeometry& g = *job.geometry;
  if (uint64_t{g.kernel_h} * g.kernel_w > kMaxQuads * kQuad) return avx512::ResidueDepthwise(job, prime);
  const bool shares = g.kernel_h == 3 && g.kernel_w == 3 && g.stride_w <= 2 && g.dilation_w == 1;
  const ModPlan plan = PlanMod(prime);
  for (uint32_t first = 0; first < g.in_c; first += kBlock) {
    shares ? Run3x3(job, plan, first) : RunAnyKernel(job, plan, first);
  }
}

}  // namespace penumbra::PENUMBRA_ISA
