// Data movement: strided boxes cut into pieces that stay inside one destination tile and few source
// tiles.
#include <bit>
#include <cstdlib>

#include "protect/schedule/task_builder.h"

namespace penumbra::protect {
namespace {

// Source bytes one instruction may need resident.
constexpr uint64_t kMaxSourceSize = uint64_t{1} << 20;

struct Span {
  int64_t low, high;  // elements, inclusive
};

Span Reach(const CopyInstr& c, const int32_t* stride, uint32_t offset) {
  Span span{offset, offset};
  for (uint32_t d = 0; d < c.dim_count; ++d) {
    const int64_t reach = (int64_t{c.extent[d]} - 1) * stride[d];
    (reach < 0 ? span.low : span.high) += reach;
  }
  return span;
}

// The dimension whose steps move furthest; splitting it separates tiles soonest.
uint32_t Widest(const CopyInstr& c, const int32_t* stride) {
  uint32_t widest = c.dim_count;
  for (uint32_t d = 0; d < c.dim_count; ++d) {
    if (c.extent[d] == 1 || stride[d] == 0) continue;
    if (widest == c.dim_count || std::abs(stride[d]) > std::abs(stride[widest])) widest = d;
  }
  return widest;
}

CopyInstr Part(const CopyInstr& c, uint32_t dim, uint32_t begin, uint32_t end) {
  CopyInstr part = c;
  part.extent[dim] = end - begin;
  part.src_offset += static_cast<uint32_t>(static_cast<int32_t>(begin) * c.src_stride[dim]);
  part.dst_offset += static_cast<uint32_t>(static_cast<int32_t>(begin) * c.dst_stride[dim]);
  return part;
}

// Drops dimensions of extent 1 and joins neighbours that are contiguous on both sides.
CopyInstr Simplified(const CopyInstr& c) {
  CopyInstr out = c;
  out.dim_count = 0;
  for (uint32_t d = 0; d < c.dim_count; ++d) {
    if (c.extent[d] == 1) continue;
    const uint32_t last = out.dim_count - 1;
    const auto extent = static_cast<int32_t>(c.extent[d]);
    if (out.dim_count > 0 && out.src_stride[last] == c.src_stride[d] * extent &&
        out.dst_stride[last] == c.dst_stride[d] * extent) {
      out.extent[last] *= c.extent[d];
      out.src_stride[last] = c.src_stride[d];
      out.dst_stride[last] = c.dst_stride[d];
      continue;
    }
    out.extent[out.dim_count] = c.extent[d];
    out.src_stride[out.dim_count] = c.src_stride[d];
    out.dst_stride[out.dim_count] = c.dst_stride[d];
    ++out.dim_count;
  }
  if (out.dim_count == 0) {
    out.dim_count = 1;
    out.extent[0] = 1;
    out.src_stride[0] = out.dst_stride[0] = 1;
  }
  for (uint32_t d = out.dim_count; d < kMaxCopyDims; ++d) {
    out.extent[d] = 0;
    out.src_stride[d] = out.dst_stride[d] = 0;
  }
  return out;
}

// Cuts `c` in two along its widest dimension at the first boundary of `unit` elements that it
// crosses.
void Split(const CopyInstr& c, const int32_t* stride, uint32_t offset, uint64_t unit,
           CopyInstr* out_low, CopyInstr* out_high) {
  const uint32_t dim = Widest(c, stride);
  const Span span = Reach(c, stride, offset);
  const int64_t step = std::abs(int64_t{stride[dim]});
  const int64_t boundary = (span.low / static_cast<int64_t>(unit) + 1) * static_cast<int64_t>(unit);
  // Indices of this dimension, counted from the low end, that certainly stay below the boundary.
  const int64_t rest = (span.high - span.low) - step * (int64_t{c.extent[dim]} - 1);
  int64_t below = (boundary - 1 - rest - span.low) / step + 1;
  if (boundary - 1 - rest < span.low) below = 1;
  below = std::min<int64_t>(std::max<int64_t>(below, 1), int64_t{c.extent[dim]} - 1);
  const auto cut = static_cast<uint32_t>(stride[dim] > 0 ? below : int64_t{c.extent[dim]} - below);
  *out_low = Part(c, dim, 0, cut);
  *out_high = Part(c, dim, cut, c.extent[dim]);
}

}  // namespace

void TaskBuilder::ClipToSource(const CopyInstr& box, Task* task) {
  const TensorRec t = plan_.tensors[box.src];
  const uint64_t tile_elems = uint64_t{t.tile_rows} * t.row_elems;
  const Span span = Reach(box, box.src_stride, box.src_offset);
  const auto first = static_cast<uint32_t>(static_cast<uint64_t>(span.low) / tile_elems);
  const auto last = static_cast<uint32_t>(static_cast<uint64_t>(span.high) / tile_elems);
  if (last > first && (last - first + 1) * tile_elems * ElementSize(t.type) > kMaxSourceSize &&
      Widest(box, box.src_stride) < box.dim_count) {
    CopyInstr low{};
    CopyInstr high{};
    Split(box, box.src_stride, box.src_offset, tile_elems, &low, &high);
    ClipToSource(low, task);
    ClipToSource(high, task);
    return;
  }
  Step step = NewStep(RecordInstruction(Opcode::kCopy, Simplified(box)));
  ReadTiles(box.src, first, last, &step, task);
  const TensorRec& d = plan_.tensors[box.dst];
  const auto tile = static_cast<uint32_t>(box.dst_offset / (uint64_t{d.tile_rows} * d.row_elems));
  step.writes.push_back({{box.dst, tile}, true});
  task->steps.push_back(std::move(step));
}

// Cuts `box` until every piece writes one tile, and keeps the pieces of `only_tile`.
void TaskBuilder::ClipToDestination(const CopyBox& box, uint32_t dst, uint32_t only_tile,
                                    Task* task) {
  CopyInstr whole{};
  whole.src = TensorOf(box.src);
  whole.dst = dst;
  whole.dim_count = static_cast<uint32_t>(box.extent.size());
  whole.elem_size = 4;
  for (uint32_t d = 0; d < whole.dim_count; ++d) {
    whole.extent[d] = box.extent[d];
    whole.src_stride[d] = box.src_stride[d];
    whole.dst_stride[d] = box.dst_stride[d];
  }
  whole.src_offset = box.src_offset;
  whole.dst_offset = box.dst_offset;
  const TensorRec t = plan_.tensors[dst];
  const uint64_t tile_elems = uint64_t{t.tile_rows} * t.row_elems;
  std::vector<CopyInstr> open = {whole};
  while (!open.empty()) {
    const CopyInstr piece = open.back();
    open.pop_back();
    const Span span = Reach(piece, piece.dst_stride, piece.dst_offset);
    const uint64_t first = static_cast<uint64_t>(span.low) / tile_elems;
    const uint64_t last = static_cast<uint64_t>(span.high) / tile_elems;
    if (only_tile < first || only_tile > last) continue;
    if (first == last) {
      ClipToSource(piece, task);
      continue;
    }
    CopyInstr low{};
    CopyInstr high{};
    Split(piece, piece.dst_stride, piece.dst_offset, tile_elems, &low, &high);
    open.push_back(high);
    open.push_back(low);
  }
}

// The whole tile is filled first: it is then complete at every moment, may be sealed between boxes,
// and no byte of secure memory that held something else can show through.
void TaskBuilder::Lower(const CopyNode& n) {
  const uint32_t dst = TensorOf(n.y);
  for (uint32_t tile = 0; tile < TileCountOf(n.y); ++tile) {
    Task task;
    Step fill = NewStep(Instruction(Opcode::kFill, {dst, tile, std::bit_cast<uint32_t>(n.fill)}));
    fill.writes.push_back({{dst, tile}, true});
    task.steps.push_back(std::move(fill));
    for (const CopyBox& box : n.boxes) {
      const bool empty = std::ranges::any_of(box.extent, [](uint32_t e) { return e == 0; });
      if (!empty) ClipToDestination(box, dst, tile, &task);
    }
    task.provides.push_back(TileEvent({dst, tile}));
    AddEager(std::move(task));
  }
}

}  // namespace penumbra::protect
