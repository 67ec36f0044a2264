#include "protect/compile.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "crypto/wipe.h"
#include "model/error.h"
#include "protect/lower/lower.h"
#include "protect/lower/shared_layers.h"
#include "protect/placement/checkable.h"
#include "protect/presets/legality.h"
#include "protect/quantize/output_noise.h"
#include "protect/schedule/conv_weights.h"
#include "protect/schedule/float_segments.h"
#include "protect/weights/scalar.h"
#include "ring/soundness.h"

namespace penumbra::protect {
namespace {

constexpr uint32_t kNoiseSamples = 4;

bool UsesLevels(const Scheme& scheme) { return scheme.arithmetic != Arithmetic::kFloat32; }

// Item of the bundle's secrets that cornerstones follow from; layers have the small ones.
constexpr uint64_t kCornerstoneKey = ~uint64_t{0};

// The layer reads a model input as it came.
bool ReadsInput(const LoweredGraph& graph, TensorId x) {
  return std::ranges::any_of(graph.inputs, [x](const LoweredPort& p) { return p.tensor == x; });
}

std::unique_ptr<PublishedWeights> Publish(const Scheme& scheme, const IntegerLayer& layer,
                                          const SecretKey& secrets, uint64_t index) {
  if (scheme.weights == WeightsAxis::kPlain) return MakePlainWeights(layer);
  SecretKey key = DeriveSecretKey(secrets, index);
  const crypto::ScopedWipe wipe(key);
  if (scheme.weights == WeightsAxis::kGroupCover) return MakeGroupCoverWeights(layer, key);
  return MakeShadowNetWeights(layer, scheme.weights_parameter, key);
}

}  // namespace

CompiledModel::CompiledModel(const model::Graph& graph, const CompileOptions& options)
    : options_(options) {
  RequireCompilable(options_.scheme);
  if (options_.partition_inside) RequireDrawable();
  if (options_.scheme.integrity == IntegrityAxis::kFingerprints) CheckedRecord(options_.fingerprints);
  if (UsesLevels(options_.scheme) && !options_.calibration) {
    throw model::ModelError(
        Status::kInvalidArgument,
        std::string(Name(options_.scheme.arithmetic)) + " arithmetic needs calibration data", {},
        "give a folder of samples (--calibration), or use --preset mlcapsule");
  }
  RequireFacts();
  Progress("lower", 0, 1);
  lowered_ = Lower(graph);
  PlaceOperators();
  if (UsesLevels(options_.scheme)) Quantise();
  KeepUncheckable();
  if (UsesLevels(options_.scheme) && options_.scheme.placement == PlacementKind::kAuto) PlaceFastest();
  MeasureNoise();
  SecretKey secrets = options_.seed_for_tests ? *options_.seed_for_tests : DrawSecretKey();
  const crypto::ScopedWipe wipe(secrets);
  ScaleWeights(secrets);
  Transform(secrets);
  MakeCornerstones(secrets);
  Progress("schedule", 0, 1);
  ScheduleOptions schedule;
  schedule.secure_memory_size = options_.secure_memory_size;
  schedule.weights_axis = static_cast<uint32_t>(options_.scheme.weights);
  if (options_.scheme.integrity == IntegrityAxis::kFreivalds) {
    schedule.soundness_bits = options_.soundness_bits;
  }
  if (!UsesLevels(options_.scheme)) schedule.float_public = public_;
  if (options_.partition_inside) {
    schedule.theta = static_cast<float>(options_.scheme.placement_parameter);
    schedule.scale_range = static_cast<float>(options_.scheme.weights_parameter);
  }
  if (cornerstones_ != nullptr) schedule.fingerprints = &cornerstones_->plan();
  plan_ = Schedule(lowered_, linears_, schedule, &report_.schedule);
  Report();
}

void CompiledModel::Progress(const std::string& stage, uint64_t done, uint64_t total) const {
  if (options_.progress) options_.progress(stage, done, total);
}

void CompiledModel::MakeCornerstones(const SecretKey& secrets) {
  if (options_.scheme.integrity != IntegrityAxis::kFingerprints) return;
  const FloatPlan floats = PlanSegments();
  if (floats.segments.empty()) return;
  Progress("fingerprint", 0, 1);
  const auto moments = ObserveInputs(lowered_, floats, options_.calibration);
  SecretKey key = DeriveSecretKey(secrets, kCornerstoneKey);
  const crypto::ScopedWipe wipe(key);
  cornerstones_ = std::make_unique<Cornerstones>(lowered_, floats, moments, options_.fingerprints, key);
  report_.fingerprint_count = cornerstones_->plan().count;
  report_.cornerstone_count = cornerstones_->plan().record.cornerstone_count;
  report_.challenge_rate =
      double{1} * cornerstones_->plan().record.challenge_rate / kFullChallengeRate;
  report_.cornerstones_size = cornerstones_->size();
  report_.fingerprint_macs = cornerstones_->multiplications();
}

void CompiledModel::ScaleWeights(const SecretKey& secrets) {
  if (!AreScaled(options_.scheme.weights)) return;
  if (options_.partition_inside) return ChooseCandidates();
  // Operators that segments do not have would only be scaled for nothing.
  const FloatPlan floats = PlanFloatSegments(lowered_, public_);
  for (size_t op = 0; op < public_.size(); ++op) public_[op] = floats.segment_of[op] != kNone;
  SecretKey key = DeriveSecretKey(secrets, 0);
  const crypto::ScopedWipe wipe(key);
  const auto scale =
      options_.scheme.weights == WeightsAxis::kScalar ? ScaleTensors : ScaleChannels;
  ScaledGraph scaled =
      scale(std::move(lowered_), public_, options_.scheme.weights_parameter, key);
  lowered_ = std::move(scaled.graph);
  MarkSharedLayers(&lowered_);
  public_ = std::move(scaled.is_public);
  kept_ = std::move(scaled.kept);
}

void CompiledModel::Quantise() {
  uint64_t samples = 0;
  const SampleSource counted = [&](Sample* out_sample) {
    Progress("calibrate", samples++, 0);
    if (!options_.calibration(out_sample)) return false;
    if (report_.sample_count++ < kNoiseSamples) first_samples_.push_back(*out_sample);
    return true;
  };
  statistics_ = Calibrate(lowered_, counted);
  uint64_t done = 0;
  for (const auto& [op, layer] : statistics_) {
    Progress("quantise", done++, statistics_.size());
    const auto& linear = std::get<LinearOp>(lowered_.ops[op].kind);
    const bool is_copy = linear.same_as != kNone && public_[linear.same_as] == public_[op];
    try {
      quantized_[op] = is_copy ? quantized_.at(linear.same_as) : QuantiseLayer(op, linear, layer);
    } catch (const model::ModelError& e) {
      throw e.At({.node = lowered_.ops[op].name});
    }
  }
}

void CompiledModel::MeasureNoise() {
  Progress("measure", 0, 1);
  const std::vector<Sample> samples = std::move(first_samples_);
  if (!quantized_.empty()) report_.output_noise_db = MeasureOutputNoise(lowered_, quantized_, samples);
}

// Trusted layers of a ring multiply levels of 16 bits.
bool CompiledModel::FitsInside(const QuantizedLinear& layer) {
  return layer.klo >= std::numeric_limits<int16_t>::min() &&
         layer.khi <= std::numeric_limits<int16_t>::max();
}

bool CompiledModel::IsMasked(const LinearOp& linear) const {
  return options_.scheme.activations == ActivationsAxis::kOtp &&
         (options_.mask_ends || !ReadsInput(lowered_, linear.x));
}

uint32_t CompiledModel::ProjectionsOf(const QuantizedLinear& layer) const {
  if (options_.scheme.integrity != IntegrityAxis::kFreivalds) return 0;
  const uint32_t most = SoundnessBits(layer.smallest_prime(), kMaxProjections);
  const uint32_t count = ProjectionsFor(layer.smallest_prime(), options_.soundness_bits);
  if (count != 0 && options_.soundness_bits != 0) return count;
  throw model::ModelError(Status::kInvalidArgument,
                          "a soundness of " + std::to_string(options_.soundness_bits) +
                              " bits cannot be met: checks reach 1 to " + std::to_string(most) +
                              " bits modulo " + std::to_string(layer.smallest_prime()),
                          {}, "choose --soundness in this range");
}

void CompiledModel::KeepUncheckable() {
  for (auto& [op, layer] : quantized_) {
    if (!public_[op] || options_.scheme.integrity != IntegrityAxis::kFreivalds) continue;
    LinearPlan inside{};
    inside.linear = &std::get<LinearOp>(lowered_.ops[op].kind);
    inside.quantized = &layer;
    const ConvGeometry& g = inside.linear->geometry;
    const std::string reason =
        options_.check_costly_layers
            ? WhyNoCheck(g, layer.residues_size(), ProjectionsOf(layer))
            : WhyNotChecked(g, g, layer.residues_size(), ProjectionsOf(layer),
                            FormOf(inside).piece_count);
    if (reason.empty() || !FitsInside(layer)) continue;
    public_[op] = false;
    layer.is_field = layer.may_wrap = false;
    kept_[op] = reason;
  }
}

QuantizedLinear CompiledModel::QuantiseLayer(size_t op, const LinearOp& linear,
                                             const LinearStatistics& statistics) const {
  switch (options_.scheme.arithmetic) {
    case Arithmetic::kInteger:
      return QuantizeInteger(linear, statistics, options_.integer);
    case Arithmetic::kPrime:
      return public_[op] ? QuantizePrime(linear, statistics, options_.prime)
                         : QuantizePrimeTrusted(linear, statistics);
    default:
      return QuantizeRing(linear, statistics, options_.ring);
  }
}

uint32_t CompiledModel::SamePlan(const LinearPlan& plan) const {
  const uint32_t first = plan.linear->same_as;
  if (first == kNone || public_[first] != public_[plan.op]) return kNoTensor;
  const auto found = std::ranges::find(linears_, first, &LinearPlan::op);
  return static_cast<uint32_t>(found - linears_.begin());
}

void CompiledModel::Transform(const SecretKey& secrets) {
  uint32_t layer_count = 0;
  for (uint32_t op = 0; op < lowered_.ops.size(); ++op) {
    const auto* linear = std::get_if<LinearOp>(&lowered_.ops[op].kind);
    if (linear == nullptr) continue;
    Progress("transform", op, lowered_.ops.size());
    LinearPlan plan{};
    plan.op = op;
    plan.linear = linear;
    plan.layer = kNoTensor;
    const auto quantized = quantized_.find(op);
    if (quantized != quantized_.end()) plan.quantized = &quantized->second;
    plan.same_as = SamePlan(plan);
    if (public_[op] && plan.quantized != nullptr) {
      plan.published = plan.same_as == kNoTensor ? nullptr : linears_[plan.same_as].published;
      const IntegerLayer layer{linear->geometry, plan.quantized->q, plan.quantized->prime_count,
                               plan.quantized->is_field};
      if (plan.published == nullptr) {
        try {
          published_.push_back(Publish(options_.scheme, layer, secrets, op));
        } catch (const model::ModelError& e) {
          throw e.At({.node = lowered_.ops[op].name});
        }
        plan.published = published_.back().get();
      }
      plan.layer = layer_count++;
      plan.projection_count = ProjectionsOf(*plan.quantized);
      plan.masked = IsMasked(*linear);
    }
    linears_.push_back(plan);
  }
}

void CompiledModel::Write(BundleOptions bundle) const {
  bundle.report = ReportJson();
  bundle.metadata = MetadataJson(bundle.report.size());
  bundle.secure_memory_size = options_.secure_memory_size;
  bundle.progress = [this](uint64_t done, uint64_t total) { Progress("write", done, total); };
  WriteBundle(plan_, bundle);
}

}  // namespace penumbra::protect
