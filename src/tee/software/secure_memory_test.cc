#include "tee/software/secure_memory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

namespace penumbra::tee {
namespace {

TEST(SecureMemory, IsZeroedAlignedAndWritable) {
  SecureMemory memory;
  ASSERT_EQ(memory.Allocate(100'000), Status::kOk);
  ASSERT_GE(memory.bytes().size(), 100'000u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(memory.bytes().data()) % 4096, 0u);
  EXPECT_TRUE(std::ranges::all_of(memory.bytes(), [](uint8_t b) { return b == 0; }));
  std::ranges::fill(memory.bytes(), uint8_t{1});
  EXPECT_EQ(memory.Allocate(1), Status::kWrongState);
}

TEST(SecureMemory, RefusesImpossibleSizes) {
  SecureMemory memory;
  EXPECT_EQ(memory.Allocate(SIZE_MAX), Status::kOutOfMemory);
  EXPECT_EQ(memory.Allocate(SIZE_MAX / 2), Status::kOutOfMemory);
  EXPECT_NE(memory.Allocate(0), Status::kOk);
}

// A forked child must not find the secret: it is zero there, or not mapped at all.
TEST(SecureMemory, DoesNotReachAForkedChild) {
  SecureMemory memory;
  ASSERT_EQ(memory.Allocate(4096), Status::kOk);
  constexpr int kFound = 42;  // unlike what a sanitizer ends with
  volatile uint8_t* secret = memory.bytes().data();
  *secret = 42;
  const pid_t child = fork();
  if (child == 0) {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    _exit(*secret == 42 ? kFound : 0);
  }
  int ending = 0;
  ASSERT_EQ(waitpid(child, &ending, 0), child);
  EXPECT_FALSE(WIFEXITED(ending) && WEXITSTATUS(ending) == kFound);
}

}  // namespace
}  // namespace penumbra::tee
