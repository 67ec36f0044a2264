#include <cmath>
#include <random>

#include "protect/placement/placement.h"

namespace penumbra::protect {

// The standard fixes this generator's numbers, but not what its distributions make of them.
Placement PlaceRandom(const LoweredGraph& graph, double theta, uint64_t seed,
                      const std::vector<bool>& associative) {
  std::mt19937_64 random(seed);
  Placement placement = PlaceAllTrusted(graph);
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const double draw = std::ldexp(static_cast<double>(random() >> 11), -53);
    if (associative[i] && draw < theta) placement[i] = Side::kPublic;
  }
  return placement;
}

}  // namespace penumbra::protect
