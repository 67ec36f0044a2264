// Options that several verbs share: how a model is protected, and how a session is opened.
#ifndef PENUMBRA_CLI_MODEL_OPTIONS_H_
#define PENUMBRA_CLI_MODEL_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "penumbra/penumbra.h"

namespace penumbra::cli {

struct ImportArguments {
  std::vector<std::string> shapes, fix_inputs;
};
void AddImportArguments(CLI::App* command, ImportArguments* out);
ImportSettings ToImportSettings(const ImportArguments& arguments);  // throws Error

struct ProtectArguments {
  std::string preset, calibration, preprocess, labels, public_backbone, device_profile;
  std::string arithmetic, placement, weights, activations, integrity;
  std::optional<double> ratio, theta, deadline;
  uint64_t seed = 0;
  bool partition_inside = false;
  std::optional<uint32_t> soundness, cornerstones, fingerprints;
  std::optional<double> challenge_rate;
  bool fixed_fingerprints = false;
  std::vector<std::string> layers;
  std::optional<bool> mask_ends;
  std::string secure_memory = "12MiB";
  uint32_t calibration_limit = 200;
  uint32_t primes = 0, bits_w = 0, bits_x = 0;
  bool no_pads = false;
  bool allow_unproved_bound = false;
  ImportArguments import;
};
// `layers`: the option that names the layers that may be public.
void AddProtectArguments(CLI::App* command, ProtectArguments* out,
                         const std::string& layers = "--layers");
ProtectOptions ToProtectOptions(const ProtectArguments& arguments);  // throws Error

struct SessionArguments {
  std::string carrier = "process", accelerator, vendor, device, enclave, secure_memory;
  std::string pad_bank_size, pad_policy = "wait", durable_pads;
  uint32_t threads = 1, pad_lease = 0;
  double accelerator_timeout = 60;  // seconds
};
// Names an --accelerator option takes: also those this build is without, so that the session says what to do.
std::vector<std::string> AcceleratorChoices();
// `accelerators`: the names to choose from.
void AddSessionArguments(CLI::App* command, SessionArguments* out,
                         const std::vector<std::string>& accelerators = AcceleratorChoices());
SessionOptions ToSessionOptions(const SessionArguments& arguments);  // throws Error

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_MODEL_OPTIONS_H_
