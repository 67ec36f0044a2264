// Residency: turns steps into a program whose tiles stand in the arena when they are used. The
// future is fully known, so the tile whose next use is furthest away is the one to go (Belady, IBM
// Systems Journal 5(2), 1966).
#ifndef PENUMBRA_PROTECT_SCHEDULE_RESIDENCY_H_
#define PENUMBRA_PROTECT_SCHEDULE_RESIDENCY_H_

#include <cstdint>
#include <vector>

#include "protect/lower/lowered.h"
#include "protect/schedule/plan_parts.h"

namespace penumbra::protect {

struct Resident {
  std::vector<uint32_t> program;
  uint64_t arena_size = 0;    // bytes the program needs, at most the capacity
  uint64_t evicted_size = 0;  // bytes sealed outside because of lack of room
  std::vector<uint64_t> in_use;  // of each operator: most bytes that stand in the arena at its steps
};

inline constexpr uint64_t kUnlimited = ~uint64_t{0};

// Adds kAlloc, kFree, kEvict and kFetch, and kWay around the steps of each way of a float segment: tiles stand alike behind either.
// Tiles of pads and of projected weights that a step completes are evicted (stored) right
// after it. Throws model::ModelError(kSecureMemoryExceeded) naming the operator and the
// memory it needs.
Resident MakeResident(const LoweredGraph& lowered, const CompiledPlan& plan,
                      const std::vector<Step>& steps, uint64_t capacity);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_RESIDENCY_H_
