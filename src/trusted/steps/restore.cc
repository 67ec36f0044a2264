#include <cstring>

#include "trusted/base/result.h"
#include "trusted/steps/pass_parts.h"

namespace penumbra::trusted {

RestoreTables ViewRestoreTables(const uint8_t* tile, uint32_t m) {
  RestoreTables out{};
  uint64_t at = 0;
  const auto take = [&at, tile](uint64_t size) {
    const uint8_t* begin = tile + at;
    at += AlignUp(size, 8);
    return begin;
  };
  out.offset = reinterpret_cast<const int64_t*>(take(uint64_t{8} * m));
  out.scale = reinterpret_cast<const float*>(take(uint64_t{4} * m));
  out.bias = reinterpret_cast<const float*>(take(uint64_t{4} * m));
  out.a = reinterpret_cast<const uint16_t*>(take(uint64_t{2} * m));
  out.b = reinterpret_cast<const uint16_t*>(take(uint64_t{2} * m));
  out.lambda = take(0);
  return out;
}

Status PrepareLayer(Machine* machine, const PassScratch& scratch, uint32_t layer_index) {
  if (machine->prepared_layer == layer_index) return Status::kOk;
  const LayerRec& layer = machine->plan.layers[layer_index];
  const uint32_t m = layer.geometry.out_c;
  const RestoreTables tables = ViewRestoreTables(machine->Tile(layer.params, 0), m);
  RestoreChannels channels{};
  channels.channel_count = m;
  channels.reply_channel_count = layer.public_out_c;
  channels.prime_count = layer.prime_count;
  channels.a = tables.a;
  channels.b = tables.b;
  channels.lambda_inverse = tables.lambda;
  channels.window_begin = tables.offset;
  channels.scale = tables.scale;
  channels.bias = tables.bias;
  const RestorePlan* plan = nullptr;
  const Status status =
      PrepareRestore(channels, machine->scratch.data() + scratch.restore_plan_at, &plan);
  PENUMBRA_REQUIRE(IsOk(status), Status::kPlanRejected);
  for (uint32_t k = 0; (layer.flags & kLayerChecked) != 0 && k < layer.prime_count; ++k) {
    PENUMBRA_TRY(MakeProjections(*machine, layer_index, k, machine->scratch.subspan(scratch.check_at, scratch.check_size),
                                 reinterpret_cast<int8_t*>(machine->scratch.data() + scratch.projections_at +
                                                           k * ProjectionsSize(layer))));
  }
  machine->prepared_layer = layer_index;
  machine->prepared_size = scratch.prepared_size;
  machine->restore_plan = plan;
  return Status::kOk;
}

Status RestoreRow(Machine* machine, const PassScratch& scratch, uint32_t layer_index, uint32_t row_index,
                  float* out_row) {
  const LayerRec& layer = machine->plan.layers[layer_index];
  const ConvGeometry& g = layer.geometry;
  const uint64_t row_size = uint64_t{g.out_w} * layer.public_out_c;
  uint8_t* const reply = machine->scratch.data() + scratch.reply_at;
  for (uint32_t k = 0; k < layer.prime_count; ++k) {
    const uint64_t from = layer.y_offset + (uint64_t{k} * g.out_h + row_index) * row_size;
    std::memcpy(reply + k * scratch.reply_plane_size, machine->exchange.data() + from, row_size);
  }
  if ((layer.flags & kLayerChecked) != 0) PENUMBRA_TRY(CheckRow(*machine, scratch, layer_index, row_index));
  RestoreJob job{};
  job.plan = machine->restore_plan;
  job.reply = reply;
  job.reply_plane_size = scratch.reply_plane_size;
  if ((layer.flags & kLayerUnmaskOutput) != 0) {
    // A pad tile is [prime][rows of the tile][out_w][m].
    const TensorRec& pad = machine->plan.tensors[layer.pad];
    const uint32_t tile = row_index / pad.tile_rows;
    const uint64_t pad_row = uint64_t{g.out_w} * g.out_c;
    job.pad = machine->Tile(layer.pad, tile) + row_index % pad.tile_rows * pad_row;
    job.pad_plane_size = RowsOfTile(pad, tile) * pad_row;
  }
  job.pixel_count = g.out_w;
  job.out_y = out_row;
  machine->kernels->restore(job);
  return Status::kOk;
}

}  // namespace penumbra::trusted
