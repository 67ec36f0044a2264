// Tasks: the work on one destination tile, and what must have happened before it can start.
#ifndef PENUMBRA_PROTECT_SCHEDULE_TASK_H_
#define PENUMBRA_PROTECT_SCHEDULE_TASK_H_

#include <cstdint>
#include <vector>

#include "protect/schedule/nodes.h"
#include "protect/schedule/plan_parts.h"

namespace penumbra::protect {

// Something that happens once all its providers have run: a tile is complete, the rows of a layer
// are masked up to some point, a layer has replied.
using EventId = uint32_t;

struct Task {
  std::vector<Step> steps;
  std::vector<EventId> waits;  // may repeat
  std::vector<EventId> provides;
  // Runs before what became ready with it: tiles leave once it is done.
  bool hurries = false;
};

// Tasks of one linear layer (a job, or the tiles of a trusted convolution) run in their order when
// the layer's turn comes; all other tasks run as soon as they can.
struct TaskGraph {
  std::vector<Task> eager;
  std::vector<std::vector<Task>> barriers;  // in topological order of the layers
  uint32_t event_count = 0;
};

// Limits that shape the program; from the secure-memory budget.
struct ScheduleLimits {
  uint64_t arena_size;  // bytes the dynamic tiles may take
};

// Adds tensors, constants, layers and ports to the plan and returns the inference program as tasks.
// LayerRec fields that belong to the exchange region are filled in later (exchange.h). Errors as
// AssignTiles().
TaskGraph BuildTasks(const LoweredGraph& lowered, const std::vector<LinearPlan>& linears,
                     const FloatPlan& floats, const ScheduleLimits& limits, NodeGraph* graph,
                     CompiledPlan* plan);

// The order: depth first, so that few float32 tiles are alive at any time. Throws
// model::ModelError(kInternal) when tasks wait for each other.
std::vector<Step> OrderTasks(TaskGraph tasks);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_TASK_H_
