// Which pads exist. Identifiers only grow and none is given twice, not even after a pad that could not be finished; a
// pad is spent the moment a program takes it: nothing that happens afterwards brings it back.
#ifndef PENUMBRA_TRUSTED_SESSION_PAD_BOOK_H_
#define PENUMBRA_TRUSTED_SESSION_PAD_BOOK_H_

#include <cstdint>

#include "boundary/limits.h"
#include "boundary/status.h"

namespace penumbra::trusted {

class PadBook {
 public:
  uint64_t ready() const { return ready_; }

  // `count` pads come under construction, their identifiers one after the other. kNoSpace: kMaxPads identifiers are in use.
  Status Begin(uint32_t count, uint64_t* out_first_id) {
    if (count > kMaxPads - (next_ - oldest_)) return Status::kNoSpace;
    *out_first_id = next_;
    for (uint32_t i = 0; i < count; ++i) Of(next_++) = State::kBegun;
    return Status::kOk;
  }
  // What becomes of it.
  void Finish(uint64_t id) {
    Of(id) = State::kReady;
    ++ready_;
  }
  void Burn(uint64_t id) {
    Of(id) = State::kGone;
    Forget();
  }
  // The oldest pad that is ready.
  Status Take(uint64_t* out_id) {
    if (ready_ == 0) return Status::kPadsExhausted;
    uint64_t id = oldest_;
    while (Of(id) != State::kReady) ++id;
    --ready_;
    *out_id = id;
    Burn(id);
    return Status::kOk;
  }
  void Clear() {
    oldest_ = next_;
    ready_ = 0;
  }

 private:
  enum class State : uint8_t { kGone, kBegun, kReady };
  State& Of(uint64_t id) { return states_[id % kMaxPads]; }
  void Forget() {
    while (oldest_ != next_ && Of(oldest_) == State::kGone) ++oldest_;
  }

  State states_[kMaxPads] = {};
  uint64_t oldest_ = 1, next_ = 1;  // identifiers in use are in [oldest_, next_)
  uint64_t ready_ = 0;
};

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_SESSION_PAD_BOOK_H_
