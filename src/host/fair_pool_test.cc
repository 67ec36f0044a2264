#include "host/fair_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

namespace penumbra::host {
namespace {

TEST(FairPool, HandsOutTheLowestFreePlace) {
  FairPool pool(3);
  FairPool::Lease a = pool.Take(), b = pool.Take(), c = pool.Take();
  EXPECT_EQ(a.place(), 0u);
  EXPECT_EQ(b.place(), 1u);
  EXPECT_EQ(c.place(), 2u);
  c.Return();
  a = std::move(b);  // gives place 0 back
  EXPECT_EQ(a.place(), 1u);
  EXPECT_FALSE(b);
  const FairPool::Lease d = pool.Take(), e = pool.Take();
  EXPECT_EQ(d.place(), 0u);
  EXPECT_EQ(e.place(), 2u);
}

TEST(FairPool, TriesWithoutWaiting) {
  FairPool pool(1);
  FairPool::Lease a = pool.TryTake();
  EXPECT_TRUE(a);
  EXPECT_FALSE(pool.TryTake());
  a.Return();
  pool.Close();
  EXPECT_FALSE(pool.TryTake());
}

// Whoever waits longest is next, although the place is taken anew by the thread that returns it.
TEST(FairPool, ServesInTheOrderOfArrival) {
  constexpr int kWaiters = 8;
  FairPool pool(1);
  std::vector<int> order;  // guarded by the only place
  std::vector<std::thread> threads;
  {
    const FairPool::Lease held = pool.Take();
    for (int i = 0; i < kWaiters; ++i) {
      threads.emplace_back([&, i] {
        const FairPool::Lease lease = pool.Take();
        order.push_back(i);
      });
      while (pool.waiting() != static_cast<size_t>(i) + 1) std::this_thread::yield();
    }
  }
  FairPool::Lease last = pool.Take();
  EXPECT_EQ(order.size(), static_cast<size_t>(kWaiters)) << "somebody was overtaken";
  last.Return();
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST(FairPool, ManyThreadsNeverShareAPlace) {
  constexpr uint32_t kPlaces = 3;
  FairPool pool(kPlaces);
  std::atomic<int> users[kPlaces] = {};
  std::atomic<bool> shared{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        const FairPool::Lease lease = pool.Take();
        if (users[lease.place()]++ != 0) shared = true;
        --users[lease.place()];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(shared);
}

TEST(FairPool, ClosingSendsWaitersAway) {
  FairPool pool(1);
  FairPool::Lease held = pool.Take();
  bool served = true;
  std::thread waiter([&] { served = static_cast<bool>(pool.Take()); });
  while (pool.waiting() != 1) std::this_thread::yield();
  pool.Close();
  waiter.join();
  EXPECT_FALSE(served);
  held.Return();
  EXPECT_FALSE(pool.Take());
}

}  // namespace
}  // namespace penumbra::host
