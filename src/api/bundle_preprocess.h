// What a bundle's metadata says about preprocessing and classes.
#ifndef PENUMBRA_API_BUNDLE_PREPROCESS_H_
#define PENUMBRA_API_BUNDLE_PREPROCESS_H_

#include <string>
#include <vector>

namespace penumbra::api {

struct StoredPreprocess {
  std::string json;                 // canonical, without labels; empty when the bundle stores none
  std::vector<std::string> labels;  // may be empty
};

// `metadata`: JSON of the manifest, hostile. Reads its members "preprocess" and "labels"; throws
// MediaError when they make no sense.
StoredPreprocess ReadStoredPreprocess(const std::string& metadata);

// The two parts of a preprocessing description as it comes from a user.
StoredPreprocess SplitLabels(const std::string& preprocess_json);

}  // namespace penumbra::api

#endif  // PENUMBRA_API_BUNDLE_PREPROCESS_H_
