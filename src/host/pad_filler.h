// Fills the pad bank while the host is idle. Requests come first: a pad under way pauses at its next step while they
// are in flight, and is given up when they need its lane.
#ifndef PENUMBRA_HOST_PAD_FILLER_H_
#define PENUMBRA_HOST_PAD_FILLER_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "host/job_pump.h"

namespace penumbra::host {

// What a filler asks of its session, from its own thread.
struct PadSource {
  enum class Outcome { kMade, kNoLane, kGivenUp, kFailed };
  // Makes one pad in an idle lane at the pace given; never throws.
  std::function<Outcome(Pace*)> make;
  // Pads the trusted half has ready, and bytes in the pad store.
  std::function<uint64_t()> ready_count, stored_size;
};

// Safe from any thread. Pads are made when no request is in flight, or when the bank is empty and a lane is free.
class PadFiller final : public Pace {
 public:
  // A request in flight, until destruction.
  class Request {
   public:
    explicit Request(PadFiller* filler) : filler_(filler) {
      if (filler_ != nullptr) filler_->Count(+1);
    }
    ~Request() {
      if (filler_ != nullptr) filler_->Count(-1);
    }
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;

   private:
    PadFiller* filler_;
  };

  // The bank holds at most `bank_size` bytes by this filler's doing; `pad_size`: bytes of one sealed pad.
  PadFiller(PadSource source, uint64_t bank_size, uint64_t pad_size, uint32_t lane_count);
  // Gives the pad under way up and ends the thread.
  ~PadFiller() override;

  // Until the pad that is being made is ready, at once when there is none. The caller is a request in flight.
  void WaitForPad();
  // Something changed that only the session knows: a pad was taken, a lane came free.
  void Notify();

  // Of the pad under way.
  bool MayGoOn() override;
  bool WaitToGoOn() override;

 private:
  void Count(int change);
  void Loop();
  bool WantsPad() const;
  bool MustWait() const;
  bool MustGiveUp() const;

  const PadSource source_;
  const uint64_t bank_size_, pad_size_;
  const uint32_t lane_count_;
  std::mutex mutex_;  // of everything below
  std::condition_variable changed_;
  uint32_t in_flight_ = 0;
  uint32_t awaited_ = 0;   // requests that wait for the pad under way
  uint64_t changes_ = 0;   // calls of Count() and Notify()
  bool making_ = false;
  bool failed_ = false;    // pads cannot be made: whoever needs one will hear why
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_PAD_FILLER_H_
