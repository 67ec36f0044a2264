#include "penumbra/compare.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>
#include <variant>

#include "api/compile.h"
#include "api/translate.h"
#include "protect/plain/inference.h"
#include "protect/plain/ports.h"

namespace penumbra {
namespace {

using Tensors = std::vector<std::vector<float>>;

// By index into protect::LoweredKind; empty: moves values and computes none.
constexpr std::array<const char*, std::variant_size_v<protect::LoweredKind>> kKinds = {
    "linear", "element-wise", "pool", "reduce", "softmax", "", "", "resize", "matmul", "argmax",
    "normalise"};

struct Sums {
  double error = 0, signal = 0;  // of squares
  double max_error = 0, max_value = 0;

  void Add(std::span<const float> wanted, std::span<const float> got) {
    for (size_t i = 0; i < wanted.size(); ++i) {
      const double value = wanted[i], difference = std::abs(double{got[i]} - value);
      error += difference * difference;
      signal += value * value;
      max_error = std::max(max_error, difference);
      max_value = std::max(max_value, std::abs(value));
    }
  }
  double ErrorDb() const {
    if (error == 0) return -std::numeric_limits<double>::infinity();
    return 10 * std::log10(error / signal);
  }
};

[[noreturn]] void RefuseOtherBundle(const std::string& output) {
  api::Throw(Status::kIllegalCombination,
             "the bundle's output '" + output +
                 "' has not the bits of this model with these options: it was made from another "
                 "model, other calibration data or other options; give those of 'penumbra "
                 "protect', or the vendor's private key (--vendor-key) to take them from the "
                 "bundle");
}

}  // namespace

struct LayerComparer::Impl {
  std::unique_ptr<protect::CompiledModel> model;
  std::unique_ptr<protect::PlainInference> oracle;
  std::vector<Sums> sums;  // of each operator
  uint32_t sample_count = 0;

  const protect::LoweredGraph& graph() const { return model->lowered(); }

  Tensors Physical(const TensorMap& inputs) const {
    protect::Sample sample;
    for (const protect::LoweredPort& port : graph().inputs) {
      const auto found = inputs.find(port.name);
      if (found == inputs.end()) {
        api::Throw(Status::kWrongName, "the sample has no input '" + port.name + "'");
      }
      sample.push_back(found->second.values);
    }
    return protect::PhysicalInputs(graph(), sample);
  }

  void RequireSameBits(const Tensors& wanted, const TensorMap& outputs) const {
    for (size_t i = 0; i < wanted.size(); ++i) {
      const protect::LoweredPort& port = graph().outputs[i];
      const std::vector<float> logical =
          protect::ToLogical(graph().tensors[port.tensor], wanted[i]);
      const auto found = outputs.find(port.name);
      if (found == outputs.end() || found->second.values.size() != logical.size() ||
          std::memcmp(found->second.values.data(), logical.data(),
                      logical.size() * sizeof(float)) != 0) {
        RefuseOtherBundle(port.name);
      }
    }
  }
};

LayerComparer::LayerComparer(const std::filesystem::path& model_file, const ProtectOptions& options,
                             const std::string& stored_preprocess)
    : impl_(std::make_unique<Impl>()) {
  api::Translated([&] {
    ProtectReport report;
    impl_->model = api::Compile(model_file, options, stored_preprocess, &report);
    if (impl_->model->quantized().empty()) {
      api::Throw(Status::kIllegalCombination,
                 "these options compute in float32, so there are no integers to compare; give the "
                 "options the bundle was made with (--preset, --calibration)");
    }
    impl_->oracle =
        std::make_unique<protect::PlainInference>(impl_->graph(), impl_->model->quantized());
    impl_->sums.resize(impl_->graph().ops.size());
  });
}

LayerComparer::~LayerComparer() = default;
LayerComparer::LayerComparer(LayerComparer&&) noexcept = default;
LayerComparer& LayerComparer::operator=(LayerComparer&&) noexcept = default;

void LayerComparer::Add(const TensorMap& inputs, const TensorMap& outputs) {
  api::Translated([&] {
    const Tensors physical = impl_->Physical(inputs);
    Tensors wanted(impl_->sums.size());
    protect::RunFloat(impl_->graph(), physical, [&](size_t op, std::span<const float> y) {
      wanted[op].assign(y.begin(), y.end());
    });
    std::vector<Sums> sums = impl_->sums;
    const Tensors results =
        impl_->oracle->Run(physical, [&](size_t op, std::span<const float> y) {
          sums[op].Add(wanted[op], y);
          std::vector<float>().swap(wanted[op]);
        });
    impl_->RequireSameBits(results, outputs);
    impl_->sums = std::move(sums);
    ++impl_->sample_count;
  });
}

LayerComparison LayerComparer::Result(double threshold_db) const {
  LayerComparison result;
  result.sample_count = impl_->sample_count;
  for (size_t op = 0; op < impl_->sums.size(); ++op) {
    const protect::LoweredOp& lowered = impl_->graph().ops[op];
    const std::string kind = kKinds[lowered.kind.index()];
    if (kind.empty()) continue;
    const Sums& sums = impl_->sums[op];
    const double error_db = sums.ErrorDb();
    if (!result.first && error_db > threshold_db) result.first = result.layers.size();
    result.layers.push_back({.name = lowered.name,
                             .kind = kind,
                             .error_db = error_db,
                             .max_error = sums.max_error,
                             .max_value = sums.max_value});
  }
  return result;
}

}  // namespace penumbra
