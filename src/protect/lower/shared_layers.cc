#include "protect/lower/shared_layers.h"

#include <cstring>
#include <string_view>
#include <type_traits>
#include <unordered_map>

namespace penumbra::protect {
namespace {

std::string_view BytesOf(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

bool IsSame(const LinearOp& a, const LinearOp& b) {
  static_assert(std::has_unique_object_representations_v<ConvGeometry>);
  return std::memcmp(&a.geometry, &b.geometry, sizeof a.geometry) == 0 &&
         BytesOf(a.bias) == BytesOf(b.bias) && BytesOf(a.weights) == BytesOf(b.weights);
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
      if (IsSame(*layer, std::get<LinearOp>(graph->ops[at->second].kind)))
        layer->same_as = at->second;
    }
    if (layer->same_as == kNone) first_ones.emplace(hash, i);
  }
}

}  // namespace penumbra::protect
