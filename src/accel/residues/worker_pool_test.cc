#include "accel/residues/worker_pool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>

namespace penumbra::residues {
namespace {

TEST(WorkerPool, EveryIndexOnceWhateverTheCounts) {
  for (uint32_t threads : {1, 2, 4}) {
    WorkerPool pool(threads);
    ASSERT_EQ(pool.threads(), threads);
    for (uint32_t count : {0, 1, 2, 3, 100, 1000}) {
      std::vector<std::atomic<int>> seen(count);
      std::atomic<bool> thread_in_range{true};
      ASSERT_TRUE(pool.ForEach(count, [&](uint32_t index, uint32_t thread) {
        ++seen[index];
        if (thread >= threads) thread_in_range = false;
      }));
      for (const auto& n : seen) ASSERT_EQ(n, 1);
      ASSERT_TRUE(thread_in_range);
    }
  }
}

TEST(WorkerPool, ManyShortRoundsAndSleepBetween) {
  WorkerPool pool(2);
  std::atomic<uint64_t> sum{0};
  for (int round = 0; round < 5000; ++round) {
    ASSERT_TRUE(pool.ForEach(3, [&](uint32_t index, uint32_t) { sum += index; }));
    if (round % 1000 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(sum, 3u * 5000);
}

std::atomic<int> started{0};

TEST(WorkerPool, EveryThreadOfItsOwnStartsOnce) {
  { WorkerPool pool(3, [] { ++started; }); }
  EXPECT_EQ(started, 2);
}

TEST(WorkerPool, AThrowingTaskIsReportedAndThePoolLives) {
  for (uint32_t threads : {1, 2}) {
    WorkerPool pool(threads);
    EXPECT_FALSE(pool.ForEach(10, [](uint32_t index, uint32_t) {
      if (index == 3) throw std::runtime_error("task");
    }));
    EXPECT_TRUE(pool.ForEach(10, [](uint32_t, uint32_t) {}));
  }
}

}  // namespace
}  // namespace penumbra::residues
