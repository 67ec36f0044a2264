// Making one-time pads: r from a keystream, L'(r) with the published weights, u = T(L'(r)) with the secret
// restoring map (SCHEMES section 2; ShadowNet section 4.3; Slalom section 3.2).
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
  return GenerateResidues(machine, machine.pad_stream, layer, prime, row, out_row, spare);
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

Status RunPadRandom(Machine* machine, const Instruction& i) {
  const uint32_t layer = i[0], prime = i[1], tensor = i[2], tile = i[3];
  const TensorRec& t = machine->plan.tensors[tensor];
  const LayerRec& rec = machine->plan.layers[layer];
  const uint32_t begin = tile * t.tile_rows;
  const std::span<uint8_t> spare = machine->scratch.first(PadRandomScratchSize(rec));
  for (uint32_t r = 0; r < RowsOfTile(t, tile); ++r) {
    const std::span<uint8_t> row(machine->Tile(tensor, tile) + uint64_t{r} * t.row_elems, t.row_elems);
    if ((rec.flags & kLayerPrime) == 0) {
      PENUMBRA_TRY(GeneratePadRow(*machine, layer, prime, begin + r, row, spare));
      continue;
    }
    // The convolution that follows reads limbs.
    const std::span<uint32_t> words(reinterpret_cast<uint32_t*>(row.data()), row.size() / sizeof(uint32_t));
    PENUMBRA_TRY(GenerateFieldRow(*machine, machine->pad_stream, layer, begin + r, words, spare));
    machine->kernels->field_split(words.data(), words.size(), words.data());
  }
  return Status::kOk;
}

namespace {

struct PadConvWork {
  const PadConvInstr* instr;
  ConvGeometry geometry;  // of the published layer
  uint32_t residue_size;
  WindowJob window;
  RowRange rows;
  uint8_t* out;  // plane of this prime in the destination tile: [rows][out_w][m']
  uint8_t* sums;
  uint8_t* packed;

