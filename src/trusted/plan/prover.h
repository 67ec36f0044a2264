// State and vocabulary of the proof, shared by its files. See prove.h.
#ifndef PENUMBRA_TRUSTED_PLAN_PROVER_H_
#define PENUMBRA_TRUSTED_PLAN_PROVER_H_

#include "trusted/plan/instruction.h"
#include "trusted/plan/prove.h"

namespace penumbra::trusted {

struct Prover {
  const Plan& plan;
  ProgramId program;
  uint32_t pads;  // it makes
  ProofMemory memory;

  bool HasTensor(uint32_t tensor) const { return tensor < plan.tensors.size(); }
  bool HasTile(uint32_t tensor, uint32_t tile) const {
    return HasTensor(tensor) && tile < TileCount(plan.tensors[tensor]);
  }
  TileState& State(uint32_t tensor, uint32_t tile) const {
    return memory.tiles[TileIndex(plan, tensor, tile)];
  }
  // The tile exists, stands in the arena and is completely written.
  bool Readable(uint32_t tensor, uint32_t tile) const;
  // All tiles that hold rows [begin, end) of `tensor` are readable.
  bool RowsReadable(uint32_t tensor, uint32_t begin, uint32_t end) const;
  bool AllReadable(uint32_t tensor) const;
  // `tensor` is an activation of this type.
  bool IsActivation(uint32_t tensor, PlanType type) const;
  // The tile stands in the arena with nothing written yet.
  bool Writable(uint32_t tensor, uint32_t tile) const;
  void Complete(uint32_t tensor, uint32_t tile) const;
  // Whole tile: Writable() and then Complete().
  bool WriteTile(uint32_t tensor, uint32_t tile) const;
  // Every image row [begin, end) of `row_elems` elements lies inside one readable tile of `tensor`.
  bool ImageRowsReadable(uint32_t tensor, uint32_t begin, uint32_t end, uint64_t row_elems) const;
  bool Scratch(uint64_t size) const { return size <= plan.header.scratch_size; }

  // Residency, in prove_residency.cc.
  bool Makes(TensorKind kind) const;
  bool Place(uint32_t tensor, uint32_t tile, uint32_t offset) const;
  bool Remove(uint32_t tensor, uint32_t tile) const;

  // One instruction each.
  bool Alloc(const Instruction& i) const;
  bool Free(const Instruction& i) const;
  bool Evict(const Instruction& i) const;
  bool Fetch(const Instruction& i) const;
  bool Input(const Instruction& i) const;
  bool Output(const Instruction& i) const;
  bool Pass(const Instruction& i) const;
  bool Pool(const Instruction& i) const;
  bool Reduce(const Instruction& i) const;
  bool Softmax(const Instruction& i) const;
  bool Normalize(const Instruction& i) const;
  bool Copy(const Instruction& i) const;
  bool Resize(const Instruction& i) const;
  bool MatMul(const Instruction& i) const;
  bool Conv(const Instruction& i) const;
  bool ArgMax(const Instruction& i) const;
  bool Fill(const Instruction& i) const;
  bool Job(const Instruction& i) const;
  bool FloatSend(const Instruction& i) const;
  bool FloatJob(const Instruction& i) const;
  bool FloatReceive(const Instruction& i) const;
  bool Combine(const Instruction& i) const;
  bool Compare(const Instruction& i) const;
  bool PadRandom(const Instruction& i) const;
  bool PadConv(const Instruction& i) const;
  bool PadFinish(const Instruction& i) const;
  bool Project(const Instruction& i) const;
  bool Expect(const Instruction& i) const;
  bool Emit(const Instruction& i) const;

 private:
  bool FloatPort(const Instruction& i, uint32_t operand_count, uint32_t* out_port) const;
  bool RunsFit(uint32_t src, uint32_t dst, uint32_t tile, uint32_t length) const;
  bool PassSourceFits(const PassHead& h) const;
  bool PassOpFits(const PassHead& h, const PassOp& op) const;
  bool PassSinkFits(const PassHead& h, const PassSink& sink) const;
  bool MaskFits(const PassHead& h, uint32_t layer) const;
  bool WriteRows(uint32_t tensor, uint32_t begin, uint32_t end) const;
};

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_PLAN_PROVER_H_
