// inspect: what the bearer of a bundle may see, and what the owner of a key may.
#include <memory>
#include <optional>

#include "arguments.h"
#include "explain.h"
#include "report_text.h"
#include "split_picture.h"
#include "verbs.h"

namespace penumbra::cli {
namespace {

struct Options {
  std::string bundle, vendor, graph, export_public;
  std::string vendor_key, device_key;  // private
  std::string failure_log;
  bool explain = false;
  std::string accelerator;  // of explain
};

std::string Joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text.append(text.empty() ? "" : ", ").append(part);
  return text;
}

Json InfoJson(const BundleInfo& info) {
  Json segments = Json::array();
  for (const PublicSegment& segment : info.segments) {
    segments.push_back({{"operators", segment.operators},
                        {"input_hwc", segment.input},
                        {"output_hwc", segment.output},
                        {"primes", segment.prime_count},
                        {"multiplications", segment.multiply_count},
                        {"weight_bytes", segment.weight_size},
                        {"crossing_bytes", segment.crossing_bytes},
                        {"projections", segment.projection_count}});
  }
  return {{"name", info.name},
          {"model_version", info.model_version},
          {"signature_checked", info.signature_checked},
          {"file_bytes", info.file_size},
          {"public_bytes", info.public_size},
          {"sealed_bytes", info.sealed_size},
          {"exchange_bytes", info.exchange_size},
          {"secure_memory_bytes", info.secure_memory_size},
          {"soundness_bits", info.soundness_bits},
          {"fingerprints", FingerprintsJson(info.fingerprints)},
          {"partition", info.candidate_count == 0 ? Json(nullptr)
                                                  : Json{{"theta", info.theta}, {"candidates", info.candidate_count}}},
          {"device_ids", info.device_ids},
          {"inputs", PortsJson(info.inputs)},
          {"outputs", PortsJson(info.outputs)},
          {"preprocess", info.preprocess.empty() ? Json(nullptr) : Json::parse(info.preprocess)},
          {"has_report", info.has_report},
          {"pad_bytes", info.pad_size ? Json(*info.pad_size) : Json(nullptr)},
          {"pad_multiplications",
           info.pad_multiplications ? Json(*info.pad_multiplications) : Json(nullptr)},
          {"pad_batch", info.pad_batch},
          {"segments", segments}};
}

std::string PortText(const std::vector<TensorInfo>& ports) {
  std::string text;
  for (const TensorInfo& port : ports) {
    text.append(text.empty() ? "" : ", ").append(port.name + " " + ShapeText(port.shape));
    if (port.type != TensorType::kFloat32) text += " " + TensorTypeName(port.type);
  }
  return text;
}

// Seconds depend on the machine: 'penumbra bench' measures them.
std::string PadText(const BundleInfo& info) {
  if (!info.pad_size) return "this bundle does not say";
  if (*info.pad_size == 0) return "none needed";
  const std::string together =
      info.pad_batch == 1 ? "" : ", " + std::to_string(info.pad_batch) + " share a pass over the weights";
  return SizeText(*info.pad_size) + ", " +
         std::to_string(info.pad_multiplications.value_or(0) / 1000000) +
         " million multiplications to make" + together + " (timed by 'penumbra bench')";
}

std::string PartitionText(const BundleInfo& info) {
  return "everything is sealed. When the model is loaded the trusted half draws which operators become public: each of " +
         std::to_string(info.candidate_count) + " candidates with probability " + Fixed(info.theta, 4) +
         ", under scales that\nit draws, too. Whoever has this file sees none of them; whoever runs it sees those that were drawn, with "
         "their weights\nscaled, and others at the next load.\n";
}

std::string InfoText(const BundleInfo& info) {
  std::string text =
      Table({{"model", info.name + ", version " + std::to_string(info.model_version)},
             {"signature", info.signature_checked ? "good" : "not checked: give --vendor KEY.pub"},
             {"inputs", PortText(info.inputs)},
             {"outputs", PortText(info.outputs)},
             {"file", SizeText(info.file_size)},
             {"public half", SizeText(info.public_size)},
             {"sealed half", SizeText(info.sealed_size)},
             {"secure memory", SizeText(info.secure_memory_size)},
             {"exchange region", SizeText(info.exchange_size)},
             {"one pad", PadText(info)},
             {"devices", std::to_string(info.device_count)},
             {"integrity", IntegrityText(info.soundness_bits, info.fingerprints)},
             {"per-layer report", info.has_report ? "sealed; opens with --vendor-key or --device-key"
                                                  : "none in this bundle"},
             {"preprocessing", info.preprocess.empty() ? "none stored" : info.preprocess}});
  if (info.candidate_count != 0) return text + PartitionText(info);
  if (info.segments.empty()) return text + "every layer is inside the trusted half\n";
  std::vector<Row> rows{
      {"segment", "operators", "input", "output", "primes", "weights", "crossing", "projections"}};
  for (size_t i = 0; i < info.segments.size(); ++i) {
    const PublicSegment& segment = info.segments[i];
    rows.push_back({std::to_string(i), Joined(segment.operators), ExtentText(segment.input),
                    ExtentText(segment.output), std::to_string(segment.prime_count),
                    SizeText(segment.weight_size), SizeText(segment.crossing_bytes),
                    std::to_string(segment.projection_count)});
  }
  return text + "\n" + Table(rows);
}

std::optional<SealedReport> OpenReport(const Options& options, const Console& console) {
  if (!options.vendor_key.empty() && !options.device_key.empty()) {
    ThrowUsage("give --vendor-key or --device-key, not both");
  }
  if (options.vendor_key.empty() && options.device_key.empty()) return std::nullopt;
  ReportKeys keys{.vendor_private_key = options.vendor_key,
                  .device_private_key = options.device_key,
                  .vendor_public_key = options.vendor};
  if (keys.vendor_private_key.empty() && keys.vendor_public_key.empty()) {
    keys.vendor_public_key = DefaultKeys(console.env(), KeyKind::kVendor).public_path;
  }
  return ReadReport(options.bundle, keys);
}

Json RefusedJson(const RefusedReply& reply) {
  return {{"layer", reply.layer},
          {"layer_index", reply.layer_index},
          {"float_segment", reply.float_segment ? Json(*reply.float_segment) : Json(nullptr)},
          {"prime", reply.prime},
          {"row", reply.row},
          {"word", reply.word},
          {"start", reply.start},
          {"model_version", reply.model_version}};
}

std::string RefusedText(const RefusedReply& reply) {
  const std::string layer =
      reply.layer.empty() ? "no linear layer" : "layer " + std::to_string(reply.layer_index) + ", " + reply.layer;
  const std::string part = reply.float_segment ? "segment " + std::to_string(*reply.float_segment)
                                               : "prime " + std::to_string(reply.prime);
  return Table({{"refused reply", layer},
                {"where", part + ", row " + std::to_string(reply.row) +
                              ", instruction at word " + std::to_string(reply.word)},
                {"when", "start " + std::to_string(reply.start) + " since the model was loaded, version " +
                             std::to_string(reply.model_version)}});
}

void Run(const Options& options, const Console& console) {
  if (!options.failure_log.empty() && options.vendor_key.empty()) {
    ThrowUsage("--failure-log is for the vendor: give --vendor-key, the private key the bundle was signed with");
  }
  if (!options.accelerator.empty() && !options.explain) ThrowUsage("--accelerator is for --explain");
  if (!options.graph.empty()) RequireSvgName(options.graph);
  const bool with_key = !options.vendor_key.empty() || !options.device_key.empty();
  const std::optional<SealedReport> sealed = OpenReport(options, console);
  BundleInfo info = Inspect(options.bundle, options.vendor);
  info.signature_checked |= with_key;  // by reading the report
  if (with_key && !sealed) {
    console.Log(LogLevel::kWarning,
                "the bundle holds no per-layer report; protect the model again to get one");
  }
  const ProtectReport* report = sealed ? &sealed->report : nullptr;
  if (!options.graph.empty()) WriteText(options.graph, SplitPicture(info, report));
  Json document = InfoJson(info);
  std::string text = InfoText(info);
  if (!options.export_public.empty()) {
    Json files = Json::array();
    for (const auto& file : ExportPublic(options.bundle, options.export_public, options.vendor)) {
      files.push_back(file.string());
    }
    text += std::to_string(files.size()) + " ONNX models in " + options.export_public + "\n";
    document["exported"] = std::move(files);
  }
  if (with_key) document["report"] = report == nullptr ? Json(nullptr) : ReportJson(*report);
  if (report != nullptr) {
    const bool inside = sealed->request.partition_inside;
    text += "\n" + Table(ReportTotals(*report, inside)) + "\n" + LayerTable(*report, inside);
  }
  if (options.explain) {
    const auto methods = ExplainPublic(options.bundle, options.accelerator, options.vendor);
    const auto names = SegmentNames(info, report);
    document["methods"] = MethodsJson(methods, names);
    text += "\n" + MethodsTable(methods, names);
  }
  if (!options.failure_log.empty()) {
    const RefusedReply reply =
        ReadFailureLog(ReadFailureLogFile(options.failure_log), options.bundle, options.vendor_key);
    document["refused"] = RefusedJson(reply);
    text += "\n" + RefusedText(reply);
  }
  console.Result("inspect", document, text);
}

}  // namespace

Verb AddInspect(CLI::App* app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app->add_subcommand("inspect", "print what a bundle says about itself");
  command->add_option("bundle", options->bundle, "bundle file")->required();
  command->add_option("--vendor", options->vendor, "vendor's public key: checks the signature");
  command->add_option("--vendor-key", options->vendor_key,
                      "vendor's private key: checks the signature, opens the per-layer report");
  command->add_option("--device-key", options->device_key,
                      "a device's private key: the same, with the public key of --vendor; default: "
                      "your own vendor key");
  command->add_option("--failure-log", options->failure_log,
                      "what 'run --vendor-log' wrote on a device; with --vendor-key: which layer's reply was refused");
  command->add_option("--graph", options->graph,
                      "write a picture of the split (SVG; with layer names when a key is given)");
  command->add_flag("--explain", options->explain,
                    "say which kernel computes each public layer on this machine, why, and what the others are estimated to cost");
  command->add_option("--accelerator", options->accelerator, "of --explain")->check(CLI::IsMember(AcceleratorNames()));
  command->add_option("--export-public", options->export_public,
                      "write the public half into this folder, one ONNX model per segment; not with arithmetic prime");
  return {command, [options](const Console& console) { Run(*options, console); }};
}

}  // namespace penumbra::cli
