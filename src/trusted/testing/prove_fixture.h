// All programs of a plan, proved as the trusted half does it before it runs any.
#ifndef PENUMBRA_TRUSTED_TESTING_PROVE_FIXTURE_H_
#define PENUMBRA_TRUSTED_TESTING_PROVE_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <vector>

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

  std::vector<uint8_t> memory_;
};

}  // namespace penumbra::trusted::testing

#endif  // PENUMBRA_TRUSTED_TESTING_PROVE_FIXTURE_H_
