// Which pads exist. Identifiers only grow, pads are spent in the order they were made, and a pad is spent the
// moment a program takes it: nothing that happens afterwards brings it back.
#ifndef PENUMBRA_TRUSTED_SESSION_PAD_BOOK_H_
#define PENUMBRA_TRUSTED_SESSION_PAD_BOOK_H_

#include <cstdint>

#include "boundary/status.h"

namespace penumbra::trusted {

class PadBook {
 public:
  uint64_t ready() const { return made_ - spent_; }
  // Identifier of the pad under construction; it exists once Finish() is called for it.
  uint64_t under_construction() const { return made_ + 1; }
  void Finish() { ++made_; }
  Status Take(uint64_t* out_id) {
    if (spent_ == made_) return Status::kPadsExhausted;
    *out_id = ++spent_;
    return Status::kOk;
  }
  void Clear() { spent_ = made_; }

 private:
  uint64_t made_ = 0, spent_ = 0;
};

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_SESSION_PAD_BOOK_H_
