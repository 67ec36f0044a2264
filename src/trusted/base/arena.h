// Bump allocator over the one block of secure memory. Tables are carved from it at load; there is no free, only
// a reset to a mark, which wipes what it gives up.
#ifndef PENUMBRA_TRUSTED_BASE_ARENA_H_
#define PENUMBRA_TRUSTED_BASE_ARENA_H_

#include <cstdint>
#include <span>
#include <type_traits>

#include "boundary/limits.h"
#include "crypto/wipe.h"

namespace penumbra::trusted {

class Arena {
 public:
  Arena() = default;
  // `memory` is aligned to kTileAlignment and outlives the arena.
  explicit Arena(std::span<uint8_t> memory) : memory_(memory) {}

  // Uninitialised bytes aligned to kTileAlignment, or an empty span when they do not fit.
  std::span<uint8_t> Take(uint64_t size) {
    const uint64_t rounded = AlignUp(size, kTileAlignment);
    if (rounded < size || rounded > memory_.size() - used_) return {};
    const std::span<uint8_t> out = memory_.subspan(used_, size);
    used_ += rounded;
    return out;
  }

  // Zeroed array of plain records, or an empty span when it does not fit (count 0: empty as well).
  template <typename T>
  std::span<T> TakeArray(uint64_t count) {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= kTileAlignment);
    if (count > memory_.size() / sizeof(T)) return {};
    const std::span<uint8_t> bytes = Take(count * sizeof(T));
    crypto::Wipe(bytes);
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }

  uint64_t used() const { return used_; }
  uint64_t capacity() const { return memory_.size(); }

  // Gives back everything taken after `mark` (a former used()), wiped.
  void ResetTo(uint64_t mark) {
    crypto::Wipe(memory_.subspan(mark, used_ - mark));
    used_ = mark;
  }

 private:
  std::span<uint8_t> memory_;
  uint64_t used_ = 0;
};

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_BASE_ARENA_H_
