// What the compiler tells its user: the per-layer report and the bundle's metadata.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

#include "boundary/limits.h"
#include "model/error.h"
#include "protect/compile.h"
#include "protect/lower/layout.h"
#include "protect/placement/checkable.h"
#include "protect/placement/layer_times.h"
#include "protect/placement/placement.h"
#include "protect/presets/legality.h"
#include "protect/schedule/exchange.h"
#include "ring/field.h"
#include "ring/soundness.h"

#ifndef PENUMBRA_VERSION
#error "PENUMBRA_VERSION is set by the build"
#endif

namespace penumbra::protect {
namespace {

LayerReport ReportLayer(const LoweredGraph& lowered, const LinearPlan& linear,
                        const CompiledPlan& plan, uint32_t float_segment,
                        const std::string& kept_because) {
  const ConvGeometry& g = linear.linear->geometry;
  LayerReport out;
  out.name = lowered.ops[linear.op].name;
  out.kernel = KernelText(g);
  out.input = {g.in_h, g.in_w, g.in_c};
  out.output = {g.out_h, g.out_w, g.out_c};
  out.is_public = linear.is_public();
  if (linear.quantized != nullptr) {
    out.prime_count = linear.quantized->prime_count;
    out.level_count = static_cast<uint32_t>(linear.quantized->khi - linear.quantized->klo + 1);
    out.predicted_noise_db = linear.quantized->predicted_noise_db;
    out.may_wrap = linear.quantized->may_wrap;
    out.field_share = linear.quantized->field_share;
  }
  if (float_segment != kNone) {
    out.is_public = true;
    out.float_segment = float_segment;
    out.segment = plan.float_segments[float_segment].segment;
    out.ratio = 1;
    out.public_macs = MacCount(g) * SlotCount(plan);
    return out;
  }
  if (!linear.is_public()) {
    out.reason = kept_because.empty() ? WhyNotResidue(*linear.linear) : kept_because;
    out.trusted_macs = MacCount(g);
    return out;
  }
  const LayerRec& layer = plan.layers[linear.layer];
  out.segment = layer.segment;
  out.ratio = static_cast<double>(layer.public_out_c) / g.out_c;
  out.public_macs = MacCount(linear.published->geometry()) * layer.prime_count;
  out.crossing_size = MaskedInputSize(layer) + ReplySize(layer);
  if (layer.projection_count != 0) {
    out.projection_count = layer.projection_count;
    out.soundness_bits = SoundnessBits(SmallestPrime(layer), layer.projection_count);
    out.check_macs =
        CheckMacs(linear.published->geometry(), MaskedElementSize(layer), layer.projection_count);
  }
  if (layer.pad != kNoTensor) {
    const TensorRec& pad = plan.tensors[layer.pad];
    out.pad_size = uint64_t{pad.rows} * pad.row_elems;
  }
  return out;
}

// What every bearer of the bundle sees of its pads once it runs: bytes of a sealed one, multiplications to make it.
struct PadCost {
  uint64_t size = 0, multiplications = 0;
};
PadCost CostOfPad(const std::vector<LinearPlan>& linears, const CompiledPlan& plan) {
  PadCost cost;
  for (const LinearPlan& linear : linears) {
    if (!linear.is_public() || plan.layers[linear.layer].pad == kNoTensor) continue;
    const LayerRec& layer = plan.layers[linear.layer];
    const TensorRec& pad = plan.tensors[layer.pad];
    cost.size += uint64_t{pad.rows} * pad.row_elems + uint64_t{TileCount(pad)} * kAeadTagSize;
    cost.multiplications += MacCount(linear.published->geometry()) * layer.prime_count;
  }
  return cost;
}

// `offset`: where the host finds the port in the exchange region.
nlohmann::json PortJson(const LoweredGraph& lowered, const LoweredPort& port,
                        const PortRec& record) {
  const LoweredTensor& tensor = lowered.tensors[port.tensor];
  return {{"name", port.name},
          {"type", model::DataTypeName(port.type)},
          {"shape", port.shape},
          {"dims", tensor.dims},
          {"perm", port.shape.empty() ? Perm{} : tensor.perm},  // a scalar has no axes
          {"offset", record.offset}};
}

nlohmann::json PortsJson(const LoweredGraph& lowered, const std::vector<LoweredPort>& ports,
                         const std::vector<PortRec>& records) {
  nlohmann::json list = nlohmann::json::array();
  for (size_t i = 0; i < ports.size(); ++i) list.push_back(PortJson(lowered, ports[i], records[i]));
  return list;
}

// JSON has no infinity.
nlohmann::json Seconds(double seconds) {
  return std::isfinite(seconds) ? nlohmann::json(seconds) : nlohmann::json(nullptr);
}

template <typename Number>
nlohmann::json NumberOrNull(const std::optional<Number>& number) {
  return number ? nlohmann::json(*number) : nlohmann::json(nullptr);
}

nlohmann::json LayerJson(const LayerReport& layer) {
  return {{"name", layer.name},
          {"kernel", layer.kernel},
          {"input", layer.input},
          {"output", layer.output},
          {"is_public", layer.is_public},
          {"reason", layer.reason},
          {"prime_count", layer.prime_count},
          {"level_count", layer.level_count},
          {"ratio", layer.ratio},
          {"predicted_noise_db", layer.predicted_noise_db},
          {"bound_unproved", layer.may_wrap},
          {"field_share", layer.field_share},
          {"trusted_macs", layer.trusted_macs},
          {"public_macs", layer.public_macs},
          {"arena_size", layer.secure_memory_size},
          {"crossing_size", layer.crossing_size},
          {"pad_size", layer.pad_size},
          {"projection_count", layer.projection_count},
          {"soundness_bits", layer.soundness_bits},
          {"check_macs", layer.check_macs},
          {"segment", NumberOrNull(layer.segment)},
          {"float_segment", NumberOrNull(layer.float_segment)},
          {"predicted_inside", Seconds(layer.predicted_inside)},
          {"predicted_outside", Seconds(layer.predicted_outside)},
          {"damage", layer.damage}};
}

// Below it a warning names what rounds finer; the same as for a single layer (docs/decisions/0014).
constexpr double kNoisyOutputDb = 30;

std::string Dumped(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string KernelText(const ConvGeometry& g) {
  std::string text = std::to_string(g.kernel_h) + "x" + std::to_string(g.kernel_w);
  if (g.stride_h != 1 || g.stride_w != 1) {
    text += " /" + std::to_string(g.stride_h) + "x" + std::to_string(g.stride_w);
  }
  if (g.groups != 1) text += " groups " + std::to_string(g.groups);
  return text;
}

void CompiledModel::Report() {
  report_.scheme = SchemeText(options_.scheme);
  const std::vector<std::string> known = Warnings(options_.scheme);
  report_.warnings.insert(report_.warnings.begin(), known.begin(), known.end());
  for (const LinearPlan& linear : linears_) {
    const auto kept = kept_.find(linear.op);
    report_.layers.push_back(ReportLayer(lowered_, linear, plan_,
                                         report_.schedule.float_segment_of[linear.op],
                                         kept == kept_.end() ? "" : kept->second));
    LayerReport& layer = report_.layers.back();
    layer.secure_memory_size = report_.schedule.in_use[linear.op];
    report_.check_macs += layer.check_macs;
    if (layer.projection_count != 0) {
      report_.soundness_bits = report_.soundness_bits == 0
                                   ? layer.soundness_bits
                                   : std::min(report_.soundness_bits, layer.soundness_bits);
    }
    report_.pad_size += layer.pad_size;
    report_.crossing_size += layer.crossing_size;
    if (!options_.mask_ends && linear.is_public() && !linear.masked) {
      report_.warnings.push_back("layer '" + layer.name +
                                 "' gets its input unmasked (--mask-ends=false).");
    }
  }
  ReportNoise();
  ReportUnprovedBounds();
  ReportPrediction();
  for (const PortRec& port : plan_.float_ports) {
    report_.crossing_size += uint64_t{port.elem_count} * sizeof(float) * SlotCount(plan_);
  }
  report_.arena_size = plan_.arena_size;
  report_.scratch_size = plan_.scratch_size;
  report_.exchange_size = plan_.exchange_size;
  for (const PublicBlob& blob : plan_.blobs) report_.public_size += blob.size;
  report_.sealed_size = PlanSize(plan_);
  for (const ConstantTile& tile : plan_.constants) report_.sealed_size += tile.size;
}

void CompiledModel::ReportPrediction() {
  if (chain_.size() != report_.layers.size() || chain_.size() == 0) return;
  if (options_.scheme.arithmetic != Arithmetic::kFloat32) {
    chain_.fixed += SpillSeconds(*options_.device_profile, static_cast<double>(report_.schedule.evicted_size));
  }
  for (size_t i = 0; i < chain_.size(); ++i) {
    LayerReport& layer = report_.layers[i];
    layer.predicted_inside = chain_.trusted[i];
    layer.predicted_outside = chain_.published[i];
    if (!chain_.damage.empty()) layer.damage = chain_.damage[i];
  }
  std::vector<bool> chosen, outside;
  for (size_t i = 0; i < chain_.size(); ++i) {
    chosen.push_back(report_.layers[i].is_public);
    outside.push_back(std::isfinite(chain_.published[i]));
  }
  const ChainChoice choice = Evaluate(chain_, std::move(chosen));
  report_.device = options_.device_profile->device;
  report_.predicted_seconds = choice.seconds;
  report_.damage = choice.damage;
  report_.predicted_inside = Evaluate(chain_, std::vector<bool>(chain_.size(), false)).seconds;
  report_.predicted_outside = Evaluate(chain_, std::move(outside)).seconds;
}

// The calibrated margin stands in for the proof that is missing.
void CompiledModel::ReportUnprovedBounds() {
  for (const LayerReport& layer : report_.layers) {
    if (!layer.may_wrap) continue;
    ++report_.unproved_layer_count;
    if (layer.field_share <= report_.unproved_share) continue;
    report_.unproved_share = layer.field_share;
    report_.unproved_layer = layer.name;
  }
  if (report_.unproved_layer_count == 0) return;
  char text[256];
  std::snprintf(text, sizeof(text),
                "bound unproved: sums of %u of %zu linear layers may leave the papers' field, and a sum that "
                "does gives a wrong result without a sign. The calibration samples reach %.1f%% of what it "
                "can represent (|y| = %.2f of %.2f), in layer '",
                report_.unproved_layer_count, report_.layers.size(), 100 * report_.unproved_share,
                report_.unproved_share * kFieldHalf / (1 << kFieldOutputBits),
                double{kFieldHalf} / (1 << kFieldOutputBits));
  report_.warnings.push_back(std::string(text).append(report_.unproved_layer).append("'."));
}

void CompiledModel::ReportNoise() {
  if (report_.output_noise_db.value_or(kNoisyOutputDb) >= kNoisyOutputDb) return;
  const char* finer = options_.scheme.arithmetic == Arithmetic::kInteger ? "--bits-w 16 rounds finer"
                      : options_.scheme.arithmetic == Arithmetic::kRing  ? "--primes 4 rounds finer"
                                                                         : "--arithmetic ring rounds finer";
  char text[160];
  std::snprintf(text, sizeof(text),
                "rounding moves the outputs: on calibration samples their error lies only %.1f dB below their values; %s.",
                *report_.output_noise_db, finer);
  report_.warnings.emplace_back(text);
}

std::string CompiledModel::ReportJson() const {
  nlohmann::json layers = nlohmann::json::array();
  for (const LayerReport& layer : report_.layers) layers.push_back(LayerJson(layer));
  nlohmann::json json = {{"version", 2},
                         {"preset", options_.preset},
                         {"scheme", report_.scheme},
                         {"warnings", report_.warnings},
                         {"sample_count", report_.sample_count},
                         {"output_noise_db", NumberOrNull(report_.output_noise_db)},
                         {"exchange_size", report_.exchange_size},
                         {"secure_memory_peak", report_.schedule.secure_memory_size},
                         {"pad_size", report_.pad_size},
                         {"crossing_size", report_.crossing_size},
                         {"soundness_bits", report_.soundness_bits},
                         {"check_macs", report_.check_macs},
                         {"fingerprint_count", report_.fingerprint_count},
                         {"cornerstone_count", report_.cornerstone_count},
                         {"challenge_rate", report_.challenge_rate},
                         {"cornerstones_size", report_.cornerstones_size},
                         {"fingerprint_macs", report_.fingerprint_macs},
                         {"layers", std::move(layers)}};
  if (report_.predicted_seconds != 0) {
    json["prediction"] = {{"chosen", report_.predicted_seconds},
                          {"inside", Seconds(report_.predicted_inside)},
                          {"outside", Seconds(report_.predicted_outside)},
                          {"damage", report_.damage},
                          {"device", report_.device}};
  }
  if (!options_.request_json.empty()) {
    json["request"] = nlohmann::json::parse(options_.request_json);
  }
  std::string text = Dumped(json);
  text.resize(AlignUp(text.size(), 4096), ' ');
  return text;
}

std::string CompiledModel::MetadataJson(size_t report_size) const {
  const PadCost pad = CostOfPad(linears_, plan_);
  nlohmann::json json = {{"tool", "penumbra " PENUMBRA_VERSION},
                         {"preset", options_.preset},
                         {"scheme", SchemeText(options_.scheme)},
                         {"inputs", PortsJson(lowered_, lowered_.inputs, plan_.inputs)},
                         {"outputs", PortsJson(lowered_, lowered_.outputs, plan_.outputs)},
                         {"secure_memory_peak", report_.schedule.secure_memory_size},
                         {"pad_bytes", pad.size},
                         {"pad_multiplications", pad.multiplications},
                         {"pad_batch", plan_.pad_batch},
                         {"report_size", report_size}};
  if (report_.soundness_bits != 0) {
    // Layers with the same weights share a segment.
    std::vector<uint32_t> projections;
    for (const LayerRec& layer : plan_.layers) {
      projections.resize(std::max<size_t>(projections.size(), layer.segment + 1));
      projections[layer.segment] = layer.projection_count;
    }
    json["integrity"] = {{"check", "freivalds"},
                         {"soundness_bits", report_.soundness_bits},
                         {"projections", std::move(projections)}};
  }
  if (report_.fingerprint_count != 0) {
    json["max_batch"] = SlotCount(plan_);
    json["integrity"] = {{"check", "fingerprints"},
                         {"fingerprints", report_.fingerprint_count},
                         {"cornerstones", report_.cornerstone_count},
                         {"challenge_rate", report_.challenge_rate},
                         {"cornerstone_bytes", report_.cornerstones_size}};
  }
  if (options_.partition_inside) {
    json["partition"] = {{"theta", options_.scheme.placement_parameter}, {"candidates", plan_.float_segments.size()}};
  }
  if (!options_.labels.empty()) json["labels"] = options_.labels;
  if (!options_.preprocess_json.empty()) {
    nlohmann::json preprocess = nlohmann::json::parse(options_.preprocess_json, nullptr, false);
    if (preprocess.is_discarded()) {
      throw model::ModelError(Status::kInvalidArgument,
                              "the preprocessing description is not JSON");
    }
    json["preprocess"] = std::move(preprocess);
  }
  return Dumped(json);
}

}  // namespace penumbra::protect
