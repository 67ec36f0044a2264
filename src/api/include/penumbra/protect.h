// Turning a model file (ONNX, TFLite) into a bundle.
#ifndef PENUMBRA_PROTECT_H_
#define PENUMBRA_PROTECT_H_

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "penumbra/env.h"
#include "penumbra/export.h"
#include "penumbra/float_model.h"

namespace penumbra {

struct ProtectOptions {
  // Empty: "enclave", or "mlcapsule" without calibration data.
  std::string preset = {};
  // Single axes over the preset: "arithmetic", "placement", "weights", "activations", "integrity",
  // each with a value of docs/schemes.md, e.g. {"weights", "shadownet:1.5"}.
  std::map<std::string, std::string> axes = {};
  std::optional<double> ratio = {};  // of ShadowNet's transform, >= 1
  // Placement random (SOTER): the share of associative operators that are public, in [0, 1], and the
  // seed that decides which. Placement critical: the seed of the faults that are injected.
  std::optional<double> theta = {};
  uint64_t seed = 0;
  // Placement random with weights scalar: which operators are public, and the scales, are drawn inside the trusted half at every
  // load; the bundle has everything sealed. There is no seed then.
  bool partition_inside = false;
  // Placement public-backbone (eNNclave): ONNX file of the public network the model was trained from,
  // read with the same `import` settings. Layers that are its layers are public, all others trusted.
  std::filesystem::path public_backbone = {};
  // Placement critical (AegisDNN): milliseconds an inference may take by the device profile.
  std::optional<double> deadline = {};
  // Placement critical and auto: the text of a device's profile (device_profile.h); empty: this machine is
  // measured.
  std::string device_profile = {};
  // With integrity freivalds: a wrong reply is accepted with probability at most 2^-soundness.
  // Unset: 40.
  std::optional<uint32_t> soundness = {};
  // With integrity fingerprints: cornerstones of each segment (4 to 64; unset: 16), fingerprints in every job beside the
  // request (1 to 7; unset: 1), and the probability in (0, 1] with which a tile of a reply is compared (unset: 1). fixed:
  // the same fingerprint always, which is only there to be compared with.
  std::optional<uint32_t> cornerstones = {}, fingerprints = {};
  std::optional<double> challenge_rate = {};
  bool fixed_fingerprints = false;
  // Layers that may be public, by name ('*' and '?' match); empty: as the placement says.
  std::vector<std::string> layers = {};
  // false: layers that read a model input get it without a one-time pad. Unset: true.
  std::optional<bool> mask_ends = {};

  std::filesystem::path calibration = {};  // folder of samples (ListDataset); empty: none
  uint32_t calibration_limit = 200;        // samples
  std::string preprocess = {};             // see ResolvePreprocess; stored in the bundle
  std::filesystem::path labels = {};

  uint64_t secure_memory_size = uint64_t{12} << 20;  // bytes
  bool pads = true;
  uint32_t primes = 0, weight_bits = 0, input_bits = 0;  // 0: chosen by the compiler
  // Arithmetic prime: accept layers whose sums may leave the field, on the word of the calibration
  // samples. Without it such a layer is refused with P309.
  bool allow_unproved_bound = false;
  ImportSettings import = {};

