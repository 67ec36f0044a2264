#include "crypto/random.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bitset>
#include <set>
#include <thread>
#include <vector>

#include "crypto/testing.h"

namespace penumbra::crypto {
namespace {

TEST(RandomBytes, FillsExactlyTheView) {
  std::vector<uint8_t> bytes(4098, 0xa5);
  ASSERT_EQ(RandomBytes(MutableBytes(bytes).subspan(1, 4096)), Status::kOk);
  EXPECT_EQ(bytes.front(), 0xa5);
  EXPECT_EQ(bytes.back(), 0xa5);
  // Untouched bytes would show as a count of 0xa5 far beyond the expected 16.
  EXPECT_LT(std::count(bytes.begin() + 1, bytes.end() - 1, 0xa5), 60);
  EXPECT_EQ(RandomBytes({}), Status::kOk);
}

TEST(RandomBytes, IsBalanced) {
  std::vector<uint8_t> bytes(1 << 16);
  ASSERT_EQ(RandomBytes(bytes), Status::kOk);
  int64_t ones = 0;
  for (const uint8_t b : bytes) ones += static_cast<int64_t>(std::bitset<8>(b).count());
  // Mean 2^18, standard deviation 2^8.5 = 362; ten of them.
  EXPECT_NEAR(static_cast<double>(ones), 262144.0, 3620.0);
}

TEST(RandomBytes, NeverRepeatsAcrossThreads) {
  constexpr size_t kThreads = 4, kDraws = 64;
  std::vector<std::vector<uint8_t>> draws(kThreads * kDraws, std::vector<uint8_t>(16));
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&draws, t] {
      for (size_t i = 0; i < kDraws; ++i) {
        EXPECT_EQ(RandomBytes(draws[t * kDraws + i]), Status::kOk);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set(draws.begin(), draws.end()).size(), draws.size());
}

// A generator state copied by fork() would give parent and child the same keys.
TEST(RandomBytes, DiffersAfterFork) {
  uint8_t warm_up[16], ours[16], theirs[16];
  ASSERT_EQ(RandomBytes(warm_up), Status::kOk);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    uint8_t bytes[16];
    const bool good = IsOk(RandomBytes(bytes)) && write(ends[1], bytes, 16) == 16;
    _exit(good ? 0 : 1);
  }
  ASSERT_EQ(RandomBytes(ours), Status::kOk);
  ASSERT_EQ(read(ends[0], theirs, 16), 16);
  int exit_status = 0;
  ASSERT_EQ(waitpid(child, &exit_status, 0), child);
  EXPECT_EQ(exit_status, 0);
  EXPECT_NE(testing::ToHex(ours), testing::ToHex(theirs));
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace penumbra::crypto
