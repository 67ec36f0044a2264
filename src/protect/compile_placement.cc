// Where the compiler decides which operators are public.
#include <algorithm>
#include <cstdio>
#include <limits>
#include <utility>

#include "model/error.h"
#include "protect/compile.h"
#include "protect/fingerprints/affine.h"
#include "protect/lower/lower.h"
#include "protect/lower/shared_layers.h"
#include "protect/placement/checkable.h"
#include "protect/placement/criticality.h"
#include "protect/placement/float_chain.h"
#include "protect/placement/layer_times.h"
#include "protect/placement/placement.h"
#include "protect/plain/ports.h"
#include "protect/schedule/conv_weights.h"
#include "protect/schedule/float_segments.h"
#include "protect/weights/magnitude.h"
#include "protect/weights/profile.h"

namespace penumbra::protect {
namespace {

constexpr uint32_t kFaultSamples = 8;  // of calibration
constexpr double kNever = std::numeric_limits<double>::infinity();

[[noreturn]] void Need(const Scheme& scheme, const std::string& what, const std::string& hint) {
  throw model::ModelError(Status::kInvalidArgument,
                          "placement " + std::string(Name(scheme.placement)) + " needs " + what, {}, hint);
}

LoweredGraph LowerBackbone(const model::Graph& graph) {
  try {
    return Lower(graph);
  } catch (const model::ModelError& e) {
    throw model::ModelError(e.status(), "the public backbone: " + e.reason(), e.place(), e.hint());
  }
}

// Of each operator: float segments have it.
std::vector<bool> CanLeave(const LoweredGraph& graph) {
  const FloatPlan plan = PlanFloatSegments(graph, std::vector<bool>(graph.ops.size(), true));
  std::vector<bool> can;
  for (const uint32_t segment : plan.segment_of) can.push_back(segment != kNone);
  return can;
}

ConvGeometry PublishedGeometry(const Scheme& scheme, const ConvGeometry& secret) {
  ConvGeometry published = secret;
  if (scheme.weights == WeightsAxis::kShadowNet && !IsChannelwise(secret)) {
    published.out_c = secret.groups * ShadowNetFilterCount(OutChannelsPerGroup(secret), scheme.weights_parameter);
  }
  return published;
}

}  // namespace

void CompiledModel::RequireFacts() const {
  const Scheme& scheme = options_.scheme;
  const bool weighs_times = scheme.placement == PlacementKind::kCritical || scheme.placement == PlacementKind::kAuto;
  if (scheme.placement == PlacementKind::kPublicBackbone && options_.public_backbone == nullptr) {
    Need(scheme, "the public network", "name its ONNX file with --public-backbone");
  }
  if (weighs_times && options_.device_profile == nullptr) {
    Need(scheme, "the profile of a device", "make one with 'penumbra profile' and name it with --device-profile");
  }
  if (scheme.placement != PlacementKind::kCritical) return;
  if (scheme.placement_parameter == 0) Need(scheme, "a deadline", "say --deadline MILLISECONDS");
  if (!options_.calibration) {
    Need(scheme, "samples to inject faults into", "give a folder of samples (--calibration)");
  }
}

void CompiledModel::PlaceOperators() {
  const bool is_scaled = AreScaled(options_.scheme.weights);
  PlacementFacts facts{.seed = options_.placement_seed};
  if (is_scaled || options_.scheme.placement == PlacementKind::kRandom) {
    Progress("profile", 0, 1);
    facts.associative = ProfileOperators(lowered_);
  }
  LoweredGraph backbone;
  if (options_.scheme.placement == PlacementKind::kPublicBackbone) {
    backbone = LowerBackbone(*options_.public_backbone);
    facts.backbone = &backbone;
  }
  WeighStages(&facts);
  Scheme scheme = options_.scheme;
  if (options_.partition_inside) scheme.placement_parameter = 1;  // all that may leave; the lot is drawn elsewhere
  const Placement placement = Place(lowered_, scheme, options_.layers, facts);
  for (size_t op = 0; op < placement.size(); ++op) {
    public_.push_back(placement[op] == Side::kPublic && (!is_scaled || facts.associative[op]));
  }
  KeepUnfingerprintable();
  if (options_.scheme.placement != PlacementKind::kMagnitude) return;
  SplitGraph split =
      SplitByMagnitude(std::move(lowered_), public_, options_.scheme.placement_parameter);
  lowered_ = std::move(split.graph);
  MarkSharedLayers(&lowered_);
  public_ = std::move(split.is_public);
}

void CompiledModel::KeepUnfingerprintable() {
  if (options_.scheme.integrity != IntegrityAxis::kFingerprints) return;
  uint32_t kept_count = 0;
  for (size_t op = 0; op < public_.size(); ++op) {
    if (!public_[op] || IsAffine(lowered_.ops[op])) continue;
    if (options_.scheme.placement == PlacementKind::kAllPublic) {
      throw model::ModelError(Status::kIllegalCombination,
                              "this operator is not additive: fingerprints cannot check what the accelerator makes of it",
                              {.node = lowered_.ops[op].name},
                              "use --placement linear-public or random, or --integrity none");
    }
    public_[op] = false;
    ++kept_count;
  }
  if (kept_count == 0) return;
  report_.warnings.push_back(std::to_string(kept_count) +
                             " operators that the placement published are not additive and stay inside: fingerprints "
                             "cannot check them.");
}

void CompiledModel::WeighStages(PlacementFacts* out_facts) {
  const PlacementKind placement = options_.scheme.placement;
  if (placement != PlacementKind::kCritical && placement != PlacementKind::kAuto) return;
  const DeviceProfile& profile = *options_.device_profile;
  if (options_.scheme.arithmetic != Arithmetic::kFloat32) {
    // Residues: every linear layer for now, PlaceFastest() takes some back once their integers are known.
    const std::vector<uint32_t> stages = StagesOf(lowered_);
    out_facts->public_stages.assign(stages.empty() ? 0 : stages.back() + 1, true);
    for (const LoweredOp& op : lowered_.ops) out_facts->can_leave.push_back(IsLinear(op));
    return;
  }
  out_facts->can_leave = CanLeave(lowered_);
  const bool is_critical = placement == PlacementKind::kCritical;
  chain_ = FloatChain(lowered_, profile, out_facts->can_leave, {}, options_.secure_memory_size);
  if (!is_critical) {
    out_facts->public_stages = FastestChoice(chain_).is_public;
    return;
  }
  const double deadline = options_.scheme.placement_parameter / 1e3;
  RequireFeasible(chain_, deadline);  // before the faults, which take long
  chain_ = FloatChain(lowered_, profile, out_facts->can_leave, FaultDamage(), options_.secure_memory_size);
  out_facts->public_stages = LeastDamageChoice(chain_, deadline).is_public;
}

std::vector<double> CompiledModel::FaultDamage() {
  std::vector<std::vector<std::vector<float>>> samples;
  for (Sample sample; samples.size() < kFaultSamples && options_.calibration(&sample);) {
    samples.push_back(PhysicalInputs(lowered_, sample));
  }
  if (samples.empty()) {
    throw model::ModelError(Status::kInvalidArgument, "there is no sample to inject faults into", {},
                            "put inputs into the folder of --calibration");
  }
  report_.sample_count = static_cast<uint32_t>(samples.size());
  return MeasureCriticality(lowered_, samples,
                            {.seed = options_.placement_seed, .progress = [this](uint64_t done, uint64_t total) {
                               Progress("inject", done, total);
                             }});
}

double CompiledModel::OutsideSeconds(size_t op, const QuantizedLinear& layer) const {
  const ConvGeometry& g = std::get<LinearOp>(lowered_.ops[op].kind).geometry;
  ResidueLayer outside{.published = PublishedGeometry(options_.scheme, g), .prime_count = layer.prime_count};
  if (IsMasked(std::get<LinearOp>(lowered_.ops[op].kind))) {
    outside.pad_size = uint64_t{g.out_h} * g.out_w * g.out_c * layer.residues_size();
  }
  if (const uint32_t projections = ProjectionsOf(layer); projections != 0) {
    outside.check_macs = CheckMacs(outside.published, layer.residues_size(), projections);
  }
  return protect::OutsideSeconds(*options_.device_profile, outside);
}

// A ring has no switches: whatever is not linear is inside anyway, and a public layer's own hand-over
// and crossing are part of its time. What spills does so on either side of a layer, too.
Chain CompiledModel::ResidueChain() const {
  Chain chain;
  for (const auto& [op, layer] : quantized_) {
    LinearPlan inside{};
    inside.linear = &std::get<LinearOp>(lowered_.ops[op].kind);
    inside.quantized = &layer;
    const ConvGeometry& g = inside.linear->geometry;
    chain.trusted.push_back(FitsInside(layer) ? InsideSeconds(*options_.device_profile, g, InsideForm::kInt16,
                                                              FormOf(inside).piece_count)
                                              : kNever);
    chain.published.push_back(public_[op] ? OutsideSeconds(op, layer) : kNever);
  }
  chain.switching.assign(chain.size() + 1, 0);
  chain.fixed = options_.device_profile->inference + PassSeconds();
  return chain;
}

// Functions of one tensor are part of the pass of their layer, and so of its elements.
double CompiledModel::PassSeconds() const {
  double elements = 0;
  for (const LoweredOp& op : lowered_.ops) {
    const bool is_function = std::holds_alternative<ElementwiseOp>(op.kind) && InputsOf(op).size() == 1;
    if (IsLinear(op) || is_function || std::holds_alternative<ReshapeOp>(op.kind)) continue;
    for (const TensorId id : InputsOf(op)) elements += static_cast<double>(lowered_.tensors[id].count());
  }
  return elements * options_.device_profile->pass_element;
}

void CompiledModel::PlaceFastest() {
  chain_ = ResidueChain();
  const ChainChoice split = FastestChoice(chain_);
  Quantized integer;
  Chain enclave = chain_;
  size_t at = 0;
  for (const auto& [op, statistics] : statistics_) {
    const auto& linear = std::get<LinearOp>(lowered_.ops[op].kind);
    const QuantizedLinear& layer = integer[op] = QuantizeInteger(linear, statistics, options_.integer);
    const bool wide = layer.khi - layer.klo > std::numeric_limits<uint8_t>::max();
    enclave.trusted[at++] =
        InsideSeconds(*options_.device_profile, linear.geometry, wide ? InsideForm::kInt16 : InsideForm::kInt8, 1);
  }
  const ChainChoice all_inside = Evaluate(enclave, std::vector<bool>(enclave.size(), false));
  char text[256];
  if (all_inside.seconds <= split.seconds) {
    std::snprintf(text, sizeof(text),
                  "auto: an integer network inside, as with preset enclave, takes %.2f ms by the device profile, the fastest split "
                  "%.2f ms: nothing is public",
                  all_inside.seconds * 1e3, split.seconds * 1e3);
    options_.scheme = {};  // integer, all-trusted
    kept_.clear();
    quantized_ = std::move(integer);
    public_.assign(public_.size(), false);
    chain_ = std::move(enclave);
  } else {
    std::snprintf(text, sizeof(text),
                  "auto: the fastest split takes %.2f ms by the device profile, an integer network inside, as with preset enclave, "
                  "%.2f ms",
                  split.seconds * 1e3, all_inside.seconds * 1e3);
    at = 0;
    for (auto& [op, layer] : quantized_) {
      if (public_[op] && !split.is_public[at]) kept_[op] = "faster inside by the device profile";
      public_[op] = split.is_public[at++];
    }
  }
  report_.notes.emplace_back(text);
}

}  // namespace penumbra::protect
