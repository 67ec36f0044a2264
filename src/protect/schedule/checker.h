// An independent check of a finished plan, run before anything is sealed and by the tests. It
// follows both programs tile by tile, knows nothing of how they were made, and says what is wrong
// in words; the trusted runtime repeats the proof at load (and says nothing).
#ifndef PENUMBRA_PROTECT_SCHEDULE_CHECKER_H_
#define PENUMBRA_PROTECT_SCHEDULE_CHECKER_H_

#include <string>

#include "protect/schedule/plan_parts.h"

namespace penumbra::protect {

// "" when every tile is resident and completely written before it is read, no two resident tiles
// overlap, rows are masked once and in order before their job, replies are restored after it, x and
// y areas in flight do not overlap, pads are stored by the pad programs, and nothing stays behind.
std::string CheckPlan(const CompiledPlan& plan);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_CHECKER_H_
