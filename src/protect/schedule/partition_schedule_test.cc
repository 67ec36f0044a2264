// Programs that can run every operator either way: candidates, and plans that pass the checker whatever is drawn, in little memory, too.
#include <gtest/gtest.h>

#include "model/error.h"
#include "protect/schedule/checker.h"
#include "protect/schedule/schedule_test_support.h"

namespace penumbra::protect {
namespace {

// A residual block on an image large enough to be several tiles, a pool, a concatenation and a dense layer.
class PartitionSchedule : public ::testing::Test {
 protected:
  PartitionSchedule() {
    const TensorId x = net_.Input({1, 48, 48, 16});
    const TensorId first = net_.Unary(net_.Conv(x, 16, 3, 1), PassFn::kRelu);
    const TensorId second = net_.Conv(first, 16, 3, 1);
    const TensorId joined = net_.Binary(second, PassFn::kAdd, PassOperand::kTensor, first);
    const TensorId bent = net_.Unary(joined, PassFn::kSigmoid);
    const TensorId pooled = net_.MaxPool(net_.Binary(bent, PassFn::kAdd, PassOperand::kTensor, joined));
    net_.Output(net_.Conv(pooled, 8, 3, 2));
    net_.Decide(false, 0, [](uint32_t) { return false; });
  }
  CompiledPlan Plan(uint64_t secure_memory_size = 12 * kMiB) {
    return net_.CompileEitherWay(0.8f, 8, secure_memory_size);
  }

  Net net_;
};

TEST_F(PartitionSchedule, EveryAssociativeOperatorIsACandidate) {
  const CompiledPlan plan = Plan();
  // All but the sigmoid.
  EXPECT_EQ(net_.report.float_segment_of, (std::vector<uint32_t>{0, 1, 2, 3, kNoTensor, 4, 5, 6}));
  ASSERT_EQ(plan.float_segments.size(), 7u);
  EXPECT_TRUE(plan.segments.empty());
  EXPECT_TRUE(plan.blobs.empty());
  for (uint32_t s = 0; s < 7; ++s) {
    const bool is_linear = s == 0 || s == 2 || s == 6;
    EXPECT_EQ(plan.float_segments[s].flags, is_linear ? 0u : uint32_t{kSegmentKeepsScale}) << s;
    EXPECT_EQ(plan.float_segments[s].segment, s);
  }
  EXPECT_EQ(Count(plan.infer_program, Opcode::kWay), 14u);
  EXPECT_EQ(Count(plan.infer_program, Opcode::kFloatJob), 7u);
  EXPECT_EQ(Count(plan.prepare_program, Opcode::kWay), 7u);
  EXPECT_EQ(Count(plan.prepare_program, Opcode::kEmit), 7u + 2 * 3);  // tables, and weights and biases
  EXPECT_EQ(plan.theta, 0.8f);
  EXPECT_EQ(plan.scale_range, 8);
}

// An input that an addition at the end reads again has to leave for a while.
TEST(PartitionScheduleInLittleMemory, TilesStandAlikeBehindEitherWay) {
  Net net;
  const TensorId x = net.Input({1, 48, 48, 16});
  const TensorId first = net.Unary(net.Conv(x, 16, 3, 1), PassFn::kRelu);
  const TensorId second = net.Conv(first, 16, 3, 1);
  const TensorId joined = net.Binary(second, PassFn::kAdd, PassOperand::kTensor, first);
  net.Output(net.MaxPool(net.Binary(joined, PassFn::kAdd, PassOperand::kTensor, x)));
  net.Decide(false, 0, [](uint32_t) { return false; });
  const auto plan = [&net](uint64_t size) { return net.CompileEitherWay(0.8f, 8, size); };
  const uint64_t comfortable = (plan(12 * kMiB), net.report.secure_memory_size);
  EXPECT_EQ(net.report.evicted_size, 0u);
  uint32_t tight = 0;
  for (uint64_t size = comfortable; size > 64 * 1024; size -= 16 * 1024) {
    try {
      EXPECT_EQ(CheckPlan(plan(size)), "") << size;
      EXPECT_LE(net.report.secure_memory_size, size);
      tight += net.report.evicted_size > 0 ? 1 : 0;
    } catch (const model::ModelError& e) {
      EXPECT_EQ(e.status(), Status::kSecureMemoryExceeded);
      break;
    }
  }
  EXPECT_GT(tight, 3u);
}

// No word of a way can be missed, and no way takes words of its neighbours.
TEST_F(PartitionSchedule, WaysAreNeededAsTheyAre) {
  const CompiledPlan plan = Plan();
  for (const Instr& i : Decode(plan.infer_program)) {
    CompiledPlan broken = plan;
    if (i.opcode == Opcode::kWay) {
      for (const size_t operand : {0u, 1u, 2u}) {
        broken = plan;
        broken.infer_program[i.at + 1 + operand] ^= 1;
        EXPECT_NE(CheckPlan(broken), "") << "word " << i.at << " operand " << operand;
      }
    } else if (i.opcode >= Opcode::kFloatSend && i.opcode <= Opcode::kFloatReceive) {
      const auto begin = broken.infer_program.begin() + static_cast<std::ptrdiff_t>(i.at);
      broken.infer_program.erase(begin, begin + 1 + static_cast<std::ptrdiff_t>(i.operands.size()));
      EXPECT_NE(CheckPlan(broken), "") << "word " << i.at;
    }
  }
}

}  // namespace
}  // namespace penumbra::protect
