#include "protect/lower/shared_layers.h"

#include <string_view>
#include <unordered_map>

#include "protect/lower/same_operator.h"

namespace penumbra::protect {
namespace {

std::string_view BytesOf(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

}  // namespace

void MarkSharedLayers(LoweredGraph* graph) {
  std::unordered_multimap<size_t, uint32_t> first_ones;
  for (uint32_t i = 0; i < graph->ops.size(); ++i) {
    auto* layer = std::get_if<LinearOp>(&graph->ops[i].kind);
    if (layer == nullptr) continue;
    layer->same_as = kNone;
    const size_t hash = std::hash<std::string_view>()(BytesOf(layer->weights));
    const auto [begin, end] = first_ones.equal_range(hash);
    for (auto at = begin; at != end && layer->same_as == kNone; ++at) {
      if (SameParameters(graph->ops[i], graph->ops[at->second])) layer->same_as = at->second;
    }
    if (layer->same_as == kNone) first_ones.emplace(hash, i);
  }
}

}  // namespace penumbra::protect
