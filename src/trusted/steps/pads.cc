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
