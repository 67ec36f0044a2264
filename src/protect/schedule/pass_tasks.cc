#include "kernels/scratch.h"
#include "protect/schedule/layer_tables.h"
#include "protect/schedule/task_builder.h"

namespace penumbra::protect {

PassOp TaskBuilder::EncodeStep(const ElementStep& e, uint32_t row_elems, RowRange rows, Step* step,
                               Task* task) {
  PassOp op{e.fn, e.kind, e.a, e.b, kNoTensor, e.period};
  switch (e.kind) {
    case PassOperand::kNone:
    case PassOperand::kScalar:
      break;
    case PassOperand::kChannel:
      op.operand = e.operand;  // a constant by now, see Lower(PassNode)
      ReadTiles(op.operand, 0, 0, step, task);
      break;
    case PassOperand::kTensor:
      op.operand = TensorOf(e.operand);
      ReadImageRows(e.operand, rows, row_elems, step, task);
      break;
    case PassOperand::kTensorChannel:
      op.operand = TensorOf(e.operand);
      ReadTiles(op.operand, 0, 0, step, task);
      break;
    case PassOperand::kTensorPixel:
      op.operand = TensorOf(e.operand);
      ReadImageRows(e.operand, rows, row_elems / e.period, step, task);
      break;
  }
  return op;
}

uint32_t TaskBuilder::PassScratchSize(const PassNode& n, uint32_t row_elems) const {
  uint32_t mask_size = 0;
  bool has_levels = false;
  for (const SinkPlan& sink : n.sinks) {
    has_levels = has_levels || sink.kind != PassSinkKind::kTensor;
    if (sink.kind == PassSinkKind::kMask) {
      mask_size = std::max(mask_size, MaskedElementSize(plan_.layers[sink.id]));
    }
  }
  const LayerRec* source = n.layer == kNoTensor ? nullptr : &plan_.layers[n.layer];
  return static_cast<uint32_t>(LayoutPass(row_elems, source, mask_size, has_levels).size);
}

void TaskBuilder::EncodeSinks(const PassNode& n, uint32_t tile, Step* step, Task* task) {
  for (const SinkPlan& sink : n.sinks) {
    PassSink record{sink.kind, sink.id, sink.inv_step, sink.klo, sink.khi};
    if (sink.kind != PassSinkKind::kMask) {
      record.id = TensorOf(sink.id);
      WriteTile({record.id, tile}, step, task);
    } else {
      LayerRec& layer = plan_.layers[sink.id];
      layer.mask_rows = At(n.y).rows;
      layer.mask_row_elems = At(n.y).row_elems;
      if (layer.input_perm != kNoTensor) ReadTiles(layer.input_perm, 0, 0, step, task);
      if ((layer.flags & kLayerChecked) != 0) AddMaskedTile(sink.id, n.y, tile, step, task);
      step->masks.push_back(sink.id);
      // Rows are masked in order, so that the proof that none is masked twice stays simple.
      EventId& progress = mask_progress_[sink.id];
      if (progress != kNone) task->waits.push_back(progress);
      progress = AddEvents(1);
      task->provides.push_back(progress);
      task->provides.push_back(MaskedEvent(sink.id));
    }
    AppendWords(record, &step->words);
  }
}

void TaskBuilder::Lower(const PassNode& original) {
  PassNode n = original;
  for (ElementStep& e : n.steps) {
    if (e.kind == PassOperand::kChannel) e.operand = AddConstant(BytesOf(*e.constants));
  }
  // Copies: making plan tensors for operands moves the table that references would point into.
  const uint32_t rows = At(n.y).rows;
  const uint32_t row_elems = At(n.y).row_elems;
  const uint32_t tile_rows = At(n.y).tile_rows;
  const bool restores = n.layer != kNoTensor;
  if (restores && (plan_.layers[n.layer].flags & kLayerUnmaskOutput) != 0) {
    const LayerRec& layer = plan_.layers[n.layer];
    const uint32_t row_size = row_elems * MaskedElementSize(layer);
    const TensorRec pad{PlanType::kU8, TensorKind::kPad, rows, row_size, tile_rows, n.layer};
    const uint32_t tensor = AddTensor(pad);
    plan_.layers[n.layer].pad = tensor;
  }
  const bool checks = restores && (plan_.layers[n.layer].flags & kLayerChecked) != 0;
  if (checks) AddExpectations(n.layer, n.y);
  NeedScratch(PassScratchSize(n, row_elems));
  for (uint32_t begin = 0; begin < rows; begin += tile_rows) {
    const RowRange range{begin, std::min(rows, begin + tile_rows)};
    const uint32_t tile = begin / tile_rows;
    Task task;
    Step step = NewStep({});
    PassHead head{PassSource::kTensor,
                  0,
                  range.begin,
                  range.end,
                  row_elems,
                  static_cast<uint32_t>(n.steps.size()),
                  static_cast<uint32_t>(n.sinks.size())};
    if (restores) {
      head.source = PassSource::kRestore;
      head.source_id = n.layer;
      step.restores = n.layer;
      task.waits.push_back(RepliedEvent(n.layer));
      ReadTiles(plan_.layers[n.layer].params, 0, 0, &step, &task);
      const uint32_t pad = plan_.layers[n.layer].pad;
      if (pad != kNoTensor) ReadTiles(pad, tile, tile, &step, &task);
      if (checks) ReadTiles(plan_.layers[n.layer].expected, tile, tile, &step, &task);
    } else {
      head.source_id = TensorOf(n.x);
      ReadImageRows(n.x, range, row_elems, &step, &task);
    }
    AppendWords(head, &step.words);
    for (const ElementStep& e : n.steps) {
      const PassOp op = EncodeStep(e, row_elems, range, &step, &task);
      AppendWords(op, &step.words);
    }
    EncodeSinks(n, tile, &step, &task);
    step.words = Instruction(Opcode::kPass, std::move(step.words));
    AddEager(std::move(step), std::move(task));
  }
}

}  // namespace penumbra::protect
