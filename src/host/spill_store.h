// Sealed tiles that wait outside the TEE: for the length of one inference, or as long as the model is loaded. Slots keep their memory
// from one inference to the next: a plan spills the same sizes every time.
#ifndef PENUMBRA_HOST_SPILL_STORE_H_
#define PENUMBRA_HOST_SPILL_STORE_H_

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "boundary/status.h"

namespace penumbra::host {

// One call at a time.
class SpillStore {
 public:
  explicit SpillStore(uint64_t max_size) : max_size_(max_size) {}

  // Keeps a copy; a second Put to a slot replaces the first. kNoSpace.
  Status Put(uint64_t slot, std::span<const uint8_t> sealed);
  // kNotFound: nothing was put since Clear. kMalformed: the size differs from what was put.
  Status Get(uint64_t slot, std::span<uint8_t> out_sealed) const;
  // Forgets every slot's contents.
  void Clear() { ++generation_; }

 private:
  struct Slot {
    uint64_t generation = 0;
    std::vector<uint8_t> bytes;
  };
  uint64_t max_size_;
  uint64_t size_ = 0;        // bytes held, over all generations
  uint64_t generation_ = 1;  // slots of an older generation are empty
  std::unordered_map<uint64_t, Slot> slots_;
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_SPILL_STORE_H_
