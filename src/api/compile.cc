#include "api/compile.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "api/bundle_preprocess.h"
#include "api/calibration.h"
#include "api/import.h"
#include "api/report_json.h"
#include "api/translate.h"
#include "model/passes/passes.h"
#include "penumbra/device_profile.h"
#include "protect/presets/legality.h"
#include "protect/presets/presets.h"

namespace penumbra::api {
namespace {

void SetParameters(const ProtectOptions& options, protect::Scheme* scheme) {
  if (options.ratio) {
    if (scheme->weights != protect::WeightsAxis::kShadowNet) {
      Throw(Status::kIllegalCombination, "--ratio needs weights shadownet, and the scheme is " +
                                             protect::SchemeText(*scheme));
    }
    scheme->weights_parameter = *options.ratio;
  }
  using protect::PlacementKind;
  const auto need = [scheme](bool given, std::initializer_list<PlacementKind> placements, const char* what) {
    if (!given || std::ranges::count(placements, scheme->placement) != 0) return;
    Throw(Status::kIllegalCombination,
          std::string(what) + ", and the scheme is " + protect::SchemeText(*scheme));
  };
  need(options.theta.has_value(), {PlacementKind::kRandom}, "--theta needs placement random");
  need(options.seed != 0, {PlacementKind::kRandom, PlacementKind::kCritical}, "--seed needs placement random or critical");
  if (options.partition_inside && options.seed != 0) {
    Throw(Status::kIllegalCombination, "--seed decides at protect time, and a partition drawn inside is another one at every load");
  }
  need(!options.public_backbone.empty(), {PlacementKind::kPublicBackbone},
       "--public-backbone needs placement public-backbone");
  need(options.deadline.has_value(), {PlacementKind::kCritical}, "--deadline needs placement critical");
  need(!options.device_profile.empty(), {PlacementKind::kCritical, PlacementKind::kAuto},
       "--device-profile needs placement critical or auto");
  if (options.theta) protect::SetTheta(*options.theta, scheme);
  if (options.deadline) protect::SetDeadline(*options.deadline, scheme);
}

protect::Scheme ChooseScheme(const ProtectOptions& options, ProtectReport* report) {
  report->preset = options.preset;
  if (options.preset.empty() && options.calibration.empty()) {
    report->preset = protect::kDefaultPresetWithoutCalibration;
    report->notes.push_back(
        "no calibration data: everything stays in float32 inside the trusted half (preset "
        "mlcapsule); "
        "with --calibration DIR the preset enclave computes in integers, smaller and faster");
  } else if (options.preset.empty()) {
    report->preset = protect::kDefaultPreset;
  }
  // A preset may lack what an axis beside it replaces; the compiler refuses what is left.
  protect::Scheme scheme = options.axes.empty() ? protect::PresetScheme(report->preset)
                                                : protect::FindPreset(report->preset).scheme;
  for (const auto& [axis, value] : options.axes) protect::SetAxis(axis, value, &scheme);
  if (!options.axes.empty()) report->preset.clear();
  SetParameters(options, &scheme);
  if (!options.pads) protect::SetAxis("activations", "plain", &scheme);
  return scheme;
}

void SetFingerprints(const ProtectOptions& options, protect::CompileOptions* compile) {
  const bool asked = options.cornerstones || options.fingerprints || options.challenge_rate || options.fixed_fingerprints;
  if (asked && compile->scheme.integrity != protect::IntegrityAxis::kFingerprints) {
    Throw(Status::kIllegalCombination,
          "--cornerstones, --fingerprints, --challenge-rate and --fixed-fingerprints need integrity fingerprints, and the "
          "scheme is " + protect::SchemeText(compile->scheme));
  }
  if (options.cornerstones && options.fixed_fingerprints) {
    Throw(Status::kIllegalCombination, "--fixed-fingerprints have one cornerstone: leave --cornerstones away");
  }
  if (options.cornerstones) compile->fingerprints.cornerstone_count = *options.cornerstones;
  if (options.fingerprints) compile->fingerprints.count = *options.fingerprints;
  if (options.challenge_rate) compile->fingerprints.challenge_rate = *options.challenge_rate;
  compile->fingerprints.fixed = options.fixed_fingerprints;
}

// Extents of the model's picture input; [h, w] of a 4-D input, whichever end its 3 (or 1) channels
// are on.
std::pair<uint32_t, uint32_t> PictureSize(const TensorInfo& input) {
  const std::vector<int64_t>& s = input.shape;
  if (s.size() != 4) {
    Throw(Status::kIllegalCombination,
               "--preprocess needs a model with a 4-D picture input [input '" + input.name + "']");
  }
  const bool channel_last = s[1] != 3 && s[1] != 1 && (s[3] == 3 || s[3] == 1);
  return {static_cast<uint32_t>(s[channel_last ? 1 : 2]),
          static_cast<uint32_t>(s[channel_last ? 2 : 3])};
}

void SetSamples(const ProtectOptions& options, const std::vector<TensorInfo>& inputs,
                const std::string& stored_preprocess, protect::CompileOptions* compile) {
  if (inputs.empty()) Throw(Status::kUnsupported, "the model has no input left");
  if (!options.preprocess.empty()) {
    const auto [height, width] = PictureSize(inputs.front());
    const StoredPreprocess stored =
        SplitLabels(ResolvePreprocess(options.preprocess, height, width, options.labels));
    compile->preprocess_json = stored.json;
    compile->labels = stored.labels;
  } else if (!stored_preprocess.empty()) {
    compile->preprocess_json = stored_preprocess;
  } else if (!options.labels.empty()) {
    compile->labels = SplitLabels(ResolvePreprocess("none", 1, 1, options.labels)).labels;
  }
  if (options.calibration.empty()) return;
  compile->calibration = OpenCalibration(options.calibration, inputs, compile->preprocess_json,
                                         options.calibration_limit);
}

// The profile goes into the sealed report, also one that was measured just now.
void SetDeviceProfile(const ProtectOptions& options, ProtectReport* report, protect::CompileOptions* compile) {
  ProtectOptions request = options;
  const protect::PlacementKind placement = compile->scheme.placement;
  if (placement == protect::PlacementKind::kCritical || placement == protect::PlacementKind::kAuto) {
    protect::RequireCompilable(compile->scheme);
    if (request.device_profile.empty()) {
      MeasureOptions measure;
      if (options.progress) measure.progress = [&](double done) { options.progress("measure", done); };
      request.device_profile = MeasureDevice(measure);
      report->notes.push_back("no device profile: this machine was measured, both halves in one process; 'penumbra "
                              "profile' measures another device once (--device-profile)");
    }
    compile->device_profile =
        std::make_shared<const protect::DeviceProfile>(protect::ParseDeviceProfile(request.device_profile));
  }
  compile->request_json = RequestJson(request);
}

protect::CompileOptions MakeCompileOptions(const ProtectOptions& options, ProtectReport* report) {
  protect::CompileOptions compile;
  compile.scheme = ChooseScheme(options, report);
  compile.preset = report->preset;
  compile.layers = options.layers;
  compile.placement_seed = options.seed;
  compile.partition_inside = options.partition_inside;
  SetDeviceProfile(options, report, &compile);
  if (options.mask_ends) compile.mask_ends = *options.mask_ends;
  if (options.soundness) {
    if (compile.scheme.integrity != protect::IntegrityAxis::kFreivalds) {
      Throw(Status::kIllegalCombination, "--soundness needs integrity freivalds, and the scheme is " +
                                             protect::SchemeText(compile.scheme));
    }
    compile.soundness_bits = *options.soundness;
  }
  SetFingerprints(options, &compile);
  compile.secure_memory_size = options.secure_memory_size;
  compile.ring.prime_count = options.primes;
  compile.ring.bits_w = options.weight_bits;
  compile.ring.bits_x = options.input_bits;
  compile.integer.bits = options.weight_bits;
  compile.prime.allow_unproved_bound = options.allow_unproved_bound;
  if (options.progress) {
    compile.progress = [progress = options.progress](const std::string& stage, uint64_t done,
                                                     uint64_t total) {
      progress(stage, total == 0 ? 0.0 : static_cast<double>(done) / static_cast<double>(total));
    };
  }
  return compile;
}

}  // namespace

std::unique_ptr<protect::CompiledModel> Compile(const std::filesystem::path& model_file,
                                                const ProtectOptions& options,
                                                const std::string& stored_preprocess,
                                                ProtectReport* out_report) {
  protect::CompileOptions compile = MakeCompileOptions(options, out_report);
  model::ImportedModel imported = Import(model_file, options.import);
  model::Normalize(imported.graph);
  out_report->notes.insert(out_report->notes.end(), imported.notes.begin(), imported.notes.end());
  SetSamples(options, GraphInputs(imported.graph), stored_preprocess, &compile);
  if (!options.public_backbone.empty()) {
    model::ImportedModel backbone = Import(options.public_backbone, options.import);
    model::Normalize(backbone.graph);
    compile.public_backbone = std::make_shared<const model::Graph>(std::move(backbone.graph));
  }
  return std::make_unique<protect::CompiledModel>(imported.graph, compile);
}

}  // namespace penumbra::api
