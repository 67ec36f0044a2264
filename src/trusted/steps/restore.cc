#include <cstring>

#include "trusted/base/result.h"
#include "trusted/steps/pass_parts.h"

namespace penumbra::trusted {

RestoreTables ViewRestoreTables(const LayerRec& layer, const uint8_t* tile) {
  const uint64_t m = layer.geometry.out_c;
  RestoreTables out{};
  uint64_t at = 0;
  const auto take = [&at, tile](uint64_t size) {
    const uint8_t* begin = tile + at;
    at += AlignUp(size, 8);
    return begin;
  };
  out.offset = reinterpret_cast<const int64_t*>(take(8 * m));
  out.scale = reinterpret_cast<const float*>(take(4 * m));
  out.bias = reinterpret_cast<const float*>(take(4 * m));
  out.a = reinterpret_cast<const uint16_t*>(take(2 * m));
  if (!IsCovered(layer)) out.b = reinterpret_cast<const uint16_t*>(take(2 * m));
  out.lambda = take(0);
  return out;
}

namespace {

uint32_t Factor(const LayerRec& layer, const RestoreTables& tables, uint64_t index) {
  if ((layer.flags & kLayerPrime) == 0) return tables.lambda[index];
  return reinterpret_cast<const uint32_t*>(tables.lambda)[index];
}

// Factors of one channel and prime. A scalar is never 0; of a row of an inverse only what lies beyond its cover must be.
bool FactorsFit(const LayerRec& layer, const RestoreTables& tables, uint32_t prime, uint32_t channel) {
  const uint32_t count = FactorCount(layer);
  const uint64_t first = (uint64_t{prime} * layer.geometry.out_c + channel) * count;
  const uint32_t group_rows = OutChannelsPerGroup(layer.geometry);
  const uint32_t size = IsCovered(layer) ? CoverRows(CoverBegin(tables.a[channel], group_rows), group_rows) : 1;
  for (uint32_t t = 0; t < count; ++t) {
    const uint32_t factor = Factor(layer, tables, first + t);
    if (factor >= PrimeOf(layer, prime) || (t >= size && factor != 0)) return false;
    if (!IsCovered(layer) && factor == 0) return false;
  }
  return true;
}

}  // namespace

Status CheckRestoreTables(const LayerRec& layer, const RestoreTables& tables) {
  const uint32_t wide = layer.public_out_c;
  for (uint32_t i = 0; i < layer.geometry.out_c; ++i) {
    PENUMBRA_REQUIRE(tables.a[i] < wide, Status::kPlanRejected);
    PENUMBRA_REQUIRE(tables.b == nullptr || tables.b[i] < wide || tables.b[i] == kNoPartner, Status::kPlanRejected);
    for (uint32_t k = 0; k < layer.prime_count; ++k) {
      PENUMBRA_REQUIRE(FactorsFit(layer, tables, k, i), Status::kPlanRejected);
    }
  }
  return Status::kOk;
}

namespace {

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
  channels.cover_group_rows = IsCovered(layer) ? OutChannelsPerGroup(layer.geometry) : 0;
  return IsOk(PrepareRestore(channels, memory, out_plan)) ? Status::kOk : Status::kPlanRejected;
}

}  // namespace

Status PrepareLayer(Machine* machine, const PassScratch& scratch, uint32_t layer_index) {
  if (machine->prepared_layer == layer_index) return Status::kOk;
  const LayerRec& layer = machine->plan.layers[layer_index];
  const RestoreTables tables = ViewRestoreTables(layer, machine->Tile(layer.params, 0));
  const RestorePlan* plan = nullptr;
  if ((layer.flags & kLayerPrime) == 0) {
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

void UnmixField(const Machine& machine, const LayerRec& layer, uint64_t pixels, const uint8_t* in, const int32_t* pad,
                int32_t* out) {
  const ConvGeometry& g = layer.geometry;
  const RestoreTables tables = ViewRestoreTables(layer, machine.Tile(layer.params, 0));
  const auto* const words = reinterpret_cast<const uint32_t*>(in);
  const auto* const lambda = reinterpret_cast<const uint32_t*>(tables.lambda);
  if (IsCovered(layer)) {
    machine.kernels->field_unmix_covers({words, pad, out, pixels, g.out_c, OutChannelsPerGroup(g), tables.a, lambda});
  } else {
    machine.kernels->field_unmix({words, pad, out, pixels, g.out_c, layer.public_out_c, tables.a, tables.b, lambda});
  }
}

namespace {

// Unmixes one row of the reply, removes the pad and dequantises: sums are centred numbers.
void RestoreFieldRow(Machine* machine, const PassScratch& scratch, const LayerRec& layer, const uint8_t* reply,
                     const uint8_t* pad, float* out_row) {
  const ConvGeometry& g = layer.geometry;
  const RestoreTables tables = ViewRestoreTables(layer, machine->Tile(layer.params, 0));
  auto* const integers = reinterpret_cast<int32_t*>(machine->scratch.data() + scratch.integers_at);
  UnmixField(*machine, layer, g.out_w, reply, reinterpret_cast<const int32_t*>(pad), integers);
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
