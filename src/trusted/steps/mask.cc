#include <cstring>

#include "trusted/base/result.h"
#include "trusted/steps/pass_parts.h"

namespace penumbra::trusted {
namespace {

// The input side of ShuffleChannel, and of covers: channels in published order.
template <typename Level>
Status PermuteLevels(const Machine& machine, const LayerRec& layer, const Level* levels, Level* out) {
  const auto* perm = reinterpret_cast<const uint16_t*>(machine.Tile(layer.input_perm, 0));
  const uint32_t channels = layer.geometry.in_c;
  uint16_t largest = 0;
  for (uint32_t c = 0; c < channels; ++c) largest = perm[c] > largest ? perm[c] : largest;
  PENUMBRA_REQUIRE(largest < channels, Status::kPlanRejected);
  const uint32_t pixels = layer.mask_row_elems / channels;
  if constexpr (sizeof(Level) == sizeof(int16_t)) {
    machine.kernels->permute_s16({levels, perm, channels, pixels, out});
  } else {
    for (uint32_t p = 0; p < layer.mask_row_elems; p += channels) {
      for (uint32_t c = 0; c < channels; ++c) out[p + c] = levels[p + perm[c]];
    }
  }
  return Status::kOk;
}

// Levels of `row` in published order, in the scratch: the whole row, or any part where nothing is permuted.
template <typename Level>
Status MakeLevels(Machine* machine, const PassScratch& scratch, const LayerRec& layer, std::span<const float> row,
                  QuantiseFn* quantise, const void** out_levels) {
  auto* levels = reinterpret_cast<Level*>(machine->scratch.data() + scratch.levels_at);
  machine->clamped_count += quantise({row.data(), row.size(), layer.inv_step, layer.klo, layer.khi, levels});
  *out_levels = levels;
  if (layer.input_perm == kNoTensor) return Status::kOk;
  auto* permuted = reinterpret_cast<Level*>(machine->scratch.data() + scratch.permuted_at);
  *out_levels = permuted;
  return PermuteLevels(*machine, layer, levels, permuted);
}

// Where one row of x' goes: to our own copy first where the layer is checked, for what the check relies on never comes from
// the exchange region; else straight to the exchange region.
struct MaskTarget {
  uint8_t* out;         // plane 0
  uint64_t plane_size;  // bytes from plane to plane
  uint8_t* sent;        // the same in the exchange region
  uint64_t sent_plane_size;
  uint64_t row_size;  // bytes of a plane's row
  bool IsCopied() const { return out != sent; }
};

MaskTarget TargetOf(const Machine& machine, const LayerRec& layer, uint32_t row_index) {
  MaskTarget target{};
  target.row_size = uint64_t{layer.mask_row_elems} * ResidueSize(layer);
  target.sent = machine.exchange.data() + layer.x_offset + row_index * target.row_size;
  target.sent_plane_size = layer.mask_rows * target.row_size;
  target.out = target.sent;
  target.plane_size = target.sent_plane_size;
  if ((layer.flags & kLayerChecked) == 0) return target;
  const TensorRec& own = machine.plan.tensors[layer.masked];
  const uint32_t tile = row_index / own.tile_rows;
  target.out = machine.Tile(layer.masked, tile) + row_index % own.tile_rows * target.row_size;
  target.plane_size = RowsOfTile(own, tile) * target.row_size;
  return target;
}

// Modulo kFieldPrime: one plane of four bytes a residue.
Status MaskFieldRow(Machine* machine, const PassScratch& scratch, uint32_t layer_index, uint32_t row_index,
                    const int32_t* levels, const MaskTarget& target) {
  const LayerRec& layer = machine->plan.layers[layer_index];
  uint8_t* const base = machine->scratch.data();
  FieldMaskJob job{};
  job.levels = levels;
  job.count = layer.mask_row_elems;
  job.out = reinterpret_cast<uint32_t*>(target.out);
  if ((layer.flags & kLayerMaskInput) != 0) {
    const std::span<uint32_t> pads(reinterpret_cast<uint32_t*>(base + scratch.pads_at), job.count);
    PENUMBRA_TRY(GenerateFieldRow(*machine, machine->pad_streams, layer_index, row_index, pads,
                                  {base + scratch.spare_at, scratch.spare_size}));
    job.pads = pads.data();
  }
  machine->kernels->field_mask(job);
  if (target.IsCopied()) std::memcpy(target.sent, target.out, target.row_size);
  return Status::kOk;
}

// Modulo the ring's primes: their planes of the pads, which stand in the scratch, and a part of the row at a time, so that
// its levels stay in the first-level cache.
Status MaskRingRow(Machine* machine, const PassScratch& scratch, const LayerRec& layer, std::span<const float> row,
                   const uint8_t* pads, const MaskTarget& target) {
  constexpr size_t kPartElems = 2048;
  const size_t part = layer.input_perm == kNoTensor ? kPartElems : row.size();
  // Levels of 16 bits, where they fit, halve the cost of the residues.
  const bool narrow = layer.klo >= INT16_MIN && layer.khi <= INT16_MAX;
  const KernelTable& kernels = *machine->kernels;
  for (size_t at = 0; at < row.size(); at += part) {
    const std::span<const float> x = row.subspan(at, row.size() - at < part ? row.size() - at : part);
    MaskJob job{};
    PENUMBRA_TRY(narrow ? MakeLevels<int16_t>(machine, scratch, layer, x, kernels.quantise_s16, &job.levels)
                        : MakeLevels<int32_t>(machine, scratch, layer, x, kernels.quantise_s32, &job.levels));
    job.pads = pads == nullptr ? nullptr : pads + at;
    job.pad_plane_size = scratch.pad_plane_size;
    job.out = target.out + at;
    job.out_plane_size = target.plane_size;
    job.prime_count = layer.prime_count;
    job.count = x.size();
    job.sent = target.IsCopied() ? target.sent + at : nullptr;
    job.sent_plane_size = target.sent_plane_size;
    narrow ? kernels.mask_s16(job) : kernels.mask_s32(job);
  }
  return Status::kOk;
}

}  // namespace

Status MaskRow(Machine* machine, const PassScratch& scratch, uint32_t layer_index, uint32_t row_index,
               const float* row) {
  const LayerRec& layer = machine->plan.layers[layer_index];
  const uint32_t count = layer.mask_row_elems;
  uint8_t* const base = machine->scratch.data();
  const MaskTarget target = TargetOf(*machine, layer, row_index);
  if ((layer.flags & kLayerPrime) != 0) {
    const void* levels = nullptr;
    PENUMBRA_TRY(MakeLevels<int32_t>(machine, scratch, layer, {row, count}, machine->kernels->quantise_s32, &levels));
    return MaskFieldRow(machine, scratch, layer_index, row_index, static_cast<const int32_t*>(levels), target);
  }
  uint8_t* const pads = (layer.flags & kLayerMaskInput) != 0 ? base + scratch.pads_at : nullptr;
  for (uint32_t k = 0; pads != nullptr && k < layer.prime_count; ++k) {
    PENUMBRA_TRY(GeneratePadRow(*machine, layer_index, k, row_index, {pads + k * scratch.pad_plane_size, count},
                                {base + scratch.spare_at, scratch.spare_size}));
  }
  return MaskRingRow(machine, scratch, layer, {row, count}, pads, target);
}

}  // namespace penumbra::trusted
