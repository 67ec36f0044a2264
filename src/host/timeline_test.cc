#include "host/timeline.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace penumbra::host {
namespace {

using Kind = TimelineSlice::Kind;

TEST(TimelineTest, NotesScopesInTheOrderInWhichTheyEnd) {
  Timeline timeline(10);
  {
    const NotedSlice outer(&timeline, {.kind = Kind::kRequest});
    const NotedSlice inner(&timeline, {.kind = Kind::kAccelerate, .lane = 2, .segment = 7, .bytes = 5});
  }
  const std::vector<TimelineSlice> slices = timeline.Take();
  ASSERT_EQ(slices.size(), 2u);
  EXPECT_EQ(slices[0].kind, Kind::kAccelerate);
  EXPECT_EQ(slices[0].lane, 2u);
  EXPECT_EQ(slices[0].segment, 7u);
  EXPECT_EQ(slices[0].bytes, 5u);
  EXPECT_EQ(slices[1].kind, Kind::kRequest);
  EXPECT_LE(slices[1].start_ns, slices[0].start_ns);
  EXPECT_GE(slices[1].start_ns + slices[1].duration_ns, slices[0].start_ns + slices[0].duration_ns);
  EXPECT_TRUE(timeline.Take().empty());
}

TEST(TimelineTest, NothingIsNotedWithoutATimeline) { const NotedSlice slice(nullptr, {}); }

TEST(TimelineTest, KeepsTheFirstSlicesFromAnyThread) {
  constexpr size_t kKept = 100, kEach = 60;
  Timeline timeline(kKept);
  std::vector<std::thread> threads;
  for (uint32_t lane = 0; lane < 2; ++lane) {
    threads.emplace_back([&timeline, lane] {
      for (size_t i = 0; i < kEach; ++i) const NotedSlice slice(&timeline, {.lane = lane});
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(timeline.skipped_count(), 2 * kEach - kKept);
  EXPECT_EQ(timeline.Take().size(), kKept);
  EXPECT_EQ(timeline.skipped_count(), 0u);
}

}  // namespace
}  // namespace penumbra::host
