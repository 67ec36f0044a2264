// The proof on a plan whose float segment is fingerprinted, and on every way to break it.
#include <functional>
#include <limits>

#include "trusted/testing/prove_fixture.h"

namespace penumbra::trusted {
namespace {

using namespace testing;  // NOLINT: the tiny plan's names

TEST_F(ProveTest, FingerprintsAreAccepted) { EXPECT_EQ(Check(MakeTinyFingerprintPlan()), Status::kOk); }

TEST_F(ProveTest, EveryInstructionOfFingerprintsIsNeededOnce) {
  const TinyPlan honest = MakeTinyFingerprintPlan();
  ExpectInstructionsNeededOnce(honest);
}

TEST_F(ProveTest, HostileFingerprintsAreRefused) {
  ExpectRefused(MakeTinyFingerprintPlan(), {
      [](TinyPlan* p) { p->header.fingerprint_count = 1; },
      [](TinyPlan* p) { p->header.fingerprint_count = kMaxFingerprints + 1; },
      [](TinyPlan* p) { p->header.fingerprint_count = 0xffffffffu; },  // slots would wrap
      [](TinyPlan* p) { p->fingerprint.cornerstone_count = 0; },
      [](TinyPlan* p) { p->fingerprint.cornerstone_count = 5; },
      [](TinyPlan* p) { p->fingerprint.cornerstone_count = 0xffffffffu; },
      [](TinyPlan* p) { p->fingerprint.challenge_rate = 0; },
      [](TinyPlan* p) { p->fingerprint.challenge_rate = kFullChallengeRate + 1; },
      [](TinyPlan* p) { p->checked_ports.pop_back(); },
      [](TinyPlan* p) { p->checked_ports[0].cornerstones = kIn; },
      [](TinyPlan* p) { p->checked_ports[0].cornerstones = 0xffffffffu; },
      [](TinyPlan* p) { p->checked_ports[0].fingerprints = FingerprintsOf(1); },  // another port's
      [](TinyPlan* p) { p->checked_ports[0].fingerprints = kIn; },
      [](TinyPlan* p) { p->checked_ports[0].replies = RepliesOf(2); },  // of an input
      [](TinyPlan* p) { p->checked_ports[3].replies = kNoTensor; },
      [](TinyPlan* p) { p->checked_ports[3].replies = FingerprintsOf(3); },
      [](TinyPlan* p) { p->checked_ports[3].tolerance = -1; },
      [](TinyPlan* p) { p->checked_ports[3].tolerance = std::numeric_limits<float>::infinity(); },
      [](TinyPlan* p) { p->checked_ports[3].tolerance = std::numeric_limits<float>::quiet_NaN(); },
      [](TinyPlan* p) { p->tensors[CornerstonesOf(3)].rows -= 1; },
      [](TinyPlan* p) { p->tensors[CornerstonesOf(3)].source += 1; },
      [](TinyPlan* p) { p->tensors[FingerprintsOf(3)].row_elems -= 1; },
      [](TinyPlan* p) { p->tensors[FingerprintsOf(3)].tile_rows = 8; },
      [](TinyPlan* p) { p->tensors[FingerprintsOf(3)].type = PlanType::kU8; },
      [](TinyPlan* p) { p->tensors[RepliesOf(3)].source = 4; },
      [](TinyPlan* p) { p->tensors[RepliesOf(3)].kind = TensorKind::kActivation; },
      [](TinyPlan* p) { p->chunk_sizes[1] -= 4; },
      [](TinyPlan* p) { p->chunk_sizes.back() += 4; },
      [](TinyPlan* p) { p->float_ports[1].offset = 512; },  // as if a port had one slot
      [](TinyPlan* p) { p->float_ports[3].offset = kExchangeSize - 512; },
      [](TinyPlan* p) { p->header.soundness_bits = 1; },
  });
}

TEST_F(ProveTest, OperandsOfFingerprintsAreChecked) {
  const TinyPlan honest = MakeTinyFingerprintPlan();
  ExpectOperandsChecked(honest, Opcode::kFloatSend, Opcode::kCompare);
}

// Nothing uses a reply, not even to store it outside, before its fingerprints were compared.
TEST_F(ProveTest, AReplyIsNotReadBeforeItIsCompared) {
  const TinyPlan honest = MakeTinyFingerprintPlan();
  for (const Opcode early : {Opcode::kOutput, Opcode::kEvict}) {
    TinyPlan p = honest;
    for (const size_t at : InstructionStarts(honest.infer)) {
      if (static_cast<Opcode>(honest.infer[at] & 0xffff) != Opcode::kCompare) continue;
      std::vector<uint32_t> words;
      Emit(&words, early, early == Opcode::kOutput ? std::vector<uint32_t>{0, 0} : std::vector<uint32_t>{kOut, 0});
      p.infer.insert(p.infer.begin() + static_cast<long>(at), words.begin(), words.end());
      break;
    }
    EXPECT_EQ(Check(p), Status::kPlanRejected);
  }
}

}  // namespace
}  // namespace penumbra::trusted
