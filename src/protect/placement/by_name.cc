#include <string_view>

#include "model/error.h"
#include "protect/placement/placement.h"

namespace penumbra::protect {
namespace {

// Shell pattern with '*' and '?', by the usual two-pointer scan that retries at the last star.
bool Matches(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;
  size_t retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace

void KeepLayersByName(const LoweredGraph& graph, const std::vector<std::string>& patterns,
                      Placement* out_placement) {
  if (patterns.empty()) return;
  std::vector<bool> kept(graph.ops.size(), false);
  for (const std::string& pattern : patterns) {
    bool found = false;
    for (size_t i = 0; i < graph.ops.size(); ++i) {
      if (!IsLinear(graph.ops[i]) || !Matches(pattern, graph.ops[i].name)) continue;
      kept[i] = true;
      found = true;
    }
    if (!found) {
      throw model::ModelError(Status::kWrongName, "no linear layer is called '" + pattern + "'", {},
                              "penumbra protect --dry-run --report FILE lists the layers and their names");
    }
  }
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    if (IsLinear(graph.ops[i]) && !kept[i]) (*out_placement)[i] = Side::kTrusted;
  }
}

}  // namespace penumbra::protect
