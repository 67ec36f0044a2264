#include "protect/placement/placement.h"

namespace penumbra::protect {

Placement PlaceLast(const LoweredGraph& graph, uint32_t count) {
  Placement placement = PlaceLinearPublic(graph);
  for (size_t i = graph.ops.size(); i-- > 0 && count > 0;) {
    if (!IsLinear(graph.ops[i])) continue;
    placement[i] = Side::kTrusted;
    --count;
  }
  return placement;
}

}  // namespace penumbra::protect
