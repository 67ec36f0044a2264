// Checks of replies: our copy of x', and what the reply must project to, made as soon as the rows it
// depends on are masked (docs/integrity.md).
#include "kernels/scratch.h"
#include "protect/schedule/task_builder.h"

namespace penumbra::protect {

void TaskBuilder::AddCheck(const LinearPlan& linear, LayerRec* rec) {
  rec->flags |= kLayerChecked;
  rec->projection_count = linear.projection_count;
  rec->derived = AddTensor({PlanType::kU8, TensorKind::kDerived, 1,
                            static_cast<uint32_t>(ShapeOfCheck(*rec).derived_size), 1,
                            linear.layer});
}

void TaskBuilder::AddMaskedTile(uint32_t layer, StorageId x, uint32_t tile, Step* step,
                                Task* task) {
  LayerRec& rec = plan_.layers[layer];
  if (rec.masked == kNoTensor) {
    rec.masked = AddTensor({PlanType::kU8, TensorKind::kMasked, rec.mask_rows,
                            static_cast<uint32_t>(ShapeOfCheck(rec).masked_row_elems),
                            At(x).tile_rows, layer});
  }
  WriteTile({rec.masked, tile}, step, task);
}

void TaskBuilder::ReadMaskedRows(const LayerRec& layer, RowRange rows, Step* step, Task* task) {
  if (rows.begin >= rows.end) return;  // the window lies in the padding
  const uint64_t image_row = uint64_t{layer.geometry.in_w} * layer.geometry.in_c;
  const uint64_t tile_elems = plan_.tensors[layer.masked].tile_rows * uint64_t{layer.mask_row_elems};
  ReadTiles(layer.masked, static_cast<uint32_t>(rows.begin * image_row / tile_elems),
            static_cast<uint32_t>((rows.end * image_row - 1) / tile_elems), step, task);
}

void TaskBuilder::AddExpectations(uint32_t layer, StorageId y) {
  const uint32_t rows = At(y).rows;
  const uint32_t tile_rows = At(y).tile_rows;
  plan_.layers[layer].expected = AddTensor(
      {PlanType::kU8, TensorKind::kExpected, rows,
       static_cast<uint32_t>(ShapeOfCheck(plan_.layers[layer]).expected_row_elems), tile_rows,
       layer});
  const LayerRec& rec = plan_.layers[layer];
  const ConvGeometry& g = rec.geometry;
  for (uint32_t begin = 0; begin < rows; begin += tile_rows) {
    const RowRange out{begin, std::min(rows, begin + tile_rows)};
    const uint32_t tile = begin / tile_rows;
    Step step = NewStep(Instruction(Opcode::kExpect, {layer, tile}));
    Task task;
    task.hurries = true;
    ReadMaskedRows(rec,
                   InputRowsOf(out, g.in_h, g.kernel_h, g.stride_h, g.dilation_h, g.pad_top),
                   &step, &task);
    ReadTiles(rec.derived, 0, 0, &step, &task);
    WriteTile({rec.expected, tile}, &step, &task);
    AddEager(std::move(step), std::move(task));
  }
  // Beside the tables of any layer that may be restored at the time: they are not made again then.
  uint64_t prepared = 0;
  for (const LayerRec& other : plan_.layers) {
    prepared = std::max(prepared, LayoutPass(1, &other, 0, false).prepared_size);
  }
  NeedScratch(prepared + ExpectScratchSize(rec));
}

}  // namespace penumbra::protect
