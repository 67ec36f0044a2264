// The compiler: a model graph in, a bundle out. Ties the rooms of protect/ together in the order in
// which a model passes through them: lower, calibrate and quantise, place, transform weights,
// schedule, emit.
#ifndef PENUMBRA_PROTECT_COMPILE_H_
#define PENUMBRA_PROTECT_COMPILE_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/graph.h"
#include "protect/emit/bundle_writer.h"
#include "protect/fingerprints/cornerstones.h"
#include "protect/lower/lowered.h"
#include "protect/placement/chain.h"
#include "protect/placement/device_profile.h"
#include "protect/placement/placement.h"
#include "protect/presets/scheme.h"
#include "protect/quantize/calibrate.h"
#include "protect/quantize/quantize.h"
#include "protect/schedule/schedule.h"
#include "protect/weights/published_weights.h"

namespace penumbra::protect {

struct CompileOptions {
  Scheme scheme;
  std::string preset;  // as the user named it, for the metadata; empty: axes set by hand
  std::vector<std::string> layers;  // which layers may be public, by name; empty: all
  // false: a layer that reads a model input directly gets it unmasked (both papers; the adversary
  // owns the device and knows its inputs anyway). Its reply then carries no pad either.
  bool mask_ends = true;
  // Placement random: which operators are public; critical: which faults are injected. Equal seeds give
  // equal splits.
  uint64_t placement_seed = 0;
  // Placement random with weights scalar: the trusted half draws which operators are public, and their scales, at every load; the
  // bundle has everything sealed.
  bool partition_inside = false;
  // Placement public-backbone: the public network, normalised.
  std::shared_ptr<const model::Graph> public_backbone;
  // Placement critical and auto: what the device computes how fast.
  std::shared_ptr<const DeviceProfile> device_profile;
  // With integrity freivalds: a wrong reply is accepted with probability at most 2^-soundness_bits.
  uint32_t soundness_bits = 40;
  FingerprintOptions fingerprints;  // with integrity fingerprints
  // true: also layers whose replies cost more to check than the layer to compute inside are public.
  bool check_costly_layers = false;
  uint64_t secure_memory_size = uint64_t{12} << 20;
  // Ring and integer arithmetic need it; fingerprints are matched to it, or to what noise gives.
  SampleSource calibration;
  RingOptions ring;
  PrimeOptions prime;
  IntegerOptions integer;
  // Fixed secrets for reproducible tests. Without it every bundle draws its own.
  std::optional<SecretKey> seed_for_tests;
  // Metadata the bundle carries for its users; JSON texts, empty: none.
  std::string preprocess_json;
  std::vector<std::string> labels;
  // JSON of what the user asked for, kept in the sealed report; empty: nothing.
  std::string request_json;
  // `stage`: "lower", "profile", "inject", "calibrate", "quantise", "measure", "transform", "schedule", "write"; done of
  // total, per stage.
  std::function<void(const std::string& stage, uint64_t done, uint64_t total)> progress;
};

// "3x3 /2x2 groups 4": kernel, and strides and groups unless they are 1.
std::string KernelText(const ConvGeometry& geometry);

struct LayerReport {
  std::string name;
  std::string kernel;                     // KernelText() of the secret layer
  std::array<uint32_t, 3> input{}, output{};  // [h, w, c]
  bool is_public = false;
  std::string reason;        // why it is trusted although the policy would publish it
  uint32_t prime_count = 0;  // 0: float32 or plain integer arithmetic
  uint32_t level_count = 0;  // 0: float32
  double ratio = 0;          // published to secret output channels; 0: trusted
  double predicted_noise_db = 0;
  // Arithmetic prime, public layers: whether the bound is unproved, and the largest |y| of the
  // calibration samples as a share of what the field can represent.
  bool may_wrap = false;
  double field_share = 0;
  uint64_t trusted_macs = 0,
           public_macs = 0;    // per inference; public: all primes, random filters included
  uint64_t secure_memory_size = 0;  // most bytes of tiles in the arena while it is computed
  uint64_t crossing_size = 0;  // bytes of masked input and reply
  uint64_t pad_size = 0;       // bytes of u
  // Checked layers: secret projections per prime, what they reach (a wrong reply is accepted with
  // probability at most 2^-soundness_bits), and byte multiplications of one inference.
  uint32_t projection_count = 0, soundness_bits = 0;
  uint64_t check_macs = 0;
  std::optional<uint32_t> segment;        // number in the public half; layers that share weights share it
  std::optional<uint32_t> float_segment;  // it runs in on the accelerator
  // Placement critical and auto: what the layer, with what follows it up to the next one where the
  // arithmetic is float32, takes on either side by the device profile, seconds; infinite: it cannot be
  // there. What faults in it do to the result (placement/criticality.h).
  double predicted_inside = 0, predicted_outside = 0;
  double damage = 0;
};

struct CompileReport {
  std::string scheme;                 // SchemeText()
  std::vector<std::string> warnings;  // Warnings(), and what the compiler noticed
  std::vector<std::string> notes;     // what it decided by itself
  std::string device;            // of the profile
  double predicted_seconds = 0;  // placement critical and auto: of the layers above; 0: no prediction
  // Likewise with all of them inside (infinite: they cannot be), and with all outside that can be.
  double predicted_inside = 0, predicted_outside = 0;
  double damage = 0;             // placement critical: of what is public
  std::vector<LayerReport> layers;
  uint32_t sample_count = 0;  // of calibration
  // MeasureOutputNoise() on the first of them; float32 has none.
  std::optional<double> output_noise_db;
  ScheduleReport schedule;
  uint64_t arena_size = 0, scratch_size = 0, exchange_size = 0;
  uint32_t soundness_bits = 0;                // the least over checked layers; 0: none is
  // Fingerprints in every job of a float segment, 0: none; cornerstones and what they take, see Cornerstones.
  uint32_t fingerprint_count = 0, cornerstone_count = 0;
  double challenge_rate = 0;
  uint64_t cornerstones_size = 0, fingerprint_macs = 0;
  uint64_t check_macs = 0;                    // per inference
  uint64_t pad_size = 0;                      // per inference
  uint64_t crossing_size = 0;                 // per inference, without sealed tiles
  uint64_t public_size = 0, sealed_size = 0;  // plaintext bytes
  // Arithmetic prime: layers without a proved bound, and which of them came closest to it in
  // calibration.
  uint32_t unproved_layer_count = 0;
  double unproved_share = 0;
  std::string unproved_layer;
};

// Everything a bundle needs, before it is written. Owns what its plan borrows from; not movable.
class CompiledModel {
 public:
  // `graph`: normalised (model/passes). Throws model::ModelError with the codes of the stages;
  // nothing is written before Write().
  CompiledModel(const model::Graph& graph, const CompileOptions& options);
  CompiledModel(const CompiledModel&) = delete;
  CompiledModel& operator=(const CompiledModel&) = delete;

