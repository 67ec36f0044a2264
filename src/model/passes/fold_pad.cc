#include <algorithm>
#include <limits>

#include "model/passes/passes.h"

namespace penumbra::model {
namespace {

bool OnlySpatial(const std::vector<int64_t>& pads) {
  const size_t rank = pads.size() / 2;
  return rank > 2 && pads[0] == 0 && pads[1] == 0 && pads[rank] == 0 && pads[rank + 1] == 0 &&
         std::ranges::all_of(pads, [](int64_t pad) { return pad >= 0; });
}

bool IsNeverNegative(const Graph& graph, ValueId id) {
  const NodeIndex producer = graph.Producer(id);
  if (producer == kNoNode) return false;
  const Node& node = graph.nodes()[static_cast<size_t>(producer)];
  return node.op == OpKind::kRelu || node.op == OpKind::kSigmoid ||
         node.op == OpKind::kHardSigmoid || (node.op == OpKind::kClip && node.GetFloat("min") >= 0);
}

// Every window of the pool touches at least one real cell when padded by `pads` in all.
bool WindowsStayInside(const Node& pool, const std::vector<int64_t>& pads) {
  const auto kernel = pool.GetInts("kernel_shape");
  for (size_t i = 0; i < pads.size(); ++i) {
    if (pads[i] >= kernel[i % kernel.size()]) return false;
  }
  return std::ranges::all_of(pool.GetInts("dilations"),
                             [](int64_t dilation) { return dilation == 1; });
}

// The padding of `window` once it takes over that of `pad`; empty when the result would differ.
std::vector<int64_t> Combined(const Graph& graph, const Node& pad, const Node& window) {
  const auto outer = pad.GetInts("pads");
  const size_t rank = outer.size() / 2;
  const auto own = window.GetInts("pads");
  std::vector<int64_t> sum = own;
  for (size_t i = 0; i < rank - 2; ++i) {
    sum[i] += outer[2 + i];
    sum[rank - 2 + i] += outer[rank + 2 + i];
  }
  const float value = pad.GetFloat("value");
  const bool own_is_zero = std::ranges::all_of(own, [](int64_t p) { return p == 0; });
  bool exact = false;
  if (window.op == OpKind::kConv) exact = value == 0.0f;
  if (window.op == OpKind::kAveragePool) {
    exact = value == 0.0f && (own_is_zero || window.GetInt("count_include_pad") != 0);
  }
  if (window.op == OpKind::kMaxPool) {
    const bool never_wins = value <= std::numeric_limits<float>::lowest();
    exact = never_wins || (value == 0.0f && IsNeverNegative(graph, pad.inputs[0]));
    exact = exact && WindowsStayInside(window, sum);
  }
  return exact ? sum : std::vector<int64_t>{};
}

}  // namespace

size_t FoldPad(Graph& graph) {
  const auto producers = graph.AllProducers();
  size_t changed = 0;
  for (Node& window : graph.nodes()) {
    const bool candidate = window.op == OpKind::kConv || window.op == OpKind::kAveragePool ||
                           window.op == OpKind::kMaxPool;
    const NodeIndex before = candidate ? producers[static_cast<size_t>(window.inputs[0])] : kNoNode;
    if (before == kNoNode) continue;
    const Node& pad = graph.nodes()[static_cast<size_t>(before)];
    if (pad.op != OpKind::kPad || pad.GetString("mode") != "constant" ||
        !OnlySpatial(pad.GetInts("pads")))
      continue;
    const auto pads = Combined(graph, pad, window);
    if (pads.empty()) continue;
    window.attributes["pads"] = pads;
    if (window.op == OpKind::kAveragePool) window.attributes["count_include_pad"] = int64_t{1};
    window.inputs[0] = pad.inputs[0];
    InferNode(graph, window);
    ++changed;
  }
  return changed;
}

}  // namespace penumbra::model
