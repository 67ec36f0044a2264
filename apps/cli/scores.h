// Reading class scores.
#ifndef PENUMBRA_CLI_SCORES_H_
#define PENUMBRA_CLI_SCORES_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "penumbra/penumbra.h"

namespace penumbra::cli {

struct Score {
  uint32_t index;
  float value;
};

// The `count` largest values, largest first; ties go to the smaller index.
inline std::vector<Score> TopScores(const std::vector<float>& values, uint32_t count) {
  std::vector<Score> scores;
  for (uint32_t i = 0; i < values.size(); ++i) scores.push_back({i, values[i]});
  const size_t kept = std::min<size_t>(count, scores.size());
  std::partial_sort(scores.begin(), scores.begin() + static_cast<ptrdiff_t>(kept), scores.end(),
                    [](const Score& a, const Score& b) {
                      return a.value != b.value ? a.value > b.value : a.index < b.index;
                    });
  scores.resize(kept);
  return scores;
}

inline bool IsFloat(TensorType type) {
  return type == TensorType::kFloat32 || type == TensorType::kFloat16 ||
         type == TensorType::kFloat64;
}

// Of scores: the largest. A model that ends with ArgMax says the class itself.
inline std::vector<Score> TopScores(const Tensor& output, uint32_t count) {
  if (IsFloat(output.type)) return TopScores(output.values, count);
  return {{static_cast<uint32_t>(output.values.at(0)), output.values.at(0)}};
}

inline std::string LabelOf(const std::vector<std::string>& labels, uint32_t index) {
  return index < labels.size() ? labels[index] : "class " + std::to_string(index);
}

// The class of a sample as the model numbers it: by name where the bundle has labels, else in the
// sorted order of the folders when there are as many as scores.
inline std::optional<uint32_t> TrueClass(const Sample& sample, const Dataset& dataset,
                                         const std::vector<std::string>& labels, size_t score_count) {
  if (sample.label < 0) return std::nullopt;
  const std::string& name = dataset.classes[static_cast<size_t>(sample.label)];
  const auto found = std::ranges::find(labels, name);
  if (found != labels.end()) return static_cast<uint32_t>(found - labels.begin());
  if (labels.empty() && dataset.classes.size() == score_count)
    return static_cast<uint32_t>(sample.label);
  return std::nullopt;
}

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_SCORES_H_
