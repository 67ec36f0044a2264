#include "protect/placement/placement.h"

namespace penumbra::protect {

Placement PlaceLinearPublic(const LoweredGraph& graph) {
  Placement placement = PlaceAllTrusted(graph);
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    if (IsLinear(graph.ops[i])) placement[i] = Side::kPublic;
  }
  return placement;
}

}  // namespace penumbra::protect
