#include "host/device_runner.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>
#include <utility>

namespace penumbra::host {
namespace {

using std::chrono::milliseconds;

class FunctionSegment final : public PreparedSegment {
 public:
  explicit FunctionSegment(std::function<Status()> run) : run_(std::move(run)) {}
  Status Run(const Job&) override { return run_(); }

 private:
  std::function<Status()> run_;
};

OwnedJob JobOf(std::function<Status()> run) {
  OwnedJob job;
  job.segment = std::make_shared<FunctionSegment>(std::move(run));
  return job;
}

TEST(DeviceRunner, WithoutLimitRunsOnTheCallersThread) {
  DeviceRunner runner(milliseconds(0));
  std::thread::id where;
  EXPECT_EQ(runner.Run(JobOf([&] {
    where = std::this_thread::get_id();
    return Status::kDeviceFailed;
  })),
            Status::kDeviceFailed);
  EXPECT_EQ(where, std::this_thread::get_id());
}

TEST(DeviceRunner, PassesVerdictsOn) {
  DeviceRunner runner(milliseconds(10'000));
  for (int i = 0; i < 100; ++i) {
    const Status expected = i % 2 == 0 ? Status::kOk : Status::kDeviceFailed;
    EXPECT_EQ(runner.Run(JobOf([expected] { return expected; })), expected);
  }
}

// The hung job keeps its memory although runner and caller are gone, and lets it go when it ends.
TEST(DeviceRunner, AHangCostsTheRunnerNotItsMemory) {
  auto memory = std::make_shared<int>(0);
  const std::weak_ptr<int> watch = memory;
  std::atomic<bool> release{false}, ended{false};
  {
    DeviceRunner runner(milliseconds(20));
    int* target = memory.get();
    OwnedJob job = JobOf([&release, &ended, target] {
      while (!release) std::this_thread::sleep_for(milliseconds(1));
      *target = 1;
      ended = true;
      return Status::kOk;
    });
    job.keep_alive = {std::move(memory)};
    EXPECT_EQ(runner.Run(std::move(job)), Status::kTimeout);
    EXPECT_EQ(runner.Run(JobOf([] { return Status::kOk; })), Status::kTimeout);
  }
  EXPECT_FALSE(watch.expired());
  release = true;
  while (!ended || !watch.expired()) std::this_thread::sleep_for(milliseconds(1));
}

}  // namespace
}  // namespace penumbra::host
