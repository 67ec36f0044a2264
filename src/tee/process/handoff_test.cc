#include "tee/process/handoff.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <chrono>
#include <thread>

namespace penumbra::tee {
namespace {

bool HasOneProcessor() {
  cpu_set_t allowed;
  return sched_getaffinity(0, sizeof(allowed), &allowed) == 0 && CPU_COUNT(&allowed) < 2;
}

TEST(SpinBudget, ShrinksWhenSpinsAreInVainAndRecovers) {
  SpinBudget budget(16'000);
  if (HasOneProcessor()) {
    EXPECT_EQ(budget.NextNs(), 0u);
    return;
  }
  EXPECT_EQ(budget.NextNs(), 16'000u);
  budget.Learn(false);
  EXPECT_EQ(budget.NextNs(), 8'000u);
  for (int i = 0; i < 10; ++i) budget.Learn(false);
  int silent = 0;
  while (budget.NextNs() == 0) ++silent;
  EXPECT_EQ(silent, 63);
  budget.Learn(true);
  EXPECT_EQ(budget.NextNs(), 16'000u);
}

TEST(SpinBudget, ZeroNeverSpins) {
  SpinBudget budget(0);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(budget.NextNs(), 0u);
}

TEST(Handoff, SpinSeesAChangeThatIsAlreadyThere) {
  HandoffWord word{};
  SpinBudget budget(0);
  EXPECT_FALSE(SpinWhileEqual(word, 0, &budget));
  Post(&word, 1);
  EXPECT_TRUE(SpinWhileEqual(word, 0, &budget));
}

TEST(Handoff, SleepEndsByTimeout) {
  HandoffWord word{};
  const auto start = std::chrono::steady_clock::now();
  SleepWhileEqual(&word, 0, 20'000'000);
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(15));
}

// Two threads hand 20,000 numbers back and forth with spins too short to always succeed: a lost
// wake-up would leave both asleep for ever.
TEST(Handoff, NeverLosesAWakeUp) {
  constexpr uint32_t kRounds = 20'000;
  HandoffWord ping{}, pong{};
  const auto await = [](HandoffWord* word, uint32_t seen, SpinBudget* budget) {
    while (!SpinWhileEqual(*word, seen, budget)) SleepWhileEqual(word, seen, -1);
  };
  std::thread peer([&] {
    SpinBudget budget(1'500);
    for (uint32_t i = 0; i < kRounds; ++i) {
      await(&ping, i, &budget);
      Post(&pong, i + 1);
    }
  });
  SpinBudget budget(1'500);
  for (uint32_t i = 0; i < kRounds; ++i) {
    Post(&ping, i + 1);
    await(&pong, i, &budget);
  }
  peer.join();
  EXPECT_EQ(pong.sequence.load(), kRounds);
}

}  // namespace
}  // namespace penumbra::tee
