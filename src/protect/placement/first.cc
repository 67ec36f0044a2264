#include "protect/placement/placement.h"

namespace penumbra::protect {

Placement PlaceFirst(const LoweredGraph& graph, uint32_t count) {
  Placement placement = PlaceLinearPublic(graph);
  for (size_t i = 0; i < graph.ops.size() && count > 0; ++i) {
    if (!IsLinear(graph.ops[i])) continue;
    placement[i] = Side::kTrusted;
    --count;
  }
  return placement;
}

}  // namespace penumbra::protect
