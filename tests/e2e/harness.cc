#include "harness.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>
#include <stdexcept>
#include <system_error>

#include "accel/registry.h"
#include "protect/plain/inference.h"
#include "protect/plain/ports.h"
#include "protect/presets/presets.h"
#include "tee/direct/untrusted/direct_transport.h"
#include "tee/process/untrusted/process_transport.h"

namespace penumbra::e2e {
namespace {

// A random walk pulled back to 0: neighbours are alike, far elements are not.
std::vector<float> SmoothValues(size_t count, std::mt19937* random) {
  std::vector<float> values(count);
  float last = 0;
  for (float& x : values) {
    // Drawn from the generator's own integers: distributions differ between standard libraries.
    const float step = static_cast<float>((*random)()) * 0x1p-31f - 1;
    last = 0.875f * last + step;
    x = last;
  }
  return values;
}

}  // namespace

ScratchFolder::ScratchFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "penumbra-e2e-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), "mkdtemp " + name);
  }
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

protect::Scheme SchemeOf(const std::string& preset) {
  protect::Scheme scheme = protect::FindPreset(preset).scheme;
  if (scheme.integrity == protect::IntegrityAxis::kFingerprints) {
    scheme.integrity = protect::IntegrityAxis::kUnverified;
  }
  return scheme;
}

std::string PlaceName(const Place& place) {
  return place.device + (place.carrier == CarrierKind::kDirect ? " direct " : " process ") +
         std::to_string(place.threads);
}

void WriteBundle(const protect::CompiledModel& model, const Keys& keys,
                 const std::filesystem::path& path) {
  protect::BundleOptions options;
  options.path = path;
  options.name = "exact";
  options.vendor_key = keys.vendor.private_key;
  options.device_keys = {keys.device.public_key};
  model.Write(options);
}

std::unique_ptr<host::Transport> MakeTransport(const Keys& keys, const Place& place,
                                               const std::filesystem::path& scratch) {
  if (place.carrier == CarrierKind::kDirect) {
    return std::make_unique<tee::DirectTransport>(
        tee::DirectOptions{.device_key = keys.device.private_key, .state_directory = place.state});
  }
  const std::filesystem::path key_file = scratch / "device.key";
  if (!std::filesystem::exists(key_file)) {
    host::WriteKeyPair(keys.device, key_file, scratch / "device.pub");
  }
  tee::ProcessOptions options;
  options.enclave_binary = PENUMBRA_ENCLAVE_BINARY;
  options.device_key_file = key_file;
  options.state_directory = place.state;
  return std::make_unique<tee::ProcessTransport>(std::move(options));
}

std::unique_ptr<host::Session> OpenSession(const std::filesystem::path& bundle, const Keys& keys,
                                           const Place& place,
                                           const std::filesystem::path& scratch) {
  return OpenSession(bundle, keys, place, scratch, OpenDevice(place.device));
}

std::shared_ptr<Device> OpenDevice(const std::string& name) {
  std::unique_ptr<Device> device;
  if (!IsOk(CreateDevice(name, &device))) throw std::runtime_error("no accelerator " + name);
  return device;
}

std::unique_ptr<host::Session> OpenSession(const std::filesystem::path& bundle, const Keys& keys,
                                           const Place& place,
                                           const std::filesystem::path& scratch,
                                           std::shared_ptr<Device> device) {
  host::SessionOptions options;
  options.vendor_key = keys.vendor.public_key;
  options.threads = place.threads;
  options.max_in_flight = place.in_flight;
  options.secure_memory_size = place.secure_memory_size;
  options.pad_bank_size = place.pad_bank_size;
  options.pad_policy = place.pad_policy;
  options.durable_pads = place.durable_pads;
  options.pads_inside = place.pads_inside;
  options.pad_lease = place.pad_lease;
  return host::Session::Load(bundle, MakeTransport(keys, place, scratch), std::move(device),
                             std::move(options));
}

Tensors RunSession(host::Session* session, const Tensors& inputs, host::RunStats* out_stats,
                   host::ReceiptRequest* receipt) {
  std::vector<host::TensorView> views;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const host::Port& port = session->inputs().at(i);
    views.push_back({port.name, port.shape, inputs[i]});
  }
  Tensors outputs;
  for (host::Tensor& tensor : session->Run(views, out_stats, receipt)) {
    outputs.push_back(std::move(tensor.values));
  }
  return outputs;
}

Tensors RunPlain(const protect::CompiledModel& model, const Tensors& inputs) {
  const protect::LoweredGraph& graph = model.lowered();
  Tensors physical;
  for (size_t i = 0; i < inputs.size(); ++i) {
    physical.push_back(protect::ToPhysical(graph.tensors[graph.inputs[i].tensor], inputs[i]));
  }
  Tensors outputs = protect::PlainInference(graph, model.quantized()).Run(physical);
  for (size_t i = 0; i < outputs.size(); ++i) {
    outputs[i] = protect::ToLogical(graph.tensors[graph.outputs[i].tensor], outputs[i]);
  }
  return outputs;
}

uint64_t CountDifferentBits(const Tensors& a, const Tensors& b) {
  uint64_t different = 0;
  for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    if (i >= a.size() || i >= b.size() || a[i].size() != b[i].size()) {
      different += std::max(i < a.size() ? a[i].size() : 1, i < b.size() ? b[i].size() : 1);
      continue;
    }
    for (size_t j = 0; j < a[i].size(); ++j) {
      different += std::memcmp(&a[i][j], &b[i][j], sizeof(float)) != 0;
    }
  }
  return different;
}

Tensors SmoothInputs(const protect::LoweredGraph& graph, uint32_t seed) {
  std::mt19937 random(seed);
  Tensors inputs;
  for (const protect::LoweredPort& port : graph.inputs) {
    inputs.push_back(SmoothValues(graph.tensors[port.tensor].count(), &random));
  }
  return inputs;
}

Tensors SmoothInputs(const model::Graph& graph, uint32_t seed) {
  std::mt19937 random(seed);
  Tensors inputs;
  for (const model::ValueId id : graph.inputs) {
    inputs.push_back(
        SmoothValues(static_cast<size_t>(model::ElementCount(graph.value(id).shape)), &random));
  }
  return inputs;
}

protect::SampleSource SmoothCalibration(const model::Graph& graph) {
  return [&graph, left = 3u](protect::Sample* out_sample) mutable {
    if (left == 0) return false;
    *out_sample = SmoothInputs(graph, 100 + left--);
    return true;
  };
}

}  // namespace penumbra::e2e
