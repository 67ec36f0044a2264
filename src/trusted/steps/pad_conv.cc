// L'(r): the published convolution of rows of pads, one prime at a time (docs/pad_bank.md).
#include <cstring>

#include "kernels/conv_layout.h"
#include "kernels/pad_winograd.h"
#include "trusted/base/result.h"
#include "trusted/steps/machine.h"

namespace penumbra::trusted {

namespace {

struct PadConvWork {
  const PadConvInstr* instr;
  uint32_t weight_tile;   // of the plan
  ConvGeometry geometry;  // of the published layer
  uint32_t residue_size;
  WindowJob window;  // of pad 0
  uint64_t table_size;  // from the row table of one pad to the next
  RowRange rows;
  uint32_t pads, pixels;  // pixels of each
  uint8_t* out;  // plane of this prime of pad 0 in the destination tile: [rows][out_w][m']
  uint64_t pad_size;  // from there to the next pad's
  uint8_t* sums;
  uint8_t* packed;

  bool IsField() const { return residue_size != 1; }
  WindowJob WindowOf(uint32_t pad) const {
    WindowJob job = window;
    job.input.rows = reinterpret_cast<const void* const*>(reinterpret_cast<const uint8_t*>(job.input.rows) + pad * table_size);
    return job;
  }
};

// Rows of r that the output rows need, of every pad.
void MakePadRowTables(const Machine& machine, const PadConvInstr& c, PadConvWork* w) {
  const ConvGeometry& g = w->geometry;
  const TensorRec& t = machine.plan.tensors[c.src];
  const RowRange in = InputRowsOf(w->rows, g.in_h, g.kernel_h, g.stride_h, g.dilation_h, g.pad_top);
  const uint64_t row_size = uint64_t{g.in_w} * g.in_c * w->residue_size;
  const uint64_t tile_size = uint64_t{t.tile_rows} * (t.row_elems / w->pads);  // of one pad
  for (uint32_t pad = 0; pad < w->pads; ++pad) {
    auto* rows = reinterpret_cast<const void**>(machine.scratch.data() + pad * w->table_size);
    for (uint64_t y = in.begin; y < in.end; ++y) {
      const auto tile = static_cast<uint32_t>(y * row_size / tile_size);
      const uint64_t part_size = uint64_t{RowsOfTile(t, tile)} * (t.row_elems / w->pads);
      rows[y - in.begin] = machine.Tile(c.src, tile) + pad * part_size + y * row_size % tile_size;
    }
  }
  w->window.input = {reinterpret_cast<const void* const*>(machine.scratch.data()), static_cast<int32_t>(in.begin),
                     in.end - in.begin};
}

// Pixels of all pads count one after the other.
struct PadPixels {
  uint32_t pad, begin, count;
};
PadPixels PixelsFrom(const PadConvWork& w, uint32_t first, uint32_t count) {
  const uint32_t begin = first % w.pixels, rest = w.pixels - begin;
  return {first / w.pixels, begin, count < rest ? count : rest};
}

WindowMatrix WindowsOf(const PadConvWork& w, uint32_t first, uint32_t count) {
  const PadPixels p = PixelsFrom(w, first, count);
  if (p.count == count) return MakeWindows(w.WindowOf(p.pad), p.begin, count);
  for (uint32_t done = 0; done < count;) {
    const PadPixels part = PixelsFrom(w, first + done, count - done);
    WindowJob job = w.WindowOf(part.pad);
    job.matrix = static_cast<uint8_t*>(job.matrix) + done * job.stride_size;
    CopyWindows(job, part.begin, part.count);
    done += part.count;
  }
  return {w.window.matrix, w.window.stride_size};
}

// The block's residues modulo kFieldPrime to channels [channel, channel + n) of pixels [first, first + count); two sums of a
// channel when `paired` (kernels/field.h).
void StoreField(const Machine& machine, const PadConvWork& w, uint32_t first, uint32_t count, uint32_t channel, uint32_t n,
                bool paired) {
  const auto* sums = reinterpret_cast<const int64_t*>(w.sums);
  const uint64_t pixel_count = uint64_t{n} * (paired ? kFieldFilters : 1);
  for (uint32_t done = 0; done < count; ++done, sums += pixel_count) {
    const PadPixels p = PixelsFrom(w, first + done, 1);
    auto* const plane = reinterpret_cast<uint32_t*>(w.out + p.pad * w.pad_size);
    machine.kernels->field_reduce({sums, paired, n, plane + uint64_t{p.begin} * w.geometry.out_c + channel});
  }
}

// Tiles of one run of channels come one after the other: their weights are packed once.
void Pack(Machine* machine, const PadConvWork& w, const uint8_t* weights, uint32_t begin, uint32_t n, uint32_t k) {
  const PackedWeights wanted{w.instr->layer, w.weight_tile, begin, begin + n, false};
  if (machine->packed == wanted) return;
  if (w.IsField()) {
    PackField(reinterpret_cast<const int32_t*>(weights), n, k, reinterpret_cast<int16_t*>(w.packed));
  } else {
    PackU8S8(reinterpret_cast<const int8_t*>(weights), n, k, reinterpret_cast<int8_t*>(w.packed));
  }
  machine->packed = wanted;
}

void MultiplyField(const Machine& machine, const PadConvWork& w, const WindowMatrix& x, uint32_t pixels, uint32_t n,
                   uint32_t k) {
  machine.kernels->gemm_s16s16({static_cast<const int16_t*>(x.rows), x.stride_size / sizeof(int16_t),
                                reinterpret_cast<const int16_t*>(w.packed), reinterpret_cast<int64_t*>(w.sums),
                                kFieldFilters * n, pixels, kFieldFilters * n, 2 * k, kFieldSafePairs, false});
}

// Residues of a block stand where they belong at once, unless it holds pixels of several pads.
void MultiplyResidues(const Machine& machine, const PadConvWork& w, const WindowMatrix& x, uint32_t first, uint32_t count,
                      uint32_t channel, uint32_t n, uint32_t k) {
  const uint64_t pixel_size = w.geometry.out_c;
  const PadPixels all = PixelsFrom(w, first, count);
  ResidueGemmJob job{static_cast<const uint8_t*>(x.rows), x.stride_size, reinterpret_cast<const int8_t*>(w.packed),
                     w.out + all.pad * w.pad_size + all.begin * pixel_size + channel, pixel_size, count, n, k,
                     kPrimes[w.instr->prime]};
  if (all.count == count) return machine.kernels->residue_gemm(job);
  job.out = w.sums;
  job.out_stride = n;
  machine.kernels->residue_gemm(job);
  for (uint32_t i = 0; i < count; ++i) {
    const PadPixels p = PixelsFrom(w, first + i, 1);
    std::memcpy(w.out + p.pad * w.pad_size + p.begin * pixel_size + channel, w.sums + uint64_t{i} * n, n);
  }
}

void ConvolveGroup(Machine* machine, const PadConvWork& w, const uint8_t* weights, uint32_t begin, uint32_t n) {
  const ConvGeometry& g = w.geometry;
  const auto k = static_cast<uint32_t>(FilterLength(g));
  const uint32_t block = ConvBlockPixels(g, w.residue_size, w.pads);
  const uint32_t total = w.pads * w.pixels;
  PadConvWork group = w;
  group.window.group = begin / OutChannelsPerGroup(g);
  Pack(machine, w, weights, begin, n, k);
  for (uint32_t first = 0; first < total; first += block) {
    const uint32_t pixels = total - first < block ? total - first : block;
    const WindowMatrix x = WindowsOf(group, first, pixels);
    if (w.IsField()) {
      MultiplyField(*machine, w, x, pixels, n, k);
      StoreField(*machine, w, first, pixels, begin, n, true);
    } else {
      MultiplyResidues(*machine, w, x, first, pixels, begin, n, k);
    }
  }
}

void ConvolveDepthwise(Machine* machine, const PadConvWork& w, const uint8_t* weights) {
  const ConvGeometry& g = w.geometry;
  machine->packed = {};
  PackDepthwise(weights, g.out_c, g.kernel_h * g.kernel_w, w.residue_size, w.packed);
  const uint32_t block = ConvBlockPixels(g, w.residue_size, w.pads);
  for (uint32_t first = 0; first < w.pads * w.pixels;) {
    const PadPixels p = PixelsFrom(w, first, block);
    const uint32_t row = p.begin / g.out_w, column = p.begin % g.out_w;
    const uint32_t count = p.count < g.out_w - column ? p.count : g.out_w - column;
    DepthwiseJob job{&g, w.WindowOf(p.pad).input, w.packed, 0, w.rows.begin + row, column, column + count, w.sums};
    if (w.IsField()) {
      machine->kernels->depthwise_field(job);
      StoreField(*machine, w, first, count, 0, g.out_c, false);
    } else {
      job.out = w.out + p.pad * w.pad_size + uint64_t{p.begin} * g.out_c;
      machine->kernels->residue_depthwise(job, kPrimes[w.instr->prime]);
    }
    first += count;
  }
}

// Strips of as many pads at a time as the scratch has room for.
void ConvolveTiles(Machine* machine, const PadConvWork& w, const int8_t* weights, uint32_t images_at_once,
                   const PadWinogradScratch& scratch) {
  const PadConvInstr& c = *w.instr;
  const ConvGeometry& g = w.geometry;
  const uint32_t n = c.oc_end - c.oc_begin, sets = WinogradSets(n).count;
  const WinogradPlan plan = MakeWinogradPlan(kPadWinogradOut, kPrimes[c.prime]);
  auto* const packed = reinterpret_cast<int8_t*>(machine->scratch.data() + scratch.packed_at);
  uint8_t* const strip = machine->scratch.data() + scratch.strip_at;
  const PackedWeights wanted{c.layer, w.weight_tile, c.oc_begin, c.oc_end, true};
  if (machine->packed != wanted) {
    PackWinograd({machine->kernels, &plan, weights, n, g.in_c, reinterpret_cast<int8_t*>(strip), packed}, 0, sets);
    machine->packed = wanted;
  }
  WinogradImage images[kMaxPadBatch];
  for (uint32_t first = 0; first < w.pads; first += images_at_once) {
    const uint32_t rest = w.pads - first, count = rest < images_at_once ? rest : images_at_once;
    for (uint32_t i = 0; i < count; ++i) {
      images[i] = {w.WindowOf(first + i).input, w.out + (first + i) * w.pad_size + c.oc_begin};
    }
    ConvolveWinograd({machine->kernels, &plan, &g, images, count, w.rows, packed, n, 0, sets, g.out_c, strip});
  }
}

PadConvWork PrepareWork(const Machine& machine, const PadConvInstr& c) {
  const LayerRec& layer = machine.plan.layers[c.layer];
  PadConvWork w{};
  w.instr = &c;
  w.weight_tile = TileIndex(machine.plan, c.weights, c.weight_tile);
  w.geometry = layer.geometry;
  w.geometry.out_c = layer.public_out_c;
  const ConvGeometry& g = w.geometry;
  const TensorRec& dst = machine.plan.tensors[c.dst];
  const uint32_t begin = c.dst_tile * dst.tile_rows;
  w.rows = {begin, begin + RowsOfTile(dst, c.dst_tile)};
  w.residue_size = ResidueSize(layer);
  w.pads = machine.pad_count;
  w.pixels = (w.rows.end - w.rows.begin) * g.out_w;
  w.table_size = RowTableSize(g);
  const PadConvScratch scratch = LayoutPadConv(g, w.residue_size, c.oc_end - c.oc_begin, w.pads);
  uint8_t* const base = machine.scratch.data();
  w.window = {nullptr, {}, w.residue_size, 0, 0, w.rows.begin, base + scratch.matrix_at, scratch.matrix_stride};
  MakePadRowTables(machine, c, &w);
  w.out = machine.Tile(c.dst, c.dst_tile) + uint64_t{c.prime} * w.pixels * g.out_c;
  w.pad_size = uint64_t{MaskedElementSize(layer)} * w.pixels * g.out_c;
  w.sums = base + scratch.sums_at;
  w.packed = base + scratch.packed_at;
  return w;
}

}  // namespace

Status RunPadConv(Machine* machine, const Instruction& i) {
  PadConvInstr c{};
  PENUMBRA_REQUIRE(i.Only(&c), Status::kInternal);
  PadConvWork w = PrepareWork(*machine, c);
  const ConvGeometry g = w.geometry;
  w.window.geometry = &g;
  const uint8_t* weights = machine->Tile(c.weights, c.weight_tile);
  // The choice is the same for all tiles of a run of channels, as their weights are packed once.
  const uint32_t n = c.oc_end - c.oc_begin, tile_rows = machine->plan.tensors[c.dst].tile_rows;
  const uint32_t images = PadWinogradImages(g, w.residue_size, n, tile_rows, w.pads, machine->scratch.size());
  if (images != 0) {
    ConvolveTiles(machine, w, reinterpret_cast<const int8_t*>(weights), images,
                  LayoutPadWinograd(g, n, tile_rows, images, w.pads));
    return Status::kOk;
  }
  if (IsDepthwise(g)) {
    ConvolveDepthwise(machine, w, weights);
    return Status::kOk;
  }
  const uint32_t per_group = OutChannelsPerGroup(g);
  for (uint32_t at = c.oc_begin; at < c.oc_end;) {
    const uint32_t end = (at / per_group + 1) * per_group < c.oc_end ? (at / per_group + 1) * per_group : c.oc_end;
    ConvolveGroup(machine, w, weights + uint64_t{at - c.oc_begin} * FilterLength(g) * w.residue_size, at, end - at);
    at = end;
  }
  return Status::kOk;
}

}  // namespace penumbra::trusted
