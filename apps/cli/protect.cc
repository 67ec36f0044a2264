// protect: a model file becomes a bundle.
#include <memory>

#include "arguments.h"
#include "model_options.h"
#include "report_text.h"
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

Json Document(const Options& options, const ProtectReport& report) {
  Json document{{"model", options.model},
                {"bundle", options.dry_run ? Json(nullptr) : Json(options.bundle)}};
  document.update(ReportJson(report));
  document["bundle_bytes"] = report.bundle_size;
  document["notes"] = report.notes;
  return document;
}

std::string Summary(const Options& options, const ProtectReport& report) {
  std::vector<Row> rows = ReportTotals(report, options.protect.partition_inside);
  rows.insert(rows.begin(), {options.dry_run ? "dry run of" : "bundle",
                             options.dry_run ? options.model : options.bundle});
  rows.push_back({"bundle size", options.dry_run ? "not written" : SizeText(report.bundle_size)});
  return Table(rows);
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
  const Json document = Document(options, report);
  if (!options.report.empty()) {
    WriteText(options.report, document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  }
  console.Result("protect", document, Summary(options, report));
}

}  // namespace

Verb AddProtect(CLI::App* app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app->add_subcommand("protect", "turn an ONNX or TFLite model into a bundle");
  command->add_option("model", options->model, "ONNX or TFLite file")->required();
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
