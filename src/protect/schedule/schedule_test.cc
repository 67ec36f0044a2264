// Plans of small graphs: every one passes the independent checker, keeps its budget and does what
// it should.
#include "protect/schedule/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "boundary/limits.h"
#include "model/error.h"
#include "protect/schedule/checker.h"
#include "protect/schedule/schedule_test_support.h"
#include "protect/schedule/secure_memory.h"

namespace penumbra::protect {
namespace {

TEST(Schedule, ChecksOutInEveryModeAndKeepsTheBudget) {
  for (const uint32_t primes : {0u, 3u}) {
    for (const bool publish : {false, true}) {
      if (primes == 0 && publish) continue;
      for (const uint64_t budget : {12 * kMiB, 5 * kMiB}) {
        Net net;
        BuildZoo(48, 16, &net);
        net.Decide(true, primes, publish ? Everything : Nothing);
        const CompiledPlan plan = net.Compile(budget);
        EXPECT_EQ(CheckPlan(plan), "");
        EXPECT_LE(SecureMemorySize(plan), budget);
        EXPECT_EQ(plan.layers.size(), publish ? 6u : 0u);
        EXPECT_EQ(Count(plan.infer_program, Opcode::kJob), plan.layers.size());
        EXPECT_EQ(plan.pad_program.empty(), !publish);
      }
    }
  }
}

TEST(Schedule, ChecksEveryPublicLayerWithinTheBudget) {
  for (const uint64_t budget : {12 * kMiB, 5 * kMiB}) {
    Net net;
    BuildZoo(48, 16, &net);
    net.projections = 6;
    net.Decide(true, 3, Everything);
    const CompiledPlan plan = net.Compile(budget);
    EXPECT_EQ(CheckPlan(plan), "");
    EXPECT_LE(SecureMemorySize(plan), budget);
    EXPECT_EQ(plan.soundness_bits, 40u);
    EXPECT_EQ(Count(plan.prepare_program, Opcode::kEvict), plan.layers.size());
    // The pad program and the prepare program read the same slices.
    EXPECT_EQ(Count(plan.prepare_program, Opcode::kProject), plan.slices.size());
    for (const LayerRec& layer : plan.layers) {
      EXPECT_EQ(plan.tensors[layer.derived].row_elems, ShapeOfCheck(layer).derived_size);
      EXPECT_EQ(plan.tensors[layer.masked].kind, TensorKind::kMasked);
      EXPECT_EQ(plan.tensors[layer.expected].kind, TensorKind::kExpected);
    }
  }
}

// Our copy of x' goes as soon as nothing more is expected from it: it never waits for the reply.
TEST(Schedule, CopiesOfWhatWasSentLeaveBeforeTheJob) {
  Net net;
  TensorId x = net.Input({1, 96, 96, 8});
  x = net.Unary(net.Conv(x, 32, 3, 1), PassFn::kRelu);
  net.Output(net.Conv(x, 32, 3, 1));
  net.projections = 6;
  net.Decide(true, 3, Everything);
  const CompiledPlan plan = net.Compile(12 * kMiB);
  uint32_t held = 0, most = 0, jobs = 0;
  for (const Instr& i : Decode(plan.infer_program)) {
    if (i.opcode == Opcode::kJob) {
      EXPECT_EQ(held, 0u);
      ++jobs;
    }
    if (i.opcode != Opcode::kAlloc && i.opcode != Opcode::kFree) continue;
    if (plan.tensors[i.operands[0]].kind != TensorKind::kMasked) continue;
    held += i.opcode == Opcode::kAlloc ? 1 : ~0u;
    most = std::max(most, held);
  }
  EXPECT_EQ(jobs, 2u);
  EXPECT_GE(most, 2u);  // a window reads the rows of a neighbour
  EXPECT_LE(most, 3u);
}

// Whatever the budget: within it, and only a program for several pads where one for one pad is.
TEST(Schedule, BatchesKeepToTheBudget) {
  for (const bool publish : {false, true}) {
    for (uint64_t budget = 12 * kMiB; budget >= 512 * 1024; budget -= budget / 4) {
      Net net;
      BuildZoo(64, 16, &net);
      net.Decide(true, 3, publish ? Everything : Nothing);
      CompiledPlan plan;
      try {
        plan = net.Compile(budget);
      } catch (const model::ModelError& error) {
        EXPECT_EQ(error.status(), Status::kSecureMemoryExceeded);
        break;
      }
      EXPECT_EQ(CheckPlan(plan), "") << budget;
      EXPECT_LE(SecureMemorySize(plan), budget);
      EXPECT_EQ(plan.batch_program.empty(), plan.pad_batch == 0);
      if (!publish) {
        EXPECT_EQ(plan.pad_batch, 0u);
      } else if (budget == 12 * kMiB) {
        EXPECT_EQ(plan.pad_batch, kMaxPadBatch);
      }
    }
  }
}

// Where everything has room, each slice of the weights comes in once, for one pad as for several.
TEST(Schedule, PadsReadEveryWeightOnce) {
  Net net;
  BuildZoo(32, 16, &net);
  net.Decide(true, 3, Everything);
  const CompiledPlan plan = net.Compile(12 * kMiB);
  ASSERT_NE(plan.pad_batch, 0u);
  for (const auto program : {&CompiledPlan::pad_program, &CompiledPlan::batch_program}) {
    std::set<std::pair<uint32_t, uint32_t>> slices;
    size_t fetches = 0;
    for (const Instr& i : Decode(plan.*program)) {
      if (i.opcode != Opcode::kFetch || plan.tensors[i.operands[0]].kind != TensorKind::kPublic)
        continue;
      ++fetches;
      slices.insert({i.operands[0], i.operands[1]});
    }
    EXPECT_EQ(slices.size(), plan.slices.size());
    EXPECT_EQ(fetches, slices.size());
  }
}

TEST(Schedule, FloatLayersToo) {
  Net net;
  BuildZoo(32, 16, &net);
  net.Decide(false, 0, Nothing);
  const CompiledPlan plan = net.Compile(12 * kMiB);
  EXPECT_EQ(CheckPlan(plan), "");
  EXPECT_GT(Count(plan.infer_program, Opcode::kConv), 0u);
  EXPECT_EQ(Count(plan.infer_program, Opcode::kEvict), 0u);
}

// conv, relu, conv: the value between them never exists as a float32 tensor.
TEST(Schedule, PassesGoFromReplyToNextMaskInOneStep) {
  Net net;
  TensorId x = net.Input({1, 16, 16, 3});
  x = net.Unary(net.Conv(x, 8, 3, 1), PassFn::kRelu);
  net.Output(net.Conv(net.Unary(x, PassFn::kTanh), 8, 3, 1));
  net.Decide(true, 3, Everything);
  const CompiledPlan plan = net.Compile(12 * kMiB);
  uint32_t fused = 0;
  for (const Instr& i : Decode(plan.infer_program)) {
    if (i.opcode != Opcode::kPass) continue;
    PassHead head;
    std::memcpy(&head, i.operands.data(), sizeof(head));
    if (head.source == PassSource::kRestore && head.op_count == 2 && head.sink_count == 1) ++fused;
  }
  EXPECT_EQ(fused, 1u);
  uint32_t floats = 0;
  for (const TensorRec& t : plan.tensors) floats += t.type == PlanType::kF32;
  EXPECT_EQ(floats, 2u);  // input and output
}

// A big image through convolutions whose activations exceed the budget several times.
TEST(Schedule, SpillsWhenActivationsExceedTheBudget) {
  Net net;
  TensorId x = net.Input({1, 256, 256, 3});
  const TensorId first = net.Conv(x, 32, 3, 1);
  TensorId y = net.Conv(net.Unary(first, PassFn::kRelu), 32, 3, 1);
  net.Output(net.Binary(y, PassFn::kAdd, PassOperand::kTensor, first));
  net.Decide(false, 0, Nothing);
  const CompiledPlan plan = net.Compile(8 * kMiB);
  EXPECT_EQ(CheckPlan(plan), "");
  EXPECT_LE(SecureMemorySize(plan), 8 * kMiB);
  EXPECT_GT(net.report.evicted_size, 0u);
  EXPECT_GT(Count(plan.infer_program, Opcode::kEvict), 0u);
}

TEST(Schedule, ReportsTheOperatorThatDoesNotFit) {
  Net net;
  BuildZoo(64, 32, &net);
  net.Decide(true, 3, Everything);
  try {
    (void)net.Compile(kMiB / 2);
    FAIL();
  } catch (const model::ModelError& e) {
    EXPECT_EQ(e.status(), Status::kSecureMemoryExceeded);
    EXPECT_NE(std::string(e.what()).find("bytes"), std::string::npos);
  }
}

TEST(Schedule, RefusesBatches) {
  Net net;
  const TensorId x = net.Input({2, 8, 8, 3});
  net.Output(net.Conv(x, 4, 1, 1));
  net.Decide(false, 0, Nothing);
  EXPECT_THROW((void)net.Compile(12 * kMiB), model::ModelError);
}

// Transposes of every pair of axes: boxes are cut so that each instruction stays inside one tile.
TEST(Schedule, CopiesAreCutAtTiles) {
  for (const std::vector<uint32_t>& order :
       {std::vector<uint32_t>{2, 0, 1}, {1, 0, 2}, {2, 1, 0}}) {
    Net net;
    const std::vector<uint32_t> d = {96, 80, 40};
    const TensorId x = net.Input({1, d[0], d[1], d[2]});
    const std::vector<int32_t> stride = {static_cast<int32_t>(d[1] * d[2]),
                                         static_cast<int32_t>(d[2]), 1};
    const std::vector<uint32_t> e = {d[order[0]], d[order[1]], d[order[2]]};
    net.Output(net.Op({1, e[0], e[1], e[2]}, [&](TensorId y) -> LoweredKind {
      CopyOp op{};
      op.y = y;
      op.boxes = {{x,
                   e,
                   {stride[order[0]], stride[order[1]], stride[order[2]]},
                   {static_cast<int32_t>(e[1] * e[2]), static_cast<int32_t>(e[2]), 1},
                   0,
                   0}};
      return op;
    }));
    net.Decide(false, 0, Nothing);
    const CompiledPlan plan = net.Compile(12 * kMiB);
    EXPECT_EQ(CheckPlan(plan), "");
    // Together the boxes move every element exactly once.
    std::vector<uint8_t> written(size_t{d[0]} * d[1] * d[2]);
    for (const Instr& i : Decode(plan.infer_program)) {
      if (i.opcode != Opcode::kCopy) continue;
      CopyInstr c;
      std::memcpy(&c, i.operands.data(), sizeof(c));
      std::vector<uint32_t> at(c.dim_count);
      for (bool more = true; more;) {
        int64_t to = c.dst_offset;
        int64_t from = c.src_offset;
        for (uint32_t k = 0; k < c.dim_count; ++k) {
          to += int64_t{at[k]} * c.dst_stride[k];
          from += int64_t{at[k]} * c.src_stride[k];
        }
        const int64_t i2 = to % e[2];
        const int64_t i1 = to / e[2] % e[1];
        const int64_t i0 = to / e[2] / e[1];
        ASSERT_EQ(from, i0 * stride[order[0]] + i1 * stride[order[1]] + i2 * stride[order[2]]);
        ASSERT_EQ(written[static_cast<size_t>(to)]++, 0);
        more = false;
        for (uint32_t k = c.dim_count; k-- > 0 && !more;) {
          more = ++at[k] < c.extent[k];
          if (!more) at[k] = 0;
        }
      }
    }
    EXPECT_EQ(std::ranges::count(written, 1), static_cast<std::ptrdiff_t>(written.size()));
  }
}

}  // namespace
}  // namespace penumbra::protect
