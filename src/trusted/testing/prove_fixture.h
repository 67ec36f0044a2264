// All programs of a plan, proved as the trusted half does it before it runs any.
#ifndef PENUMBRA_TRUSTED_TESTING_PROVE_FIXTURE_H_
#define PENUMBRA_TRUSTED_TESTING_PROVE_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "trusted/plan/partition.h"
#include "trusted/plan/prove.h"
#include "trusted/testing/tiny_plan.h"

namespace penumbra::trusted::testing {

class ProveTest : public ::testing::Test {
 protected:
  Status Check(const TinyPlan& p) {
    memory_.assign(uint64_t{4} << 20, 0);
    const size_t skip = kTileAlignment - reinterpret_cast<uintptr_t>(memory_.data()) % kTileAlignment;
    Arena arena(std::span<uint8_t>(memory_).subspan(skip));
    const std::vector<uint8_t> bytes = p.Bytes();
    Plan plan{};
    const Status parsed = ParsePlan(bytes, p.chunk_sizes, 1, 1 << 20, kExchangeSize, &arena, &plan);
    if (!IsOk(parsed)) return parsed;
    crypto::Keystream lots;
    const uint8_t key[32] = {lot_};
    const Status drawn = IsOk(lots.Init(key)) ? DrawPartition(&lots, &plan) : Status::kInternal;
    if (!IsOk(drawn)) return drawn;
    std::vector<TileState> tiles(plan.first_tile[plan.tensors.size()]);
    std::vector<LayerState> layers(plan.layers.size());
    std::vector<uint32_t> float_ports(plan.float_ports.size());
    std::vector<uint64_t> granules(GranuleWords(plan.header.arena_size));
    const ProofMemory memory{tiles, layers, float_ports, granules};
    for (const ProgramId program : {ProgramId::kInfer, ProgramId::kMakePad, ProgramId::kPrepare,
                                    ProgramId::kMakePads}) {
      const Status status = ProveProgram(plan, program, memory);
      if (!IsOk(status)) return status;
    }
    return Status::kOk;
  }

  // The honest plan changed by each of `attacks` in turn is refused.
  void ExpectRefused(const TinyPlan& honest, const std::vector<std::function<void(TinyPlan*)>>& attacks) {
    for (size_t i = 0; i < attacks.size(); ++i) {
      TinyPlan p = honest;
      attacks[i](&p);
      EXPECT_EQ(Check(p), Status::kPlanRejected) << "attack " << i;
    }
  }

  // Neither without nor with twice any instruction of the inference program but kOutput.
  void ExpectInstructionsNeededOnce(const TinyPlan& honest) {
    for (const size_t at : InstructionStarts(honest.infer)) {
      if (OpcodeAt(honest, at) == Opcode::kOutput) continue;
      const auto begin = honest.infer.begin() + static_cast<long>(at);
      const auto end = begin + 1 + (honest.infer[at] >> 16);
      TinyPlan missing = honest, repeated = honest;
      missing.infer.assign(honest.infer.begin(), begin);
      missing.infer.insert(missing.infer.end(), end, honest.infer.end());
      repeated.infer.insert(repeated.infer.begin() + static_cast<long>(at), begin, end);
      EXPECT_EQ(Check(missing), Status::kPlanRejected) << "word " << at;
      EXPECT_EQ(Check(repeated), Status::kPlanRejected) << "word " << at;
    }
  }

  // Every operand of the inference program's instructions from `first` to `last`, out of range or off by one.
  void ExpectOperandsChecked(const TinyPlan& honest, Opcode first, Opcode last) {
    for (const size_t at : InstructionStarts(honest.infer)) {
      const Opcode opcode = OpcodeAt(honest, at);
      if (opcode < first || opcode > last) continue;
      for (size_t operand = 1; operand <= honest.infer[at] >> 16; ++operand) {
        for (const uint32_t value : {honest.infer[at + operand] + 1, honest.infer[at + operand] + 4, 0xffffffffu}) {
          TinyPlan p = honest;
          p.infer[at + operand] = value;
          EXPECT_EQ(Check(p), Status::kPlanRejected) << "word " << at << " operand " << operand;
        }
      }
    }
  }

  static Opcode OpcodeAt(const TinyPlan& p, size_t at) { return static_cast<Opcode>(p.infer[at] & 0xffff); }

  std::vector<uint8_t> memory_;
  uint8_t lot_ = 0;  // of partitions drawn inside
};

}  // namespace penumbra::trusted::testing

#endif  // PENUMBRA_TRUSTED_TESTING_PROVE_FIXTURE_H_
