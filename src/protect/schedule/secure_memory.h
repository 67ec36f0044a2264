// What a plan takes of secure memory beside its dynamic tiles.
#ifndef PENUMBRA_PROTECT_SCHEDULE_SECURE_MEMORY_H_
#define PENUMBRA_PROTECT_SCHEDULE_SECURE_MEMORY_H_

#include <cstdint>

#include "protect/schedule/plan_parts.h"

namespace penumbra::protect {

// Tables of the trusted runtime: records and programs, state per tile and layer, chunk sizes, the
// map of the arena the proof uses, keys and session state.
uint64_t TableSize(const CompiledPlan& plan);

// Tables, scratch and arena: what must fit the budget.
uint64_t SecureMemorySize(const CompiledPlan& plan);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_SECURE_MEMORY_H_
