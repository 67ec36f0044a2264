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

namespace {

// The tables of a layer over the field are used where they stand, once they are known to be in range.
Status CheckFieldTables(const LayerRec& layer, const RestoreTables& tables) {
  const auto* lambda = reinterpret_cast<const uint32_t*>(tables.lambda);
  const uint32_t wide = layer.public_out_c;
  for (uint32_t i = 0; i < layer.geometry.out_c; ++i) {
    const bool fits = tables.a[i] < wide && (tables.b[i] < wide || tables.b[i] == kNoPartner) && lambda[i] != 0 &&
                      lambda[i] < kFieldPrime;
    PENUMBRA_REQUIRE(fits, Status::kPlanRejected);
  }
  return Status::kOk;
}

Status PrepareTables(const LayerRec& layer, const RestoreTables& tables, uint8_t* memory, const RestorePlan** out_plan) {
  RestoreChannels channels{};
  channels.channel_count = layer.geometry.out_c;
  channels.reply_channel_count = layer.public_out_c;
  channels.prime_count = layer.prime_count;
  channels.a = tables.a;
  channels.b = tables.b;
  channels.lambda_inverse = tables.lambda;
  channels.window_begin = tables.offset;
  channels.scale = tables.scale;
  channels.bias = tables.bias;
  return IsOk(PrepareRestore(channels, memory, out_plan)) ? Status::kOk : Status::kPlanRejected;
}

}  // namespace

Status PrepareLayer(Machine* machine, const PassScratch& scratch, uint32_t layer_index) {
  if (machine->prepared_layer == layer_index) return Status::kOk;
  const LayerRec& layer = machine->plan.layers[layer_index];
  const RestoreTables tables = ViewRestoreTables(machine->Tile(layer.params, 0), layer.geometry.out_c);
  const RestorePlan* plan = nullptr;
  if ((layer.flags & kLayerPrime) != 0) {
    PENUMBRA_TRY(CheckFieldTables(layer, tables));
  } else {
    PENUMBRA_TRY(PrepareTables(layer, tables, machine->scratch.data() + scratch.restore_plan_at, &plan));
  }
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

namespace {

// Unmixes one row of the reply, removes the pad and dequantises: sums are centred numbers.
void RestoreFieldRow(Machine* machine, const PassScratch& scratch, const LayerRec& layer, const uint8_t* reply,
                     const uint8_t* pad, float* out_row) {
  const ConvGeometry& g = layer.geometry;
  const RestoreTables tables = ViewRestoreTables(machine->Tile(layer.params, 0), g.out_c);
  auto* const integers = reinterpret_cast<int32_t*>(machine->scratch.data() + scratch.integers_at);
  machine->kernels->field_unmix({reinterpret_cast<const uint32_t*>(reply), reinterpret_cast<const int32_t*>(pad),
                                 integers, g.out_w, g.out_c, layer.public_out_c, tables.a, tables.b,
                                 reinterpret_cast<const uint32_t*>(tables.lambda)});
  machine->kernels->affine_s32({integers, tables.scale, tables.bias, g.out_w, g.out_c, out_row});
}

}  // namespace

Status RestoreRow(Machine* machine, const PassScratch& scratch, uint32_t layer_index, uint32_t row_index,
                  float* out_row) {
  const LayerRec& layer = machine->plan.layers[layer_index];
  const ConvGeometry& g = layer.geometry;
  const uint64_t row_size = uint64_t{g.out_w} * layer.public_out_c * ResidueSize(layer);
  uint8_t* const reply = machine->scratch.data() + scratch.reply_at;
  for (uint32_t k = 0; k < layer.prime_count; ++k) {
    const uint64_t from = layer.y_offset + (uint64_t{k} * g.out_h + row_index) * row_size;
    std::memcpy(reply + k * scratch.reply_plane_size, machine->exchange.data() + from, row_size);
  }
  if ((layer.flags & kLayerChecked) != 0) PENUMBRA_TRY(CheckRow(machine, scratch, layer_index, row_index));
  RestoreJob job{};
  job.plan = machine->restore_plan;
  job.reply = reply;
  job.reply_plane_size = scratch.reply_plane_size;
  if ((layer.flags & kLayerUnmaskOutput) != 0) {
    // A pad tile is [prime][rows of the tile][out_w][m].
    const TensorRec& pad = machine->plan.tensors[layer.pad];
    const uint32_t tile = row_index / pad.tile_rows;
    const uint64_t pad_row = uint64_t{g.out_w} * g.out_c * ResidueSize(layer);
    job.pad = machine->Tile(layer.pad, tile) + row_index % pad.tile_rows * pad_row;
    job.pad_plane_size = RowsOfTile(pad, tile) * pad_row;
  }
  if ((layer.flags & kLayerPrime) != 0) {
    RestoreFieldRow(machine, scratch, layer, reply, job.pad, out_row);
    return Status::kOk;
  }
  job.pixel_count = g.out_w;
  job.out_y = out_row;
  machine->kernels->restore(job);
  return Status::kOk;
}

}  // namespace penumbra::trusted
