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
  // Makes so many pads (1 or the filler's batch) in an idle lane at the pace given; never throws.
  std::function<Outcome(uint32_t, Pace*)> make;
  // Pads the trusted half has ready, and bytes in the pad store.
  std::function<uint64_t()> ready_count, stored_size;
};

// Safe from any thread. Pads are made when no request is in flight, or when the bank is empty and a lane is free. An empty
// bank gets one pad first, so that whoever comes next waits for one only; then several share a pass over the weights
// wherever as many fit. Once such a pass is given up, as many pads are made one by one before the next: gaps between
// requests are too short for it.
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

  // The bank holds at most `bank_size` bytes by this filler's doing; `pad_size`: bytes of one sealed pad; `batch`: pads
  // that can share a pass, 1 for one by one.
  PadFiller(PadSource source, uint64_t bank_size, uint64_t pad_size, uint32_t batch, uint32_t lane_count);
  // Gives up what is under way and ends the thread.
  ~PadFiller() override;

  // Until the pad that is being made is ready, at once when there is none. The caller is a request in flight.
  void WaitForPad();
  // Something changed that only the session knows: a pad was taken, a lane came free.
  void Notify();

  // Of the pad or pads under way.
  bool MayGoOn() override;
  bool WaitToGoOn() override;

 private:
  void Count(int change);
  void Loop();
  // How many to make now, 0 for none.
  uint32_t Wanted() const;
  void Note(uint32_t count, PadSource::Outcome outcome);
  bool MustWait() const;
  bool MustGiveUp() const;

  const PadSource source_;
  const uint64_t bank_size_, pad_size_;
  const uint32_t batch_, lane_count_;
  std::mutex mutex_;  // of everything below
  std::condition_variable changed_;
  uint32_t in_flight_ = 0;
  uint32_t awaited_ = 0;   // requests that wait for the pad under way
  uint64_t changes_ = 0;   // calls of Count() and Notify()
  uint32_t singles_ = 0;   // to be made one by one before the next batch
  bool making_ = false;
  bool failed_ = false;    // pads cannot be made: whoever needs one will hear why
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_PAD_FILLER_H_
