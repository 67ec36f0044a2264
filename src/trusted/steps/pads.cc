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

Status RunPadRandom(Machine* machine, const Instruction& i) {
  const uint32_t layer = i[0], prime = i[1], tensor = i[2], tile = i[3];
  const TensorRec& t = machine->plan.tensors[tensor];
  const uint32_t begin = tile * t.tile_rows;
  const uint64_t spare_size = PadRandomScratchSize(t.row_elems, machine->plan.layers[layer].prime_count);
  for (uint32_t r = 0; r < RowsOfTile(t, tile); ++r) {
    PENUMBRA_TRY(GeneratePadRow(*machine, layer, prime, begin + r,
                                {machine->Tile(tensor, tile) + uint64_t{r} * t.row_elems, t.row_elems},
                                machine->scratch.first(spare_size)));
  }
  return Status::kOk;
}

namespace {

struct PadConvWork {
  const PadConvInstr* instr;
  ConvGeometry geometry;  // of the published layer
  WindowJob window;
  RowRange rows;
  uint8_t* out;  // plane of this prime in the destination tile: [rows][out_w][m']
  int32_t* sums;
  int8_t* packed;
};

void StoreResidues(const Machine& machine, const PadConvWork& w, const int32_t* sums, uint32_t pixels, uint32_t n,
                   uint64_t first_pixel, uint32_t channel) {
  uint8_t* const out = w.out + first_pixel * w.geometry.out_c + channel;
  const uint16_t prime = kPrimes[w.instr->prime];
  if (n == w.geometry.out_c) return machine.kernels->reduce_mod(sums, uint64_t{pixels} * n, prime, out);
  for (uint32_t p = 0; p < pixels; ++p) {
    machine.kernels->reduce_mod(sums + uint64_t{p} * n, n, prime, out + uint64_t{p} * w.geometry.out_c);
  }
}

void ConvolveGroup(const Machine& machine, const PadConvWork& w, const int8_t* weights, uint32_t begin, uint32_t n) {
  const ConvGeometry& g = w.geometry;
  const auto k = static_cast<uint32_t>(FilterLength(g));
  const uint32_t block = ConvBlockPixels(g, 1);
  const uint32_t total = (w.rows.end - w.rows.begin) * g.out_w;
  WindowJob window = w.window;
  window.group = begin / OutChannelsPerGroup(g);
  PackU8S8(weights, n, k, w.packed);
  for (uint32_t first = 0; first < total; first += block) {
    const uint32_t pixels = total - first < block ? total - first : block;
    const WindowMatrix x = MakeWindows(window, first, pixels);
    machine.kernels->gemm_u8s8({static_cast<const uint8_t*>(x.rows), x.stride_size, w.packed, w.sums, n, pixels, n, k,
                                false});
    StoreResidues(machine, w, w.sums, pixels, n, first, begin);
  }
}

void ConvolveDepthwise(const Machine& machine, const PadConvWork& w, const int8_t* weights) {
  const ConvGeometry& g = w.geometry;
  PackDepthwise(weights, g.out_c, g.kernel_h * g.kernel_w, 1, w.packed);
  const uint32_t block = ConvBlockPixels(g, 1);
  for (uint32_t row = w.rows.begin; row < w.rows.end; ++row) {
    for (uint32_t column = 0; column < g.out_w; column += block) {
      const uint32_t end = g.out_w - column < block ? g.out_w : column + block;
      machine.kernels->depthwise_u8s8({&g, w.window.input, w.packed, 0, row, column, end, w.sums});
      StoreResidues(machine, w, w.sums, end - column, g.out_c,
                    uint64_t{row - w.rows.begin} * g.out_w + column, 0);
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
  uint8_t* const matrix = machine->scratch.data() + RowTableSize(g);
  const uint64_t stride = AlignUp(Im2RowStrideSize(g, 1), kTileAlignment);
  w.window = {&w.geometry, MakeRowTable(*machine, c.src, g, w.rows), 1, 0, 0, w.rows.begin, matrix, stride};
  w.out = machine->Tile(c.dst, c.dst_tile) +
          uint64_t{c.prime} * (w.rows.end - w.rows.begin) * g.out_w * g.out_c;
  const uint64_t pixels = ConvBlockPixels(g, 1);
  const uint32_t n = c.oc_end - c.oc_begin;
  uint8_t* const sums = matrix + (IsDepthwise(g) ? 0 : pixels * stride);
  w.sums = reinterpret_cast<int32_t*>(sums);
  w.packed = reinterpret_cast<int8_t*>(sums + AlignUp(pixels * n * 8, kTileAlignment));
  const auto* weights = reinterpret_cast<const int8_t*>(machine->Tile(c.weights, c.weight_tile));
  if (IsDepthwise(g)) {
    ConvolveDepthwise(*machine, w, weights);
    return Status::kOk;
  }
  const uint32_t per_group = OutChannelsPerGroup(g);
  for (uint32_t at = c.oc_begin; at < c.oc_end;) {
    const uint32_t end = (at / per_group + 1) * per_group < c.oc_end ? (at / per_group + 1) * per_group : c.oc_end;
    ConvolveGroup(*machine, w, weights + uint64_t{at - c.oc_begin} * FilterLength(g), at, end - at);
    at = end;
  }
  return Status::kOk;
}

Status RunPadFinish(Machine* machine, const Instruction& i) {
  const LayerRec& layer = machine->plan.layers[i[0]];
  const uint32_t m = layer.geometry.out_c, wide = layer.public_out_c;
  const RestoreTables tables = ViewRestoreTables(machine->Tile(layer.params, 0), m);
  const TensorRec& pad = machine->plan.tensors[layer.pad];
  const uint64_t pixels = uint64_t{RowsOfTile(pad, i[1])} * layer.geometry.out_w;
  for (uint32_t c = 0; c < m; ++c) {
    PENUMBRA_REQUIRE(tables.a[c] < wide && (tables.b[c] < wide || tables.b[c] == kNoPartner),
                     Status::kPlanRejected);
  }
  for (uint32_t k = 0; k < layer.prime_count; ++k) {
    const UnmixJob job{machine->Tile(i[2], i[1]) + k * pixels * wide, machine->Tile(layer.pad, i[1]) + k * pixels * m,
                       pixels, m, wide, tables.a, tables.b, tables.lambda + uint64_t{k} * m, kPrimes[k]};
    machine->kernels->unmix(job);
  }
  return Status::kOk;
}

}  // namespace penumbra::trusted
