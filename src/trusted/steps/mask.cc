#include <cstring>

#include "trusted/base/result.h"
#include "trusted/steps/pass_parts.h"

namespace penumbra::trusted {
namespace {

// Published channel order: out[pixel][c] = levels[pixel][perm[c]]. ShuffleChannel's input side.
template <typename Level>
Status PermuteLevels(const Machine& machine, const LayerRec& layer, const Level* levels, Level* out) {
  const auto* perm = reinterpret_cast<const uint16_t*>(machine.Tile(layer.input_perm, 0));
  const uint32_t channels = layer.geometry.in_c;
  for (uint32_t c = 0; c < channels; ++c) PENUMBRA_REQUIRE(perm[c] < channels, Status::kPlanRejected);
  for (uint32_t p = 0; p < layer.mask_row_elems; p += channels) {
    for (uint32_t c = 0; c < channels; ++c) out[p + c] = levels[p + perm[c]];
  }
  return Status::kOk;
}

// Levels of one row in published order, in the scratch.
template <typename Level>
Status MakeLevels(Machine* machine, const PassScratch& scratch, const LayerRec& layer, const float* row,
                  QuantiseFn* quantise, const void** out_levels) {
  auto* levels = reinterpret_cast<Level*>(machine->scratch.data() + scratch.levels_at);
  machine->clamped_count += quantise({row, layer.mask_row_elems, layer.inv_step, layer.klo, layer.khi, levels});
  *out_levels = levels;
  if (layer.input_perm == kNoTensor) return Status::kOk;
  auto* permuted = reinterpret_cast<Level*>(machine->scratch.data() + scratch.permuted_at);
  *out_levels = permuted;
  return PermuteLevels(*machine, layer, levels, permuted);
}

// Modulo kFieldPrime: one plane of four bytes a residue.
Status MaskFieldRow(Machine* machine, const PassScratch& scratch, uint32_t layer_index, uint32_t row_index,
                    const int32_t* levels) {
  const LayerRec& layer = machine->plan.layers[layer_index];
  uint8_t* const base = machine->scratch.data();
  FieldMaskJob job{};
  job.levels = levels;
  job.count = layer.mask_row_elems;
  job.out = reinterpret_cast<uint32_t*>(machine->exchange.data() + layer.x_offset) + row_index * job.count;
  if ((layer.flags & kLayerMaskInput) != 0) {
    const std::span<uint32_t> pads(reinterpret_cast<uint32_t*>(base + scratch.pads_at), job.count);
    PENUMBRA_TRY(GenerateFieldRow(*machine, layer_index, row_index, pads,
                                  {base + scratch.spare_at, scratch.spare_size}));
    job.pads = pads.data();
  }
  machine->kernels->field_mask(job);
  return Status::kOk;
}

}  // namespace

Status MaskRow(Machine* machine, const PassScratch& scratch, uint32_t layer_index, uint32_t row_index,
               const float* row) {
  const LayerRec& layer = machine->plan.layers[layer_index];
  const uint32_t count = layer.mask_row_elems;
  uint8_t* const base = machine->scratch.data();
  // Levels of 16 bits, where they fit, halve the cost of the residues.
  const bool prime = (layer.flags & kLayerPrime) != 0;
  const bool narrow = !prime && layer.klo >= INT16_MIN && layer.khi <= INT16_MAX;
  const void* levels = nullptr;
  PENUMBRA_TRY(narrow ? MakeLevels<int16_t>(machine, scratch, layer, row, machine->kernels->quantise_s16, &levels)
                      : MakeLevels<int32_t>(machine, scratch, layer, row, machine->kernels->quantise_s32, &levels));
  if (prime) return MaskFieldRow(machine, scratch, layer_index, row_index, static_cast<const int32_t*>(levels));
  const bool masked = (layer.flags & kLayerMaskInput) != 0;
  uint8_t* const pads = base + scratch.pads_at;
  for (uint32_t k = 0; masked && k < layer.prime_count; ++k) {
    PENUMBRA_TRY(GeneratePadRow(*machine, layer_index, k, row_index,
                                {pads + k * scratch.pad_plane_size, count},
                                {base + scratch.spare_at, scratch.spare_size}));
  }
  const uint64_t plane = uint64_t{layer.mask_rows} * count;
  uint8_t* const sent = machine->exchange.data() + layer.x_offset + uint64_t{row_index} * count;
  MaskJob job{};
  job.levels = levels;
  job.pads = masked ? pads : nullptr;
  job.pad_plane_size = scratch.pad_plane_size;
  job.out = sent;
  job.out_plane_size = plane;
  job.prime_count = layer.prime_count;
  job.count = count;
  const bool checked = (layer.flags & kLayerChecked) != 0;
  if (checked) {
    // Our own copy first: what the check relies on never comes from the exchange region.
    const TensorRec& own = machine->plan.tensors[layer.masked];
    const uint32_t tile = row_index / own.tile_rows;
    job.out = machine->Tile(layer.masked, tile) + uint64_t{row_index % own.tile_rows} * count;
    job.out_plane_size = uint64_t{RowsOfTile(own, tile)} * count;
  }
  narrow ? machine->kernels->mask_s16(job) : machine->kernels->mask_s32(job);
  for (uint32_t k = 0; checked && k < layer.prime_count; ++k) {
    std::memcpy(sent + k * plane, job.out + k * job.out_plane_size, count);
  }
  return Status::kOk;
}

}  // namespace penumbra::trusted
