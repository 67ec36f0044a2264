// Passes: restore or load rows, compute element by element, store, quantise or mask.
#include "kernels/scratch.h"
#include "trusted/plan/prover.h"

namespace penumbra::trusted {

bool Prover::PassSourceFits(const PassHead& h) const {
  if (h.row_elems == 0 || h.row_begin >= h.row_end) return false;
  if (h.source == PassSource::kTensor) {
    return IsActivation(h.source_id, PlanType::kF32) &&
           ImageRowsReadable(h.source_id, h.row_begin, h.row_end, h.row_elems);
  }
  if (h.source != PassSource::kRestore || program != ProgramId::kInfer) return false;
  if (h.source_id >= plan.layers.size() || memory.layers[h.source_id].sent == 0) return false;
  const LayerRec& layer = plan.layers[h.source_id];
  if (h.row_end > layer.geometry.out_h) return false;
  if (h.row_elems != uint64_t{layer.geometry.out_w} * layer.geometry.out_c) return false;
  if (!Readable(layer.params, 0)) return false;
  if ((layer.flags & kLayerChecked) != 0 && !RowsReadable(layer.expected, h.row_begin, h.row_end)) return false;
  return (layer.flags & kLayerUnmaskOutput) == 0 || RowsReadable(layer.pad, h.row_begin, h.row_end);
}

bool Prover::PassOpFits(const PassHead& h, const PassOp& op) const {
  const auto fn = static_cast<uint32_t>(op.fn);
  const bool unary = fn >= static_cast<uint32_t>(PassFn::kRelu) && fn <= static_cast<uint32_t>(PassFn::kCeil);
  const bool binary = fn >= static_cast<uint32_t>(PassFn::kAdd) && fn <= static_cast<uint32_t>(PassFn::kPRelu);
  if (unary) return op.operand_kind == PassOperand::kNone;
  if (!binary) return false;
  if (op.operand_kind == PassOperand::kScalar) return true;
  if (op.operand_kind == PassOperand::kTensor) {
    return IsActivation(op.operand, PlanType::kF32) &&
           ImageRowsReadable(op.operand, h.row_begin, h.row_end, h.row_elems);
  }
  if (op.period == 0 || h.row_elems % op.period != 0) return false;
  switch (op.operand_kind) {
    case PassOperand::kChannel:
      return HasTensor(op.operand) && plan.tensors[op.operand].kind == TensorKind::kConstant &&
             TileSize(plan, op.operand, 0) == uint64_t{op.period} * 4 && Readable(op.operand, 0);
    case PassOperand::kTensorChannel:
      return IsActivation(op.operand, PlanType::kF32) && ImageRowsReadable(op.operand, 0, 1, op.period);
    case PassOperand::kTensorPixel:
      return IsActivation(op.operand, PlanType::kF32) &&
             ImageRowsReadable(op.operand, h.row_begin, h.row_end, h.row_elems / op.period);
    default: return false;
  }
}

// Each row of a masked layer once and in order: this is what keeps a pad from serving twice. A checked layer keeps a copy
// of what it sent, tile by tile.
bool Prover::MaskFits(const PassHead& h, uint32_t layer) const {
  if (program != ProgramId::kInfer || layer >= plan.layers.size()) return false;
  const LayerRec& rec = plan.layers[layer];
  LayerState& state = memory.layers[layer];
  if (rec.mask_row_elems != h.row_elems || h.row_end > rec.mask_rows) return false;
  if (state.sent != 0 || state.masked_rows != h.row_begin) return false;
  if (rec.input_perm != kNoTensor && !Readable(rec.input_perm, 0)) return false;
  state.masked_rows = h.row_end;
  return (rec.flags & kLayerChecked) == 0 || WriteRows(rec.masked, h.row_begin, h.row_end);
}

// Rows [begin, end) are one whole tile, which is written now.
bool Prover::WriteRows(uint32_t tensor, uint32_t begin, uint32_t end) const {
  const TensorRec& t = plan.tensors[tensor];
  const uint32_t tile = begin / t.tile_rows;
  return begin % t.tile_rows == 0 && HasTile(tensor, tile) && end - begin == RowsOfTile(t, tile) &&
         WriteTile(tensor, tile);
}

bool Prover::PassSinkFits(const PassHead& h, const PassSink& sink) const {
  if (sink.kind == PassSinkKind::kMask) return MaskFits(h, sink.id);
  if (!HasTensor(sink.id)) return false;
  const TensorRec& t = plan.tensors[sink.id];
  if (sink.kind == PassSinkKind::kQuantize) {
    const int64_t levels = int64_t{sink.khi} - sink.klo;
    const bool u8 = t.type == PlanType::kU8 && levels <= 255;
    const bool s16 = t.type == PlanType::kS16 && sink.klo >= -32768 && sink.khi <= 32767;
    if (sink.klo >= sink.khi || sink.klo <= -kLevelLimit || sink.khi >= kLevelLimit) return false;
    if (!(u8 || s16)) return false;
  } else if (sink.kind != PassSinkKind::kTensor || t.type != PlanType::kF32) {
    return false;
  }
  return t.kind == TensorKind::kActivation && t.row_elems == h.row_elems && WriteRows(sink.id, h.row_begin, h.row_end);
}

bool Prover::Pass(const Instruction& i) const {
  PassView pass{};
  if (!DecodePass(i, &pass) || !PassSourceFits(pass.head)) return false;
  const PassHead& h = pass.head;
  for (uint32_t n = 0; n < h.op_count; ++n) {
    PassOp op{};
    if (!pass.Op(n, &op) || !PassOpFits(h, op)) return false;
  }
  uint32_t mask_size = 0;
  bool has_levels = false;
  for (uint32_t n = 0; n < h.sink_count; ++n) {
    PassSink sink{};
    if (!pass.Sink(n, &sink) || !PassSinkFits(h, sink)) return false;
    has_levels = has_levels || sink.kind != PassSinkKind::kTensor;
    if (sink.kind != PassSinkKind::kMask) continue;
    const uint32_t size = MaskedElementSize(plan.layers[sink.id]);
    mask_size = size > mask_size ? size : mask_size;
  }
  const LayerRec* source = h.source == PassSource::kRestore ? &plan.layers[h.source_id] : nullptr;
  return h.sink_count != 0 && Scratch(LayoutPass(h.row_elems, source, mask_size, has_levels).size);
}

}  // namespace penumbra::trusted
