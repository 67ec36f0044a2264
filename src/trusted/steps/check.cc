// Checks of replies by secret projections (Freivalds 1977; Slalom, ICLR 2019, section 3; docs/integrity.md): s is uniform
// and never leaves, t = s^T W' is made while the model is loaded, <t, x'> while x' is sent, and every pixel of a reply must
// satisfy s^T y' = <t, x'> mod p before anything is computed from it.
#include <cstring>
#include <type_traits>

#include "kernels/scratch.h"
#include "trusted/base/result.h"
#include "trusted/steps/pass_parts.h"

namespace penumbra::trusted {
namespace {

template <typename Residue>
std::make_signed_t<Residue> Centred(Residue residue, uint32_t prime) {
  return static_cast<std::make_signed_t<Residue>>(
      residue > prime / 2 ? static_cast<int64_t>(residue) - prime : static_cast<int64_t>(residue));
}

// The same of kTileAlignment bytes, in place.
void CentreBlock(uint8_t* residues, uint32_t prime) {
  const auto half = static_cast<uint8_t>(prime / 2), whole = static_cast<uint8_t>(prime);
  for (uint32_t i = 0; i < kTileAlignment; ++i) {
    residues[i] = static_cast<uint8_t>(residues[i] - (residues[i] > half ? whole : 0));
  }
}

bool IsField(const LayerRec& layer) { return (layer.flags & kLayerPrime) != 0; }

// Bytes [at, at + length) of t that a run of filters meets with bytes [from, from + length) of each.
struct ProjectSpan {
  const uint8_t* rows;
  const uint8_t* s;  // of the run's first filter, projection 0
  uint32_t count;    // filters
  uint64_t at;
  uint64_t length;
};

// t[c] += sum over the filters of s * rows[c] for one block of columns: over the ring, and over the field.
void AddColumns(const Machine& machine, const CombineJob& columns, uint32_t prime, int8_t* t) {
  uint8_t residues[kProjectColumns];
  for (uint32_t c = 0; c < columns.length; ++c) columns.sums[c] = t[c];
  machine.kernels->combine(columns);
  machine.kernels->reduce_mod(columns.sums, columns.length, static_cast<uint16_t>(prime), residues);
  for (uint32_t c = 0; c < columns.length; ++c) t[c] = Centred(residues[c], prime);
}
void AddFieldColumns(const Machine& machine, const FieldCombineJob& columns, int32_t* t) {
  auto* const residues = reinterpret_cast<uint32_t*>(t);
  for (uint32_t c = 0; c < columns.length; ++c) columns.sums[c] = t[c];
  machine.kernels->field_combine(columns);
  machine.kernels->field_reduce({columns.sums, false, columns.length, residues});
  for (uint32_t c = 0; c < columns.length; ++c) t[c] = Centred(residues[c], kFieldPrime);
}

// Adds a span to every projection of t, block by block of columns: the filters' block stays in the cache.
void AddSpan(const Machine& machine, const LayerRec& layer, uint32_t prime, const ProjectSpan& span, uint8_t* sums,
             uint8_t* t) {
  const uint32_t size = ResidueSize(layer);
  const auto stride = static_cast<size_t>(FilterLength(layer.geometry));
  for (uint64_t done = 0; done < span.length; done += kProjectColumns * size) {
    const uint64_t rest = (span.length - done) / size;
    const auto count = static_cast<uint32_t>(rest < kProjectColumns ? rest : kProjectColumns);
    for (uint32_t j = 0; j < layer.projection_count; ++j) {
      uint8_t* const out = t + j * ShapeOfCheck(layer).derived_stride + span.at + done;
      const uint8_t* s = span.s + j * ProjectionStride(layer);
      if (IsField(layer)) {
        AddFieldColumns(machine, {reinterpret_cast<const int32_t*>(span.rows + done), stride,
                                  reinterpret_cast<const int32_t*>(s), span.count, count,
                                  reinterpret_cast<int64_t*>(sums)}, reinterpret_cast<int32_t*>(out));
      } else {
        AddColumns(machine, {reinterpret_cast<const int8_t*>(span.rows + done), stride,
                             reinterpret_cast<const int8_t*>(s), span.count, count,
                             reinterpret_cast<int32_t*>(sums)}, kPrimes[prime], reinterpret_cast<int8_t*>(out));
      }
    }
  }
}

// Filters [begin, end) of one group: with several groups each tap's channels stand apart in t.
void AddGroup(const Machine& machine, const ProjectInstr& c, uint32_t begin, uint32_t end, const uint8_t* rows,
              const uint8_t* s, uint8_t* sums, uint8_t* t) {
  const LayerRec& layer = machine.plan.layers[c.layer];
  const ConvGeometry& g = layer.geometry;
  const uint32_t size = ResidueSize(layer);
  const uint32_t depth = InChannelsPerGroup(g) * size;
  const uint32_t group = begin / (layer.public_out_c / g.groups);
  ProjectSpan span{rows, s + uint64_t{begin} * size, end - begin, 0, FilterLength(g) * size};
  if (g.groups == 1) return AddSpan(machine, layer, c.prime, span, sums, t);
  for (uint32_t tap = 0; tap < g.kernel_h * g.kernel_w; ++tap) {
    span.rows = rows + uint64_t{tap} * depth;
    span.at = uint64_t{tap} * g.in_c * size + uint64_t{group} * depth;
    span.length = depth;
    AddSpan(machine, layer, c.prime, span, sums, t);
  }
}

// Where the windows of one output row lie in our copy of x', and how they meet t.
struct ExpectWork {
  const LayerRec* layer;
  ProjectRun* runs;
  uint8_t* sums;
  const int8_t* t;  // of the prime
  uint32_t prime;
  uint64_t stride;      // bytes of one projection of t
  uint64_t pixel_size;  // bytes of one pixel of x'
};

// Row y of plane `prime` of x', [in_w][in_c] residues.
const uint8_t* MaskedRow(const Machine& machine, const LayerRec& layer, uint32_t prime, uint32_t y) {
  const TensorRec& own = machine.plan.tensors[layer.masked];
  const uint64_t row_size = uint64_t{layer.mask_row_elems} * ResidueSize(layer);
  const uint64_t tile_size = own.tile_rows * row_size;
  const uint64_t first = uint64_t{y} * layer.geometry.in_w * layer.geometry.in_c * ResidueSize(layer);
  const auto tile = static_cast<uint32_t>(first / tile_size);
  return machine.Tile(layer.masked, tile) + prime * RowsOfTile(own, tile) * row_size + first % tile_size;
}

// Taps of a window that starts at column `left` (negative: in the padding), as runs of contiguous bytes; a tap in the
// padding adds nothing, so it is left away. Returns the number of runs and their common length.
uint32_t MakeRuns(const Machine& machine, const ExpectWork& w, uint32_t out_row, int64_t left, uint32_t* out_length) {
  const ConvGeometry& g = w.layer->geometry;
  const bool dense = g.dilation_w == 1;  // the taps of one kernel row are one run
  const auto pixel_size = static_cast<int64_t>(w.pixel_size);
  uint32_t count = 0;
  *out_length = static_cast<uint32_t>(pixel_size);
  for (uint32_t r = 0; r < g.kernel_h; ++r) {
    const int64_t y = int64_t{out_row} * g.stride_h - g.pad_top + int64_t{r} * g.dilation_h;
    if (y < 0 || y >= g.in_h) continue;
    const uint8_t* row = MaskedRow(machine, *w.layer, w.prime, static_cast<uint32_t>(y));
    const int8_t* t = w.t + int64_t{r} * g.kernel_w * pixel_size;
    if (dense) {
      const int64_t begin = left < 0 ? -left : 0;
      const int64_t end = left + g.kernel_w > g.in_w ? int64_t{g.in_w} - left : g.kernel_w;
      if (begin >= end) continue;
      w.runs[count++] = {row + (left + begin) * pixel_size, t + begin * pixel_size};
      *out_length = static_cast<uint32_t>((end - begin) * pixel_size);
      continue;
    }
    for (uint32_t q = 0; q < g.kernel_w; ++q) {
      const int64_t x = left + int64_t{q} * g.dilation_w;
      if (x < 0 || x >= g.in_w) continue;
      w.runs[count++] = {row + x * pixel_size, t + q * pixel_size};
    }
  }
  return count;
}

void RunProjection(const Machine& machine, const LayerRec& layer, ProjectJob job, uint8_t* out_sums) {
  if (IsField(layer)) return machine.kernels->field_project(job, reinterpret_cast<int64_t*>(out_sums));
  job.sums = reinterpret_cast<int32_t*>(out_sums);
  machine.kernels->project(job);
}

// Canonical residues of `count` sums of plane `prime`.
void ReduceSums(const Machine& machine, const LayerRec& layer, uint32_t prime, uint64_t count, const uint8_t* sums,
                uint8_t* out) {
  if (IsField(layer)) {
    machine.kernels->field_reduce({reinterpret_cast<const int64_t*>(sums), false, count,
                                   reinterpret_cast<uint32_t*>(out)});
  } else {
    machine.kernels->reduce_mod(reinterpret_cast<const int32_t*>(sums), count, kPrimes[prime], out);
  }
}

// sums: [out_w][projections] of one output row. Pixels whose windows lie inside the image go together.
void ExpectRow(const Machine& machine, const ExpectWork& w, uint32_t out_row) {
  const ConvGeometry& g = w.layer->geometry;
  const uint32_t projections = w.layer->projection_count;
  const int64_t span = int64_t{g.kernel_w - 1} * g.dilation_w + 1;
  for (uint32_t x = 0; x < g.out_w;) {
    const int64_t left = int64_t{x} * g.stride_w - g.pad_left;
    uint32_t pixels = 1;
    if (left >= 0 && left + span <= g.in_w) {
      const auto inside = static_cast<uint64_t>((int64_t{g.in_w} - span - left) / g.stride_w + 1);
      pixels = inside < g.out_w - x ? static_cast<uint32_t>(inside) : g.out_w - x;
    }
    ProjectJob job{};
    job.runs = w.runs;
    job.run_count = MakeRuns(machine, w, out_row, left, &job.length);
    job.pixel_stride = g.stride_w * w.pixel_size;
    job.projection_stride = w.stride;
    job.pixels = pixels;
    job.projections = projections;
    RunProjection(machine, *w.layer, job, w.sums + uint64_t{x} * projections * CheckSumSize(*w.layer));
    x += pixels;
  }
}

}  // namespace

Status MakeProjections(const Machine& machine, uint32_t layer_index, uint32_t prime, std::span<uint8_t> spare,
                       int8_t* out) {
  const LayerRec& layer = machine.plan.layers[layer_index];
  const uint64_t stride = ProjectionStride(layer);
  for (uint32_t j = 0; j < layer.projection_count; ++j) {
    if (IsField(layer)) {
      auto* const words = reinterpret_cast<uint32_t*>(out + j * stride);
      PENUMBRA_TRY(GenerateFieldRow(machine, machine.check_stream, layer_index, j, {words, layer.public_out_c}, spare));
      for (uint32_t o = 0; o < layer.public_out_c; ++o) {
        words[o] = static_cast<uint32_t>(Centred(words[o], kFieldPrime));
      }
      continue;
    }
    auto* const residues = reinterpret_cast<uint8_t*>(out + j * stride);
    PENUMBRA_TRY(GenerateResidues(machine, machine.check_stream, layer_index, prime, j,
                                  {residues, layer.public_out_c}, spare));
    // By whole blocks, which compilers vectorise; nothing reads what lies beyond the channels.
    for (uint64_t at = 0; at < stride; at += kTileAlignment) CentreBlock(residues + at, kPrimes[prime]);
  }
  return Status::kOk;
}

Status RunProject(Machine* machine, const Instruction& i) {
  ProjectInstr c{};
  PENUMBRA_REQUIRE(i.Only(&c), Status::kInternal);
  const LayerRec& layer = machine->plan.layers[c.layer];
  uint8_t* const s = machine->scratch.data();
  const std::span<uint8_t> spare = machine->scratch.subspan(ProjectionsSize(layer), ProjectionSpareSize(layer));
  uint8_t* const sums = spare.data() + spare.size();
  PENUMBRA_TRY(MakeProjections(*machine, c.layer, c.prime, spare, reinterpret_cast<int8_t*>(s)));
  const CheckShape shape = ShapeOfCheck(layer);
  uint8_t* const derived = machine->Tile(layer.derived, 0);
  if (c.prime == 0 && c.oc_begin == 0) std::memset(derived, 0, shape.derived_size);
  uint8_t* const t = derived + uint64_t{c.prime} * layer.projection_count * shape.derived_stride;
  const uint8_t* rows = machine->Tile(c.weights, c.weight_tile);
  const uint64_t row_size = FilterLength(layer.geometry) * ResidueSize(layer);
  const uint32_t per_group = layer.public_out_c / layer.geometry.groups;
  for (uint32_t at = c.oc_begin; at < c.oc_end;) {
    const uint32_t end = (at / per_group + 1) * per_group < c.oc_end ? (at / per_group + 1) * per_group : c.oc_end;
    AddGroup(*machine, c, at, end, rows + (at - c.oc_begin) * row_size, s, sums, t);
    at = end;
  }
  return Status::kOk;
}

Status RunExpect(Machine* machine, const Instruction& i) {
  const LayerRec& layer = machine->plan.layers[i[0]];
  const TensorRec& dst = machine->plan.tensors[layer.expected];
  const uint64_t scratch_size = ExpectScratchSize(layer);
  // Where it is tight the tables of the layer that is being restored have to be made again.
  if (machine->scratch.size() - scratch_size < machine->prepared_size) machine->prepared_layer = kNoLayer;
  uint8_t* const scratch = machine->scratch.data() + machine->scratch.size() - scratch_size;
  const CheckShape shape = ShapeOfCheck(layer);
  const uint64_t row_size = uint64_t{layer.geometry.out_w} * layer.projection_count * ResidueSize(layer);
  ExpectWork w{};
  w.layer = &layer;
  w.runs = reinterpret_cast<ProjectRun*>(scratch);
  w.sums = scratch + scratch_size - CheckSumsSize(layer);
  w.stride = shape.derived_stride;
  w.pixel_size = uint64_t{layer.geometry.in_c} * ResidueSize(layer);
  uint8_t* out = machine->Tile(layer.expected, i[1]);
  for (uint32_t r = 0; r < RowsOfTile(dst, i[1]); ++r) {
    for (w.prime = 0; w.prime < layer.prime_count; ++w.prime) {
      w.t = reinterpret_cast<const int8_t*>(machine->Tile(layer.derived, 0)) +
            uint64_t{w.prime} * layer.projection_count * shape.derived_stride;
      ExpectRow(*machine, w, i[1] * dst.tile_rows + r);
      ReduceSums(*machine, layer, w.prime, uint64_t{layer.geometry.out_w} * layer.projection_count, w.sums, out);
      out += row_size;
    }
  }
  return Status::kOk;
}

Status CheckPixels(Machine* own, const PassScratch& scratch, uint32_t layer_index, const PixelRun& pixels) {
  const Machine& machine = *own;
  const LayerRec& layer = machine.plan.layers[layer_index];
  const uint64_t per_pixel = uint64_t{layer.projection_count} * ResidueSize(layer);
  const auto pixel_size = static_cast<uint32_t>(ReplyPixelSize(layer));
  uint8_t* const base = machine.scratch.data();
  uint8_t* const sums = base + scratch.check_at;
  uint8_t* const residues = base + scratch.check_at + CheckSumsSize(layer);
  const uint8_t* expected = machine.Row(layer.expected, pixels.row, ShapeOfCheck(layer).expected_row_elems) +
                            pixels.first * per_pixel;
  for (uint32_t k = 0; k < layer.prime_count; ++k, expected += layer.geometry.out_w * per_pixel) {
    const ProjectRun run{base + scratch.reply_at + k * scratch.reply_plane_size,
                         reinterpret_cast<const int8_t*>(base + scratch.projections_at + k * ProjectionsSize(layer))};
    RunProjection(machine, layer, {&run, 1, pixel_size, ReplyCopyStride(layer), ProjectionStride(layer), pixels.count,
                                   layer.projection_count, nullptr}, sums);
    ReduceSums(machine, layer, k, uint64_t{pixels.count} * layer.projection_count, sums, residues);
    if (std::memcmp(residues, expected, pixels.count * per_pixel) == 0) continue;
    own->refused = {layer_index, k, pixels.row};
    return Status::kIntegrity;
  }
  return Status::kOk;
}

}  // namespace penumbra::trusted
