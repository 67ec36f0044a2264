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

// Where a run of pixels and its pad stand.
struct RestoreRun {
  const uint8_t* reply;  // our copy
  const uint8_t* pad;    // null: none
  uint64_t pad_plane_size;
  uint32_t pixel_count;
  RestoreTail tail;
  float* out;
};

// A pad tile is [prime][rows of the tile][out_w][m].
void LocatePad(const Machine& machine, const LayerRec& layer, const PixelRun& pixels, RestoreRun* run) {
  if ((layer.flags & kLayerUnmaskOutput) == 0) return;
  const TensorRec& pad = machine.plan.tensors[layer.pad];
  const uint64_t pixel_size = uint64_t{layer.geometry.out_c} * ResidueSize(layer);
  const uint64_t row_size = layer.geometry.out_w * pixel_size;
  const uint32_t tile = pixels.row / pad.tile_rows;
  run->pad = machine.Tile(layer.pad, tile) + pixels.row % pad.tile_rows * row_size + pixels.first * pixel_size;
  run->pad_plane_size = RowsOfTile(pad, tile) * row_size;
}

// The only look at the reply.
void CopyIn(const Machine& machine, const PassScratch& scratch, const LayerRec& layer, const PixelRun& pixels) {
  const ConvGeometry& g = layer.geometry;
  const uint64_t pixel_size = ReplyPixelSize(layer);
  for (uint32_t k = 0; k < layer.prime_count; ++k) {
    const uint64_t pixel = (uint64_t{k} * g.out_h + pixels.row) * g.out_w + pixels.first;
    machine.kernels->copy_reply({machine.exchange.data() + layer.y_offset + pixel * pixel_size, pixel_size, pixels.count,
                                 machine.scratch.data() + scratch.reply_at + k * scratch.reply_plane_size,
                                 ReplyCopyStride(layer)});
  }
}

// Unmixes pixels, removes the pad and dequantises: sums are centred numbers.
void RestoreFieldPixels(Machine* machine, const PassScratch& scratch, const LayerRec& layer, const RestoreRun& run) {
  const uint32_t m = layer.geometry.out_c;
  const RestoreTables tables = ViewRestoreTables(layer, machine->Tile(layer.params, 0));
  auto* const integers = reinterpret_cast<int32_t*>(machine->scratch.data() + scratch.integers_at);
  UnmixField(*machine, layer, run.pixel_count, run.reply, reinterpret_cast<const int32_t*>(run.pad), integers);
  machine->kernels->affine_s32({integers, tables.scale, tables.bias, run.pixel_count, m, run.out});
}

void RestoreRingPixels(const Machine& machine, const PassScratch& scratch, const LayerRec& layer, const RestoreRun& run) {
  RestoreJob job{};
  job.plan = machine.restore_plan;
  job.reply = run.reply;
  job.reply_plane_size = scratch.reply_plane_size;
  job.reply_stride = ReplyCopyStride(layer);
  job.pad = run.pad;
  job.pad_plane_size = run.pad_plane_size;
  job.pixel_count = run.pixel_count;
  job.addend = run.tail.addend;
  job.relu = run.tail.relu;
  job.out_y = run.out;
  machine.kernels->restore(job);
}

}  // namespace

Status RestoreRow(Machine* machine, const PassScratch& scratch, uint32_t layer_index, uint32_t row_index,
                  const RestoreTail& tail, float* out_row) {
  const LayerRec& layer = machine->plan.layers[layer_index];
  const uint32_t width = layer.geometry.out_w, block = ReplyBlockPixels(layer);
  for (uint32_t first = 0; first < width; first += block) {
    const PixelRun pixels{row_index, first, width - first < block ? width - first : block};
    CopyIn(*machine, scratch, layer, pixels);
    if ((layer.flags & kLayerChecked) != 0) PENUMBRA_TRY(CheckPixels(machine, scratch, layer_index, pixels));
    const uint64_t at = uint64_t{first} * layer.geometry.out_c;
    RestoreRun run{machine->scratch.data() + scratch.reply_at, nullptr, 0, pixels.count,
                   {tail.addend == nullptr ? nullptr : tail.addend + at, tail.relu}, out_row + at};
    LocatePad(*machine, layer, pixels, &run);
    if ((layer.flags & kLayerPrime) != 0) {
      RestoreFieldPixels(machine, scratch, layer, run);
    } else {
      RestoreRingPixels(*machine, scratch, layer, run);
    }
  }
  return Status::kOk;
}

}  // namespace penumbra::trusted
