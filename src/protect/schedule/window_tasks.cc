// Pools, reductions, softmax, normalisation, resizes and products of activations.
#include "kernels/conv_layout.h"
#include "model/error.h"
#include "protect/schedule/layer_tables.h"
#include "protect/schedule/task_builder.h"

namespace penumbra::protect {
namespace {

RowRange TileRange(const TensorRec& t, uint32_t tile) {
  const uint32_t begin = tile * t.tile_rows;
  return {begin, begin + RowsOfTile(t, tile)};
}

std::vector<uint8_t> ResizeTables(const ResizeOp& op) {
  std::vector<uint8_t> bytes;
  const auto put = [&bytes](const auto& values) {
    const std::vector<uint8_t> more = BytesOf(values);
    bytes.insert(bytes.end(), more.begin(), more.end());
  };
  put(op.row_lo);
  put(op.row_hi);
  put(op.row_w);
  put(op.col_lo);
  put(op.col_hi);
  put(op.col_w);
  return bytes;
}

}  // namespace

void TaskBuilder::Lower(const PoolNode& n) {
  const uint32_t src = TensorOf(n.x);
  const uint32_t dst = TensorOf(n.y);
  const ConvGeometry& g = n.geometry;
  NeedScratch(RowTableSize(g));
  for (uint32_t tile = 0; tile < TileCountOf(n.y); ++tile) {
    Step step = NewStep(RecordInstruction(Opcode::kPool, PoolInstr{src, dst, tile, n.kind, g}));
    Task task;
    const RowRange out = TileRange(plan_.tensors[dst], tile);
    ReadImageRows(n.x, InputRowsOf(out, g.in_h, g.kernel_h, g.stride_h, g.dilation_h, g.pad_top),
                  uint64_t{g.in_w} * g.in_c, &step, &task);
    WriteTile({dst, tile}, &step, &task);
    AddEager(std::move(step), std::move(task));
  }
}

// One task for all source tiles: the order of the sums is fixed.
void TaskBuilder::Lower(const ReduceNode& n) {
  const uint32_t src = TensorOf(n.x);
  const uint32_t dst = TensorOf(n.y);
  const uint32_t channels = At(n.y).row_elems;
  const uint32_t count = TileCountOf(n.x);
  Task task;
  for (uint32_t tile = 0; tile < count; ++tile) {
    const bool last = tile + 1 == count;
    const float scale = n.kind == 1 ? 1.0f / static_cast<float>(At(n.x).count() / channels) : 1.0f;
    Step step = NewStep(RecordInstruction(
        Opcode::kReduce,
        ReduceInstr{src, tile, dst, n.kind, channels, tile == 0 ? 1u : 0u, last ? 1u : 0u, scale}));
    ReadTiles(src, tile, tile, &step, &task);
    if (last) {
      WriteTile({dst, 0}, &step, &task);
    } else {
      step.writes.push_back({{dst, 0}, false});
    }
    task.steps.push_back(std::move(step));
  }
  AddEager(std::move(task));
}

void TaskBuilder::Lower(const SoftmaxNode& n) {
  LowerTileByTile(n, [&n](uint32_t src, uint32_t dst, uint32_t tile) {
    return RecordInstruction(Opcode::kSoftmax,
                             SoftmaxInstr{src, dst, tile, n.length, n.log ? 1u : 0u});
  });
}

void TaskBuilder::Lower(const NormalizeNode& n) {
  LowerTileByTile(n, [&n](uint32_t src, uint32_t dst, uint32_t tile) {
    return RecordInstruction(Opcode::kNormalize,
                             NormalizeInstr{src, dst, tile, n.length, n.epsilon});
  });
}

void TaskBuilder::Lower(const ArgMaxNode& n) {
  LowerTileByTile(n, [&n](uint32_t src, uint32_t dst, uint32_t tile) {
    return RecordInstruction(Opcode::kArgMax,
                             ArgMaxInstr{src, dst, tile, n.length, n.last_index ? 1u : 0u});
  });
}

// The rows a resize reads stand in a sealed table, which the runtime's proof does not look into:
// all of the source has to be resident.
void TaskBuilder::Lower(const ResizeNode& n) {
  const ResizeOp& op = *n.op;
  const uint32_t src = TensorOf(n.x);
  const uint32_t dst = TensorOf(n.y);
  const uint32_t tables = AddConstant(ResizeTables(op));
  for (uint32_t tile = 0; tile < TileCountOf(n.y); ++tile) {
    Step step = NewStep(RecordInstruction(
        Opcode::kResize,
        ResizeInstr{src, dst, tile, op.in_h, op.in_w, op.out_h, op.out_w, op.channels, tables}));
    Task task;
    ReadTiles(src, 0, TileCountOf(n.x) - 1, &step, &task);
    ReadTiles(tables, 0, 0, &step, &task);
    WriteTile({dst, tile}, &step, &task);
    AddEager(std::move(step), std::move(task));
  }
}

void TaskBuilder::Lower(const MatMulNode& n) {
  const uint32_t a = TensorOf(n.a);
  const uint32_t b = TensorOf(n.b);
  const uint32_t y = TensorOf(n.y);
  NeedScratch(MatMulScratchSize(n.n, n.k));
  Step step = NewStep(RecordInstruction(
      Opcode::kMatMul, MatMulInstr{a, b, y, n.batch, n.m, n.k, n.n, n.b_transposed ? 1u : 0u}));
  Task task;
  ReadTiles(a, 0, 0, &step, &task);
  ReadTiles(b, 0, 0, &step, &task);
  WriteTile({y, 0}, &step, &task);
  AddEager(std::move(step), std::move(task));
}

}  // namespace penumbra::protect