  const LoweredGraph& lowered() const { return lowered_; }
  const std::map<size_t, QuantizedLinear>& quantized() const { return quantized_; }
  const CompiledPlan& plan() const { return plan_; }
  const CompileReport& report() const { return report_; }
  // Ports, preprocessing, labels, preset and tool version; nothing secret (docs/bundle_format.md).
  std::string MetadataJson(size_t report_size) const;

  // The report as compact JSON, with blanks behind it up to a multiple of 4096 bytes so that its
  // size tells little (docs/bundle_format.md). Secret: it travels sealed.
  std::string ReportJson() const;

  // `bundle`: path, name, version and keys; the rest is filled in here.
  void Write(BundleOptions bundle) const;

 private:
  void Progress(const std::string& stage, uint64_t done, uint64_t total) const;
  // Throws what the placement of the scheme lacks.
  void RequireFacts() const;
  void PlaceOperators();
  // Placement critical and auto: which stages are public.
  void WeighStages(PlacementFacts* out_facts);
  std::vector<double> FaultDamage();
  // Placement auto over a ring: of the public layers some become trusted, or all do and the arithmetic
  // becomes integer.
  void PlaceFastest();
  Chain ResidueChain() const;
  double OutsideSeconds(size_t op, const QuantizedLinear& layer) const;
  static bool FitsInside(const QuantizedLinear& layer);
  bool IsMasked(const LinearOp& linear) const;
  void Quantise();
  void MeasureNoise();
  // Scaled weights: lowered_ becomes a graph of scaled tensors.
  void ScaleWeights(const SecretKey& secrets);
  // A partition drawn inside, in compile_partition.cc: whether the options allow it, and which operators it is about.
  void RequireDrawable() const;
  void ChooseCandidates();
  FloatPlan PlanSegments() const;
  // With fingerprints: what they do not pass through becomes trusted, or is refused where everything is to be public.
  void KeepUnfingerprintable();
  void MakeCornerstones(const SecretKey& secrets);
  // Layers whose replies cost more to check than the layer to compute become trusted.
  void KeepUncheckable();
  uint32_t ProjectionsOf(const QuantizedLinear& layer) const;
  QuantizedLinear QuantiseLayer(size_t op, const LinearOp& linear,
                                const LinearStatistics& statistics) const;
  void Transform(const SecretKey& secrets);
  // Index into linears_ of the layer that `plan` repeats on the same side; kNoTensor: of none.
  uint32_t SamePlan(const LinearPlan& plan) const;
  void Report();
  void ReportPrediction();
  double PassSeconds() const;  // of everything inside that is not linear
  void ReportUnprovedBounds();
  void ReportNoise();

  using Quantized = std::map<size_t, QuantizedLinear>;

  CompileOptions options_;
  LoweredGraph lowered_;
  std::vector<bool> public_;  // of each operator
  std::map<size_t, std::string> kept_;  // why an operator the placement published stays inside
  std::map<size_t, LinearStatistics> statistics_;
  Quantized quantized_;
  Chain chain_;  // placement critical and auto: a stage for each linear layer; else empty
  std::vector<Sample> first_samples_;
  std::vector<std::unique_ptr<PublishedWeights>> published_;
  std::vector<LinearPlan> linears_;
  std::unique_ptr<Cornerstones> cornerstones_;  // plan_ borrows from it
  CompiledPlan plan_;
  CompileReport report_;
};

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_COMPILE_H_
