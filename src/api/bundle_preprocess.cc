#include "api/bundle_preprocess.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "media/preprocess.h"

namespace penumbra::api {

using nlohmann::json;

StoredPreprocess SplitLabels(const std::string& preprocess_json) {
  media::Preprocess preprocess = media::PreprocessFromJson(preprocess_json);
  std::vector<std::string> labels = std::exchange(preprocess.labels, {});
  return {media::PreprocessToJson(preprocess), std::move(labels)};
}

StoredPreprocess ReadStoredPreprocess(const std::string& metadata) {
  const json root = json::parse(metadata, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) return {};
  StoredPreprocess stored;
  if (root.contains("preprocess")) stored.json = SplitLabels(root["preprocess"].dump()).json;
  if (root.contains("labels")) {
    // One parser for lists of labels.
    stored.labels = SplitLabels(json{{"labels", root["labels"]}}.dump()).labels;
  }
  return stored;
}

}  // namespace penumbra::api
