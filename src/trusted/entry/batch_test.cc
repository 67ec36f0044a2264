// Pads that are made together: one program for several, beside other runs or given up at any step.
#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "trusted/testing/runs_fixture.h"

namespace penumbra::trusted {
namespace {

using testing::kPadBatch;
using testing::kRuns;
using testing::MakeInput;

class BatchTest : public testing::RunsTest {};

TEST_F(BatchTest, PadsMadeTogetherAreDifferentAndServeAlone) {
  ASSERT_EQ(Load(kRuns), Status::kOk);
  ASSERT_EQ(Start(0, ProgramId::kMakePads), Status::kOk);
  EXPECT_EQ(Start(1, ProgramId::kInfer), Status::kPadsExhausted);  // none is ready before all are
  ASSERT_EQ(Complete(0), Status::kOk);
  EXPECT_EQ(info_.pads_ready, kPadBatch);
  std::set<std::pair<uint64_t, uint64_t>> tiles;
  std::set<uint64_t> pads;
  for (const HostJob& job : host_.seen) {
    if (job.kind != JobKind::kWrite || job.source != JobSource::kPad) continue;
    EXPECT_TRUE(tiles.insert({job.index >> 24, job.index & 0xffffff}).second) << "a pad tile was written twice";
    pads.insert(job.index >> 24);
  }
  EXPECT_EQ(pads.size(), kPadBatch);
  EXPECT_EQ(tiles.size(), 2 * kPadBatch);
  for (uint32_t i = 0; i < kPadBatch; ++i) {
    ASSERT_EQ(Infer(i % kRuns, MakeInput(i)), Status::kOk);
    ASSERT_EQ(Complete(i % kRuns), Status::kOk);
    EXPECT_EQ(Output(i % kRuns), ExpectedOutput(bundle_, MakeInput(i)));
  }
  EXPECT_EQ(info_.pads_ready, 0u);
}

// At whatever step it is given up: none of its pads is ever ready, and their identifiers are gone.
TEST_F(BatchTest, ABatchThatIsAbandonedBurnsAllItsPads) {
  ASSERT_EQ(Load(kRuns), Status::kOk);
  std::set<uint64_t> burnt;
  for (uint32_t steps = 0;; ++steps) {
    ASSERT_EQ(Start(0, ProgramId::kMakePads), Status::kOk);
    const size_t first_seen = host_.seen.size();
    uint32_t done = 0;
    while (done < steps && jobs_[0].kind != JobKind::kNone) {
      ASSERT_EQ(Advance(0), Status::kOk);
      ++done;
    }
    if (jobs_[0].kind == JobKind::kNone) break;
    EXPECT_EQ(Advance(0, Status::kWrongState), Status::kDeviceFailed);
    EXPECT_EQ(info_.pads_ready, 0u);
    EXPECT_EQ(Start(1, ProgramId::kInfer), Status::kPadsExhausted);
    std::set<uint64_t> written;
    for (size_t i = first_seen; i < host_.seen.size(); ++i) {
      if (host_.seen[i].kind == JobKind::kWrite) written.insert(host_.seen[i].index >> 24);
    }
    for (const uint64_t pad : written) EXPECT_TRUE(burnt.insert(pad).second) << "an identifier was given twice";
  }
  EXPECT_GE(burnt.size(), 2 * kPadBatch);
  EXPECT_EQ(info_.pads_ready, kPadBatch);
  ASSERT_EQ(Infer(1, MakeInput(1)), Status::kOk);
  ASSERT_EQ(Complete(1), Status::kOk);
  EXPECT_EQ(Output(1), ExpectedOutput(bundle_, MakeInput(1)));
}

// Pads of other runs come and go meanwhile, and the scratch changes hands between any two steps.
TEST_F(BatchTest, ABatchIsMadeBesideOtherRuns) {
  ASSERT_EQ(Load(kRuns), Status::kOk);
  ASSERT_EQ(Start(0, ProgramId::kMakePads), Status::kOk);
  ASSERT_EQ(Start(1, ProgramId::kMakePads), Status::kOk);
  while (jobs_[0].kind != JobKind::kNone) {
    ASSERT_EQ(Advance(0), Status::kOk);
    if (jobs_[1].kind != JobKind::kNone) {
      ASSERT_EQ(Advance(1), Status::kOk);
    }
  }
  while (jobs_[1].kind != JobKind::kNone) ASSERT_EQ(Advance(1), Status::kOk);
  EXPECT_EQ(info_.pads_ready, 2 * kPadBatch);
  for (uint32_t i = 0; i < 2 * kPadBatch; ++i) {
    ASSERT_EQ(Infer(2, MakeInput(i)), Status::kOk);
    ASSERT_EQ(Complete(2), Status::kOk);
    EXPECT_EQ(Output(2), ExpectedOutput(bundle_, MakeInput(i)));
  }
}

}  // namespace
}  // namespace penumbra::trusted
