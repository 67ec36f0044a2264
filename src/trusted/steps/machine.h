// What an instruction works on. Plans were proved before (trusted/plan/prove.h), so tiles are resident, complete
// and in bounds; steps check only what a plan cannot fix: the contents of tables and of the exchange region.
#ifndef PENUMBRA_TRUSTED_STEPS_MACHINE_H_
#define PENUMBRA_TRUSTED_STEPS_MACHINE_H_

#include <cstdint>
#include <span>

#include "boundary/status.h"
#include "crypto/keystream.h"
#include "kernels/dispatch.h"
#include "trusted/plan/instruction.h"
#include "trusted/plan/plan.h"
#include "trusted/plan/tiles.h"

namespace penumbra::trusted {

inline constexpr uint32_t kNoLayer = 0xffffffffu;

// A row of a reply that was not what it had to be.
struct RefusedRow {
  uint32_t layer = kNoLayer, prime = 0, row = 0;
};

// Published weights of one group of channels, packed.
struct PackedWeights {
  uint32_t layer = kNoLayer, tile = 0;  // tile of the plan
  uint32_t oc_begin = 0, oc_end = 0;
  bool transformed = false;  // for PadWinogradImages() != 0
  friend bool operator==(const PackedWeights&, const PackedWeights&) = default;
};

struct Machine {
  Plan plan;
  std::span<TileState> tiles;
  std::span<uint8_t> arena;    // dynamic tiles
  // Shared by all runs: nothing stays in it from one step to the next but the tables of prepared_layer or the weights of
  // `packed`, and those only until another run has its turn.
  std::span<uint8_t> scratch;
  std::span<uint8_t> exchange;  // hostile: every byte is read at most once, lengths come from the plan
  const KernelTable* kernels = nullptr;
  crypto::Keystream* pad_streams = nullptr;   // keyed with the pad this program run uses up, or with each it makes
  uint32_t pad_count = 0;                     // how many it makes
  crypto::Keystream* check_stream = nullptr;  // keyed when the model is loaded: the secret projections
  uint32_t prepared_layer = kNoLayer;       // whose restore tables stand at the start of scratch
  uint64_t prepared_size = 0;               // bytes of them
  const RestorePlan* restore_plan = nullptr;
  PackedWeights packed;                     // what stands in the scratch of RunPadConv()
  uint64_t clamped_count = 0;
  crypto::Keystream* fingerprint_stream = nullptr;  // keyed anew for each program run: coefficients, places, challenges
  uint32_t unchallenged = kNoTensor;  // cornerstones that no tile under way is compared with: they need not come in
  RefusedRow refused;  // by the instruction that ended in kIntegrity

  void ForgetScratch() {
    prepared_layer = kNoLayer;
    packed = {};
  }

  uint8_t* Tile(uint32_t tensor, uint32_t tile) const {
    return arena.data() + uint64_t{tiles[TileIndex(plan, tensor, tile)].offset} * kTileAlignment;
  }
  // Row `row` of the tensor seen as rows of `row_elems` elements; such a row lies inside one tile.
  uint8_t* Row(uint32_t tensor, uint64_t row, uint64_t row_elems) const {
    const TensorRec& t = plan.tensors[tensor];
    const uint64_t tile_elems = uint64_t{t.tile_rows} * t.row_elems;
    const uint64_t first = row * row_elems;
    return Tile(tensor, static_cast<uint32_t>(first / tile_elems)) + first % tile_elems * ElementSize(t.type);
  }
  float* FloatRow(uint32_t tensor, uint64_t row, uint64_t row_elems) const {
    return reinterpret_cast<float*>(Row(tensor, row, row_elems));
  }
};

// Fills the table at the start of scratch with the rows of an image that output rows `out` read. A row has in_w * in_c
// times `element_count` elements of the tensor.
RowTable MakeRowTable(const Machine& machine, uint32_t tensor, const ConvGeometry& geometry, RowRange out,
                      uint32_t element_count = 1);

// Counter block of a stream of residues: candidates (spare = false) or spare bytes of one row, one prime.
void PadCounter(uint32_t layer, uint32_t prime, uint32_t row, bool spare, uint8_t out_block[16]);
// Row `row` of `stream` for `layer` and prime index `prime`: uniform canonical residues, always the same ones. A row of r
// comes from the pad stream, a secret projection from the check stream.
Status GenerateResidues(const Machine& machine, crypto::Keystream* stream, uint32_t layer, uint32_t prime, uint32_t row,
                        std::span<uint8_t> out_row, std::span<uint8_t> spare);
Status GeneratePadRow(const Machine& machine, uint32_t layer, uint32_t prime, uint32_t row,
                      std::span<uint8_t> out_row, std::span<uint8_t> spare);  // of the pad the program uses up
// The same modulo kFieldPrime: the first residues among the 24-bit draws of the row's stream, however it is cut. draws: at
// least one block of the keystream, overwritten.
Status GenerateFieldRow(const Machine& machine, crypto::Keystream* stream, uint32_t layer, uint32_t row,
                        std::span<uint32_t> out_row, std::span<uint8_t> draws);

// The slot that the request's own sample has in the jobs of a float segment of this program run; its fingerprints have the
// others, in order. Without fingerprints 0. kInternal: the keystream failed.
Status RequestSlot(const Machine& machine, uint32_t segment, uint32_t* out_slot);
// Whether the reply's tile of a float port is compared in this program run.
Status IsChallenged(const Machine& machine, uint32_t float_port, uint32_t tile, bool* out_challenged);

// `count` floats of x times `factor`; in place or to where nobody reads what stood there. False: one of them is not finite.
bool CopyScaled(const uint8_t* x, uint64_t count, float factor, uint8_t* out_y);

// One instruction each. Errors: kNotFinite (input port; a float segment's input under its scale), kPlanRejected (a table holds nonsense), kInternal.
Status RunInput(Machine* machine, const Instruction& i);
Status RunOutput(Machine* machine, const Instruction& i);
Status RunFloatSend(Machine* machine, const Instruction& i);
Status RunFloatReceive(Machine* machine, const Instruction& i);  // kDeviceFailed: the reply is not finite
Status RunCombine(Machine* machine, const Instruction& i);
Status RunCompare(Machine* machine, const Instruction& i);  // kIntegrity: the reply to a fingerprint is wrong
Status RunPass(Machine* machine, const Instruction& i);
Status RunPool(Machine* machine, const Instruction& i);
Status RunReduce(Machine* machine, const Instruction& i);
Status RunSoftmax(Machine* machine, const Instruction& i);
Status RunNormalize(Machine* machine, const Instruction& i);
Status RunArgMax(Machine* machine, const Instruction& i);
Status RunCopy(Machine* machine, const Instruction& i);
Status RunFill(Machine* machine, const Instruction& i);
Status RunResize(Machine* machine, const Instruction& i);
Status RunMatMul(Machine* machine, const Instruction& i);
Status RunConv(Machine* machine, const Instruction& i);
Status RunPadRandom(Machine* machine, const Instruction& i);
Status RunPadConv(Machine* machine, const Instruction& i);
Status RunPadFinish(Machine* machine, const Instruction& i);
Status RunProject(Machine* machine, const Instruction& i);
Status RunExpect(Machine* machine, const Instruction& i);

// Any instruction that needs nothing from the host.
Status Execute(Machine* machine, const Instruction& i);

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_STEPS_MACHINE_H_
