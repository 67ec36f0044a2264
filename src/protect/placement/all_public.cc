#include "protect/placement/placement.h"

namespace penumbra::protect {

Placement PlaceAllPublic(const LoweredGraph& graph) {
  return Placement(graph.ops.size(), Side::kPublic);
}

}  // namespace penumbra::protect
