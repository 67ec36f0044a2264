// The unprotected model in float32, computed by plain loops over the imported graph: what protected
// results are compared with.
#ifndef PENUMBRA_FLOAT_MODEL_H_
#define PENUMBRA_FLOAT_MODEL_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "penumbra/export.h"
#include "penumbra/tensor.h"

namespace penumbra {

struct ImportSettings {
  // Fixes dynamic dimensions, by input name.
  std::map<std::string, std::vector<int64_t>> shapes = {};
  // Inputs turned into constants; one element fills the whole input.
  TensorMap fix_inputs = {};
};

// Thread-safe. Throws Error.
class PENUMBRA_API FloatModel {
 public:
  explicit FloatModel(const std::filesystem::path& model_file, const ImportSettings& settings = {});
  ~FloatModel();
  FloatModel(FloatModel&&) noexcept;
  FloatModel& operator=(FloatModel&&) noexcept;

  const std::vector<TensorInfo>& inputs() const;
  const std::vector<TensorInfo>& outputs() const;
  TensorMap Run(const TensorMap& inputs, uint32_t threads = 1) const;
  // Every activation of one run, by the model's own names, in the order in which they are computed.
  std::vector<std::pair<std::string, Tensor>> Trace(const TensorMap& inputs) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct OperatorInfo {
  std::string name;  // ONNX, default domain
  int min_opset = 0, max_opset = 0;
  std::string notes;       // of the importer
  std::string protection;  // what `protect` asks for beyond that; "refused ..." where it cannot
};
PENUMBRA_API std::vector<OperatorInfo> SupportedOperators();

struct TfliteOperatorInfo {
  std::string name;  // builtin operator
  int max_version = 0;
  std::string becomes;  // ONNX operators, by which `protect` judges it; empty: nothing remains
  std::string notes;
};
PENUMBRA_API std::vector<TfliteOperatorInfo> SupportedTfliteOperators();

struct Version {
  std::string penumbra;
  std::string bundle_format, plan_format;
  std::string compiler;
  std::vector<std::string> accelerators;
  std::vector<std::string> absent_accelerators;  // that another build has
};
PENUMBRA_API Version BuildVersion();

}  // namespace penumbra

#endif  // PENUMBRA_FLOAT_MODEL_H_
