// The proof of the program for several pads.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "trusted/testing/prove_fixture.h"

namespace penumbra::trusted {
namespace {

using testing::InstructionStarts;
using testing::kBatchLr;
using testing::kBatchR;
using testing::kPadBatch;
using testing::MakeTinyFloatPlan;
using testing::MakeTinyPlan;
using testing::TinyPlan;

class ProveBatchTest : public testing::ProveTest {};

TEST_F(ProveBatchTest, HostileBatchesAreRefused) {
  ExpectRefused(MakeTinyPlan(), {
      [](TinyPlan* p) { p->header.pad_batch = 0; },
      [](TinyPlan* p) { p->header.pad_batch = 1; },
      [](TinyPlan* p) { p->header.pad_batch = kPadBatch - 1; },  // not what the tensors hold
      [](TinyPlan* p) { p->header.pad_batch = kPadBatch + 1; },
      [](TinyPlan* p) { p->header.pad_batch = kMaxPadBatch + 1; },
      [](TinyPlan* p) { p->header.pad_batch = 0xffffffffu; },
      [](TinyPlan* p) { p->batch.clear(); },
      [](TinyPlan* p) { p->batch = p->pad; },  // makes one pad only
      [](TinyPlan* p) { p->pad = p->batch; },
      [](TinyPlan* p) { std::swap(p->batch, p->infer); },
      [](TinyPlan* p) { std::swap(p->batch, p->prepare); },
      [](TinyPlan* p) { p->tensors[kBatchR].row_elems -= 1; },
      [](TinyPlan* p) { p->tensors[kBatchR].row_elems += kPadBatch; },
      [](TinyPlan* p) { p->tensors[kBatchR].kind = TensorKind::kPad; },
      [](TinyPlan* p) { p->tensors[kBatchLr].row_elems /= kPadBatch; },
      [](TinyPlan* p) { p->tensors[kBatchLr].row_elems += 1; },
  });
}

// Nor has a plan that makes no pads a program for several.
TEST_F(ProveBatchTest, ABatchNeedsAPadProgram) {
  TinyPlan p = MakeTinyFloatPlan();
  p.header.pad_batch = kPadBatch;
  EXPECT_EQ(Check(p), Status::kPlanRejected);
  p.batch = MakeTinyPlan().batch;
  EXPECT_EQ(Check(p), Status::kPlanRejected);
}

// Pads of a batch are stored one after the other, each once: a second seal under one identifier would repeat a nonce.
TEST_F(ProveBatchTest, EveryPadOfABatchIsStoredOnceAndInOrder) {
  const TinyPlan honest = MakeTinyPlan();
  for (const size_t at : InstructionStarts(honest.batch)) {
    const auto opcode = static_cast<Opcode>(honest.batch[at] & 0xffff);
    if (opcode < Opcode::kPadRandom || opcode > Opcode::kPadFinish) continue;
    for (size_t operand = 1; operand <= honest.batch[at] >> 16; ++operand) {
      // Which prime's r, or which other residues, a convolution reads is no matter of safety.
      if ((opcode == Opcode::kPadRandom && operand == 2) || (opcode == Opcode::kPadConv && operand == 3)) continue;
      const uint32_t value = honest.batch[at + operand];
      for (const uint32_t other : {value + 1, value - 1, value + kPadBatch, 0xffffffffu}) {
        TinyPlan p = honest;
        p.batch[at + operand] = other;
        EXPECT_EQ(Check(p), Status::kPlanRejected) << "word " << at << " operand " << operand << " " << other;
      }
    }
  }
}

}  // namespace
}  // namespace penumbra::trusted
