// The independent checker finds out what is wrong with damaged programs.
#include "protect/schedule/checker.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "protect/schedule/schedule_test_support.h"

namespace penumbra::protect {
namespace {

// Removing any single instruction of a program must be noticed.
class CheckerOf : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Projections, CheckerOf, testing::Values(0u, 6u));

TEST_P(CheckerOf, NoticesEveryMissingInstruction) {
  Net net;
  BuildZoo(32, 8, &net);
  net.projections = GetParam();
  net.Decide(true, 3, [](uint32_t op) { return op != 2; });
  const CompiledPlan plan = net.Compile(12 * kMiB);
  ASSERT_EQ(CheckPlan(plan), "");
  ASSERT_NE(plan.pad_batch, 0u);
  for (const auto program : {&CompiledPlan::infer_program, &CompiledPlan::pad_program,
                             &CompiledPlan::prepare_program, &CompiledPlan::batch_program}) {
    for (const Instr& i : Decode(plan.*program)) {
      if (i.opcode == Opcode::kOutput || i.opcode == Opcode::kCopy)
        continue;  // nothing depends on them
      CompiledPlan broken = plan;
      std::vector<uint32_t>& words = broken.*program;
      const auto begin = words.begin() + static_cast<std::ptrdiff_t>(i.at);
      words.erase(begin, begin + 1 + static_cast<std::ptrdiff_t>(i.operands.size()));
      EXPECT_NE(CheckPlan(broken), "") << "opcode " << static_cast<int>(i.opcode) << " at " << i.at;
    }
  }
}

TEST(Checker, NoticesOverlapsAndBadOffsets) {
  Net net;
  BuildZoo(32, 8, &net);
  net.Decide(true, 3, Everything);
  const CompiledPlan plan = net.Compile(12 * kMiB);
  uint32_t tried = 0;
  for (const Instr& i : Decode(plan.infer_program)) {
    if (i.opcode != Opcode::kAlloc || i.operands[2] == 0) continue;
    CompiledPlan broken = plan;
    broken.infer_program[i.at + 3] = static_cast<uint32_t>(plan.arena_size);
    EXPECT_NE(CheckPlan(broken), "");
    ++tried;
  }
  EXPECT_GT(tried, 0u);
  CompiledPlan broken = plan;
  broken.layers[0].x_offset = broken.layers[0].y_offset;
  EXPECT_NE(CheckPlan(broken), "");
}

}  // namespace
}  // namespace penumbra::protect
