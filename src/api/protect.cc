#include "penumbra/protect.h"

#include <algorithm>
#include <utility>

#include "api/bundle_preprocess.h"
#include "api/calibration.h"
#include "api/import.h"
#include "api/translate.h"
#include "host/keys/key_file.h"
#include "model/passes/passes.h"
#include "protect/compile.h"
#include "protect/presets/presets.h"

namespace penumbra {
namespace {

protect::Scheme ChooseScheme(const ProtectOptions& options, ProtectReport* report) {
  report->preset = options.preset;
  if (options.preset.empty() && options.calibration.empty()) {
    report->preset = protect::kDefaultPresetWithoutCalibration;
    report->notes.push_back(
        "no calibration data: everything stays in float32 inside the trusted half (preset "
        "mlcapsule); "
        "with --calibration DIR the preset enclave computes in integers, smaller and faster");
  } else if (options.preset.empty()) {
    report->preset = protect::kDefaultPreset;
  }
  protect::Scheme scheme = protect::PresetScheme(report->preset);
  for (const auto& [axis, value] : options.axes) protect::SetAxis(axis, value, &scheme);
  if (!options.axes.empty()) report->preset.clear();
  if (options.ratio) scheme.weights_parameter = *options.ratio;
  if (!options.pads) protect::SetAxis("activations", "plain", &scheme);
  return scheme;
}

// Extents of the model's picture input; [h, w] of a 4-D input, whichever end its 3 (or 1) channels
// are on.
std::pair<uint32_t, uint32_t> PictureSize(const TensorInfo& input) {
  const std::vector<int64_t>& s = input.shape;
  if (s.size() != 4) {
    api::Throw(Status::kIllegalCombination,
               "--preprocess needs a model with a 4-D picture input [input '" + input.name + "']");
  }
  const bool channel_last = s[1] != 3 && s[1] != 1 && (s[3] == 3 || s[3] == 1);
  return {static_cast<uint32_t>(s[channel_last ? 1 : 2]),
          static_cast<uint32_t>(s[channel_last ? 2 : 3])};
}

void SetSamples(const ProtectOptions& options, const std::vector<TensorInfo>& inputs,
                protect::CompileOptions* compile, std::shared_ptr<uint32_t>* out_used) {
  if (inputs.empty()) api::Throw(Status::kUnsupported, "the model has no input left");
  if (!options.preprocess.empty()) {
    const auto [height, width] = PictureSize(inputs.front());
    const api::StoredPreprocess stored =
        api::SplitLabels(ResolvePreprocess(options.preprocess, height, width, options.labels));
    compile->preprocess_json = stored.json;
    compile->labels = stored.labels;
  } else if (!options.labels.empty()) {
    compile->labels = api::SplitLabels(ResolvePreprocess("none", 1, 1, options.labels)).labels;
  }
  if (options.calibration.empty()) return;
  if (inputs.size() != 1) {
    api::Throw(Status::kUnsupported, "calibration needs a model with one input, this one has " +
                                         std::to_string(inputs.size()) +
                                         "; fix the others with --fix-input name=value");
  }
  api::CalibrationSet set = api::OpenCalibration(
      options.calibration, inputs.front(), compile->preprocess_json, options.calibration_limit);
  compile->calibration = std::move(set.next);
  *out_used = std::move(set.used_count);
}

void Fill(const protect::CompileReport& inner, ProtectReport* out) {
  out->scheme = inner.scheme;
  out->warnings = inner.warnings;
  out->exchange_size = inner.exchange_size;
  out->secure_memory_peak = inner.schedule.secure_memory_size;
  out->pad_size = inner.pad_size;
  out->crossing_size = inner.crossing_size;
  for (const protect::LayerReport& layer : inner.layers) {
    out->layers.push_back({.name = layer.name,
                           .is_public = layer.is_public,
                           .reason = layer.reason,
                           .prime_count = layer.prime_count,
                           .level_count = layer.level_count,
                           .ratio = layer.ratio,
                           .predicted_noise_db = layer.predicted_noise_db,
                           .trusted_macs = layer.trusted_macs,
                           .public_macs = layer.public_macs,
                           .crossing_size = layer.crossing_size,
                           .pad_size = layer.pad_size});
  }
}

void WriteBundle(const Env& env, const std::filesystem::path& onnx,
                 const std::filesystem::path& bundle, const ProtectOptions& options,
                 const protect::CompiledModel& compiled) {
  const auto vendor_path = options.vendor_key.empty()
                               ? DefaultKeys(env, KeyKind::kVendor).private_path
                               : options.vendor_key;
  auto device_paths = options.device_keys;
  if (device_paths.empty()) device_paths.push_back(DefaultKeys(env, KeyKind::kDevice).public_path);
  const host::KeyPair vendor = host::ReadPrivateKey(host::KeyKind::kVendor, vendor_path);
  protect::BundleOptions out;
  out.path = bundle.string();
  out.name = options.name.empty() ? onnx.stem().string() : options.name;
  out.model_version = options.model_version;
  for (const auto& path : device_paths) {
    out.device_keys.push_back(host::ReadPublicKey(host::KeyKind::kDevice, path));
  }
  out.vendor_key = vendor.private_key;
  compiled.Write(std::move(out));
}

protect::CompileOptions MakeCompileOptions(const ProtectOptions& options, ProtectReport* report) {
  protect::CompileOptions compile;
  compile.scheme = ChooseScheme(options, report);
  compile.preset = report->preset;
  compile.layers = options.layers;
  if (options.mask_ends) compile.mask_ends = *options.mask_ends;
  compile.secure_memory_size = options.secure_memory_size;
  compile.ring.prime_count = options.primes;
  compile.ring.bits_w = options.weight_bits;
  compile.ring.bits_x = options.input_bits;
  if (options.progress) {
    compile.progress = [progress = options.progress](const std::string& stage, uint64_t done,
                                                     uint64_t total) {
      progress(stage, total == 0 ? 0.0 : static_cast<double>(done) / static_cast<double>(total));
    };
  }
  return compile;
}

}  // namespace

ProtectReport Protect(const Env& env, const std::filesystem::path& onnx,
                      const std::filesystem::path& bundle, const ProtectOptions& options) {
  return api::Translated([&] {
    ProtectReport report;
    protect::CompileOptions compile = MakeCompileOptions(options, &report);
    model::ImportedModel imported = api::Import(onnx, options.import);
    model::Normalize(imported.graph);
    report.notes.insert(report.notes.end(), imported.notes.begin(), imported.notes.end());
    std::shared_ptr<uint32_t> used = std::make_shared<uint32_t>(0);
    SetSamples(options, api::GraphPorts(imported.graph, imported.graph.inputs), &compile, &used);
    const protect::CompiledModel compiled(imported.graph, compile);
    Fill(compiled.report(), &report);
    report.sample_count = *used;
    if (options.dry_run) return report;
    WriteBundle(env, onnx, bundle, options, compiled);
    report.bundle_size = std::filesystem::file_size(bundle);
    return report;
  });
}

std::vector<PresetInfo> Presets() {
  std::vector<PresetInfo> presets;
  for (const protect::Preset& preset : protect::Presets()) {
    presets.push_back(
        {std::string(preset.name), protect::SchemeText(preset.scheme), std::string(preset.needs)});
  }
  return presets;
}

}  // namespace penumbra
