#include "model_options.h"

#include <chrono>
#include <cmath>

#include "arguments.h"

namespace penumbra::cli {

void AddImportArguments(CLI::App* command, ImportArguments* out) {
  command->add_option("--shapes", out->shapes,
                      "fix dynamic dimensions: NAME:1x3x224x224[,NAME:...]");
  command->add_option("--fix-input", out->fix_inputs,
                      "turn an input into a constant: NAME=NUMBER|true|false|FILE.npy");
}

ImportSettings ToImportSettings(const ImportArguments& arguments) {
  return {ParseShapes(arguments.shapes), ParseFixedInputs(arguments.fix_inputs)};
}

void AddProtectArguments(CLI::App* command, ProtectArguments* out, const std::string& layers) {
  std::string presets;
  for (const PresetInfo& preset : Presets()) {
    if (preset.needs.empty()) presets.append(presets.empty() ? "" : ", ").append(preset.name);
  }
  command->add_option("--preset", out->preset,
                      presets + "; default: enclave, or mlcapsule without calibration data");
  command->add_option("--calibration", out->calibration,
                      "folder of sample inputs: .npy, .jpg, .png, or .npz with an array for each input");
  command->add_option("--calibration-limit", out->calibration_limit, "samples to use at most")
      ->capture_default_str();
  command->add_option(
      "--preprocess", out->preprocess,
      "how pictures become inputs, stored in the bundle: imagenet, cifar10, none or FILE.json");
  command->add_option("--labels", out->labels, "class names, one a line, stored in the bundle");
  command->add_option("--arithmetic", out->arithmetic, "axis: float32, ring, prime, integer");
  command->add_option("--placement", out->placement,
                      "axis, which operators are public: all-public, all-trusted, linear-public, "
                      "random:THETA, last:K, first:K, public-backbone, critical:DEADLINE, magnitude:SHARE, auto");
  command->add_option("--weights", out->weights,
                      "axis, how public weights are hidden: plain, scalar:RANGE, "
                      "channel-scalar:RANGE, shadownet:RATIO, groupcover");
  command->add_option("--activations", out->activations, "axis: plain, otp");
  command->add_option("--integrity", out->integrity, "axis: none, fingerprints, freivalds");
  command->add_option("--soundness", out->soundness,
                      "with freivalds: a wrong reply passes with probability at most 2^-BITS; default: 40");
  command->add_option("--cornerstones", out->cornerstones,
                      "with fingerprints: secret samples of each segment that they combine, 4 to 64; default: 16");
  command->add_option("--fingerprints", out->fingerprints,
                      "with fingerprints: so many in every job beside the request, 1 to 7; default: 1");
  command->add_option("--challenge-rate", out->challenge_rate,
                      "with fingerprints: probability that a tile of a reply is compared, above 0 to 1; default: 1");
  command->add_flag("--fixed-fingerprints", out->fixed_fingerprints,
                    "with fingerprints: always the same one, which any accelerator recognises; for comparison only");
  command->add_option("--ratio", out->ratio,
                      "published to secret channels of shadownet, at least 1");
  command->add_option("--theta", out->theta,
                      "placement random: share of associative operators that are public, 0 to 1");
  command->add_option("--seed", out->seed, "placement random: decides which operators are public; critical: which faults")
      ->capture_default_str();
  command->add_flag("--partition-inside", out->partition_inside,
                    "placement random, weights scalar: the trusted half draws what is public, and its scales, at every load");
  command->add_option("--public-backbone", out->public_backbone,
                      "placement public-backbone: ONNX file of the public network the model was trained from");
  command->add_option("--deadline", out->deadline,
                      "placement critical: milliseconds an inference may take by the device profile");
  command->add_option("--device-profile", out->device_profile,
                      "placement critical and auto: what 'penumbra profile' wrote on the device; default: this "
                      "machine is measured");
  command->add_option(layers, out->layers,
                      "layers that may be public, by name ('*' and '?' match)");
  command->add_option("--mask-ends", out->mask_ends,
                      "pads on layers that read the model's input, too; default: true");
  command->add_option("--secure-memory", out->secure_memory, "budget inside the TEE")
      ->capture_default_str();
  command->add_option("--primes", out->primes,
                      "primes of the ring, 1 to 6; default: by predicted noise");
  command->add_option("--bits-w", out->bits_w,
                      "arithmetic ring: bits of weights; default: what the window holds. Preset enclave: 8 or 16 "
                      "for weights and inputs; default: 8, and 16 in layers where 8 predict too much noise");
  command->add_option("--bits-x", out->bits_x,
                      "arithmetic ring: bits of inputs; default: what the window holds");
  command->add_flag("--allow-unproved-bound", out->allow_unproved_bound,
                    "arithmetic prime: accept layers whose sums may leave the field");
  command->add_flag("--no-pads", out->no_pads, "activations leave the TEE unmasked");
  AddImportArguments(command, &out->import);
}

ProtectOptions ToProtectOptions(const ProtectArguments& arguments) {
  ProtectOptions options;
  options.preset = arguments.preset;
  const std::pair<const char*, const std::string*> axes[] = {
      {"arithmetic", &arguments.arithmetic},
      {"placement", &arguments.placement},
      {"weights", &arguments.weights},
      {"activations", &arguments.activations},
      {"integrity", &arguments.integrity}};
  for (const auto& [axis, value] : axes) {
    if (!value->empty()) options.axes[axis] = *value;
  }
  options.ratio = arguments.ratio;
  options.theta = arguments.theta;
  options.seed = arguments.seed;
  options.partition_inside = arguments.partition_inside;
  options.public_backbone = arguments.public_backbone;
  options.deadline = arguments.deadline;
  if (!arguments.device_profile.empty()) options.device_profile = ReadDeviceProfile(arguments.device_profile);
  options.soundness = arguments.soundness;
  options.cornerstones = arguments.cornerstones;
  options.fingerprints = arguments.fingerprints;
  options.challenge_rate = arguments.challenge_rate;
  options.fixed_fingerprints = arguments.fixed_fingerprints;
  options.layers = arguments.layers;
  options.mask_ends = arguments.mask_ends;
  options.calibration = arguments.calibration;
  options.calibration_limit = arguments.calibration_limit;
  options.preprocess = arguments.preprocess;
  options.labels = arguments.labels;
  options.secure_memory_size = ParseSize(arguments.secure_memory);
  options.pads = !arguments.no_pads;
  options.primes = arguments.primes;
  options.weight_bits = arguments.bits_w;
  options.input_bits = arguments.bits_x;
  options.allow_unproved_bound = arguments.allow_unproved_bound;
  options.import = ToImportSettings(arguments.import);
  return options;
}

std::vector<std::string> AcceleratorChoices() {
  std::vector<std::string> names = AcceleratorNames();
  for (std::string& absent : AbsentAccelerators()) names.push_back(std::move(absent));
  return names;
}

void AddSessionArguments(CLI::App* command, SessionArguments* out,
                         const std::vector<std::string>& accelerators) {
  command
      ->add_option("--carrier", out->carrier,
                   "where the trusted half runs; direct isolates nothing")
      ->check(CLI::IsMember({"process", "direct"}))
      ->capture_default_str();
  command->add_option("--accelerator", out->accelerator, "device for public layers")
      ->check(CLI::IsMember(accelerators));
  command
      ->add_option("--accelerator-timeout", out->accelerator_timeout,
                   "seconds one job of the accelerator may take; a longer one ends in P208")
      ->check(CLI::Range(0.001, 86400.0))
      ->capture_default_str();
  command->add_option("--threads", out->threads, "threads of the accelerator")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_option("--vendor", out->vendor, "vendor's public key; default: your own");
  command->add_option("--device", out->device, "device's private key; default: your own");
  command->add_option("--enclave", out->enclave, "enclave program; default: the installed one");
  command->add_option("--enclave-memory", out->secure_memory,
                      "memory the TEE gets; default: what the bundle was planned for");
  command->add_option("--pad-bank-size", out->pad_bank_size,
                      "one-time pads kept ready while idle, 0: none; default: "
                      "eight pads, at most 256MiB");
  command->add_option("--pad-policy", out->pad_policy, "for an inference that finds no pad ready")
      ->check(CLI::IsMember({"wait", "refuse", "inline"}))
      ->capture_default_str();
  command->add_option("--durable-pads", out->durable_pads,
                      "folder in which one-time pads outlive the program; one program at a time");
  command->add_option("--pad-lease", out->pad_lease,
                      "with --durable-pads: pads in hand at once, burnt by an unclean end; default: half of the bank, at least 2")
      ->check(CLI::Range(1, 4096));
}

SessionOptions ToSessionOptions(const SessionArguments& arguments) {
  SessionOptions options;
  options.carrier = arguments.carrier == "direct" ? Carrier::kDirect : Carrier::kProcess;
  options.accelerator = arguments.accelerator;
  options.threads = arguments.threads;
  options.accelerator_timeout =
      std::chrono::milliseconds(std::llround(arguments.accelerator_timeout * 1000));
  options.vendor_key = arguments.vendor;
  options.device_key = arguments.device;
  options.enclave_binary = arguments.enclave;
  if (!arguments.secure_memory.empty())
    options.secure_memory_size = ParseSize(arguments.secure_memory);
  if (!arguments.pad_bank_size.empty())
    options.pad_bank_size = ParseSize(arguments.pad_bank_size);
  options.durable_pads = arguments.durable_pads;
  options.pad_lease = arguments.pad_lease;
  if (arguments.pad_policy == "refuse") options.pad_policy = PadPolicy::kRefuse;
  if (arguments.pad_policy == "inline") options.pad_policy = PadPolicy::kInline;
  return options;
}

}  // namespace penumbra::cli