  bool IsField() const { return residue_size != 1; }
};

// `count` sums from number `first` on, two of a channel when `paired` (kernels/field.h).
void Reduce(const Machine& machine, const PadConvWork& w, uint64_t first, uint64_t count, bool paired, uint8_t* out) {
  if (w.IsField()) {
    const auto* sums = reinterpret_cast<const int64_t*>(w.sums) + first * (paired ? kFieldFilters : 1);
    machine.kernels->field_reduce({sums, paired, count, reinterpret_cast<uint32_t*>(out)});
  } else {
    machine.kernels->reduce_mod(reinterpret_cast<const int32_t*>(w.sums) + first, count, kPrimes[w.instr->prime], out);
  }
}

void StoreResidues(const Machine& machine, const PadConvWork& w, uint32_t pixels, uint32_t n, uint64_t first_pixel,
                   uint32_t channel, bool paired) {
  const uint64_t pixel_size = uint64_t{w.geometry.out_c} * w.residue_size;
  uint8_t* const out = w.out + first_pixel * pixel_size + uint64_t{channel} * w.residue_size;
  if (n == w.geometry.out_c) return Reduce(machine, w, 0, uint64_t{pixels} * n, paired, out);
  for (uint32_t p = 0; p < pixels; ++p) Reduce(machine, w, uint64_t{p} * n, n, paired, out + p * pixel_size);
}

void Pack(const PadConvWork& w, const uint8_t* weights, uint32_t n, uint32_t k) {
  if (w.IsField()) {
    PackField(reinterpret_cast<const int32_t*>(weights), n, k, reinterpret_cast<int16_t*>(w.packed));
  } else {
    PackU8S8(reinterpret_cast<const int8_t*>(weights), n, k, reinterpret_cast<int8_t*>(w.packed));
  }
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

void ConvolveGroup(const Machine& machine, const PadConvWork& w, const uint8_t* weights, uint32_t begin, uint32_t n) {
  const ConvGeometry& g = w.geometry;
  const auto k = static_cast<uint32_t>(FilterLength(g));
  const uint32_t block = ConvBlockPixels(g, w.residue_size);
  const uint32_t total = (w.rows.end - w.rows.begin) * g.out_w;
  WindowJob window = w.window;
  window.group = begin / OutChannelsPerGroup(g);
  Pack(w, weights, n, k);
  for (uint32_t first = 0; first < total; first += block) {
    const uint32_t pixels = total - first < block ? total - first : block;
    Multiply(machine, w, MakeWindows(window, first, pixels), pixels, n, k);
    StoreResidues(machine, w, pixels, n, first, begin, true);
  }
}

void ConvolveDepthwise(const Machine& machine, const PadConvWork& w, const uint8_t* weights) {
  const ConvGeometry& g = w.geometry;
  PackDepthwise(weights, g.out_c, g.kernel_h * g.kernel_w, w.residue_size, w.packed);
  const uint32_t block = ConvBlockPixels(g, w.residue_size);
  auto* const convolve = w.IsField() ? machine.kernels->depthwise_field : machine.kernels->depthwise_u8s8;
  for (uint32_t row = w.rows.begin; row < w.rows.end; ++row) {
    for (uint32_t column = 0; column < g.out_w; column += block) {
      const uint32_t end = g.out_w - column < block ? g.out_w : column + block;
      convolve({&g, w.window.input, w.packed, 0, row, column, end, w.sums});
      StoreResidues(machine, w, end - column, g.out_c, uint64_t{row - w.rows.begin} * g.out_w + column, 0, false);
    }
  }
}

}  // namespace

Status RunPadConv(Machine* machine, const Instruction& i) {
  PadConvInstr c{};
  PENUMBRA_REQUIRE(i.Only(&c), Status::kInternal);
  const LayerRec& layer = machine->plan.layers[c.layer];
  PadConvWork w{};
  w.instr = &c;
  w.geometry = layer.geometry;
  w.geometry.out_c = layer.public_out_c;
  const ConvGeometry& g = w.geometry;
  const TensorRec& dst = machine->plan.tensors[c.dst];
  const uint32_t begin = c.dst_tile * dst.tile_rows;
  w.rows = {begin, begin + RowsOfTile(dst, c.dst_tile)};
  w.residue_size = ResidueSize(layer);
  const PadConvScratch scratch = LayoutPadConv(g, w.residue_size, c.oc_end - c.oc_begin);
  uint8_t* const base = machine->scratch.data();
  w.window = {&w.geometry, MakeRowTable(*machine, c.src, g, w.rows, w.residue_size), w.residue_size, 0, 0,
              w.rows.begin, base + scratch.matrix_at, scratch.matrix_stride};
  w.out = machine->Tile(c.dst, c.dst_tile) +
          uint64_t{c.prime} * (w.rows.end - w.rows.begin) * g.out_w * g.out_c;
  w.sums = base + scratch.sums_at;
  w.packed = base + scratch.packed_at;
  const uint8_t* weights = machine->Tile(c.weights, c.weight_tile);
  if (IsDepthwise(g)) {
    ConvolveDepthwise(*machine, w, weights);
    return Status::kOk;
  }
  const uint32_t per_group = OutChannelsPerGroup(g);
  for (uint32_t at = c.oc_begin; at < c.oc_end;) {
    const uint32_t end = (at / per_group + 1) * per_group < c.oc_end ? (at / per_group + 1) * per_group : c.oc_end;
    ConvolveGroup(*machine, w, weights + uint64_t{at - c.oc_begin} * FilterLength(g) * w.residue_size, at, end - at);
    at = end;
  }
  return Status::kOk;
}

Status RunPadFinish(Machine* machine, const Instruction& i) {
  const LayerRec& layer = machine->plan.layers[i[0]];
  const uint32_t m = layer.geometry.out_c, wide = layer.public_out_c;
  const RestoreTables tables = ViewRestoreTables(layer, machine->Tile(layer.params, 0));
  const uint64_t pixels = uint64_t{RowsOfTile(machine->plan.tensors[layer.pad], i[1])} * layer.geometry.out_w;
  const uint8_t* const in = machine->Tile(i[2], i[1]);
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
