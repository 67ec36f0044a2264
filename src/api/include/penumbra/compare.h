// Where a protected model starts to differ from its float model, for the vendor who has both.
#ifndef PENUMBRA_COMPARE_H_
#define PENUMBRA_COMPARE_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "penumbra/export.h"
#include "penumbra/protect.h"
#include "penumbra/session.h"
#include "penumbra/tensor.h"

namespace penumbra {

// Outputs of one operator over all samples, protected against float32.
struct LayerDifference {
  std::string name;           // of the model's node
  std::string kind;           // "linear", "element-wise", "pool", ...
  double error_db = 0;        // rms of the error over rms of the float values, in dB; -inf: equal
  double max_error = 0;       // absolute
  double max_value = 0;       // of the float values, absolute
};

struct LayerComparison {
  uint32_t sample_count = 0;
  std::vector<LayerDifference> layers;  // in the order of computation; copies are left out
  std::optional<size_t> first;          // the first layer above the threshold
};

// Compiles the model again and evaluates it twice, as the integers of the protected pipeline and in
// float32, operator by operator. That the integers are those of a bundle is proved by its outputs.
// One call at a time. Throws Error.
class PENUMBRA_API LayerComparer {
 public:
  // `options`: those the bundle was made with; keys, names and versions do not matter.
  // `stored_preprocess`: Session::preprocess(), used when the options name none. P107 for a scheme
  // that computes in float32: it has no integers to compare.
  LayerComparer(const std::filesystem::path& model_file, const ProtectOptions& options,
                const std::string& stored_preprocess = {});
  ~LayerComparer();
  LayerComparer(LayerComparer&&) noexcept;
  LayerComparer& operator=(LayerComparer&&) noexcept;

  // One sample. `outputs`: what the bundle gave for `inputs`. P107 unless they have the bits of the
  // compiled model: the bundle was then made from another model or with other options.
  void Add(const TensorMap& inputs, const TensorMap& outputs);

  // `threshold_db`: error_db above it counts as different.
  LayerComparison Result(double threshold_db) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penumbra

#endif  // PENUMBRA_COMPARE_H_
