#include <cstring>

#include "trusted/base/result.h"
#include "trusted/steps/pass_parts.h"

namespace penumbra::trusted {
namespace {

// Published channel order: out[pixel][c] = levels[pixel][perm[c]]. ShuffleChannel's input side.
Status PermuteLevels(const Machine& machine, const LayerRec& layer, const int32_t* levels, int32_t* out) {
  const auto* perm = reinterpret_cast<const uint16_t*>(machine.Tile(layer.input_perm, 0));
  const uint32_t channels = layer.geometry.in_c;
  for (uint32_t c = 0; c < channels; ++c) PENUMBRA_REQUIRE(perm[c] < channels, Status::kPlanRejected);
  for (uint32_t p = 0; p < layer.mask_row_elems; p += channels) {
    for (uint32_t c = 0; c < channels; ++c) out[p + c] = levels[p + perm[c]];
  }
  return Status::kOk;
}

}  // namespace

Status MaskRow(Machine* machine, const PassScratch& scratch, uint32_t layer_index, uint32_t row_index,
               const float* row) {
  const LayerRec& layer = machine->plan.layers[layer_index];
  const uint32_t count = layer.mask_row_elems;
  uint8_t* const base = machine->scratch.data();
  auto* levels = reinterpret_cast<int32_t*>(base + scratch.levels_at);
  machine->clamped_count +=
      machine->kernels->quantise_s32({row, count, layer.inv_step, layer.klo, layer.khi, levels});
  if (layer.input_perm != kNoTensor) {
    auto* permuted = reinterpret_cast<int32_t*>(base + scratch.permuted_at);
    PENUMBRA_TRY(PermuteLevels(*machine, layer, levels, permuted));
    levels = permuted;
  }
  const bool masked = (layer.flags & kLayerMaskInput) != 0;
  uint8_t* const pads = base + scratch.pads_at;
  for (uint32_t k = 0; masked && k < layer.prime_count; ++k) {
    PENUMBRA_TRY(GeneratePadRow(*machine, layer_index, k, row_index,
                                {pads + k * scratch.pad_plane_size, count},
                                {base + scratch.spare_at, scratch.spare_size}));
  }
  const uint64_t plane = uint64_t{layer.mask_rows} * count;
  MaskJob job{};
  job.levels = levels;
  job.pads = masked ? pads : nullptr;
  job.pad_plane_size = scratch.pad_plane_size;
  job.out = machine->exchange.data() + layer.x_offset + uint64_t{row_index} * count;
  job.out_plane_size = plane;
  job.prime_count = layer.prime_count;
  job.count = count;
  machine->kernels->mask_s32(job);
  return Status::kOk;
}

}  // namespace penumbra::trusted
