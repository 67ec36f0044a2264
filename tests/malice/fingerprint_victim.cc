#include "fingerprint_victim.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "host/error.h"
#include "model/onnx/import.h"
#include "model/passes/passes.h"
#include "protect/plain/inference.h"
#include "protect/plain/ports.h"
#include "protect/presets/presets.h"
#include "recycled_transport.h"
#include "schemes.h"

namespace penumbra::malice {
namespace {

// Every associative operator is public, so that the experiments have as many segments as there may be.
protect::CompileOptions SoterOptions(const protect::FingerprintOptions& fingerprints) {
  protect::CompileOptions options;
  options.preset = "soter";
  options.scheme = protect::PresetScheme("soter");
  protect::SetTheta(1, &options.scheme);
  options.fingerprints = fingerprints;
  return options;
}

// Float results may differ by their rounding; a lie moves them by more.
bool IsClose(const e2e::Tensors& a, const e2e::Tensors& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    float largest = 1;
    for (const float v : b[i]) largest = std::max(largest, std::fabs(v));
    for (size_t e = 0; e < a[i].size(); ++e) {
      if (std::fabs(a[i][e] - b[i][e]) > 1e-4f * largest) return false;
    }
  }
  return true;
}

}  // namespace

FingerprintVictim::FingerprintVictim(const protect::FingerprintOptions& options, bool partition_inside)
    : FingerprintVictim([options, partition_inside] {
        protect::CompileOptions compile = SoterOptions(options);
        compile.partition_inside = partition_inside;
        return CompileNetwork(compile);
      }, Tag::kMaker) {}

FingerprintVictim::FingerprintVictim(const std::filesystem::path& onnx, const protect::FingerprintOptions& options)
    : FingerprintVictim([onnx, options] {
        model::ImportedModel imported = model::ImportOnnxFile(onnx.string(), {});
        model::Normalize(imported.graph);
        protect::CompileOptions compile = SoterOptions(options);
        compile.calibration = e2e::SmoothCalibration(imported.graph);
        return std::make_unique<protect::CompiledModel>(imported.graph, compile);
      }, Tag::kMaker) {}

FingerprintVictim::FingerprintVictim(Maker make, Tag)
    : make_(std::move(make)),
      device_(std::make_shared<malicious::AttentiveDevice>(e2e::OpenDevice("reference"))),
      half_(e2e::MakeTransport(keys_, {}, scratch_.path())) {
  Refresh();
}

void FingerprintVictim::Refresh() {
  session_.reset();
  model_ = make_();
  e2e::WriteBundle(*model_, keys_, scratch_.path() / "model.penumbra");
}

void FingerprintVictim::Open() {
  host::SessionOptions options;
  options.vendor_key = keys_.vendor.public_key;
  device_->BeginSession();
  session_ = host::Session::Load(scratch_.path() / "model.penumbra", std::make_unique<RecycledTransport>(half_), device_,
                                 std::move(options));
}

const e2e::Tensors& FingerprintVictim::Wanted(uint32_t input) {
  const auto [entry, is_first] = wanted_.try_emplace(input);
  if (is_first) {
    const protect::LoweredGraph& graph = model_->lowered();
    e2e::Tensors physical = e2e::SmoothInputs(graph, input + 1);
    for (size_t i = 0; i < physical.size(); ++i) {
      physical[i] = protect::ToPhysical(graph.tensors[graph.inputs[i].tensor], physical[i]);
    }
    entry->second = protect::RunFloat(graph, physical);
    for (size_t i = 0; i < entry->second.size(); ++i) {
      entry->second[i] = protect::ToLogical(graph.tensors[graph.outputs[i].tensor], entry->second[i]);
    }
  }
  return entry->second;
}

Answer FingerprintVictim::Run(uint32_t input) {
  if (session_ == nullptr) Open();
  e2e::Tensors outputs;
  try {
    outputs = e2e::RunSession(session_.get(), e2e::SmoothInputs(model_->lowered(), input + 1));
  } catch (const host::HostError& error) {
    if (error.status() != Status::kIntegrity) throw std::logic_error(error.what());
    session_.reset();
    return Answer::kRefused;
  }
  return IsClose(outputs, Wanted(input)) ? Answer::kRight : Answer::kWrong;
}

double FingerprintVictim::Odds() const {
  const double count = model_->plan().fingerprint_count;
  return count / (count + 1) * model_->report().challenge_rate;
}

}  // namespace penumbra::malice
