// Making one-time pads: r from a keystream, L'(r) with the published weights, u = T(L'(r)) with the secret
// restoring map (docs/pad_bank.md; ShadowNet section 4.3; Slalom section 3.2).
#include <cstring>

#include "kernels/conv_layout.h"
#include "trusted/base/result.h"
#include "trusted/steps/pass_parts.h"

namespace penumbra::trusted {

void PadCounter(uint32_t layer, uint32_t prime, uint32_t row, bool spare, uint8_t out_block[16]) {
  std::memset(out_block, 0, 16);
  std::memcpy(out_block, &layer, 4);
  out_block[4] = static_cast<uint8_t>(prime);
  out_block[5] = spare ? 1 : 0;
  std::memcpy(out_block + 6, &row, 4);
  // Bytes 10 to 15 count blocks, big endian: 2^48 of them.
}

Status GeneratePadRow(const Machine& machine, uint32_t layer, uint32_t prime, uint32_t row,
                      std::span<uint8_t> out_row, std::span<uint8_t> spare) {
  return GenerateResidues(machine, machine.pad_streams, layer, prime, row, out_row, spare);
}

Status GenerateResidues(const Machine& machine, crypto::Keystream* stream, uint32_t layer, uint32_t prime, uint32_t row,
                        std::span<uint8_t> out_row, std::span<uint8_t> spare) {
  uint8_t block[16];
  PadCounter(layer, prime, row, false, block);
  PENUMBRA_TRY(stream->Generate(block, out_row));
  PadCounter(layer, prime, row, true, block);
  PENUMBRA_TRY(stream->Generate(block, spare));
  PadFill fill{out_row.data(), out_row.size(), kPrimes[prime], spare.data(), spare.size(), 0, 0};
  // Running out has probability below 2^-64 (SpareSize); the row is then refused, never biased.
  PENUMBRA_REQUIRE(machine.kernels->pad_fill(&fill), Status::kInternal);
  return Status::kOk;
}

Status GenerateFieldRow(const Machine& machine, crypto::Keystream* stream, uint32_t layer, uint32_t row,
                        std::span<uint32_t> out_row, std::span<uint8_t> draws) {
  constexpr uint32_t kBlock = crypto::kKeystreamBlockSize;
  draws = draws.first(draws.size() / kBlock * kBlock);
  FieldDraw fill{reinterpret_cast<const uint32_t*>(draws.data()), draws.size() / sizeof(uint32_t), out_row.data(),
                 out_row.size(), 0};
  uint8_t block[16];
  PadCounter(layer, 0, row, false, block);
  for (uint64_t next = 0; fill.filled < fill.count; next += draws.size() / kBlock) {
    for (uint32_t i = 0; i < 6; ++i) block[15 - i] = static_cast<uint8_t>(next >> (8 * i));
    PENUMBRA_TRY(stream->Generate(block, draws));
    machine.kernels->field_draw(&fill);
  }
  return Status::kOk;
}

namespace {

// One row of r of one pad.
Status DrawRow(const Machine& machine, crypto::Keystream* stream, uint32_t layer, uint32_t prime, uint32_t row,
               std::span<uint8_t> out_row, std::span<uint8_t> spare) {
  if ((machine.plan.layers[layer].flags & kLayerPrime) == 0) {
    return GenerateResidues(machine, stream, layer, prime, row, out_row, spare);
  }
  // The convolution that follows reads limbs.
  const std::span<uint32_t> words(reinterpret_cast<uint32_t*>(out_row.data()), out_row.size() / sizeof(uint32_t));
  PENUMBRA_TRY(GenerateFieldRow(machine, stream, layer, row, words, spare));
  machine.kernels->field_split(words.data(), words.size(), words.data());
  return Status::kOk;
}

}  // namespace

Status RunPadRandom(Machine* machine, const Instruction& i) {
  const uint32_t layer = i[0], prime = i[1], tensor = i[2], tile = i[3];
  const TensorRec& t = machine->plan.tensors[tensor];
  const uint32_t begin = tile * t.tile_rows, rows = RowsOfTile(t, tile);
  const uint64_t row_size = t.row_elems / machine->pad_count;
  const std::span<uint8_t> spare = machine->scratch.first(PadRandomScratchSize(machine->plan.layers[layer]));
  uint8_t* out = machine->Tile(tensor, tile);
  for (uint32_t pad = 0; pad < machine->pad_count; ++pad) {
    for (uint32_t r = 0; r < rows; ++r, out += row_size) {
      PENUMBRA_TRY(DrawRow(*machine, &machine->pad_streams[pad], layer, prime, begin + r, {out, row_size}, spare));
    }
  }
  return Status::kOk;
}

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

// `count` sums from number `first` on, two of a channel when `paired` (kernels/field.h).
void Reduce(const Machine& machine, const PadConvWork& w, uint64_t first, uint64_t count, bool paired, uint8_t* out) {
  if (w.IsField()) {
    const auto* sums = reinterpret_cast<const int64_t*>(w.sums) + first * (paired ? kFieldFilters : 1);
    machine.kernels->field_reduce({sums, paired, count, reinterpret_cast<uint32_t*>(out)});
  } else {
    machine.kernels->reduce_mod(reinterpret_cast<const int32_t*>(w.sums) + first, count, kPrimes[w.instr->prime], out);
  }
}

// The block's sums to channels [channel, channel + n) of pixels [first, first + count).
void StoreResidues(const Machine& machine, const PadConvWork& w, uint32_t first, uint32_t count, uint32_t channel,
                   uint32_t n, bool paired) {
  const uint64_t pixel_size = uint64_t{w.geometry.out_c} * w.residue_size;
  for (uint32_t done = 0; done < count;) {
    const PadPixels p = PixelsFrom(w, first + done, count - done);
    uint8_t* const out =
        w.out + p.pad * w.pad_size + p.begin * pixel_size + uint64_t{channel} * w.residue_size;
    if (n == w.geometry.out_c) {
      Reduce(machine, w, uint64_t{done} * n, uint64_t{p.count} * n, paired, out);
    } else {
      for (uint32_t i = 0; i < p.count; ++i) Reduce(machine, w, (uint64_t{done} + i) * n, n, paired, out + i * pixel_size);
    }
    done += p.count;
  }
}

// Tiles of one run of channels come one after the other: their weights are packed once.
void Pack(Machine* machine, const PadConvWork& w, const uint8_t* weights, uint32_t begin, uint32_t n, uint32_t k) {
  const PackedWeights wanted{w.instr->layer, w.weight_tile, begin, begin + n};
  if (machine->packed == wanted) return;
  if (w.IsField()) {
    PackField(reinterpret_cast<const int32_t*>(weights), n, k, reinterpret_cast<int16_t*>(w.packed));
  } else {
    PackU8S8(reinterpret_cast<const int8_t*>(weights), n, k, reinterpret_cast<int8_t*>(w.packed));
  }
  machine->packed = wanted;
}

void Multiply(const Machine& machine, const PadConvWork& w, const WindowMatrix& x, uint32_t pixels, uint32_t n,
              uint32_t k) {
  if (w.IsField()) {
    machine.kernels->gemm_s16s16({static_cast<const int16_t*>(x.rows), x.stride_size / sizeof(int16_t),
                                  reinterpret_cast<const int16_t*>(w.packed), reinterpret_cast<int64_t*>(w.sums),
                                  kFieldFilters * n, pixels, kFieldFilters * n, 2 * k, kFieldSafePairs, false});
  } else {
    machine.kernels->gemm_u8s8({static_cast<const uint8_t*>(x.rows), x.stride_size,
                                reinterpret_cast<const int8_t*>(w.packed), reinterpret_cast<int32_t*>(w.sums), n, pixels,
                                n, k, false});
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
    Multiply(*machine, w, WindowsOf(group, first, pixels), pixels, n, k);
    StoreResidues(*machine, w, first, pixels, begin, n, true);
  }
}

void ConvolveDepthwise(Machine* machine, const PadConvWork& w, const uint8_t* weights) {
  const ConvGeometry& g = w.geometry;
  machine->packed = {};
  PackDepthwise(weights, g.out_c, g.kernel_h * g.kernel_w, w.residue_size, w.packed);
  const uint32_t block = ConvBlockPixels(g, w.residue_size, w.pads);
  auto* const convolve = w.IsField() ? machine->kernels->depthwise_field : machine->kernels->depthwise_u8s8;
  for (uint32_t first = 0; first < w.pads * w.pixels;) {
    const PadPixels p = PixelsFrom(w, first, block);
    const uint32_t row = p.begin / g.out_w, column = p.begin % g.out_w;
    const uint32_t count = p.count < g.out_w - column ? p.count : g.out_w - column;
    convolve({&g, w.WindowOf(p.pad).input, w.packed, 0, w.rows.begin + row, column, column + count, w.sums});
    StoreResidues(*machine, w, first, count, 0, g.out_c, false);
    first += count;
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

Status RunPadFinish(Machine* machine, const Instruction& i) {
  const LayerRec& layer = machine->plan.layers[i[0]];
  const uint32_t m = layer.geometry.out_c, wide = layer.public_out_c;
  const RestoreTables tables = ViewRestoreTables(layer, machine->Tile(layer.params, 0));
  const uint64_t pixels = uint64_t{RowsOfTile(machine->plan.tensors[layer.pad], i[1])} * layer.geometry.out_w;
  const uint8_t* const in = machine->Tile(i[2], i[1]) + i[3] * MaskedElementSize(layer) * pixels * wide;
  uint8_t* const out = machine->Tile(layer.pad, i[1]);
  if ((layer.flags & kLayerPrime) != 0) {
    UnmixField(*machine, layer, pixels, in, nullptr, reinterpret_cast<int32_t*>(out));
    return Status::kOk;
  }
  for (uint32_t k = 0; k < layer.prime_count; ++k) {
    const uint8_t* const plane = in + k * pixels * wide;
    const uint8_t* const lambda = tables.lambda + uint64_t{k} * m * FactorCount(layer);
    if (IsCovered(layer)) {
      machine->kernels->unmix_covers({plane, out + k * pixels * m, pixels, m, OutChannelsPerGroup(layer.geometry),
                                      tables.a, lambda, kPrimes[k]});
    } else {
      machine->kernels->unmix({plane, out + k * pixels * m, pixels, m, wide, tables.a, tables.b, lambda, kPrimes[k]});
    }
  }
  return Status::kOk;
}

}  // namespace penumbra::trusted
