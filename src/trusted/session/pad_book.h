// Which pads exist. Identifiers only grow and none is given twice, not even after a pad that could not be finished; a
// pad is spent the moment a program takes it: nothing that happens afterwards brings it back.
//
// In a durable bank a pad is in hand, or recorded in the ledger outside, or neither yet. Recorded ones come to hand by a
// lease only (session/pad_bank.h); the others may be used, for no ledger has them.
#ifndef PENUMBRA_TRUSTED_SESSION_PAD_BOOK_H_
#define PENUMBRA_TRUSTED_SESSION_PAD_BOOK_H_

#include <cstdint>

#include "boundary/limits.h"
#include "boundary/status.h"

namespace penumbra::trusted {

class PadBook {
 public:
  uint64_t in_hand() const { return Count(State::kInHand); }
  uint64_t unrecorded() const { return Count(State::kUnrecorded); }
  uint64_t ready() const { return in_hand() + unrecorded() + Count(State::kRecorded); }
  // Identifiers in use are in [oldest, next).
  uint64_t oldest() const { return oldest_; }
  uint64_t next() const { return next_; }
  bool IsRecorded(uint64_t id) const { return states_[id % kMaxPads] == State::kRecorded; }
  bool IsInHand(uint64_t id) const { return id >= oldest_ && id < next_ && states_[id % kMaxPads] == State::kInHand; }

  // `count` pads come under construction, their identifiers one after the other. kNoSpace: more than `capacity` (at most
  // kMaxPads) identifiers would be in use.
  Status Begin(uint64_t capacity, uint32_t count, uint64_t* out_first_id) {
    const uint64_t used = next_ - oldest_;
    if (used > capacity || count > capacity - used) return Status::kNoSpace;
    *out_first_id = next_;
    for (uint32_t i = 0; i < count; ++i) Move(next_++, State::kBegun);
    return Status::kOk;
  }
  // What becomes of it.
  void Finish(uint64_t id, bool durable) { Move(id, durable ? State::kUnrecorded : State::kInHand); }
  void Burn(uint64_t id) {
    Move(id, State::kGone);
    Forget();
  }
  // The oldest pad in hand; while nothing is recorded that a lease would bring, the oldest unrecorded one.
  Status Take(uint64_t* out_id) {
    const State from = in_hand() != 0 ? State::kInHand : State::kUnrecorded;
    if (Count(from) == 0 || (from == State::kUnrecorded && Count(State::kRecorded) != 0)) return Status::kPadsExhausted;
    uint64_t id = oldest_;
    while (Of(id) != from) ++id;
    *out_id = id;
    Burn(id);
    return Status::kOk;
  }

  // The `count` oldest pads are in hand, the others recorded.
  void Lease(uint64_t count) {
    for (uint64_t id = oldest_; id != next_; ++id) {
      if (Of(id) == State::kGone || Of(id) == State::kBegun) continue;
      Move(id, count != 0 ? State::kInHand : State::kRecorded);
      if (count != 0) --count;
    }
  }
  void BurnRecorded() {
    for (uint64_t id = oldest_; id != next_; ++id) {
      if (Of(id) == State::kRecorded) Move(id, State::kGone);
    }
    Forget();
  }
  // A pad of a ledger, into an empty book that is told all of them in ascending order, fewer than kMaxPads apart.
  void Restore(uint64_t id) {
    if (ready() == 0) oldest_ = next_ = id;
    next_ = id + 1;
    Move(id, State::kRecorded);
  }
  void Clear() {
    for (State& state : states_) state = State::kGone;
    for (uint32_t& count : counts_) count = 0;
    oldest_ = next_;
  }

 private:
  enum class State : uint8_t { kGone, kBegun, kInHand, kUnrecorded, kRecorded };
  State& Of(uint64_t id) { return states_[id % kMaxPads]; }
  uint64_t Count(State state) const { return counts_[static_cast<uint8_t>(state)]; }
  void Move(uint64_t id, State to) {
    --counts_[static_cast<uint8_t>(Of(id))];
    ++counts_[static_cast<uint8_t>(to)];
    Of(id) = to;
  }
  void Forget() {
    while (oldest_ != next_ && Of(oldest_) == State::kGone) ++oldest_;
  }

  State states_[kMaxPads] = {};
  uint32_t counts_[5] = {};  // by state; that of kGone means nothing
  uint64_t oldest_ = 1, next_ = 1;
};

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_SESSION_PAD_BOOK_H_