  std::filesystem::path vendor_key = {};                // private key file; empty: DefaultKeys
  std::vector<std::filesystem::path> device_keys = {};  // public key files; empty: DefaultKeys
  std::string name = {};                                // empty: the file's stem
  uint64_t model_version = 1;
  bool dry_run = false;  // everything but writing
  // done in [0, 1]; may be empty.
  std::function<void(const std::string& stage, double done)> progress = {};
};

// One linear layer, for the vendor's eyes only.
struct ProtectedLayer {
  std::string name;
  std::string kernel;                    // "3x3 /2x2 groups 4"; strides and groups unless 1
  std::vector<uint32_t> input, output;   // [h, w, c]
  bool is_public = false;
  std::string reason;        // why it stays trusted although the policy would publish it
  uint32_t prime_count = 0;  // 0: float32 or plain integers
  uint32_t level_count = 0;  // of its input; 0: float32
  double ratio = 0;          // published to secret output channels; 0: trusted
  double predicted_noise_db = 0;
  // Arithmetic prime: no proof that sums stay in the field; largest |y| of the calibration samples as
  // a share of what it can represent.
  bool bound_unproved = false;
  double field_share = 0;
  uint64_t trusted_macs = 0, public_macs = 0;  // multiplications of one inference
  uint64_t secure_memory_size = 0;  // most bytes of tensors and weights inside while it is computed
  uint64_t crossing_size = 0, pad_size = 0;    // bytes of one inference
  // Checked layers: secret projections per prime; a wrong reply is accepted with probability at most
  // 2^-soundness_bits; byte multiplications of the checks of one inference.
  uint32_t projection_count = 0, soundness_bits = 0;
  uint64_t check_macs = 0;
  // Number in BundleInfo::segments; nothing for trusted layers and in bundles of releases that did not record it. Layers
  // that share their weights share the segment.
  std::optional<uint32_t> segment = {};
  std::optional<uint32_t> float_segment = {};  // of the public half, for float32 layers
  // Placement critical and auto: milliseconds on either side by the device profile, in float32 together
  // with what follows up to the next layer; infinite: the layer cannot be there. 0: no prediction.
  double predicted_inside_ms = 0, predicted_outside_ms = 0;
  double damage = 0;  // placement critical: of faults in it, 0 to 1
};

// How replies of float32 segments are checked (docs/integrity.md).
struct FingerprintInfo {
  uint32_t count = 0;         // in every job beside the request; 0: replies are not checked so
  uint32_t cornerstones = 0;  // of each segment; 1: fixed fingerprints
  double challenge_rate = 0;
  uint64_t cornerstones_size = 0;  // bytes in the sealed half, all of which an inference reads
  uint64_t macs = 0;               // multiplications of one inference inside
};

// Placement critical and auto, by the device profile, milliseconds.
struct Prediction {
  std::string device;
  double chosen_ms = 0;   // all layers as they are placed; in float32 with what lies between them and what
                          // crosses, else without
  double inside_ms = 0;   // all inside; infinite: they cannot be
  double outside_ms = 0;  // all outside that can be
  double damage = 0;      // of the layers that are public, summed
};

struct ProtectReport {
  std::string preset, scheme;
  std::vector<std::string> warnings;  // publicly known attacks on this scheme, risky settings
  std::vector<std::string> notes;     // what was chosen for the caller, what would be gained
  uint32_t sample_count = 0;          // calibration samples used
  // Decibels by which the error of the least exact output lies below its values, on the first calibration samples;
  // nothing without integers or without any error.
  std::optional<double> output_noise_db;
  uint64_t bundle_size = 0, exchange_size = 0, secure_memory_peak = 0;  // bytes
  uint64_t pad_size = 0;       // bytes of one-time pads of one inference
  uint64_t crossing_size = 0;  // bytes of masked inputs and replies of one inference
  uint32_t soundness_bits = 0;  // the least over checked layers; 0: replies are not checked
  uint64_t check_macs = 0;      // byte multiplications of all checks of one inference
  FingerprintInfo fingerprints;
  std::vector<ProtectedLayer> layers;
  std::optional<Prediction> prediction;
};

// Writes `bundle` complete or not at all. Throws Error; P106 lists every operator that is not
// supported.
PENUMBRA_API ProtectReport Protect(const Env& env, const std::filesystem::path& model_file,
                                   const std::filesystem::path& bundle,
                                   const ProtectOptions& options = {});

struct PresetInfo {
  std::string name, scheme;
  std::string needs;  // what this version lacks for it; empty when it can be used
};
PENUMBRA_API std::vector<PresetInfo> Presets();

}  // namespace penumbra

#endif  // PENUMBRA_PROTECT_H_
