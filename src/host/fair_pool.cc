#include "host/fair_pool.h"

#include <algorithm>
#include <functional>

namespace penumbra::host {

FairPool::Lease& FairPool::Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    Return();
    pool_ = std::exchange(other.pool_, nullptr);
    place_ = other.place_;
  }
  return *this;
}

void FairPool::Lease::Return() {
  if (FairPool* pool = std::exchange(pool_, nullptr); pool != nullptr) pool->Return(place_);
}

FairPool::FairPool(uint32_t count) : count_(count) {
  for (uint32_t place = count; place > 0; --place) free_.push_back(place - 1);
}

FairPool::Lease FairPool::TakeFree() {
  if (closed_ || free_.empty()) return {};  // while one is free nobody waits
  const uint32_t place = free_.back();
  free_.pop_back();
  return {this, place};
}

FairPool::Lease FairPool::TryTake() {
  const std::lock_guard lock(mutex_);
  return TakeFree();
}

FairPool::Lease FairPool::Take() {
  std::unique_lock lock(mutex_);
  Lease lease = TakeFree();
  if (lease || closed_) return lease;
  Waiter self;
  waiters_.push_back(&self);
  self.woken.wait(lock, [&] { return self.served || closed_; });
  if (self.served) return {this, self.place};
  std::erase(waiters_, &self);
  return {};
}

void FairPool::Return(uint32_t place) {
  const std::lock_guard lock(mutex_);
  if (waiters_.empty()) {
    free_.insert(std::ranges::lower_bound(free_, place, std::greater()), place);
    return;
  }
  // Handed over, not put down: whoever comes now cannot slip in between.
  Waiter* const next = waiters_.front();
  waiters_.pop_front();
  next->place = place;
  next->served = true;
  next->woken.notify_one();
}

void FairPool::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (Waiter* waiter : waiters_) waiter->woken.notify_one();
}

size_t FairPool::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiters_.size();
}

}  // namespace penumbra::host
