#include "api/report_json.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "api/translate.h"
#include "boundary/limits.h"
#include "protect/schedule/plan_parts.h"

namespace penumbra::api {
namespace {

using Json = nlohmann::json;

constexpr int kReportVersion = 2;

// Seconds of a report; null stands for what never ends, nothing for a report without predictions.
double Milliseconds(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end()) return 0;
  return found->is_null() ? std::numeric_limits<double>::infinity() : found->get<double>() * 1e3;
}

std::optional<uint32_t> NumberOrNothing(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return std::nullopt;
  return found->get<uint32_t>();
}

ProtectedLayer ParseLayer(const Json& json) {
  return {.name = json.at("name"),
          .kernel = json.at("kernel"),
          .input = json.at("input"),
          .output = json.at("output"),
          .is_public = json.at("is_public"),
          .reason = json.at("reason"),
          .prime_count = json.at("prime_count"),
          .level_count = json.at("level_count"),
          .ratio = json.at("ratio"),
          .predicted_noise_db = json.at("predicted_noise_db"),
          .bound_unproved = json.value("bound_unproved", false),
          .field_share = json.value("field_share", 0.0),
          .trusted_macs = json.at("trusted_macs"),
          .public_macs = json.at("public_macs"),
          .secure_memory_size = json.at("arena_size"),
          .crossing_size = json.at("crossing_size"),
          .pad_size = json.at("pad_size"),
          .projection_count = json.at("projection_count"),
          .soundness_bits = json.at("soundness_bits"),
          .check_macs = json.at("check_macs"),
          .segment = NumberOrNothing(json, "segment"),
          .float_segment = NumberOrNothing(json, "float_segment"),
          .predicted_inside_ms = Milliseconds(json, "predicted_inside"),
          .predicted_outside_ms = Milliseconds(json, "predicted_outside"),
          .damage = json.value("damage", 0.0)};
}

Prediction ParsePrediction(const Json& json) {
  return {.device = json.at("device"),
          .chosen_ms = Milliseconds(json, "chosen"),
          .inside_ms = Milliseconds(json, "inside"),
          .outside_ms = Milliseconds(json, "outside"),
          .damage = json.at("damage")};
}

ProtectReport ParseInner(const Json& json) {
  ProtectReport report;
  report.preset = json.at("preset");
  report.scheme = json.at("scheme");
  report.warnings = json.at("warnings");
  report.sample_count = json.at("sample_count");
  const Json noise = json.value("output_noise_db", Json(nullptr));
  if (!noise.is_null()) report.output_noise_db = noise.get<double>();
  report.exchange_size = json.at("exchange_size");
  report.secure_memory_peak = json.at("secure_memory_peak");
  report.pad_size = json.at("pad_size");
  report.crossing_size = json.at("crossing_size");
  report.soundness_bits = json.at("soundness_bits");
  report.check_macs = json.at("check_macs");
  report.fingerprints = {.count = json.value("fingerprint_count", 0u),
                         .cornerstones = json.value("cornerstone_count", 0u),
                         .challenge_rate = json.value("challenge_rate", 0.0),
                         .cornerstones_size = json.value("cornerstones_size", uint64_t{0}),
                         .macs = json.value("fingerprint_macs", uint64_t{0})};
  for (const Json& layer : json.at("layers")) report.layers.push_back(ParseLayer(layer));
  if (json.contains("prediction")) report.prediction = ParsePrediction(json.at("prediction"));
  return report;
}

ProtectOptions ParseRequest(const Json& json) {
  ProtectOptions options;
  options.preset = json.at("preset");
  options.axes = json.at("axes");
  if (json.contains("ratio")) options.ratio = json.at("ratio").get<double>();
  if (json.contains("theta")) options.theta = json.at("theta").get<double>();
  options.seed = json.value("seed", uint64_t{0});
  options.partition_inside = json.value("partition_inside", false);
  if (json.contains("deadline")) options.deadline = json.at("deadline").get<double>();
  options.device_profile = json.value("device_profile", "");
  options.layers = json.at("layers");
  if (json.contains("soundness")) options.soundness = json.at("soundness").get<uint32_t>();
  if (json.contains("cornerstones")) options.cornerstones = json.at("cornerstones").get<uint32_t>();
  if (json.contains("fingerprints")) options.fingerprints = json.at("fingerprints").get<uint32_t>();
  if (json.contains("challenge_rate")) options.challenge_rate = json.at("challenge_rate").get<double>();
  options.fixed_fingerprints = json.value("fixed_fingerprints", false);
  if (json.contains("mask_ends")) options.mask_ends = json.at("mask_ends").get<bool>();
  options.calibration_limit = json.at("calibration_limit");
  options.secure_memory_size = json.at("secure_memory_size");
  options.pads = json.at("pads");
  options.primes = json.at("primes");
  options.weight_bits = json.at("weight_bits");
  options.input_bits = json.at("input_bits");
  options.allow_unproved_bound = json.value("allow_unproved_bound", false);
  options.import.shapes = json.at("shapes");
  return options;
}

}  // namespace

std::string RequestJson(const ProtectOptions& options) {
  Json json = {{"preset", options.preset},
               {"axes", options.axes},
               {"layers", options.layers},
               {"calibration_limit", options.calibration_limit},
               {"secure_memory_size", options.secure_memory_size},
               {"pads", options.pads},
               {"primes", options.primes},
               {"weight_bits", options.weight_bits},
               {"input_bits", options.input_bits},
               {"allow_unproved_bound", options.allow_unproved_bound},
               {"shapes", options.import.shapes}};
  if (options.ratio) json["ratio"] = *options.ratio;
  if (options.theta) json["theta"] = *options.theta;
  if (options.seed != 0) json["seed"] = options.seed;
  if (options.partition_inside) json["partition_inside"] = true;
  if (options.deadline) json["deadline"] = *options.deadline;
  if (!options.device_profile.empty()) json["device_profile"] = options.device_profile;
  if (options.soundness) json["soundness"] = *options.soundness;
  if (options.cornerstones) json["cornerstones"] = *options.cornerstones;
  if (options.fingerprints) json["fingerprints"] = *options.fingerprints;
  if (options.challenge_rate) json["challenge_rate"] = *options.challenge_rate;
  if (options.fixed_fingerprints) json["fixed_fingerprints"] = true;
  if (options.mask_ends) json["mask_ends"] = *options.mask_ends;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

uint64_t SealedReportSize(const std::string& metadata) {
  const Json json = Json::parse(metadata, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("report_size")) return 0;
  const Json& size = json["report_size"];
  const uint64_t limit = uint64_t{protect::kMaxReportChunks} * kMaxChunkSize;
  if (!size.is_number_unsigned() || size.get<uint64_t>() > limit) {
    Throw(Status::kMalformed, "'report_size' is out of range [metadata]");
  }
  return size.get<uint64_t>();
}

SealedReport ParseReport(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    if (json.at("version") != kReportVersion) {
      Throw(Status::kUnsupportedVersion, "the sealed report has version " +
                                             json.at("version").dump() +
                                             "; use a matching release of penumbra");
    }
    SealedReport report{.report = ParseInner(json), .request = {}};
    if (json.contains("request")) report.request = ParseRequest(json.at("request"));
    return report;
  } catch (const Json::exception&) {
    Throw(Status::kMalformed, "the sealed report is no report; protect the model again");
  }
}

}  // namespace penumbra::api
