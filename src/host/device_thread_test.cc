#include "host/device_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <utility>

namespace penumbra::host {
namespace {

using std::chrono::milliseconds;

void Sleep(int ms) { std::this_thread::sleep_for(milliseconds(ms)); }

TEST(DeviceThread, WorkRunsOnOneThread) {
  DeviceThread thread(milliseconds(10'000));
  std::thread::id first;
  for (int i = 0; i < 100; ++i) {
    std::thread::id where;
    ASSERT_TRUE(thread.Run([&](DeviceClock* clock) {
      const Status wanted = i % 2 == 0 ? Status::kOk : Status::kDeviceFailed;
      EXPECT_EQ(clock->Time([&] {
        where = std::this_thread::get_id();
        return wanted;
      }),
                wanted);
      EXPECT_EQ(where, std::this_thread::get_id());
    }));
    if (i == 0) first = where;
    EXPECT_EQ(where, first);
  }
  EXPECT_NE(first, std::this_thread::get_id());
}

TEST(DeviceThread, ExceptionsReachTheCaller) {
  DeviceThread thread(milliseconds(10'000));
  EXPECT_THROW(thread.Run([](DeviceClock*) { throw std::runtime_error("odd"); }), std::runtime_error);
  EXPECT_THROW(thread.Run([](DeviceClock* clock) {
    static_cast<void>(clock->Time([]() -> Status { throw std::logic_error("odd"); }));
  }),
               std::logic_error);
  EXPECT_TRUE(thread.Run([](DeviceClock*) {}));
}

// The limit is for one job, neither for the work nor for what it does between jobs.
TEST(DeviceThread, OnlyJobsAreTimed) {
  constexpr int kLimit = 400;
  DeviceThread thread(milliseconds{kLimit});
  EXPECT_TRUE(thread.Run([](DeviceClock* clock) {
    try {
      static_cast<void>(clock->Time([]() -> Status { throw std::runtime_error("odd"); }));
    } catch (const std::runtime_error&) {
    }
    Sleep(2 * kLimit);
    for (int i = 0; i < 30; ++i) {
      EXPECT_EQ(clock->Time([] {
        Sleep(kLimit / 20);
        return Status::kOk;
      }),
                Status::kOk);
    }
  }));
}

// A job that begins late in the work has the whole limit and no more.
TEST(DeviceThread, TheLimitCountsFromTheJobsStart) {
  constexpr int kLimit = 300;
  struct Job {
    std::chrono::steady_clock::time_point began;
    std::atomic<bool> release{false};
  };
  const auto job = std::make_shared<Job>();  // outlives the test when its thread is the last to look
  DeviceThread thread(milliseconds{kLimit});
  EXPECT_FALSE(thread.Run([job](DeviceClock* clock) {
    Sleep(kLimit * 3 / 2);
    job->began = std::chrono::steady_clock::now();
    static_cast<void>(clock->Time([&] {
      while (!job->release) Sleep(1);
      return Status::kOk;
    }));
  }));
  EXPECT_GE(std::chrono::steady_clock::now() - job->began, milliseconds{kLimit});
  job->release = true;
}

// The hung work keeps its memory although thread and caller are gone, and lets it go when the job ends; what would have
// come behind the job does not happen.
TEST(DeviceThread, AHangCostsTheThreadNotItsMemory) {
  auto memory = std::make_shared<std::atomic<int>>(0);
  const std::weak_ptr<std::atomic<int>> watch = memory;
  std::atomic<bool> release{false}, went_on{false};
  {
    DeviceThread thread(milliseconds(20));
    EXPECT_FALSE(thread.Run([&release, &went_on, owned = std::move(memory)](DeviceClock* clock) {
      static_cast<void>(clock->Time([&] {
        while (!release) Sleep(1);
        *owned = 1;
        return Status::kOk;
      }));
      went_on = true;
    }));
    EXPECT_FALSE(thread.Run([](DeviceClock*) {}));
  }
  EXPECT_FALSE(watch.expired());
  release = true;
  while (!watch.expired()) Sleep(1);
  EXPECT_FALSE(went_on);
}

}  // namespace
}  // namespace penumbra::host
