#include "report_text.h"

#include <cmath>

namespace penumbra::cli {
namespace {

struct Macs {
  uint64_t trusted = 0, published = 0;
};

Macs TotalMacs(const ProtectReport& report) {
  Macs macs;
  for (const ProtectedLayer& layer : report.layers) {
    macs.trusted += layer.trusted_macs;
    macs.published += layer.public_macs;
  }
  return macs;
}

// JSON has no infinity.
Json NumberOrNull(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

std::string MillisecondsText(double value) { return std::isfinite(value) ? Fixed(value, 3) : "never"; }

Json LayerJson(const ProtectedLayer& layer) {
  return {{"name", layer.name},
          {"kernel", layer.kernel},
          {"input_hwc", layer.input},
          {"output_hwc", layer.output},
          {"placement", layer.is_public ? "public" : "trusted"},
          {"reason", layer.reason},
          {"primes", layer.prime_count},
          {"levels", layer.level_count},
          {"ratio", layer.ratio},
          {"predicted_noise_db", layer.predicted_noise_db},
          {"bound_unproved", layer.bound_unproved},
          {"field_share", layer.field_share},
          {"trusted_macs", layer.trusted_macs},
          {"public_macs", layer.public_macs},
          {"secure_memory_bytes", layer.secure_memory_size},
          {"crossing_bytes", layer.crossing_size},
          {"pad_bytes", layer.pad_size},
          {"projections", layer.projection_count},
          {"soundness_bits", layer.soundness_bits},
          {"check_macs", layer.check_macs},
          {"segment", layer.segment ? Json(*layer.segment) : Json(nullptr)},
          {"float_segment", layer.float_segment ? Json(*layer.float_segment) : Json(nullptr)},
          {"predicted_inside_ms", NumberOrNull(layer.predicted_inside_ms)},
          {"predicted_outside_ms", NumberOrNull(layer.predicted_outside_ms)},
          {"damage", layer.damage}};
}

Json PredictionJson(const std::optional<Prediction>& prediction) {
  if (!prediction) return nullptr;
  return {{"device", prediction->device},
          {"chosen_ms", prediction->chosen_ms},
          {"inside_ms", NumberOrNull(prediction->inside_ms)},
          {"outside_ms", NumberOrNull(prediction->outside_ms)},
          {"damage", prediction->damage}};
}

std::string NoiseText(const ProtectReport& report) {
  if (report.output_noise_db) return Fixed(*report.output_noise_db, 1) + " dB below their values";
  return report.scheme.starts_with("float32") ? "nothing is quantised: only float32 rounds" : "none";
}

std::string SideText(const ProtectedLayer& layer, bool partition_inside) {
  if (!layer.is_public) return "trusted";
  return partition_inside ? "candidate" : "public";
}

}  // namespace

Json ReportJson(const ProtectReport& report) {
  Json layers = Json::array();
  for (const ProtectedLayer& layer : report.layers) layers.push_back(LayerJson(layer));
  const Macs macs = TotalMacs(report);
  return {{"preset", report.preset},
          {"scheme", report.scheme},
          {"calibration_samples", report.sample_count},
          {"output_noise_db", report.output_noise_db ? Json(*report.output_noise_db) : Json(nullptr)},
          {"exchange_bytes", report.exchange_size},
          {"secure_memory_peak_bytes", report.secure_memory_peak},
          {"pad_bytes", report.pad_size},
          {"crossing_bytes", report.crossing_size},
          {"soundness_bits", report.soundness_bits},
          {"soundness_formula",
           "a wrong reply is accepted with probability p^-projections, p the layer's smallest prime; "
           "an inference with the largest over its layers"},
          {"check_macs", report.check_macs},
          {"fingerprints", FingerprintsJson(report.fingerprints)},
          {"trusted_macs", macs.trusted},
          {"public_macs", macs.published},
          {"prediction", PredictionJson(report.prediction)},
          {"warnings", report.warnings},
          {"layers", layers}};
}

std::vector<Row> ReportTotals(const ProtectReport& report, bool partition_inside) {
  size_t public_count = 0;
  for (const ProtectedLayer& layer : report.layers) public_count += layer.is_public ? 1 : 0;
  const Macs macs = TotalMacs(report);
  const std::string outside = partition_inside ? " candidates, drawn at every load, " : " public, ";
  const std::string inside = partition_inside ? " always trusted" : " trusted";
  std::vector<Row> rows = {{"preset", report.preset.empty() ? "axes set by hand" : report.preset},
                           {"scheme", report.scheme},
                           {"linear layers", std::to_string(public_count) + outside +
                                std::to_string(report.layers.size() - public_count) + inside},
                           {"multiplications", std::to_string(macs.published) + outside +
                                  std::to_string(macs.trusted) + inside},
                           {"calibration samples", std::to_string(report.sample_count)},
                           {"noise of the outputs", NoiseText(report)},
                           {"secure memory", SizeText(report.secure_memory_peak)},
                           {"exchange region", SizeText(report.exchange_size)},
                           {"pads per inference", SizeText(report.pad_size)},
                           {"crossing per inference", SizeText(report.crossing_size)},
                           {"integrity", IntegrityText(report.soundness_bits, report.fingerprints)}};
  if (!report.prediction) return rows;
  const Prediction& prediction = *report.prediction;
  rows.push_back({"predicted for", prediction.device});
  rows.push_back({"predicted", MillisecondsText(prediction.chosen_ms) + " ms; all inside " +
                                   MillisecondsText(prediction.inside_ms) + " ms, outside what can be " +
                                   MillisecondsText(prediction.outside_ms) + " ms"});
  if (prediction.damage != 0) rows.push_back({"damage left", Fixed(prediction.damage, 4)});
  return rows;
}

std::string LayerTable(const ProtectReport& report, bool partition_inside) {
  std::vector<Row> rows{{"layer", "side", "kernel", "primes", "levels", "ratio", "noise dB",
                         "trusted", "public", "secure", "crossing", "pad", "projections", "check"}};
  if (report.prediction) {
    for (const char* name : {"ms inside", "ms outside", "damage"}) rows.front().emplace_back(name);
  }
  rows.front().emplace_back("reason");
  for (const ProtectedLayer& layer : report.layers) {
    rows.push_back({layer.name, SideText(layer, partition_inside), layer.kernel,
                    std::to_string(layer.prime_count), std::to_string(layer.level_count),
                    Fixed(layer.ratio, 2), Fixed(layer.predicted_noise_db, 1),
                    std::to_string(layer.trusted_macs), std::to_string(layer.public_macs),
                    SizeText(layer.secure_memory_size), SizeText(layer.crossing_size),
                    SizeText(layer.pad_size), std::to_string(layer.projection_count),
                    std::to_string(layer.check_macs)});
    if (report.prediction) {
      rows.back().push_back(MillisecondsText(layer.predicted_inside_ms));
      rows.back().push_back(MillisecondsText(layer.predicted_outside_ms));
      rows.back().push_back(Fixed(layer.damage, 4));
    }
    rows.back().push_back(layer.reason);
  }
  return Table(rows);
}

std::string ExtentText(const std::vector<uint32_t>& extents) {
  return ShapeText({extents.begin(), extents.end()});
}

}  // namespace penumbra::cli
