// Pads that wait inside: they serve as those outside do, each once, and leave nothing behind.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>
#include <vector>

#include "trusted/session/pad_slots.h"
#include "trusted/testing/runs_fixture.h"

namespace penumbra::trusted {
namespace {

using testing::kPadBatch;
using testing::kRuns;
using testing::kSecureSize;
using testing::MakeInput;

class PadSlotsTest : public testing::RunsTest {
 protected:
  Status LoadInside(uint64_t slots) {
    slots_ = slots;
    return Load(kRuns);
  }
  void Make(ProgramId program = ProgramId::kMakePad) {
    ASSERT_EQ(Start(0, program), Status::kOk);
    ASSERT_EQ(Complete(0), Status::kOk);
  }
  void ExpectServes(uint32_t run, uint32_t seed) {
    ASSERT_EQ(Infer(run, MakeInput(seed)), Status::kOk);
    ASSERT_EQ(Complete(run), Status::kOk);
    EXPECT_EQ(Output(run), ExpectedOutput(bundle_, MakeInput(seed)));
  }
  // Pads of which a tile went out or came in.
  std::set<uint64_t> PadsOutside() const {
    std::set<uint64_t> pads;
    for (const HostJob& job : host_.seen) {
      if (job.source == JobSource::kPad) pads.insert(job.index >> 24);
    }
    return pads;
  }
  // Bytes of secure memory behind what the model takes without slots that are not zero.
  size_t BytesInSlots() const {
    const size_t self = kSecureSize - info_.secure_memory_size;
    return static_cast<size_t>(std::ranges::count_if(secure_.view.subspan(self + base_), [](uint8_t b) { return b != 0; }));
  }
  // Bytes the model takes when no pad waits inside.
  void FindBase() {
    ASSERT_EQ(LoadInside(0), Status::kOk);
    EXPECT_EQ(info_.pad_slots, 0u);
    base_ = info_.secure_memory_peak;
    Unload();
    base_ += testing::MakeTinyPlan().tensors.size() * 16;  // where tensors stand in a slot is no secret
    base_ = AlignUp(base_, kTileAlignment);
  }
  void Unload() {
    Command unload{};
    unload.id = CommandId::kUnload;
    ASSERT_EQ(Send(unload), Status::kOk);
  }

