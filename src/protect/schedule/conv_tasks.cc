// Convolutions and dense layers inside the trusted half: weights stream in, run of channels by run.
#include "boundary/limits.h"
#include "kernels/conv_layout.h"
#include "model/error.h"
#include "protect/schedule/conv_weights.h"
#include "protect/schedule/task_builder.h"

namespace penumbra::protect {

struct TaskBuilder::ConvPlan {
  const LinearPlan* linear;
  ConvForm form;
  StorageId x;  // what the kernel reads: float32 or levels
  uint32_t src, dst, weights;
  uint32_t tile_count;  // of dst
  std::vector<ChannelRun> runs;
  uint64_t weights_size;
};

void TaskBuilder::AddConvStep(const ConvPlan& conv, uint32_t tile, size_t run, Task* task) {
  const ConvGeometry& g = conv.linear->linear->geometry;
  const TensorRec& d = plan_.tensors[conv.dst];
  const ChannelRun channels = conv.runs[run];
  ConvInstr instr{conv.form.mode,
                  conv.src,
                  conv.dst,
                  tile,
                  conv.weights,
                  static_cast<uint32_t>(run),
                  channels.begin,
                  channels.end,
                  conv.form.mode == ConvMode::kU8 ? -conv.linear->quantized->klo : 0,
                  conv.form.piece_count,
                  g};
  Step step = NewStep(RecordInstruction(Opcode::kConv, instr));
  const uint32_t begin = tile * d.tile_rows;
  const RowRange out{begin, begin + RowsOfTile(d, tile)};
  ReadImageRows(conv.x, InputRowsOf(out, g.in_h, g.kernel_h, g.stride_h, g.dilation_h, g.pad_top),
                uint64_t{g.in_w} * g.in_c, &step, task);
  ReadTiles(conv.weights, static_cast<uint32_t>(run), static_cast<uint32_t>(run), &step, task);
  if (run + 1 == conv.runs.size()) {
    WriteTile({conv.dst, tile}, &step, task);
  } else {
    step.writes.push_back({{conv.dst, tile}, false});
  }
  task->steps.push_back(std::move(step));
}

void TaskBuilder::RowsOuter(const ConvPlan& conv) {
  std::vector<Task> barrier(conv.tile_count);
  for (uint32_t tile = 0; tile < conv.tile_count; ++tile) {
    for (size_t run = 0; run < conv.runs.size(); ++run)
      AddConvStep(conv, tile, run, &barrier[tile]);
  }
  tasks_.barriers.push_back(std::move(barrier));
}

// Every weight is read once; all rows wait, partly written, until the last run.
void TaskBuilder::WeightsOuter(const ConvPlan& conv) {
  std::vector<Task> barrier(1);
  for (size_t run = 0; run + 1 < conv.runs.size(); ++run) {
    for (uint32_t tile = 0; tile < conv.tile_count; ++tile) {
      AddConvStep(conv, tile, run, &barrier.front());
    }
  }
  for (uint32_t tile = 0; tile < conv.tile_count; ++tile) {
    Task last;
    AddConvStep(conv, tile, conv.runs.size() - 1, &last);
    barrier.push_back(std::move(last));
  }
  tasks_.barriers.push_back(std::move(barrier));
}

// One tile per run; a layer that repeats another one has its tensor.
uint32_t TaskBuilder::WeightsOf(uint32_t index, const ConvForm& form,
                                const std::vector<ChannelRun>& runs) {
  const LinearPlan& linear = linears_[index];
  const uint32_t first = linear.same_as == kNoTensor ? index : linear.same_as;
  const auto [made, is_first] = weights_of_.try_emplace(first, kNoTensor);
  if (!is_first) return made->second;
  std::vector<ConstantTile> tiles;
  for (const ChannelRun run : runs) {
    const uint32_t size = ConvTileSize(linear, form, run);
    if (size > kMaxChunkSize) {
      throw model::ModelError(Status::kSecureMemoryExceeded,
                              OpText(lowered_, op_) + " needs " + std::to_string(size) +
                                  " bytes for one run of weights, and a piece of secure memory has "
                                  "at most " +
                                  std::to_string(kMaxChunkSize));
    }
    tiles.push_back({size, [&linear, form, run] { return MakeConvTile(linear, form, run); }});
  }
  return made->second = AddConstantTiles(std::move(tiles));
}

void TaskBuilder::Lower(const ConvNode& n) {
  const LinearPlan& linear = linears_[n.linear];
  const ConvGeometry& g = linear.linear->geometry;
  const ConvForm form = FormOf(linear);
  ConvPlan conv{&linear, form, n.levels, TensorOf(n.levels), TensorOf(n.y), 0, TileCountOf(n.y), {},
                0};
  if (form.mode == ConvMode::kS16 &&
      (linear.quantized->klo < -32768 || linear.quantized->khi > 32767)) {
    throw model::ModelError(Status::kUnsupported,
                            OpText(lowered_, op_) + ": its input levels do not fit 16 bits", {},
                            "use fewer bits (--bits-x) or make this layer public");
  }
  conv.runs = CutChannels(g, FilterLength(g) * ConvElementSize(form.mode) * form.piece_count);
  for (const ChannelRun run : conv.runs) {
    conv.weights_size += ConvTileSize(linear, form, run);
    NeedScratch(ConvScratchSize(form.mode, g, run.end - run.begin));
  }
  conv.weights = WeightsOf(n.linear, form, conv.runs);
  const uint64_t data_size =
      At(conv.x).count() * ElementSize(At(conv.x).type) + At(n.y).count() * 4;
  // Reading weights again for every tile of rows only pays while they stay resident; holding all
  // rows only works while these fit with room for what else is alive.
  const bool weights_stay = conv.weights_size <= limits_.arena_size / 3;
  const bool rows_fit = data_size + kMaxChunkSize <= limits_.arena_size / 2;
  if (conv.tile_count == 1 || weights_stay || !rows_fit) {
    RowsOuter(conv);
  } else {
    WeightsOuter(conv);
  }
}

}  // namespace penumbra::protect
