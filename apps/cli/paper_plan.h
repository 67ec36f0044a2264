// What 'bench --paper' measures: one cell for each figure that is run by itself, so that a run can be continued.
#ifndef PENUMBRA_CLI_PAPER_PLAN_H_
#define PENUMBRA_CLI_PAPER_PLAN_H_

#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "contenders.h"

namespace penumbra::cli {

// Folder within that of the networks: the public backbone of NAME.onnx is backbones/NAME.onnx.
inline constexpr std::string_view kBackbones = "backbones";

// Published to secret filters, of ShadowNet's sweeps.
inline constexpr double kShadowNetRatios[] = {1.0, 1.1, 1.2, 1.4, 1.6, 1.8, 2.0};

enum class Paper { kSoter, kShadowNet };

// "transformer-d256" of tools/zoo: of width 256, for the sweep of theta over the Transformer's width alone.
inline constexpr std::string_view kTransformerOfWidth = "transformer-d";

struct PaperSettings {
  Paper paper = Paper::kSoter;
  std::filesystem::path models;  // folder with NAME.onnx and kBackbones
  std::filesystem::path data;  // folder of samples for what is compared; empty: noise
  bool quick = false;
  SessionArguments session;
  ProtectArguments protect;  // secure memory, calibration
  uint32_t warmup = 3, iterations = 20;
};

struct PaperCell {
  std::string kind;     // "networks", "theta", "ratio", "ablation", "paper metric"
  std::string network;  // name of its file without ".onnx"
  std::string setting;  // within its kind and network; empty: the only one
  double value = 0;     // theta or ratio
  uint32_t batch = 1;
  std::vector<ContenderSpec> specs;
  ContenderSettings settings;
  std::optional<ProtectOptions> counted;  // "paper metric": nothing is timed, the keys of this bundle are counted
  bool compares = false;  // protected and float results of samples are compared

  std::string Key() const { return kind + "/" + network + (setting.empty() ? "" : "/" + setting); }
};

struct PaperPlan {
  std::vector<PaperCell> cells;
  std::vector<std::string> missing;  // networks of the paper that the folder does not have, and "backbones/NAME"
};

// Names without ".onnx". Throws Error P205 for a folder without any.
std::set<std::string> NetworksIn(const std::filesystem::path& folder);

// `device_profile`: text of MeasureDevice(). Throws Error P205 for a folder without any network.
PaperPlan PlanPaper(const PaperSettings& settings, const std::string& device_profile);

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_PAPER_PLAN_H_
