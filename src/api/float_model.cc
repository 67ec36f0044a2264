#include "penumbra/float_model.h"

#include <utility>

#include "api/convert.h"
#include "api/import.h"
#include "api/translate.h"
#include "boundary/bundle.h"
#include "boundary/plan.h"
#include "model/interpreter.h"
#include "model/op_table.h"
#include "model/passes/passes.h"
#include "model/tflite/model_file.h"
#include "model/tflite/op_table.h"
#include "penumbra/session.h"
#include "protect/lower/lower.h"

namespace penumbra {

struct FloatModel::Impl {
  model::Graph graph;
  std::vector<TensorInfo> inputs, outputs;
};

FloatModel::FloatModel(const std::filesystem::path& model_file, const ImportSettings& settings)
    : impl_(std::make_unique<Impl>()) {
  api::Translated([&] {
    impl_->graph = api::Import(model_file, settings).graph;
    model::Normalize(impl_->graph);
    impl_->inputs = api::GraphInputs(impl_->graph);
    impl_->outputs = api::GraphOutputs(impl_->graph);
  });
}

FloatModel::~FloatModel() = default;
FloatModel::FloatModel(FloatModel&&) noexcept = default;
FloatModel& FloatModel::operator=(FloatModel&&) noexcept = default;

const std::vector<TensorInfo>& FloatModel::inputs() const { return impl_->inputs; }
const std::vector<TensorInfo>& FloatModel::outputs() const { return impl_->outputs; }

namespace {

std::map<std::string, model::Tensor> ToFeeds(const model::Graph& graph, const TensorMap& inputs) {
  std::map<std::string, model::Tensor> feeds;
  for (const auto& [name, tensor] : inputs) {
    const model::ValueId id = graph.FindValue(name);
    const model::DataType type =
        id == model::kNoValue ? model::DataType::kFloat32 : graph.value(id).type;
    feeds.emplace(name, api::ToModelTensor(tensor, type));
  }
  return feeds;
}

}  // namespace

std::vector<std::pair<std::string, Tensor>> FloatModel::Trace(const TensorMap& inputs) const {
  return api::Translated([&] {
    std::vector<std::pair<std::string, Tensor>> activations;
    const model::Interpreter interpreter(impl_->graph);
    interpreter.Run(ToFeeds(impl_->graph, inputs), [&](model::ValueId id, const model::Tensor& tensor) {
      activations.emplace_back(impl_->graph.value(id).name, Tensor{tensor.shape(), tensor.ToFloat(),
                                      api::TensorTypeOf(tensor.type())});
    });
    return activations;
  });
}

TensorMap FloatModel::Run(const TensorMap& inputs, uint32_t threads) const {
  return api::Translated([&] {
    const std::map<std::string, model::Tensor> feeds = ToFeeds(impl_->graph, inputs);
    const model::Interpreter interpreter(impl_->graph, {.threads = static_cast<int>(threads)});
    const std::map<std::string, model::Tensor> results = interpreter.Run(feeds);
    TensorMap outputs;
    for (const TensorInfo& port : impl_->outputs) {
      const model::Tensor& tensor = results.at(port.name);
      outputs[port.name] = {tensor.shape(), tensor.ToFloat(), port.type};
    }
    return outputs;
  });
}

std::vector<OperatorInfo> SupportedOperators() {
  std::vector<OperatorInfo> operators;
  for (const model::OpInfo& op : model::AllOps()) {
    operators.push_back({std::string(op.name), op.min_opset, op.max_opset, std::string(op.notes),
                         std::string(protect::ProtectedLimits(op.kind))});
  }
  return operators;
}

std::vector<TfliteOperatorInfo> SupportedTfliteOperators() {
  std::vector<TfliteOperatorInfo> operators;
  for (const model::TfliteOpInfo& op : model::AllTfliteOps()) {
    operators.push_back({model::BuiltinName(op.op), op.max_version, std::string(op.becomes),
                         std::string(op.notes)});
  }
  return operators;
}

Version BuildVersion() {
  Version version{.penumbra = PENUMBRA_VERSION,
                  .bundle_format = std::to_string(kBundleVersion),
                  .plan_format = std::to_string(kPlanVersion),
                  .compiler = __VERSION__,
                  .accelerators = AcceleratorNames(),
                  .absent_accelerators = AbsentAccelerators()};
  return version;
}

}  // namespace penumbra
