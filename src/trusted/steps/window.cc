// Pooling, reductions, softmax, normalisation, arg max, linear resize.
#include <cstring>

#include "kernels/conv_layout.h"
#include "trusted/base/result.h"
#include "trusted/steps/machine.h"

namespace penumbra::trusted {
namespace {

constexpr auto kSame = static_cast<size_t>(Operand::kSame);

RowRange TileRows(const TensorRec& t, uint32_t tile) {
  const uint32_t begin = tile * t.tile_rows;
  return {begin, begin + RowsOfTile(t, tile)};
}

}  // namespace

Status RunPool(Machine* machine, const Instruction& i) {
  PoolInstr c{};
  PENUMBRA_REQUIRE(i.Only(&c), Status::kInternal);
  const ConvGeometry& g = c.geometry;
  const TensorRec& dst = machine->plan.tensors[c.dst];
  const RowRange rows = TileRows(dst, c.dst_tile);
  auto* out = reinterpret_cast<float*>(machine->Tile(c.dst, c.dst_tile));
  const RowTable table = MakeRowTable(*machine, c.src, g, rows);
  for (uint32_t r = rows.begin; r < rows.end; ++r) {
    const PoolJob job{&g, table, r, 0, g.out_w, c.kind == 2, out + uint64_t{r - rows.begin} * dst.row_elems};
    c.kind == 0 ? machine->kernels->max_pool(job) : machine->kernels->average_pool(job);
  }
  return Status::kOk;
}

// Per channel, pixels in row-major order, one accumulator: the order does not depend on the tiling.
Status RunReduce(Machine* machine, const Instruction& i) {
  ReduceInstr c{};
  PENUMBRA_REQUIRE(i.Only(&c), Status::kInternal);
  const TensorRec& src = machine->plan.tensors[c.src];
  const auto* x = reinterpret_cast<const float*>(machine->Tile(c.src, c.src_tile));
  auto* acc = reinterpret_cast<float*>(machine->Tile(c.dst, 0));
  const uint64_t pixels = uint64_t{RowsOfTile(src, c.src_tile)} * (src.row_elems / c.channels);
  const auto fn = c.kind == 2 ? Binary::kMax : Binary::kAdd;
  uint64_t p = 0;
  if (c.first != 0) {
    std::memcpy(acc, x, uint64_t{c.channels} * 4);
    p = 1;
  }
  for (; p < pixels; ++p) {
    machine->kernels->binary[static_cast<size_t>(fn)][kSame](acc, x + p * c.channels, c.channels, acc);
  }
  if (c.last != 0 && c.kind == 1) {
    constexpr auto kRight = static_cast<size_t>(Operand::kScalarRight);
    machine->kernels->binary[static_cast<size_t>(Binary::kMul)][kRight](acc, &c.scale, c.channels, acc);
  }
  return Status::kOk;
}

namespace {

// y = x fn scalar, element by element.
void WithScalar(const KernelTable& kernels, Binary fn, const float* x, float scalar, uint32_t count, float* y) {
  kernels.binary[static_cast<size_t>(fn)][static_cast<size_t>(Operand::kScalarRight)](x, &scalar, count, y);
}
float UnaryOf(const KernelTable& kernels, Unary fn, float x) {
  kernels.unary[static_cast<size_t>(fn)](&x, 1, 0, 0, &x);
  return x;
}

// (x - max) - log(sum(exp(x - max)))
void LogSoftmax(const KernelTable& kernels, const float* x, uint32_t length, float* y) {
  const float peak = kernels.maximum(x, length);
  WithScalar(kernels, Binary::kSub, x, peak, length, y);
  kernels.unary[static_cast<size_t>(Unary::kExp)](y, length, 0, 0, y);
  const float total = UnaryOf(kernels, Unary::kLog, kernels.sum(y, length));
  WithScalar(kernels, Binary::kSub, x, peak, length, y);
  WithScalar(kernels, Binary::kSub, y, total, length, y);
}

}  // namespace

Status RunSoftmax(Machine* machine, const Instruction& i) {
  SoftmaxInstr c{};
  PENUMBRA_REQUIRE(i.Only(&c), Status::kInternal);
  const uint64_t count = TileSize(machine->plan, c.src, c.tile) / 4;
  const auto* x = reinterpret_cast<const float*>(machine->Tile(c.src, c.tile));
  auto* y = reinterpret_cast<float*>(machine->Tile(c.dst, c.tile));
  for (uint64_t at = 0; at < count; at += c.length) {
    if (c.log != 0) {
      LogSoftmax(*machine->kernels, x + at, c.length, y + at);
    } else {
      machine->kernels->softmax(x + at, c.length, y + at);
    }
  }
  return Status::kOk;
}

// mean = sum(x) / n, y = (x - mean) / sqrt(sum((x - mean)^2) / n + epsilon), where / n is a product with 1 / n.
Status RunNormalize(Machine* machine, const Instruction& i) {
  NormalizeInstr c{};
  PENUMBRA_REQUIRE(i.Only(&c), Status::kInternal);
  const KernelTable& kernels = *machine->kernels;
  const uint64_t count = TileSize(machine->plan, c.src, c.tile) / 4;
  const auto* x = reinterpret_cast<const float*>(machine->Tile(c.src, c.tile));
  auto* y = reinterpret_cast<float*>(machine->Tile(c.dst, c.tile));
  const float share = 1.0f / static_cast<float>(c.length);
  for (uint64_t at = 0; at < count; at += c.length) {
    const float mean = kernels.sum(x + at, c.length) * share;
    WithScalar(kernels, Binary::kSub, x + at, mean, c.length, y + at);
    kernels.binary[static_cast<size_t>(Binary::kMul)][kSame](y + at, y + at, c.length, y + at);
    const float variance = kernels.sum(y + at, c.length) * share;
    const float deviation = UnaryOf(kernels, Unary::kSqrt, variance + c.epsilon);
    WithScalar(kernels, Binary::kSub, x + at, mean, c.length, y + at);
    WithScalar(kernels, Binary::kDiv, y + at, deviation, c.length, y + at);
  }
  return Status::kOk;
}

Status RunArgMax(Machine* machine, const Instruction& i) {
  ArgMaxInstr c{};
  PENUMBRA_REQUIRE(i.Only(&c), Status::kInternal);
  const uint64_t count = TileSize(machine->plan, c.src, c.tile) / 4;
  const auto* x = reinterpret_cast<const float*>(machine->Tile(c.src, c.tile));
  auto* y = reinterpret_cast<float*>(machine->Tile(c.dst, c.tile));
  for (uint64_t at = 0; at < count; at += c.length) {
    uint32_t best = 0;
    for (uint32_t j = 1; j < c.length; ++j) {
      const bool better = c.last_index != 0 ? x[at + j] >= x[at + best] : x[at + j] > x[at + best];
      best = better ? j : best;
    }
    y[at / c.length] = static_cast<float>(best);
  }
  return Status::kOk;
}

namespace {

// One axis of an interpolation: out = (1 - w) in[lo] + w in[hi], as fma(w, hi - lo, lo).
struct AxisTable {
  const uint32_t *lo, *hi;
  const float* w;
};
AxisTable ViewAxis(const uint8_t* tile, uint64_t at, uint32_t count) {
  const auto* lo = reinterpret_cast<const uint32_t*>(tile + at);
  return {lo, lo + count, reinterpret_cast<const float*>(lo + 2 * uint64_t{count})};
}
bool AxisFits(const AxisTable& axis, uint32_t count, uint32_t in_count) {
  for (uint32_t i = 0; i < count; ++i) {
    if (axis.lo[i] >= in_count || axis.hi[i] >= in_count) return false;
  }
  return true;
}
float Lerp(float lo, float hi, float w) { return __builtin_fmaf(w, hi - lo, lo); }

}  // namespace

Status RunResize(Machine* machine, const Instruction& i) {
  ResizeInstr c{};
  PENUMBRA_REQUIRE(i.Only(&c), Status::kInternal);
  const uint8_t* tables = machine->Tile(c.tables, 0);
  const AxisTable rows = ViewAxis(tables, 0, c.out_h);
  const AxisTable columns = ViewAxis(tables, uint64_t{12} * c.out_h, c.out_w);
  PENUMBRA_REQUIRE(AxisFits(rows, c.out_h, c.in_h) && AxisFits(columns, c.out_w, c.in_w), Status::kPlanRejected);
  const TensorRec& dst = machine->plan.tensors[c.dst];
  const RowRange range = TileRows(dst, c.dst_tile);
  const uint64_t in_row = uint64_t{c.in_w} * c.channels;
  auto* y = reinterpret_cast<float*>(machine->Tile(c.dst, c.dst_tile));
  for (uint32_t r = range.begin; r < range.end; ++r) {
    const float* top = machine->FloatRow(c.src, rows.lo[r], in_row);
    const float* bottom = machine->FloatRow(c.src, rows.hi[r], in_row);
    for (uint32_t x = 0; x < c.out_w; ++x) {
      const uint64_t left = uint64_t{columns.lo[x]} * c.channels, right = uint64_t{columns.hi[x]} * c.channels;
      for (uint32_t ch = 0; ch < c.channels; ++ch) {
        const float upper = Lerp(top[left + ch], top[right + ch], columns.w[x]);
        const float lower = Lerp(bottom[left + ch], bottom[right + ch], columns.w[x]);
        *y++ = Lerp(upper, lower, rows.w[r]);
      }
    }
  }
  return Status::kOk;
}

}  // namespace penumbra::trusted
