// Walks a program word by word. Operands are copied out into their records: programs are only word-aligned.
#ifndef PENUMBRA_TRUSTED_PLAN_INSTRUCTION_H_
#define PENUMBRA_TRUSTED_PLAN_INSTRUCTION_H_

#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "boundary/plan.h"

namespace penumbra::trusted {

struct Instruction {
  Opcode opcode;
  std::span<const uint32_t> operands;

  uint32_t operator[](size_t i) const { return operands[i]; }

  // The record that stands `word` words into the operands; false when they end before it does.
  template <typename T>
  bool Record(uint64_t word, T* out) const {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % 4 == 0);
    if (word > operands.size() || sizeof(T) / 4 > operands.size() - word) return false;
    std::memcpy(out, operands.data() + word, sizeof(T));
    return true;
  }
  // The operands are exactly one record.
  template <typename T>
  bool Only(T* out) const {
    return operands.size() == sizeof(T) / 4 && Record(0, out);
  }
};

// The instruction at word `at`; false when the program ends inside it.
inline bool DecodeAt(std::span<const uint32_t> program, uint64_t at, Instruction* out) {
  if (at >= program.size()) return false;
  const uint32_t head = program[at];
  const uint64_t count = head >> 16;
  if (count > program.size() - at - 1) return false;
  out->opcode = static_cast<Opcode>(head & 0xffff);
  out->operands = program.subspan(at + 1, count);
  return true;
}

// A pass, with its operations and sinks still in place.
struct PassView {
  PassHead head;
  const Instruction* instruction;

  static constexpr uint64_t kHeadWords = sizeof(PassHead) / 4;
  bool Op(uint32_t i, PassOp* out) const {
    return instruction->Record(kHeadWords + uint64_t{i} * (sizeof(PassOp) / 4), out);
  }
  bool Sink(uint32_t i, PassSink* out) const {
    return instruction->Record(kHeadWords + uint64_t{head.op_count} * (sizeof(PassOp) / 4) +
                                   uint64_t{i} * (sizeof(PassSink) / 4), out);
  }
};

inline bool DecodePass(const Instruction& instruction, PassView* out) {
  out->instruction = &instruction;
  if (!instruction.Record(0, &out->head)) return false;
  const PassHead& h = out->head;
  return h.op_count <= kMaxPassOps && h.sink_count <= kMaxPassSinks &&
         instruction.operands.size() == PassView::kHeadWords + uint64_t{h.op_count} * (sizeof(PassOp) / 4) +
                                            uint64_t{h.sink_count} * (sizeof(PassSink) / 4);
}

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_PLAN_INSTRUCTION_H_
