#include "penumbra/protect.h"

#include <memory>
#include <utility>

#include "api/compile.h"
#include "api/translate.h"
#include "host/keys/key_file.h"
#include "protect/compile.h"
#include "protect/presets/presets.h"

namespace penumbra {
namespace {

void Fill(const protect::CompileReport& inner, ProtectReport* out) {
  out->scheme = inner.scheme;
  out->warnings = inner.warnings;
  out->exchange_size = inner.exchange_size;
  out->secure_memory_peak = inner.schedule.secure_memory_size;
  out->sample_count = inner.sample_count;
  out->output_noise_db = inner.output_noise_db;
  out->pad_size = inner.pad_size;
  out->crossing_size = inner.crossing_size;
  out->soundness_bits = inner.soundness_bits;
  out->check_macs = inner.check_macs;
  out->fingerprints = {.count = inner.fingerprint_count,
                       .cornerstones = inner.cornerstone_count,
                       .challenge_rate = inner.challenge_rate,
                       .cornerstones_size = inner.cornerstones_size,
                       .macs = inner.fingerprint_macs};
  for (const protect::LayerReport& layer : inner.layers) {
    out->layers.push_back({.name = layer.name,
                           .kernel = layer.kernel,
                           .input = {layer.input.begin(), layer.input.end()},
                           .output = {layer.output.begin(), layer.output.end()},
                           .is_public = layer.is_public,
                           .reason = layer.reason,
                           .prime_count = layer.prime_count,
                           .level_count = layer.level_count,
                           .ratio = layer.ratio,
                           .predicted_noise_db = layer.predicted_noise_db,
                           .bound_unproved = layer.may_wrap,
                           .field_share = layer.field_share,
                           .trusted_macs = layer.trusted_macs,
                           .public_macs = layer.public_macs,
                           .secure_memory_size = layer.secure_memory_size,
                           .crossing_size = layer.crossing_size,
                           .pad_size = layer.pad_size,
                           .projection_count = layer.projection_count,
                           .soundness_bits = layer.soundness_bits,
                           .check_macs = layer.check_macs,
                           .segment = layer.segment,
                           .float_segment = layer.float_segment,
                           .predicted_inside_ms = layer.predicted_inside * 1e3,
                           .predicted_outside_ms = layer.predicted_outside * 1e3,
                           .damage = layer.damage});
  }
  out->notes.insert(out->notes.end(), inner.notes.begin(), inner.notes.end());
  if (inner.predicted_seconds == 0) return;
  out->prediction = {.device = inner.device,
                     .chosen_ms = inner.predicted_seconds * 1e3,
                     .inside_ms = inner.predicted_inside * 1e3,
                     .outside_ms = inner.predicted_outside * 1e3,
                     .damage = inner.damage};
}

void WriteBundle(const Env& env, const std::filesystem::path& model_file,
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
  out.name = options.name.empty() ? model_file.stem().string() : options.name;
  out.model_version = options.model_version;
  for (const auto& path : device_paths) {
    out.device_keys.push_back(host::ReadPublicKey(host::KeyKind::kDevice, path));
  }
  out.vendor_key = vendor.private_key;
  compiled.Write(std::move(out));
}

}  // namespace

ProtectReport Protect(const Env& env, const std::filesystem::path& model_file,
                      const std::filesystem::path& bundle, const ProtectOptions& options) {
  return api::Translated([&] {
    ProtectReport report;
    const std::unique_ptr<protect::CompiledModel> compiled =
        api::Compile(model_file, options, {}, &report);
    Fill(compiled->report(), &report);
    if (options.dry_run) return report;
    WriteBundle(env, model_file, bundle, options, *compiled);
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
