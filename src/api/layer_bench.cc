#include "api/layer_bench.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "api/translate.h"
#include "host/keys/key_file.h"
#include "model/passes/passes.h"
#include "protect/compile.h"
#include "protect/placement/layer_times.h"

namespace penumbra::api {
namespace {

constexpr uint32_t kFewestRuns = 10, kMostRuns = 100;
constexpr std::chrono::milliseconds kLongEnough{100};

std::filesystem::path MakeFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "penumbra-profile-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) Throw(Status::kIo, "cannot make a scratch folder [" + pattern + "]");
  return pattern;
}

std::vector<float> Noise(size_t count, float scale, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> values(count);
  for (float& v : values) v = scale * (static_cast<float>(random()) * 0x1p-31f - 1);
  return values;
}

std::vector<int64_t> InputShape(const LayerSpec& spec) {
  return {1, spec.channels, spec.size, spec.size};
}

model::Graph MakeChain(const LayerSpec& spec) {
  model::Graph graph;
  const auto add = [&graph](model::OpKind op, std::vector<model::ValueId> inputs,
                            std::map<std::string, model::Attribute> attributes) {
    model::Node node{.op = op, .inputs = std::move(inputs), .attributes = std::move(attributes), .opset = 17};
    node.name = "node" + std::to_string(graph.nodes().size());
    node.outputs = {graph.AddValue(node.name, model::DataType::kUndefined, {})};
    const model::NodeIndex index = graph.AddNode(std::move(node));
    model::InferNode(graph, graph.nodes()[static_cast<size_t>(index)]);
    return graph.nodes()[static_cast<size_t>(index)].outputs.front();
  };
  model::ValueId x = graph.AddValue("x", model::DataType::kFloat32, InputShape(spec));
  graph.inputs = {x};
  const int64_t channels = spec.channels, kernel = spec.kernel, pad = spec.kernel / 2;
  const model::Shape shape = {channels, spec.depthwise ? 1 : channels, kernel, kernel};
  const size_t count = static_cast<size_t>(channels * shape[1] * kernel * kernel);
  // Of a size that keeps the signal as large as it is.
  const float scale = 2.0f / std::sqrt(static_cast<float>(count) / static_cast<float>(channels));
  for (uint32_t layer = 0; layer < spec.depth; ++layer) {
    const model::ValueId weights =
        graph.AddConstant("w", model::Tensor::Of<float>(shape, Noise(count, scale, layer + 1)));
    const model::ValueId skipped = x;
    x = add(model::OpKind::kConv, {x, weights},
            {{"kernel_shape", std::vector<int64_t>{kernel, kernel}},
             {"strides", std::vector<int64_t>{1, 1}},
             {"dilations", std::vector<int64_t>{1, 1}},
             {"pads", std::vector<int64_t>{pad, pad, pad, pad}},
             {"group", spec.depthwise ? channels : int64_t{1}}});
    x = add(model::OpKind::kRelu, {x}, {});
    if (spec.residual) x = add(model::OpKind::kAdd, {x, skipped}, {});
  }
  graph.outputs = {x};
  model::Normalize(graph);
  return graph;
}

void Lower(uint64_t ns, double* seconds) { *seconds = std::min(*seconds, static_cast<double>(ns) * 1e-9); }

LayerTimes Totals(const protect::CompiledModel& model, uint32_t weight_size) {
  LayerTimes times;
  for (const protect::LoweredOp& op : model.lowered().ops) {
    const auto* linear = std::get_if<protect::LinearOp>(&op.kind);
    if (linear == nullptr) continue;
    times.elements += static_cast<double>(model.lowered().tensors[linear->y].count());
    times.weight_bytes += static_cast<double>(linear->weights.size()) * weight_size;
  }
  for (const protect::LayerReport& layer : model.report().layers) {
    times.multiplications += static_cast<double>(layer.trusted_macs + layer.public_macs);
  }
  times.crossing_bytes = static_cast<double>(model.report().crossing_size);
  times.pad_bytes = static_cast<double>(model.report().pad_size);
  times.check_multiplications = static_cast<double>(model.report().check_macs);
  return times;
}

}  // namespace

LayerBench::LayerBench(const MeasureOptions& options)
    : options_(options),
      folder_(MakeFolder()),
      env_({.config_folder = folder_}),
      vendor_(GenerateKeys(KeyKind::kVendor, folder_ / "vendor.key")),
      device_(GenerateKeys(KeyKind::kDevice, folder_ / "device.key")) {}

LayerBench::~LayerBench() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

LayerTimes LayerBench::Run(const LayerSpec& spec, const protect::Scheme& scheme, uint32_t integer_bits) {
  const model::Graph graph = MakeChain(spec);
  const Tensor x{InputShape(spec), Noise(size_t{spec.channels} * spec.size * spec.size, 1, 99)};
  protect::CompileOptions compile;
  compile.scheme = scheme;
  compile.integer.bits = integer_bits;
  compile.check_costly_layers = true;
  compile.calibration = [&x, given = false](protect::Sample* out_sample) mutable {
    if (std::exchange(given, true)) return false;
    *out_sample = {x.values};
    return true;
  };
  const protect::CompiledModel model(graph, compile);
  protect::BundleOptions bundle;
  bundle.path = (folder_ / "layer.penumbra").string();
  bundle.name = "layer";
  bundle.vendor_key = host::ReadPrivateKey(host::KeyKind::kVendor, vendor_.private_path).private_key;
  bundle.device_keys = {host::ReadPublicKey(host::KeyKind::kDevice, device_.public_path)};
  model.Write(std::move(bundle));
  SessionOptions session_options{.carrier = options_.carrier,
                                 .accelerator = options_.accelerator,
                                 .threads = options_.threads,
                                 .vendor_key = vendor_.public_path,
                                 .device_key = device_.private_path,
                                 .enclave_binary = options_.enclave_binary,
                                 .pad_bank_size = 0};
  Session session(env_, folder_ / "layer.penumbra", session_options);
  const bool masked = scheme.activations == protect::ActivationsAxis::kOtp;
  const uint32_t weight_size = scheme.arithmetic == protect::Arithmetic::kInteger ? integer_bits / 8 : sizeof(float);
  LayerTimes times = Totals(model, weight_size);
  times.total = times.inside = times.accelerator = times.pad = std::numeric_limits<double>::infinity();
  const auto start = std::chrono::steady_clock::now();
  for (uint32_t run = 0; run < kFewestRuns || (run < kMostRuns && std::chrono::steady_clock::now() - start < kLongEnough);
       ++run) {
    if (masked) Lower(session.MakePads(1).total_ns, &times.pad);
    RunStats stats;
    session.Run({{session.inputs().front().name, x}}, &stats);
    Lower(stats.total_ns, &times.total);
    Lower(stats.inside_ns, &times.inside);
    Lower(stats.accelerator_ns, &times.accelerator);
  }
  return times;
}

}  // namespace penumbra::api
