// A lowered graph that a weight transform writes anew, operator by operator.
#ifndef PENUMBRA_PROTECT_WEIGHTS_SPLIT_GRAPH_H_
#define PENUMBRA_PROTECT_WEIGHTS_SPLIT_GRAPH_H_

#include <utility>
#include <vector>

#include "protect/lower/lowered.h"

namespace penumbra::protect {

struct SplitGraph {
  LoweredGraph graph;
  std::vector<bool> is_public;  // of each operator of `graph`

  void Add(LoweredOp op, bool outside) {
    graph.ops.push_back(std::move(op));
    is_public.push_back(outside);
  }
};

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_WEIGHTS_SPLIT_GRAPH_H_
