// The proof that checked layers are checked, and unchecked plans claim nothing.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "trusted/testing/prove_fixture.h"

namespace penumbra::trusted {
namespace {

using testing::InstructionStarts;
using testing::kDemanded;
using testing::kIn;
using testing::kProjected;
using testing::kSent;
using testing::MakeTinyCheckedPlan;
using testing::MakeTinyFloatPlan;
using testing::MakeTinyPlan;
using testing::TinyPlan;

class ProveChecksTest : public testing::ProveTest {};

TEST_F(ProveChecksTest, ClaimsThatTheProjectionsDoNotKeepAreRefused) {
  ExpectRefused(MakeTinyCheckedPlan(), {
      [](TinyPlan* p) { p->header.soundness_bits += 1; },  // three projections reach 23 bits
      [](TinyPlan* p) { p->header.soundness_bits = 0xffffffffu; },
      [](TinyPlan* p) { p->header.soundness_bits = 0; },
      [](TinyPlan* p) { p->layers[0].projection_count = 0; },
      [](TinyPlan* p) { p->layers[0].projection_count = 2; },
      [](TinyPlan* p) { p->layers[0].projection_count = 4; },  // more than the tensors hold
      [](TinyPlan* p) { p->layers[0].projection_count = kMaxProjections + 1; },
      [](TinyPlan* p) { p->layers[0].flags &= ~uint32_t{kLayerChecked}; },
      [](TinyPlan* p) { p->layers[0].flags |= 1u << 3; },
      [](TinyPlan* p) { p->layers[0].derived = kNoTensor; },
      [](TinyPlan* p) { p->layers[0].masked = kNoTensor; },
      [](TinyPlan* p) { p->layers[0].expected = kNoTensor; },
      [](TinyPlan* p) { std::swap(p->layers[0].masked, p->layers[0].expected); },
      [](TinyPlan* p) { p->tensors[kProjected].kind = TensorKind::kActivation; },
      [](TinyPlan* p) { p->tensors[kSent].kind = TensorKind::kActivation; },
      [](TinyPlan* p) { p->tensors[kDemanded].kind = TensorKind::kActivation; },
      [](TinyPlan* p) { p->tensors[kSent].source = 1; },
      [](TinyPlan* p) { p->tensors[kDemanded].type = PlanType::kF32; },
      [](TinyPlan* p) { p->tensors[kProjected].row_elems -= 64; },
      [](TinyPlan* p) { p->tensors[kSent].row_elems += 1; },
      [](TinyPlan* p) { p->tensors[kDemanded].row_elems -= 1; },
      [](TinyPlan* p) { p->prepare.clear(); },
      [](TinyPlan* p) { std::swap(p->prepare, p->pad); },
      // A second checked layer that no program runs or prepares.
      [](TinyPlan* p) {
        p->layers.push_back(p->layers[0]);
        p->header.layer_count += 1;
      },
      // An unchecked layer beside a checked one.
      [](TinyPlan* p) {
        p->layers.push_back(MakeTinyPlan().layers[0]);
        p->layers[1].flags = kLayerMaskInput;
        p->layers[1].pad = kNoTensor;
        p->header.layer_count += 1;
      },
  });
}

TEST_F(ProveChecksTest, UncheckedPlansCarryNothingOfChecks) {
  ExpectRefused(MakeTinyPlan(), {
      [](TinyPlan* p) { p->header.soundness_bits = 1; },
      [](TinyPlan* p) { p->layers[0].projection_count = 1; },
      [](TinyPlan* p) { p->layers[0].derived = kIn; },
      [](TinyPlan* p) { p->layers[0].masked = kIn; },
      [](TinyPlan* p) { p->layers[0].expected = kIn; },
      [](TinyPlan* p) { p->prepare = p->pad; },
      [](TinyPlan* p) { p->tensors[kIn].kind = static_cast<TensorKind>(8); },
  });
  TinyPlan floats = MakeTinyFloatPlan();
  floats.header.soundness_bits = 1;
  EXPECT_EQ(Check(floats), Status::kPlanRejected);
}

// Every operand of the instructions of a check, out of range or off by one.
TEST_F(ProveChecksTest, HostileCheckInstructionsAreRefused) {
  const TinyPlan honest = MakeTinyCheckedPlan();
  for (auto program : {&TinyPlan::infer, &TinyPlan::prepare}) {
    for (const size_t at : InstructionStarts(honest.*program)) {
      const auto opcode = static_cast<Opcode>((honest.*program)[at] & 0xffff);
      if (opcode != Opcode::kProject && opcode != Opcode::kExpect) continue;
      for (size_t operand = 1; operand <= (honest.*program)[at] >> 16; ++operand) {
        const uint32_t value = (honest.*program)[at + operand];
        for (const uint32_t other : {value + 1, value - 1, value + 4, 0xffffffffu}) {
          TinyPlan p = honest;
          (p.*program)[at + operand] = other;
          EXPECT_EQ(Check(p), Status::kPlanRejected) << "word " << at << " operand " << operand << " " << other;
        }
      }
    }
  }
}

// The copy of x' and the expected values have one writer each: what a pass quantises cannot take their place.
TEST_F(ProveChecksTest, NothingElseWritesTheTensorsOfACheck) {
  for (const uint32_t victim : {kSent, kDemanded, kProjected}) {
    TinyPlan p = MakeTinyCheckedPlan();
    for (const size_t at : InstructionStarts(p.infer)) {
      if (static_cast<Opcode>(p.infer[at] & 0xffff) != Opcode::kPass) continue;
      // The sink of every pass becomes a quantiser into the victim.
      const size_t sink = at + 1 + (p.infer[at] >> 16) - sizeof(PassSink) / 4;
      p.infer[sink] = static_cast<uint32_t>(PassSinkKind::kQuantize);
      p.infer[sink + 1] = victim;
      p.infer[sink + 4] = 100;
    }
    EXPECT_EQ(Check(p), Status::kPlanRejected) << victim;
  }
}

}  // namespace
}  // namespace penumbra::trusted
