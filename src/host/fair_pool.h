// Numbered places handed out first come, first served. One place makes a lock that nobody is overtaken at.
#ifndef PENUMBRA_HOST_FAIR_POOL_H_
#define PENUMBRA_HOST_FAIR_POOL_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

namespace penumbra::host {

// Safe from any thread; outlives its leases.
class FairPool {
 public:
  // A place held until destruction; empty when the pool was closed.
  class Lease {
   public:
    Lease() = default;
    ~Lease() { Return(); }
    Lease(Lease&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), place_(other.place_) {}
    Lease& operator=(Lease&& other) noexcept;

    explicit operator bool() const { return pool_ != nullptr; }
    uint32_t place() const { return place_; }  // below the pool's count
    void Return();                             // at once; may be called twice

   private:
    friend class FairPool;
    Lease(FairPool* pool, uint32_t place) : pool_(pool), place_(place) {}
    FairPool* pool_ = nullptr;
    uint32_t place_ = 0;
  };

  explicit FairPool(uint32_t count);
  FairPool(const FairPool&) = delete;
  FairPool& operator=(const FairPool&) = delete;

  // Waits behind everybody who came before. The lowest free place.
  Lease Take();
  // A place that nobody wants at the moment; empty when there is none.
  Lease TryTake();
  // Nobody gets a place any more; those who wait leave with empty leases.
  void Close();
  uint32_t count() const { return count_; }
  size_t waiting() const;  // callers of Take() that have no place yet

 private:
  struct Waiter {
    std::condition_variable woken;
    bool served = false;
    uint32_t place = 0;
  };
  Lease TakeFree();  // with the mutex
  void Return(uint32_t place);

  const uint32_t count_;
  mutable std::mutex mutex_;
  std::vector<uint32_t> free_;    // highest first
  std::deque<Waiter*> waiters_;   // each on its thread's stack
  bool closed_ = false;
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_FAIR_POOL_H_
