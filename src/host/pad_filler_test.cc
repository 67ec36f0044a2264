#include "host/pad_filler.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace penumbra::host {
namespace {

using Outcome = PadSource::Outcome;

// A pad asks for the pace again and again while `endless_`.
class PadFillerTest : public ::testing::Test {
 protected:
  // Ends the thread before what it uses.
  ~PadFillerTest() override { filler_.reset(); }

  void Start(uint64_t bank_size, uint32_t lane_count, uint32_t batch = 1) {
    filler_ = std::make_unique<PadFiller>(
        PadSource{.make = [this](uint32_t count, Pace* pace) { return Make(count, pace); },
                  .ready_count = [this] { return ready_.load(); },
                  .stored_size = [this] { return ready_.load() * kPadSize; }},
        bank_size, kPadSize, batch, lane_count);
  }

  Outcome Make(uint32_t count, Pace* pace) {
    {
      const std::lock_guard lock(mutex_);
      asked_.push_back(count);
    }
    ++begun_;
    if (outcome_ != Outcome::kMade) return outcome_;
    do {
      if (!pace->MayGoOn() && !pace->WaitToGoOn()) {
        ++given_up_;
        return Outcome::kGivenUp;
      }
    } while (endless_);
    ready_ += count;
    return Outcome::kMade;
  }

  template <typename Condition>
  static void Await(Condition condition) {
    while (!condition()) std::this_thread::yield();
  }

  std::vector<uint32_t> Asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

  static constexpr uint64_t kPadSize = 10;
  std::mutex mutex_;
  std::vector<uint32_t> asked_;  // pads of each call of Make()
  std::atomic<uint64_t> ready_{0};
  std::atomic<uint32_t> begun_{0}, given_up_{0};
  std::atomic<bool> endless_{false};
  std::atomic<Outcome> outcome_{Outcome::kMade};
  std::unique_ptr<PadFiller> filler_;
};

TEST_F(PadFillerTest, StopsAtTheBoundAndFillsUpAgain) {
  Start(39, 1);
  Await([&] { return ready_ == 3; });
  {
    const PadFiller::Request request(filler_.get());
    --ready_;
    filler_->Notify();
  }
  Await([&] { return ready_ == 3; });
  filler_.reset();
  EXPECT_EQ(ready_, 3u);
  EXPECT_EQ(begun_, 4u);
}

TEST_F(PadFillerTest, ABankSmallerThanAPadStaysEmpty) {
  Start(9, 1);
  filler_->Notify();
  filler_.reset();
  EXPECT_EQ(begun_, 0u);
}

TEST_F(PadFillerTest, NoPadIsBegunBesideARequestWhileSomeAreReady) {
  ready_ = 1;
  endless_ = true;
  std::optional<PadFiller::Request> request;
  Start(100, 2);
  request.emplace(filler_.get());
  const uint32_t begun = begun_;  // one, if the filler was faster
  for (int i = 0; i < 1000; ++i) filler_->Notify();
  EXPECT_LE(begun, 1u);
  EXPECT_EQ(begun_, begun);
  request.reset();
  Await([&] { return begun_ >= 1; });
}

TEST_F(PadFillerTest, APadBesideARequestPausesAndIsFinishedLater) {
  ready_ = 1;
  endless_ = true;
  Start(20, 2);
  Await([&] { return begun_ == 1; });
  {
    const PadFiller::Request request(filler_.get());
    EXPECT_FALSE(filler_->MayGoOn());
    endless_ = false;
  }
  Await([&] { return ready_ == 2; });
  EXPECT_EQ(given_up_, 0u);
}

TEST_F(PadFillerTest, APadInTheLaneOfARequestIsGivenUp) {
  ready_ = 1;
  endless_ = true;
  Start(20, 1);
  Await([&] { return begun_ == 1; });
  const PadFiller::Request request(filler_.get());
  Await([&] { return given_up_ == 1; });
  EXPECT_EQ(ready_, 1u);
}

// The request would have to make it itself.
TEST_F(PadFillerTest, ThePadOfAnEmptyBankIsFinishedFirst) {
  endless_ = true;
  Start(10, 1);
  Await([&] { return begun_ == 1; });
  const PadFiller::Request request(filler_.get());
  EXPECT_TRUE(filler_->MayGoOn());
  endless_ = false;
  filler_->WaitForPad();
  EXPECT_EQ(ready_, 1u);
  EXPECT_EQ(given_up_, 0u);
}

TEST_F(PadFillerTest, AnEmptyBankIsFilledBesideRequestsInAFreeLane) {
  ready_ = 1;
  Start(10, 2);
  const PadFiller::Request request(filler_.get());
  ready_ = 0;
  filler_->Notify();
  Await([&] { return ready_ == 1; });
}

TEST_F(PadFillerTest, WaitingWithoutAPadUnderWayEndsAtOnce) {
  outcome_ = Outcome::kFailed;
  Start(10, 1);
  Await([&] { return begun_ == 1; });
  const PadFiller::Request request(filler_.get());
  filler_->WaitForPad();
  EXPECT_EQ(ready_, 0u);
}

TEST_F(PadFillerTest, AFailureEndsTheFilling) {
  outcome_ = Outcome::kFailed;
  Start(10, 1);
  Await([&] { return begun_ == 1; });
  {
    const PadFiller::Request request(filler_.get());
    filler_->WaitForPad();
    for (int i = 0; i < 1000; ++i) filler_->Notify();
  }
  filler_.reset();
  EXPECT_EQ(begun_, 1u);
}

TEST_F(PadFillerTest, WithoutALaneItWaitsForAChange) {
  outcome_ = Outcome::kNoLane;
  Start(10, 1);
  Await([&] { return begun_ == 1; });
  outcome_ = Outcome::kMade;
  while (ready_ == 0) filler_->Notify();
  filler_.reset();
  EXPECT_EQ(ready_, 1u);
}

using Counts = std::vector<uint32_t>;

// One first, then as many at a time as fit, the rest one by one.
TEST_F(PadFillerTest, AnOddBankIsFilledByBatchesAndSinglePads) {
  for (const auto& [bank, wanted] : {std::pair<uint64_t, Counts>{119, {1, 4, 4, 1, 1}},
                                     {50, {1, 4}},
                                     {49, {1, 1, 1, 1}},
                                     {40, {1, 1, 1, 1}},
                                     {19, {1}}}) {
    ready_ = 0;
    asked_.clear();
    Start(bank, 1, 4);
    Await([&, full = bank / kPadSize] { return ready_ == full; });
    filler_->Notify();
    filler_.reset();
    EXPECT_EQ(Asked(), wanted) << bank;
  }
}

TEST_F(PadFillerTest, WhoeverWaitsWaitsForOnePad) {
  ready_ = 10;
  Start(100, 2, 4);
  const PadFiller::Request request(filler_.get());
  ready_ = 0;
  filler_->Notify();
  Await([&] { return ready_ == 1; });
  EXPECT_EQ(Asked(), Counts{1});
}

// Requests come too often for a batch, which would never be finished.
TEST_F(PadFillerTest, AfterABatchThatWasGivenUpPadsAreMadeOneByOne) {
  ready_ = 1;
  endless_ = true;
  Start(130, 1, 4);
  Await([&] { return begun_ == 1; });
  {
    const PadFiller::Request request(filler_.get());
    Await([&] { return given_up_ == 1; });
    endless_ = false;
  }
  Await([&] { return ready_ == 13; });
  filler_.reset();
  EXPECT_EQ(Asked(), (Counts{4, 1, 1, 1, 1, 4, 4}));
}

}  // namespace
}  // namespace penumbra::host
