#include "trusted/plan/prove.h"

#include "trusted/base/result.h"
#include "trusted/plan/prover.h"

namespace penumbra::trusted {
namespace {

bool Step(const Prover& prover, const Instruction& i) {
  switch (i.opcode) {
    case Opcode::kAlloc: return prover.Alloc(i);
    case Opcode::kFree: return prover.Free(i);
    case Opcode::kEvict: return prover.Evict(i);
    case Opcode::kFetch: return prover.Fetch(i);
    case Opcode::kInput: return prover.Input(i);
    case Opcode::kOutput: return prover.Output(i);
    case Opcode::kPass: return prover.Pass(i);
    case Opcode::kPool: return prover.Pool(i);
    case Opcode::kReduce: return prover.Reduce(i);
    case Opcode::kSoftmax: return prover.Softmax(i);
    case Opcode::kNormalize: return prover.Normalize(i);
    case Opcode::kCopy: return prover.Copy(i);
    case Opcode::kResize: return prover.Resize(i);
    case Opcode::kMatMul: return prover.MatMul(i);
    case Opcode::kConv: return prover.Conv(i);
    case Opcode::kArgMax: return prover.ArgMax(i);
    case Opcode::kFill: return prover.Fill(i);
    case Opcode::kJob: return prover.Job(i);
    case Opcode::kFloatSend: return prover.FloatSend(i);
    case Opcode::kFloatJob: return prover.FloatJob(i);
    case Opcode::kFloatReceive: return prover.FloatReceive(i);
    case Opcode::kCombine: return prover.Combine(i);
    case Opcode::kCompare: return prover.Compare(i);
    case Opcode::kPadRandom: return prover.PadRandom(i);
    case Opcode::kPadConv: return prover.PadConv(i);
    case Opcode::kPadFinish: return prover.PadFinish(i);
    case Opcode::kProject: return prover.Project(i);
    case Opcode::kExpect: return prover.Expect(i);
    case Opcode::kEmit: return prover.Emit(i);
    case Opcode::kWay: return false;
  }
  return false;
}

void Reset(const ProofMemory& memory) {
  for (TileState& tile : memory.tiles) tile = {kAbsent, 0, 0};
  for (LayerState& layer : memory.layers) layer = {0, 0};
  for (uint32_t& port : memory.float_ports) port = 0;
  for (uint64_t& word : memory.granules) word = 0;
}

// Nothing may stay behind; what a program makes for later ones must be stored, every tile of it (of every pad).
bool Finished(const Prover& prover) {
  for (const uint64_t word : prover.memory.granules) {
    if (word != 0) return false;
  }
  if (prover.program == ProgramId::kInfer) return true;
  const bool prepares = prover.program == ProgramId::kPrepare;
  const TensorKind made = prepares ? TensorKind::kDerived : TensorKind::kPad;
  for (uint32_t t = 0; t < prover.plan.tensors.size(); ++t) {
    if (prover.plan.tensors[t].kind != made) continue;
    for (uint32_t tile = 0; tile < TileCount(prover.plan.tensors[t]); ++tile) {
      if (prover.State(t, tile).serial != (prepares ? 1 : prover.pads)) return false;
    }
  }
  return true;
}

}  // namespace

Status ProveProgram(const Plan& plan, ProgramId program, const ProofMemory& memory) {
  Reset(memory);
  const Prover prover{plan, program, PadsMade(plan, program), memory};
  const std::span<const uint32_t> words = ProgramWords(plan, program);
  Instruction instruction{};
  for (uint64_t at = 0; at < words.size(); at += 1 + instruction.operands.size()) {
    PENUMBRA_REQUIRE(DecodeAt(words, at, &instruction), Status::kPlanRejected);
    PENUMBRA_REQUIRE(Step(prover, instruction), Status::kPlanRejected);
  }
  const bool finished = Finished(prover);
  Reset(memory);
  return finished ? Status::kOk : Status::kPlanRejected;
}

bool Prover::Readable(uint32_t tensor, uint32_t tile) const {
  if (!HasTile(tensor, tile)) return false;
  const TileState& state = State(tensor, tile);
  return state.offset != kAbsent && state.progress == kComplete;
}

bool Prover::RowsReadable(uint32_t tensor, uint32_t begin, uint32_t end) const {
  if (!HasTensor(tensor) || begin > end || end > plan.tensors[tensor].rows) return false;
  if (begin == end) return true;
  const uint32_t tile_rows = plan.tensors[tensor].tile_rows;
  for (uint32_t tile = begin / tile_rows; tile <= (end - 1) / tile_rows; ++tile) {
    if (!Readable(tensor, tile)) return false;
  }
  return true;
}

bool Prover::AllReadable(uint32_t tensor) const {
  return HasTensor(tensor) && RowsReadable(tensor, 0, plan.tensors[tensor].rows);
}

bool Prover::IsActivation(uint32_t tensor, PlanType type) const {
  return HasTensor(tensor) && plan.tensors[tensor].kind == TensorKind::kActivation &&
         plan.tensors[tensor].type == type;
}

bool Prover::Writable(uint32_t tensor, uint32_t tile) const {
  if (!HasTile(tensor, tile)) return false;
  const TileState& state = State(tensor, tile);
  return state.offset != kAbsent && state.progress == 0;
}

void Prover::Complete(uint32_t tensor, uint32_t tile) const { State(tensor, tile).progress = kComplete; }

bool Prover::WriteTile(uint32_t tensor, uint32_t tile) const {
  if (!Writable(tensor, tile)) return false;
  Complete(tensor, tile);
  return true;
}

bool Prover::ImageRowsReadable(uint32_t tensor, uint32_t begin, uint32_t end, uint64_t row_elems) const {
  const TensorRec& t = plan.tensors[tensor];
  const uint64_t tile_elems = uint64_t{t.tile_rows} * t.row_elems;
  for (uint64_t row = begin; row < end; ++row) {
    const uint64_t first = row * row_elems, last = first + row_elems - 1;
    const uint64_t tile = first / tile_elems;
    if (last / tile_elems != tile || last >= uint64_t{t.rows} * t.row_elems) return false;
    if (!Readable(tensor, static_cast<uint32_t>(tile))) return false;
  }
  return true;
}

}  // namespace penumbra::trusted
