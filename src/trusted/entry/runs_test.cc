// Several runs of one model through the door of the trusted half, in every order a host may choose.
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <set>
#include <vector>

#include "trusted/testing/runs_fixture.h"

namespace penumbra::trusted {
namespace {

using testing::kRuns;
using testing::kSecureSize;
using testing::MakeInput;
using testing::RunsTest;

// Run 0 gets to any of its jobs, runs 1 and 2 go all the way in turns or one after the other, run 0 goes on.
TEST_F(RunsTest, InterleavingChangesNoBit) {
  uint32_t boundaries = 0;
  for (uint32_t stop = 0;; ++stop) {
    LoadWithPads(kRuns);
    for (uint32_t run = 0; run < kRuns; ++run) ASSERT_EQ(Infer(run, MakeInput(stop + run)), Status::kOk);
    EXPECT_EQ(info_.state, static_cast<uint32_t>(SessionState::kRunning));
    for (uint32_t i = 0; i < stop && !Ended(0); ++i) ASSERT_EQ(Advance(0), Status::kOk);
    const bool last = Ended(0);
    while (!Ended(1) || !Ended(2)) {
      for (const uint32_t run : {1u, 2u}) {
        ASSERT_EQ(stop % 2 == 0 ? Complete(run) : AdvanceUnlessEnded(run), Status::kOk);
      }
    }
    ASSERT_EQ(Complete(0), Status::kOk);
    for (uint32_t run = 0; run < kRuns; ++run) {
      EXPECT_EQ(Output(run), ExpectedOutput(bundle_, MakeInput(stop + run))) << "run " << run << ", stop " << stop;
    }
    EXPECT_EQ(info_.state, static_cast<uint32_t>(SessionState::kReady));
    EXPECT_EQ(info_.pads_ready, 0u);
    Command unload{};
    unload.id = CommandId::kUnload;
    ASSERT_EQ(Send(unload), Status::kOk);
    if (last) break;
    ++boundaries;
  }
  EXPECT_GE(boundaries, 4u);
}

TEST_F(RunsTest, TurnsAtEveryJobChangeNoBit) {
  LoadWithPads(2 * kRuns);
  for (uint32_t round = 0; round < 2; ++round) {
    for (uint32_t run = 0; run < kRuns; ++run) ASSERT_EQ(Infer(run, MakeInput(7 * round + run)), Status::kOk);
    for (uint32_t ended = 0; ended != kRuns;) {
      ended = 0;
      for (uint32_t run = 0; run < kRuns; ++run) {
        ASSERT_EQ(AdvanceUnlessEnded(run), Status::kOk);
        if (Ended(run)) ++ended;
      }
    }
    for (uint32_t run = 0; run < kRuns; ++run) {
      EXPECT_EQ(Output(run), ExpectedOutput(bundle_, MakeInput(7 * round + run))) << "run " << run;
    }
  }
}

// A job names memory of its own run only, and no pad is read by two of them.
TEST_F(RunsTest, RunsShareNeitherMemoryOutsideNorPads) {
  LoadWithPads(kRuns);
  std::set<uint64_t> pads;
  std::vector<std::vector<uint8_t>> masked;
  const uint64_t part = Part(0).size();
  for (uint32_t run = 0; run < kRuns; ++run) ASSERT_EQ(Infer(run, MakeInput(1)), Status::kOk);
  for (uint32_t run = 0; run < kRuns; ++run) {
    masked.emplace_back(Part(run).begin(), Part(run).begin() + 256);
    std::set<uint64_t> mine;
    while (!Ended(run)) {
      const HostJob& job = jobs_[run];
      const bool read = job.kind == JobKind::kRead;
      EXPECT_EQ((read ? job.offset : job.x_offset) / part, run);
      EXPECT_EQ((read ? job.offset : job.y_offset) / part, run);
      if (read && job.source == JobSource::kPad) mine.insert(job.index >> 24);
      ASSERT_EQ(Advance(run), Status::kOk);
    }
    ASSERT_EQ(mine.size(), 1u);
    EXPECT_TRUE(pads.insert(*mine.begin()).second);
  }
  EXPECT_NE(masked[0], masked[1]);
  EXPECT_NE(masked[0], masked[2]);
  EXPECT_NE(masked[1], masked[2]);
}

TEST_F(RunsTest, AFailureOutsideEndsOneRunOnly) {
  for (const Status fault : {Status::kDeviceFailed, Status::kTimeout, Status::kNotFound}) {
    LoadWithPads(3);
    ASSERT_EQ(Infer(0, MakeInput(1)), Status::kOk);
    ASSERT_EQ(Infer(1, MakeInput(2)), Status::kOk);
    ASSERT_EQ(Advance(0), Status::kOk);
    ASSERT_EQ(Advance(1), Status::kOk);
    EXPECT_EQ(Advance(0, fault), fault == Status::kTimeout ? fault : Status::kDeviceFailed);
    EXPECT_TRUE(OutputIsZero(0));
    EXPECT_EQ(info_.pads_ready, 1u) << "the pad of the failed run came back, or another one went";
    std::vector<float> bad = MakeInput(3);
    bad[17] = std::numeric_limits<float>::infinity();
    EXPECT_EQ(Infer(2, bad), Status::kNotFinite);
    ASSERT_EQ(Complete(1), Status::kOk);
    EXPECT_EQ(Output(1), ExpectedOutput(bundle_, MakeInput(2)));
    ASSERT_EQ(Start(0, ProgramId::kMakePad), Status::kOk);
    ASSERT_EQ(Complete(0), Status::kOk);
    ASSERT_EQ(Infer(0, MakeInput(4)), Status::kOk);
    ASSERT_EQ(Complete(0), Status::kOk);
    EXPECT_EQ(Output(0), ExpectedOutput(bundle_, MakeInput(4)));
    Command unload{};
    unload.id = CommandId::kUnload;
    ASSERT_EQ(Send(unload), Status::kOk);
  }
}

TEST_F(RunsTest, DoubtInOneRunEndsTheModel) {
  LoadWithPads(3);
  ASSERT_EQ(Infer(2, MakeInput(3)), Status::kOk);
  ASSERT_EQ(Complete(2), Status::kOk);
  ASSERT_EQ(Infer(0, MakeInput(1)), Status::kOk);
  ASSERT_EQ(Infer(1, MakeInput(2)), Status::kOk);
  // Run 1 has put the first half of its output outside and waits for what the second half needs.
  for (int i = 0; i < 3; ++i) ASSERT_EQ(Advance(1), Status::kOk);
  ASSERT_FALSE(OutputIsZero(1));
  ASSERT_TRUE(SecretsInside());
  ASSERT_EQ(Advance(0), Status::kOk);
  host_.tamper = [](const HostJob&, std::span<uint8_t> bytes) { bytes[3] ^= 1; };
  EXPECT_EQ(Advance(0), Status::kAuthenticationFailed);
  host_.tamper = {};
  EXPECT_EQ(info_.state, static_cast<uint32_t>(SessionState::kPoisoned));
  EXPECT_FALSE(SecretsInside());
  EXPECT_TRUE(OutputIsZero(1));
  EXPECT_EQ(Output(2), ExpectedOutput(bundle_, MakeInput(3))) << "a run that had ended was touched";
  EXPECT_EQ(Advance(1), Status::kPoisoned);
  EXPECT_EQ(Start(2, ProgramId::kInfer), Status::kPoisoned);
  EXPECT_EQ(Start(0, ProgramId::kMakePad), Status::kPoisoned);
}

TEST_F(RunsTest, ARunLeavesNothingBehindWhileOthersGoOn) {
  LoadWithPads(2);
  ASSERT_EQ(Infer(0, MakeInput(1)), Status::kOk);  // has not fetched its params yet
  ASSERT_EQ(Infer(1, MakeInput(2)), Status::kOk);
  ASSERT_EQ(Advance(1), Status::kOk);
  ASSERT_EQ(Advance(1), Status::kOk);
  EXPECT_TRUE(SecretsInside());
  ASSERT_EQ(Complete(1), Status::kOk);
  EXPECT_FALSE(SecretsInside());
  ASSERT_EQ(Complete(0), Status::kOk);
  EXPECT_EQ(Output(0), ExpectedOutput(bundle_, MakeInput(1)));
}

TEST_F(RunsTest, PadsMadeAtOnceAreDifferentAndServe) {
  ASSERT_EQ(Load(kRuns), Status::kOk);
  ASSERT_EQ(Start(0, ProgramId::kMakePad), Status::kOk);
  ASSERT_EQ(Start(1, ProgramId::kMakePad), Status::kOk);
  EXPECT_EQ(Start(2, ProgramId::kInfer), Status::kPadsExhausted);
  ASSERT_EQ(Complete(1), Status::kOk);  // the later one first
  ASSERT_EQ(Infer(2, MakeInput(1)), Status::kOk);
  ASSERT_EQ(Complete(0), Status::kOk);
  ASSERT_EQ(Infer(1, MakeInput(2)), Status::kOk);
  ASSERT_EQ(Complete(2), Status::kOk);
  ASSERT_EQ(Complete(1), Status::kOk);
  EXPECT_EQ(Output(2), ExpectedOutput(bundle_, MakeInput(1)));
  EXPECT_EQ(Output(1), ExpectedOutput(bundle_, MakeInput(2)));
  std::set<uint64_t> made;
  for (const HostJob& job : host_.seen) {
    if (job.kind == JobKind::kWrite && job.source == JobSource::kPad) {
      EXPECT_TRUE(made.insert(job.index).second) << "a pad tile was written twice";
    }
  }
  EXPECT_EQ(made.size(), 4u);
}

// What was to be a pad is never begun again under the same identifier: its keystream may have been seen.
TEST_F(RunsTest, APadThatFailsIsBurnt) {
  ASSERT_EQ(Load(kRuns), Status::kOk);
  std::set<uint64_t> made;
  for (uint32_t i = 0; i < 3; ++i) {
    ASSERT_EQ(Start(0, ProgramId::kMakePad), Status::kOk);
    while (jobs_[0].kind != JobKind::kWrite) ASSERT_EQ(Advance(0), Status::kOk);
    EXPECT_TRUE(made.insert(jobs_[0].index >> 24).second);
    EXPECT_EQ(Advance(0, Status::kNoSpace), Status::kDeviceFailed);
    EXPECT_EQ(info_.pads_ready, 0u);
  }
}

TEST_F(RunsTest, CommandsThatNameTheWrongRunAreRefused) {
  LoadWithPads(2);
  ASSERT_EQ(Infer(1, MakeInput(1)), Status::kOk);
  const HostJob waiting = jobs_[1];
  EXPECT_EQ(Start(1, ProgramId::kInfer), Status::kWrongState);
  EXPECT_EQ(Start(1, ProgramId::kMakePad), Status::kWrongState);
  EXPECT_EQ(info_.pads_ready, 1u);  // a refused start takes no pad
  Command step{};
  step.id = CommandId::kStep;
  EXPECT_EQ(Send(step), Status::kWrongState);  // run 0 is idle
  for (const uint32_t run : {kRuns, kMaxRuns, UINT32_MAX}) {
    EXPECT_EQ(Start(run, ProgramId::kInfer), Status::kInvalidArgument);
    step.run = run;
    EXPECT_EQ(Send(step), Status::kInvalidArgument);
  }
  jobs_[1] = waiting;
  ASSERT_EQ(Complete(1), Status::kOk);
  EXPECT_EQ(Output(1), ExpectedOutput(bundle_, MakeInput(1)));
}

TEST_F(RunsTest, TooManyRunsAreRefusedWithTheNumberThatFits) {
  for (const uint32_t count : {0u, kMaxRuns + 1, UINT32_MAX}) EXPECT_EQ(Load(count), Status::kInvalidArgument);
  ASSERT_EQ(Load(1), Status::kOk);
  EXPECT_EQ(info_.run_count, 1u);
  // Room for what one run needs, and for one and a half further arenas.
  const uint64_t self_size = kSecureSize - info_.secure_memory_size;
  const uint64_t arena_size = testing::MakeTinyPlan().header.arena_size;
  Create(secure_.view.first(self_size + info_.secure_memory_peak + arena_size * 3 / 2));
  EXPECT_EQ(Load(3), Status::kSecureMemoryExceeded);
  EXPECT_EQ(info_.run_capacity, 2u);
  EXPECT_EQ(info_.state, static_cast<uint32_t>(SessionState::kEmpty));
  ASSERT_EQ(Load(2), Status::kOk);
  EXPECT_EQ(info_.run_count, 2u);
  EXPECT_EQ(info_.run_capacity, 2u);
  EXPECT_LE(info_.secure_memory_peak, info_.secure_memory_size);
}

// Parts of the region that are smaller than the plan wants.
TEST_F(RunsTest, TooSmallAPartOfTheExchangeRegionIsRefused) {
  EXPECT_EQ(Load(kRuns + 1), Status::kPlanRejected);
}

}  // namespace
}  // namespace penumbra::trusted
