// The proof on a small plan, and on every way to break it.
#include "trusted/plan/prove.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <utility>
#include <vector>

#include "trusted/testing/prove_fixture.h"

namespace penumbra::trusted {
namespace {

using testing::InstructionStarts;
using testing::kBounds;
using testing::kExchangeSize;
using testing::kIn;
using testing::kPad;
using testing::kParams;
using testing::kWeights;
using testing::MakeTinyCheckedPlan;
using testing::MakeTinyFloatPlan;
using testing::MakeTinyPlan;
using testing::ProveTest;
using testing::TinyPlan;

TEST_F(ProveTest, AcceptsHonestPlans) {
  EXPECT_EQ(Check(MakeTinyPlan()), Status::kOk);
  EXPECT_EQ(Check(MakeTinyCheckedPlan()), Status::kOk);
  EXPECT_EQ(Check(MakeTinyPlan(/*prime=*/true)), Status::kOk);
  EXPECT_EQ(Check(MakeTinyCheckedPlan(/*prime=*/true)), Status::kOk);
}

TEST_F(ProveTest, HostilePrimeLayersAreRefused) {
  ExpectRefused(MakeTinyPlan(/*prime=*/true), {
      [](TinyPlan* p) { p->layers[0].flags &= ~uint32_t{kLayerPrime}; },  // four bytes read as four planes
      [](TinyPlan* p) { p->layers[0].flags = (p->layers[0].flags & ~uint32_t{kLayerPrime}) | kLayerMayWrap; },
      [](TinyPlan* p) { p->layers[0].flags |= 1u << 6; },
      [](TinyPlan* p) { p->layers[0].flags |= kLayerCovered; },  // with more published rows than channels
      [](TinyPlan* p) { p->layers[0].prime_count = 2; },
      [](TinyPlan* p) { p->layers[0].prime_count = 4; },
      [](TinyPlan* p) { p->layers[0].x_offset = 2; },
      [](TinyPlan* p) { p->layers[0].y_offset += 1; },
      [](TinyPlan* p) { p->tensors[kPad].row_elems /= 4; },
      [](TinyPlan* p) { p->tensors[testing::kR].row_elems /= 4; },
      [](TinyPlan* p) { p->tensors[testing::kLr].row_elems /= 4; },
      [](TinyPlan* p) { p->slices[0].size /= 4; },
      [](TinyPlan* p) { p->chunk_sizes[1] -= 48; },
      // y ends where the exchange region does, counted in bytes.
      [](TinyPlan* p) { p->layers[0].y_offset = kExchangeSize - 639; },
      [](TinyPlan* p) { p->layers[0].x_offset = kExchangeSize - 508; },
  });
}

struct HonestPlan {
  const char* name;
  bool checked, prime;
};

class ProveHonest : public ProveTest, public ::testing::WithParamInterface<HonestPlan> {
 protected:
  static TinyPlan Honest() {
    return GetParam().checked ? MakeTinyCheckedPlan(GetParam().prime) : MakeTinyPlan(GetParam().prime);
  }
};
INSTANTIATE_TEST_SUITE_P(Plans, ProveHonest,
                         ::testing::Values(HonestPlan{"Unchecked", false, false}, HonestPlan{"Checked", true, false},
                                           HonestPlan{"Prime", false, true},
                                           HonestPlan{"CheckedPrime", true, true}),
                         [](const auto& plan) { return plan.param.name; });

constexpr auto kPrograms = {&TinyPlan::infer, &TinyPlan::pad, &TinyPlan::prepare, &TinyPlan::batch};

TEST_P(ProveHonest, EveryInstructionIsNeeded) {
  const TinyPlan honest = Honest();
  for (auto program : kPrograms) {
    for (const size_t at : InstructionStarts(honest.*program)) {
      TinyPlan broken = honest;
      auto& words = broken.*program;
      const size_t length = 1 + (words[at] >> 16);
      words.erase(words.begin() + static_cast<long>(at), words.begin() + static_cast<long>(at + length));
      const auto opcode = static_cast<Opcode>((honest.*program)[at] & 0xffff);
      // Only sending a result out may be left away without harm to what the proof protects.
      if (opcode == Opcode::kOutput) continue;
      EXPECT_EQ(Check(broken), Status::kPlanRejected) << "word " << at;
    }
  }
}

TEST_P(ProveHonest, NoInstructionMayBeRepeated) {
  const TinyPlan honest = Honest();
  for (auto program : kPrograms) {
    for (const size_t at : InstructionStarts(honest.*program)) {
      TinyPlan broken = honest;
      auto& words = broken.*program;
      const auto begin = (honest.*program).begin() + static_cast<long>(at);
      const size_t length = 1 + (words[at] >> 16);
      words.insert(words.begin() + static_cast<long>(at), begin, begin + static_cast<long>(length));
      if (static_cast<Opcode>(words[at] & 0xffff) == Opcode::kOutput) continue;
      EXPECT_EQ(Check(broken), Status::kPlanRejected) << "word " << at;
    }
  }
}

TEST_F(ProveTest, MaskingARowTwiceIsRefused) {
  TinyPlan p = MakeTinyPlan();
  // The second pass masks rows 0..4 again instead of 4..8.
  const std::vector<size_t> starts = InstructionStarts(p.infer);
  const size_t second_pass = starts[6];
  ASSERT_EQ(static_cast<Opcode>(p.infer[second_pass] & 0xffff), Opcode::kPass);
  p.infer[second_pass + 1 + 2] = 0;
  p.infer[second_pass + 1 + 3] = 4;
  EXPECT_EQ(Check(p), Status::kPlanRejected);
}

TEST_F(ProveTest, HostileRecordsAreRefused) {
  ExpectRefused(MakeTinyPlan(), {
      [](TinyPlan* p) { p->tensors[kIn].rows = 0; },
      [](TinyPlan* p) { p->tensors[kIn].rows = 0xffffffffu; },
      [](TinyPlan* p) { p->tensors[kIn].tile_rows = 9; },
      [](TinyPlan* p) { p->tensors[kParams].source = 0; },  // a plan chunk
      [](TinyPlan* p) { p->tensors[kParams].source = 3; },
      [](TinyPlan* p) { p->tensors[kWeights].rows = 3; },
      [](TinyPlan* p) { p->tensors[kPad].source = 1; },
      [](TinyPlan* p) { p->slices[0].offset = ~uint64_t{0}; },
      [](TinyPlan* p) { p->layers[0].prime_count = 0; },
      [](TinyPlan* p) { p->layers[0].prime_count = 7; },
      [](TinyPlan* p) { p->layers[0].public_out_c = 15; },
      [](TinyPlan* p) { p->layers[0].x_offset = kExchangeSize - 1; },
      [](TinyPlan* p) { p->layers[0].y_offset = ~uint64_t{0}; },
      [](TinyPlan* p) { p->layers[0].klo = 1; },
      [](TinyPlan* p) { p->layers[0].geometry.groups = 3; },
      [](TinyPlan* p) { p->layers[0].geometry.kernel_h = 2; },
      [](TinyPlan* p) { p->layers[0].params = kBounds; },
      [](TinyPlan* p) { p->layers[0].pad = kNoTensor; },
      [](TinyPlan* p) { p->inputs[0].offset = kExchangeSize - 4; },
      [](TinyPlan* p) { p->outputs[0].tensor = kParams; },
      [](TinyPlan* p) { p->header.scratch_size = 64; },
      [](TinyPlan* p) { p->header.arena_size = 64; },
      [](TinyPlan* p) { p->header.window_size = 64; },
      [](TinyPlan* p) { p->header.exchange_size = kExchangeSize + 1; },
      [](TinyPlan* p) { p->header.tensor_count += 1; },
      [](TinyPlan* p) { p->infer.back() = 0xffff0001u; },
  });
}

// input -> normalise -> output, tile by tile; `change` gets the instruction of the second tile.
TinyPlan MakeNormalizePlan(const std::function<void(NormalizeInstr*)>& change) {
  TinyPlan p = MakeTinyPlan();
  p.infer.clear();
  const auto emit = [&p](Opcode opcode, const std::vector<uint32_t>& operands) {
    p.infer.push_back(static_cast<uint32_t>(opcode) | static_cast<uint32_t>(operands.size()) << 16);
    p.infer.insert(p.infer.end(), operands.begin(), operands.end());
  };
  for (const uint32_t tile : {0u, 1u}) {
    NormalizeInstr instr{kIn, testing::kOut, tile, testing::kColumns, 1e-5f};
    if (tile == 1) change(&instr);
    std::vector<uint32_t> words(sizeof instr / 4);
    std::memcpy(words.data(), &instr, sizeof instr);
    emit(Opcode::kAlloc, {kIn, tile, 0});
    emit(Opcode::kInput, {0, tile});
    emit(Opcode::kAlloc, {testing::kOut, tile, 1024});
    emit(Opcode::kNormalize, words);
    emit(Opcode::kFree, {kIn, tile});
    emit(Opcode::kOutput, {0, tile});
    emit(Opcode::kFree, {testing::kOut, tile});
  }
  return p;
}

TEST_F(ProveTest, HostileNormalisationsAreRefused) {
  EXPECT_EQ(Check(MakeNormalizePlan([](NormalizeInstr*) {})), Status::kOk);
  EXPECT_EQ(Check(MakeNormalizePlan([](NormalizeInstr* c) { c->length = 4; })), Status::kOk);
  const std::vector<std::function<void(NormalizeInstr*)>> attacks = {
      [](NormalizeInstr* c) { c->length = 0; },
      [](NormalizeInstr* c) { c->length = 5; },
      [](NormalizeInstr* c) { c->length = 2 * testing::kColumns; },
      [](NormalizeInstr* c) { c->epsilon = -1; },
      [](NormalizeInstr* c) { c->epsilon = __builtin_nanf(""); },
      [](NormalizeInstr* c) { c->tile = 0; },  // neither resident nor unwritten any more
      [](NormalizeInstr* c) { c->tile = 2; },
      [](NormalizeInstr* c) { c->src = kParams; },
      [](NormalizeInstr* c) { c->src = 0xffffffffu; },
      [](NormalizeInstr* c) { c->dst = kIn; },
      [](NormalizeInstr* c) { c->dst = testing::kR; },
  };
  for (size_t i = 0; i < attacks.size(); ++i)
    EXPECT_EQ(Check(MakeNormalizePlan(attacks[i])), Status::kPlanRejected) << "attack " << i;
}

TEST_F(ProveTest, FloatSegmentsRunInOrder) {
  const TinyPlan honest = MakeTinyFloatPlan();
  ASSERT_EQ(Check(honest), Status::kOk);
  ExpectInstructionsNeededOnce(honest);
}

TEST_F(ProveTest, HostileFloatSegmentsAreRefused) {
  ExpectRefused(MakeTinyFloatPlan(), {
      [](TinyPlan* p) { p->float_segments[0].first_port = 1; },
      [](TinyPlan* p) { p->float_segments[0].first_port = 0xffffffffu; },
      [](TinyPlan* p) { p->float_segments[0].input_count = 0; },
      [](TinyPlan* p) { p->float_segments[0].input_count = 0xffffffffu; },
      [](TinyPlan* p) { p->float_segments[0].output_count = 0; },
      [](TinyPlan* p) { p->float_segments[0].output_count = 0xfffffffeu; },
      [](TinyPlan* p) { p->float_segments.clear(); },
      [](TinyPlan* p) { p->float_ports[0].tensor = 3; },
      [](TinyPlan* p) { p->float_ports[0].elem_count -= 1; },
      [](TinyPlan* p) { p->float_ports[1].offset += kTileAlignment; },  // a gap
      [](TinyPlan* p) { p->float_ports[1].offset = 0; },
      [](TinyPlan* p) { p->float_ports[3].offset = kExchangeSize - 4; },
      [](TinyPlan* p) { p->tensors[kIn].type = PlanType::kU8; },
      [](TinyPlan* p) { p->header.fingerprint_count = 1; },
      [](TinyPlan* p) { std::swap(p->infer, p->pad); },
  });
  // Every operand of the three instructions, out of range or off by one.
  const TinyPlan honest = MakeTinyFloatPlan();
  ExpectOperandsChecked(honest, Opcode::kFloatSend, Opcode::kFloatReceive);
}

TEST_F(ProveTest, OtherVersionsAreRefused) {
  TinyPlan p = MakeTinyPlan();
  p.header.version = 1;
  EXPECT_EQ(Check(p), Status::kUnsupportedVersion);
}

}  // namespace
}  // namespace penumbra::trusted
