// protect: an ONNX file becomes a bundle.
#include <fstream>
#include <memory>

#include "arguments.h"
#include "model_options.h"
#include "verbs.h"

namespace penumbra::cli {
namespace {

struct Options {
  std::string model, bundle, report;
  ProtectArguments protect;
  std::string sign, name;
  std::vector<std::string> devices;
  uint64_t model_version = 1;
  bool dry_run = false;
};

Json LayerJson(const ProtectedLayer& layer) {
  return {{"name", layer.name},
          {"placement", layer.is_public ? "public" : "trusted"},
          {"reason", layer.reason},
          {"primes", layer.prime_count},
          {"levels", layer.level_count},
          {"ratio", layer.ratio},
          {"predicted_noise_db", layer.predicted_noise_db},
          {"trusted_macs", layer.trusted_macs},
          {"public_macs", layer.public_macs},
          {"crossing_bytes", layer.crossing_size},
          {"pad_bytes", layer.pad_size}};
}

Json ReportJson(const Options& options, const ProtectReport& report) {
  Json layers = Json::array();
  for (const ProtectedLayer& layer : report.layers) layers.push_back(LayerJson(layer));
  return {{"model", options.model},
          {"bundle", options.dry_run ? Json(nullptr) : Json(options.bundle)},
          {"preset", report.preset},
          {"scheme", report.scheme},
          {"calibration_samples", report.sample_count},
          {"bundle_bytes", report.bundle_size},
          {"exchange_bytes", report.exchange_size},
          {"secure_memory_peak_bytes", report.secure_memory_peak},
          {"pad_bytes", report.pad_size},
          {"crossing_bytes", report.crossing_size},
          {"warnings", report.warnings},
          {"notes", report.notes},
          {"layers", layers}};
}

std::string Summary(const Options& options, const ProtectReport& report) {
  size_t public_count = 0;
  for (const ProtectedLayer& layer : report.layers) public_count += layer.is_public ? 1 : 0;
  return Table(
      {{options.dry_run ? "dry run of" : "bundle",
        options.dry_run ? options.model : options.bundle},
       {"preset", report.preset.empty() ? "axes set by hand" : report.preset},
       {"scheme", report.scheme},
       {"linear layers", std::to_string(public_count) + " public, " +
                             std::to_string(report.layers.size() - public_count) + " trusted"},
       {"calibration samples", std::to_string(report.sample_count)},
       {"bundle size", options.dry_run ? "not written" : SizeText(report.bundle_size)},
       {"secure memory", SizeText(report.secure_memory_peak)},
       {"exchange region", SizeText(report.exchange_size)},
       {"pads per inference", SizeText(report.pad_size)},
       {"crossing per inference", SizeText(report.crossing_size)}});
}

void WriteReport(const std::string& path, const Json& report) {
  std::ofstream file(path);
  file << report.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  file.close();
  if (!file) throw Error(203, "cannot write the report [" + path + "]");
}

void Run(const Options& options, const Console& console) {
  ProtectOptions inner = ToProtectOptions(options.protect);
  inner.vendor_key = options.sign;
  inner.device_keys = {options.devices.begin(), options.devices.end()};
  inner.name = options.name;
  inner.model_version = options.model_version;
  inner.dry_run = options.dry_run;
  if (!options.dry_run && options.bundle.empty()) ThrowUsage("name the bundle: -o FILE.penumbra");
  inner.progress = [&](const std::string& stage, double done) { console.Progress(stage, done); };
  const ProtectReport report = Protect(console.env(), options.model, options.bundle, inner);
  for (const std::string& note : report.notes) console.Log(LogLevel::kInfo, note);
  for (const std::string& warning : report.warnings) console.Log(LogLevel::kWarning, warning);
  const Json document = ReportJson(options, report);
  if (!options.report.empty()) WriteReport(options.report, document);
  console.Result("protect", document, Summary(options, report));
}

}  // namespace

Verb AddProtect(CLI::App* app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app->add_subcommand("protect", "turn an ONNX model into a bundle");
  command->add_option("model", options->model, "ONNX file")->required();
  command->add_option("-o,--output", options->bundle, "bundle to write");
  AddProtectArguments(command, &options->protect);
  command->add_option("--sign", options->sign,
                      "vendor's private key; default: your own, made on first use");
  command->add_option("--device", options->devices,
                      "device's public key, once per device; default: your own, made on first use");
  command->add_option("--name", options->name, "model name; default: the file's name");
  command->add_option("--model-version", options->model_version, "a number that only grows")
      ->capture_default_str();
  command->add_option("--report", options->report,
                      "write the per-layer report (JSON; for the vendor only)");
  command->add_flag("--dry-run", options->dry_run, "do everything but write the bundle");
  return {command, [options](const Console& console) { Run(*options, console); }};
}

}  // namespace penumbra::cli
