// Operators on trusted tensors: windows, reductions, data movement, products, convolutions.
#include "kernels/conv_layout.h"
#include "kernels/scratch.h"
#include "trusted/plan/prover.h"

namespace penumbra::trusted {
namespace {

constexpr float kLargestFloat = 0x1.fffffep127F;

// The window operator's output is exactly the tensor's row grid.
bool IsOutputGrid(const TensorRec& t, const ConvGeometry& g) {
  return t.rows == g.out_h && t.row_elems == uint64_t{g.out_w} * g.out_c;
}

RowRange OutputRows(const TensorRec& t, uint32_t tile) {
  const uint32_t begin = tile * t.tile_rows;
  return {begin, begin + RowsOfTile(t, tile)};
}

RowRange InputRows(const ConvGeometry& g, RowRange out) {
  return InputRowsOf(out, g.in_h, g.kernel_h, g.stride_h, g.dilation_h, g.pad_top);
}

// Lowest and highest element index a strided box touches.
struct Span {
  int64_t low, high;
};
Span BoxSpan(const CopyInstr& c, const int32_t* stride, uint32_t offset) {
  Span span{offset, offset};
  for (uint32_t d = 0; d < c.dim_count; ++d) {
    const int64_t reach = int64_t{c.extent[d] - 1} * stride[d];
    (reach < 0 ? span.low : span.high) += reach;
  }
  return span;
}

bool SpanReadable(const Prover& p, uint32_t tensor, Span span) {
  const TensorRec& t = p.plan.tensors[tensor];
  if (span.low < 0 || span.high >= int64_t{t.rows} * t.row_elems) return false;
  return p.RowsReadable(tensor, static_cast<uint32_t>(span.low / t.row_elems),
                        static_cast<uint32_t>(span.high / t.row_elems) + 1);
}

bool OneTileOf(const Prover& p, uint32_t tensor, uint64_t count) {
  if (!p.IsActivation(tensor, PlanType::kF32)) return false;
  const TensorRec& t = p.plan.tensors[tensor];
  return TileCount(t) == 1 && uint64_t{t.rows} * t.row_elems == count;
}

}  // namespace

bool Prover::Pool(const Instruction& i) const {
  PoolInstr c{};
  if (!i.Only(&c) || c.kind > 2 || !GeometryFits(c.geometry)) return false;
  const ConvGeometry& g = c.geometry;
  if (g.in_c != g.out_c || g.groups != g.in_c) return false;
  if (!IsActivation(c.src, PlanType::kF32) || !IsActivation(c.dst, PlanType::kF32)) return false;
  if (!HasTile(c.dst, c.dst_tile) || !IsOutputGrid(plan.tensors[c.dst], g)) return false;
  const RowRange in = InputRows(g, OutputRows(plan.tensors[c.dst], c.dst_tile));
  return ImageRowsReadable(c.src, in.begin, in.end, uint64_t{g.in_w} * g.in_c) && Scratch(RowTableSize(g)) &&
         WriteTile(c.dst, c.dst_tile);
}

bool Prover::Reduce(const Instruction& i) const {
  ReduceInstr c{};
  if (!i.Only(&c) || c.kind > 2 || c.channels == 0 || c.first > 1 || c.last > 1) return false;
  if (!IsActivation(c.src, PlanType::kF32) || !Readable(c.src, c.src_tile)) return false;
  if (plan.tensors[c.src].row_elems % c.channels != 0) return false;
  if (!OneTileOf(*this, c.dst, c.channels)) return false;
  TileState& state = State(c.dst, 0);
  if (state.offset == kAbsent || state.progress != (c.first ? 0u : c.src_tile)) return false;
  if ((c.first != 0) != (c.src_tile == 0)) return false;
  const bool is_last = c.src_tile + 1 == TileCount(plan.tensors[c.src]);
  if ((c.last != 0) != is_last) return false;
  state.progress = is_last ? kComplete : c.src_tile + 1;
  return true;
}

// A tile goes to the same tile of a tensor tiled alike, in whole runs of `length` elements.
bool Prover::RunsFit(uint32_t src, uint32_t dst, uint32_t tile, uint32_t length) const {
  if (length == 0 || !IsActivation(src, PlanType::kF32) || !IsActivation(dst, PlanType::kF32)) return false;
  const TensorRec &s = plan.tensors[src], &d = plan.tensors[dst];
  return s.rows == d.rows && s.row_elems == d.row_elems && s.tile_rows == d.tile_rows &&
         s.row_elems % length == 0 && Readable(src, tile) && WriteTile(dst, tile);
}

bool Prover::Softmax(const Instruction& i) const {
  SoftmaxInstr c{};
  return i.Only(&c) && c.log <= 1 && RunsFit(c.src, c.dst, c.tile, c.length);
}

bool Prover::Normalize(const Instruction& i) const {
  NormalizeInstr c{};
  return i.Only(&c) && c.epsilon >= 0 && c.epsilon <= kLargestFloat && RunsFit(c.src, c.dst, c.tile, c.length);
}

bool Prover::ArgMax(const Instruction& i) const {
  ArgMaxInstr c{};
  if (!i.Only(&c) || c.length == 0 || c.last_index > 1) return false;
  if (!IsActivation(c.src, PlanType::kF32) || !IsActivation(c.dst, PlanType::kF32)) return false;
  const TensorRec &s = plan.tensors[c.src], &d = plan.tensors[c.dst];
  return s.rows == d.rows && s.row_elems == uint64_t{d.row_elems} * c.length && s.tile_rows == d.tile_rows &&
         Readable(c.src, c.tile) && WriteTile(c.dst, c.tile);
}

bool Prover::Fill(const Instruction& i) const {
  return i.operands.size() == 3 && IsActivation(i[0], PlanType::kF32) && WriteTile(i[0], i[1]);
}

bool Prover::Copy(const Instruction& i) const {
  CopyInstr c{};
  if (!i.Only(&c) || c.dim_count == 0 || c.dim_count > kMaxCopyDims || c.elem_size != 4) return false;
  if (!IsActivation(c.src, PlanType::kF32) || !IsActivation(c.dst, PlanType::kF32)) return false;
  for (uint32_t d = 0; d < c.dim_count; ++d) {
    if (c.extent[d] == 0 || c.extent[d] > kMaxDim) return false;
  }
  return c.src != c.dst && SpanReadable(*this, c.src, BoxSpan(c, c.src_stride, c.src_offset)) &&
         SpanReadable(*this, c.dst, BoxSpan(c, c.dst_stride, c.dst_offset));
}

bool Prover::Resize(const Instruction& i) const {
  ResizeInstr c{};
  if (!i.Only(&c) || c.in_h == 0 || c.in_w == 0 || c.out_h == 0 || c.out_w == 0 || c.channels == 0) return false;
  if (!IsActivation(c.src, PlanType::kF32) || !IsActivation(c.dst, PlanType::kF32)) return false;
  const TensorRec &s = plan.tensors[c.src], &d = plan.tensors[c.dst];
  if (s.rows != c.in_h || s.row_elems != uint64_t{c.in_w} * c.channels) return false;
  if (d.rows != c.out_h || d.row_elems != uint64_t{c.out_w} * c.channels) return false;
  if (!HasTensor(c.tables) || plan.tensors[c.tables].kind != TensorKind::kConstant) return false;
  if (TileSize(plan, c.tables, 0) != 12 * (uint64_t{c.out_h} + c.out_w) || !Readable(c.tables, 0)) return false;
  // Which rows are read depends on the tables, which are checked when they are used: all must be there.
  return AllReadable(c.src) && WriteTile(c.dst, c.dst_tile);
}

bool Prover::MatMul(const Instruction& i) const {
  MatMulInstr c{};
  if (!i.Only(&c) || c.batch == 0 || c.m == 0 || c.k == 0 || c.n == 0 || c.b_transposed > 1) return false;
  if (c.batch > kMaxDim || c.m > kMaxDim || c.k > kMaxDim || c.n > kMaxDim) return false;
  const uint64_t limit = kMaxChunkSize / 4;  // one tile each
  const uint64_t a = uint64_t{c.m} * c.k, b = uint64_t{c.k} * c.n, d = uint64_t{c.m} * c.n;
  if (a > limit || b > limit || d > limit) return false;
  return OneTileOf(*this, c.a, a * c.batch) && OneTileOf(*this, c.b, b * c.batch) &&
         OneTileOf(*this, c.dst, d * c.batch) && Readable(c.a, 0) && Readable(c.b, 0) &&
         Scratch(MatMulScratchSize(c.n, c.k)) && WriteTile(c.dst, 0);
}

namespace {

bool ModeFits(const Prover& p, const ConvInstr& c) {
  switch (c.mode) {
    case ConvMode::kF32: return p.IsActivation(c.src, PlanType::kF32) && c.piece_count == 1;
    case ConvMode::kU8:
      return p.IsActivation(c.src, PlanType::kU8) && c.piece_count == 1 && c.pad_value >= 0 && c.pad_value <= 255 &&
             FilterLength(c.geometry) * 255 * 128 < (uint64_t{1} << 31);
    case ConvMode::kS16:
      return p.IsActivation(c.src, PlanType::kS16) && c.piece_count >= 1 && c.piece_count <= 2 && c.pad_value == 0;
  }
  return false;
}

// A tile of weights: all channels of a depthwise layer, whole groups, or a run inside one group.
bool ChannelsFit(const ConvGeometry& g, uint32_t begin, uint32_t end, uint32_t out_c) {
  if (begin >= end || end > out_c) return false;
  if (IsDepthwise(g)) return begin == 0 && end == out_c;
  const uint32_t per_group = out_c / g.groups;
  const bool whole = begin % per_group == 0 && end % per_group == 0;
  return whole || begin / per_group == (end - 1) / per_group;
}

// Channels of one tile are written run by run, in order.
bool Advance(TileState* state, uint32_t begin, uint32_t end, uint32_t total) {
  if (state->offset == kAbsent || state->progress != begin) return false;
  state->progress = end == total ? kComplete : end;
  return true;
}

}  // namespace

bool Prover::Conv(const Instruction& i) const {
  ConvInstr c{};
  if (!i.Only(&c) || !GeometryFits(c.geometry) || !ModeFits(*this, c)) return false;
  const ConvGeometry& g = c.geometry;
  if (!IsActivation(c.dst, PlanType::kF32) || !HasTile(c.dst, c.dst_tile)) return false;
  if (!IsOutputGrid(plan.tensors[c.dst], g) || !ChannelsFit(g, c.oc_begin, c.oc_end, g.out_c)) return false;
  const RowRange in = InputRows(g, OutputRows(plan.tensors[c.dst], c.dst_tile));
  if (!ImageRowsReadable(c.src, in.begin, in.end, uint64_t{g.in_w} * g.in_c)) return false;
  if (!HasTensor(c.weights) || plan.tensors[c.weights].kind != TensorKind::kConstant) return false;
  if (!Readable(c.weights, c.weight_tile)) return false;
  const ConvTileLayout layout = LayoutConvTile(c.mode, g, c.oc_begin, c.oc_end, c.piece_count);
  if (TileSize(plan, c.weights, c.weight_tile) != layout.size) return false;
  if (!Scratch(ConvScratchSize(c.mode, g, c.oc_end - c.oc_begin))) return false;
  return Advance(&State(c.dst, c.dst_tile), c.oc_begin, c.oc_end, g.out_c);
}

bool Prover::PadRandom(const Instruction& i) const {
  if (pads == 0 || i.operands.size() != 4 || i[0] >= plan.layers.size()) return false;
  const LayerRec& layer = plan.layers[i[0]];
  if ((layer.flags & kLayerMaskInput) == 0 || i[1] >= layer.prime_count) return false;
  if (!IsActivation(i[2], PlanType::kU8)) return false;
  const TensorRec& t = plan.tensors[i[2]];
  return t.rows == layer.mask_rows && t.row_elems == uint64_t{pads} * layer.mask_row_elems * ResidueSize(layer) &&
         Scratch(PadRandomScratchSize(layer)) && WriteTile(i[2], i[3]);
}

bool Prover::PadConv(const Instruction& i) const {
  PadConvInstr c{};
  if (pads == 0 || !i.Only(&c) || c.layer >= plan.layers.size()) return false;
  const LayerRec& layer = plan.layers[c.layer];
  ConvGeometry g = layer.geometry;
  g.out_c = layer.public_out_c;
  if (c.prime >= layer.prime_count || g.out_c % g.groups != 0) return false;
  if (!IsActivation(c.src, PlanType::kU8) || !IsActivation(c.dst, PlanType::kU8)) return false;
  const TensorRec& d = plan.tensors[c.dst];
  if (!HasTile(c.dst, c.dst_tile) || d.rows != g.out_h) return false;
  if (d.row_elems != uint64_t{pads} * MaskedElementSize(layer) * g.out_w * g.out_c) return false;
  if (!ChannelsFit(g, c.oc_begin, c.oc_end, g.out_c)) return false;
  const RowRange in = InputRows(g, OutputRows(d, c.dst_tile));
  const uint32_t residue_size = ResidueSize(layer);
  // Every pad has the same part of each tile of r, so all parts reach as far as the first.
  if (plan.tensors[c.src].row_elems % pads != 0) return false;
  if (!ImageRowsReadable(c.src, in.begin, in.end, uint64_t{pads} * g.in_w * g.in_c * residue_size)) return false;
  if (!HasTensor(c.weights) || plan.tensors[c.weights].kind != TensorKind::kPublic) return false;
  if (!Readable(c.weights, c.weight_tile)) return false;
  const uint64_t weights_size = (c.oc_end - c.oc_begin) * FilterLength(g) * residue_size;
  if (TileSize(plan, c.weights, c.weight_tile) != weights_size) return false;
  if (!Scratch(LayoutPadConv(g, residue_size, c.oc_end - c.oc_begin, pads).size)) return false;
  return Advance(&State(c.dst, c.dst_tile), c.prime * g.out_c + c.oc_begin, c.prime * g.out_c + c.oc_end,
                 layer.prime_count * g.out_c);
}

bool Prover::Project(const Instruction& i) const {
  ProjectInstr c{};
  if (program != ProgramId::kPrepare || !i.Only(&c) || c.layer >= plan.layers.size()) return false;
  const LayerRec& layer = plan.layers[c.layer];
  ConvGeometry g = layer.geometry;
  g.out_c = layer.public_out_c;
  if ((layer.flags & kLayerChecked) == 0 || c.prime >= layer.prime_count || g.out_c % g.groups != 0) return false;
  if (!ChannelsFit(g, c.oc_begin, c.oc_end, g.out_c)) return false;
  if (!HasTensor(c.weights) || plan.tensors[c.weights].kind != TensorKind::kPublic) return false;
  if (!Readable(c.weights, c.weight_tile)) return false;
  const uint64_t weights_size = (c.oc_end - c.oc_begin) * FilterLength(g) * ResidueSize(layer);
  if (TileSize(plan, c.weights, c.weight_tile) != weights_size) return false;
  if (!Scratch(ProjectScratchSize(layer))) return false;
  return Advance(&State(layer.derived, 0), c.prime * g.out_c + c.oc_begin, c.prime * g.out_c + c.oc_end,
                 layer.prime_count * g.out_c);
}

bool Prover::Expect(const Instruction& i) const {
  if (program != ProgramId::kInfer || i.operands.size() != 2 || i[0] >= plan.layers.size()) return false;
  const LayerRec& layer = plan.layers[i[0]];
  if ((layer.flags & kLayerChecked) == 0 || !HasTile(layer.expected, i[1]) || !Readable(layer.derived, 0)) return false;
  const ConvGeometry& g = layer.geometry;
  const RowRange in = InputRows(g, OutputRows(plan.tensors[layer.expected], i[1]));
  return ImageRowsReadable(layer.masked, in.begin, in.end, uint64_t{MaskedElementSize(layer)} * g.in_w * g.in_c) &&
         Scratch(ExpectScratchSize(layer)) && WriteTile(layer.expected, i[1]);
}

bool Prover::PadFinish(const Instruction& i) const {
  if (i.operands.size() != 4 || i[3] >= pads || i[0] >= plan.layers.size()) return false;
  const LayerRec& layer = plan.layers[i[0]];
  if (layer.pad == kNoTensor || !HasTile(layer.pad, i[1]) || !Readable(layer.params, 0)) return false;
  if (!IsActivation(i[2], PlanType::kU8) || !Readable(i[2], i[1])) return false;
  const TensorRec &pad = plan.tensors[layer.pad], &src = plan.tensors[i[2]];
  return src.rows == pad.rows && src.tile_rows == pad.tile_rows &&
         src.row_elems == uint64_t{pads} * MaskedElementSize(layer) * layer.geometry.out_w * layer.public_out_c &&
         State(layer.pad, i[1]).serial == i[3] && WriteTile(layer.pad, i[1]);
}

}  // namespace penumbra::trusted