  size_t base_ = 0;
};

TEST_F(PadSlotsTest, PadsInsideServeOnceAndNeverCross) {
  ASSERT_EQ(LoadInside(2), Status::kOk);
  EXPECT_EQ(info_.pad_slots, 2u);
  for (uint32_t round = 0; round < 3; ++round) {
    Make();
    Make();
    EXPECT_EQ(info_.pads_ready, 2u);
    ExpectServes(1, 2 * round);
    ExpectServes(2, 2 * round + 1);
    EXPECT_EQ(info_.pads_ready, 0u);
    EXPECT_EQ(Start(0, ProgramId::kInfer), Status::kPadsExhausted);
  }
  EXPECT_TRUE(PadsOutside().empty());
}

TEST_F(PadSlotsTest, WhatHasNoSlotWaitsOutsideAndPadsInsideGoFirst) {
  ASSERT_EQ(LoadInside(1), Status::kOk);
  for (int i = 0; i < 3; ++i) Make();  // 1 inside, 2 and 3 outside
  EXPECT_EQ(PadsOutside(), (std::set<uint64_t>{2, 3}));
  ExpectServes(0, 1);
  Make();  // 4, in the slot of 1
  ExpectServes(0, 2);
  EXPECT_EQ(PadsOutside(), (std::set<uint64_t>{2, 3}));
  host_.seen.clear();
  ExpectServes(0, 3);
  ExpectServes(0, 4);
  EXPECT_EQ(PadsOutside(), (std::set<uint64_t>{2, 3}));
  EXPECT_EQ(Start(0, ProgramId::kInfer), Status::kPadsExhausted);
}

TEST_F(PadSlotsTest, OfABatchAsManyAsThereIsRoomForStayInside) {
  ASSERT_EQ(LoadInside(kPadBatch - 1), Status::kOk);
  Make(ProgramId::kMakePads);
  EXPECT_EQ(PadsOutside().size(), 1u);
  for (uint32_t i = 0; i < kPadBatch; ++i) ExpectServes(i % kRuns, i);
  EXPECT_EQ(info_.pads_ready, 0u);
}

TEST_F(PadSlotsTest, AUsedPadIsWiped) {
  FindBase();
  ASSERT_EQ(LoadInside(2), Status::kOk);
  EXPECT_EQ(BytesInSlots(), 0u);
  Make();
  EXPECT_NE(BytesInSlots(), 0u);
  ExpectServes(1, 1);
  EXPECT_EQ(BytesInSlots(), 0u);
}

TEST_F(PadSlotsTest, APadOfAFailedRunIsWipedAndGone) {
  FindBase();
  ASSERT_EQ(LoadInside(1), Status::kOk);
  Make();
  ASSERT_EQ(Infer(1, MakeInput(1)), Status::kOk);
  while (jobs_[1].kind != JobKind::kAccelerate) ASSERT_EQ(Advance(1), Status::kOk);
  EXPECT_NE(BytesInSlots(), 0u);
  EXPECT_EQ(Advance(1, Status::kDeviceFailed), Status::kDeviceFailed);
  EXPECT_EQ(BytesInSlots(), 0u);
  EXPECT_EQ(Start(1, ProgramId::kInfer), Status::kPadsExhausted);
  std::vector<float> bad = MakeInput(3);
  bad[17] = std::numeric_limits<float>::infinity();
  Make();
  EXPECT_EQ(Infer(2, bad), Status::kNotFinite);
  EXPECT_EQ(BytesInSlots(), 0u);
  Make();
  ExpectServes(0, 5);
}

// Given up at any step, pads under way leave their slots to the next.
TEST_F(PadSlotsTest, PadsThatAreGivenUpLeaveTheirSlots) {
  FindBase();
  ASSERT_EQ(LoadInside(kPadBatch), Status::kOk);
  for (uint32_t steps = 0;; ++steps) {
    ASSERT_EQ(Start(0, ProgramId::kMakePads), Status::kOk);
    for (uint32_t i = 0; i < steps && !Ended(0); ++i) ASSERT_EQ(Advance(0), Status::kOk);
    if (Ended(0)) break;
    EXPECT_EQ(Advance(0, Status::kWrongState), Status::kDeviceFailed);
    EXPECT_EQ(BytesInSlots(), 0u);
    EXPECT_EQ(info_.pads_ready, 0u);
  }
  for (uint32_t i = 0; i < kPadBatch; ++i) ExpectServes(1, i);
  EXPECT_TRUE(PadsOutside().empty());
}

TEST_F(PadSlotsTest, UnloadingWipesPadsInside) {
  FindBase();
  ASSERT_EQ(LoadInside(2), Status::kOk);
  Make();
  Unload();
  EXPECT_EQ(BytesInSlots(), 0u);
  EXPECT_EQ(info_.pad_slots, 0u);
}

TEST_F(PadSlotsTest, AsManySlotsAsFitAndNoMoreThanEight) {
  ASSERT_EQ(LoadInside(std::numeric_limits<uint64_t>::max()), Status::kOk);
  EXPECT_EQ(info_.pad_slots, kMaxPadSlots);
  EXPECT_LE(info_.secure_memory_peak, info_.secure_memory_size);
  Unload();
  FindBase();
  const uint64_t self = kSecureSize - info_.secure_memory_size;
  Create(secure_.view.first(self + base_));
  ASSERT_EQ(LoadInside(kMaxPadSlots), Status::kOk);  // no room: everything is sealed
  EXPECT_EQ(info_.pad_slots, 0u);
  Make();
  ExpectServes(0, 1);
  EXPECT_EQ(PadsOutside(), (std::set<uint64_t>{1}));
}

}  // namespace
}  // namespace penumbra::trusted
