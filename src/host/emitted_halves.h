// What the trusted half emits while it loads a model whose partition it draws itself: a public half for each segment that became
// public (docs/bundle_format.md).
#ifndef PENUMBRA_HOST_EMITTED_HALVES_H_
#define PENUMBRA_HOST_EMITTED_HALVES_H_

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "boundary/status.h"

namespace penumbra::host {

// One call at a time.
class EmittedHalves {
 public:
  using Halves = std::map<uint32_t, std::vector<uint8_t>>;  // of segments

  // max_size: bytes of all halves together.
  explicit EmittedHalves(uint64_t max_size) : max_size_(max_size) {}

  // Keeps a copy. `index`: segment << 32 | offset, ascending for each segment; what was left out is zero. kMalformed: the offset lies
  // in what came before. kNoSpace.
  Status Put(uint64_t index, std::span<const uint8_t> bytes);
  Halves Take();

 private:
  uint64_t max_size_;
  uint64_t size_ = 0;
  Halves halves_;
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_EMITTED_HALVES_H_
