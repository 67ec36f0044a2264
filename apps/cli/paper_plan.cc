#include "paper_plan.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <span>

#include "error_codes.h"
#include "paper_numbers.h"

namespace penumbra::cli {
namespace {

constexpr uint32_t kBatches[] = {1, 6};
constexpr double kQuickRatios[] = {1.0, 1.2, 2.0};
constexpr double kQuickThetas[] = {0, .4, 1};

const char* const kSoterPresets[] = {"mlcapsule", "aegisdnn", "soter", "enclave", "shadownet"};
const char* const kShadowNetPresets[] = {"mlcapsule", "enclave", "slalom", "shadownet"};

std::vector<std::string> PaperNetworks(Paper paper) {
  std::vector<std::string> names;
  if (paper == Paper::kSoter) {
    for (const SoterRow& row : SoterRows()) names.emplace_back(row.network);
  } else {
    for (const ShadowNetRow& row : ShadowNetRows()) names.emplace_back(row.network);
  }
  return names;
}

class Planner {
 public:
  Planner(const PaperSettings& settings, const std::string& device_profile) : s_(settings), device_profile_(device_profile) {
    base_ = ToProtectOptions(settings.protect);
    base_.device_profile.clear();  // only some presets take one
    contest_ = {.session = settings.session,
                .warmup = settings.warmup,
                .iterations = settings.iterations,
                .device_profile = Json::parse(device_profile),
                .keep_errors = true};
  }

  PaperPlan Plan() {
    std::set<std::string> found = NetworksIn(s_.models);
    std::vector<std::string> networks;
    for (const std::string& name : PaperNetworks(s_.paper)) {
      if (found.erase(name) != 0) {
        networks.push_back(name);
      } else {
        plan_.missing.push_back(name);
      }
    }
    networks.insert(networks.end(), found.begin(), found.end());
    for (const std::string& name : networks) {
      if (s_.paper == Paper::kShadowNet || !name.starts_with(kTransformerOfWidth)) AddNetwork(name);
    }
    if (s_.paper == Paper::kSoter) {
      AddThetas(networks);
    } else {
      const bool has_small = std::ranges::find(networks, "resnet44-cifar") != networks.end();
      AddRatios(has_small ? "resnet44-cifar" : networks.front());
      AddAblation(networks.front());
      for (const std::string& name : networks) {
        Add("paper metric", name, "").counted = Spec("shadownet").protect;
      }
    }
    return std::move(plan_);
  }

 private:
  ContenderSpec Spec(const std::string& preset) const {
    ContenderSpec spec{preset, base_, {}};
    spec.protect.preset = preset;
    if (preset == "aegisdnn") spec.protect.device_profile = device_profile_;
    return spec;
  }

  PaperCell& Add(const std::string& kind, const std::string& network, const std::string& setting) {
    plan_.cells.push_back({.kind = kind, .network = network, .setting = setting, .specs = {}, .settings = contest_, .counted = {}});
    return plan_.cells.back();
  }

  void AddNetwork(const std::string& name) {
    PaperCell& cell = Add("networks", name, "");
    if (s_.paper == Paper::kSoter) {
      for (const char* preset : kSoterPresets) cell.specs.push_back(Spec(preset));
      AddBackbone(name, &cell);
    } else {
      for (const char* preset : kShadowNetPresets) cell.specs.push_back(Spec(preset));
    }
  }

  // eNNclave, where there is a public network that this one could have been trained from.
  void AddBackbone(const std::string& name, PaperCell* cell) {
    const std::string backbone = std::string(kBackbones) + "/" + name;
    const std::filesystem::path file = s_.models / (backbone + ".onnx");
    if (!std::filesystem::exists(file)) {
      plan_.missing.push_back(backbone);
      return;
    }
    cell->specs.push_back(Spec("ennclave"));
    cell->specs.back().protect.public_backbone = file;
  }

  // Over VGG19 and every Transformer there is, else over the first network.
  void AddThetas(const std::vector<std::string>& networks) {
    std::vector<std::string> swept;
    std::ranges::copy_if(networks, std::back_inserter(swept),
                         [](const std::string& name) { return name == "vgg19" || name.starts_with("transformer"); });
    if (swept.empty()) swept.push_back(networks.front());
    for (const std::string& network : swept) {
      for (const uint32_t batch : kBatches) {
        if (batch != 1 && network.starts_with("transformer")) continue;
        for (const double theta : s_.quick ? std::span<const double>(kQuickThetas) : std::span<const double>(kSoterThetas)) {
          AddTheta(network, batch, theta);
        }
      }
    }
  }

  void AddTheta(const std::string& network, uint32_t batch, double theta) {
    PaperCell& cell = Add("theta", network, "batch " + std::to_string(batch) + "/theta " + Fixed(theta, 1));
    cell.value = theta;
    cell.batch = batch;
    cell.specs.push_back(Spec("soter"));
    cell.specs.back().protect.theta = theta;
    cell.settings.without_checks = false;
  }

  void AddRatios(const std::string& network) {
    for (const double ratio : s_.quick ? std::span<const double>(kQuickRatios) : std::span<const double>(kShadowNetRatios)) {
      PaperCell& cell = Add("ratio", network, "ratio " + Fixed(ratio, 1));
      cell.value = ratio;
      cell.compares = true;
      cell.specs.push_back(Spec("shadownet"));
      cell.specs.back().protect.ratio = ratio;
    }
  }

  // One thing changed in turn. What has no switch cannot be left away.
  void AddAblation(const std::string& network) {
    AddChange(network, "as it is", [](PaperCell*) {});
    AddChange(network, "checks on (freivalds)", [](PaperCell* c) { c->specs[0].protect.axes["integrity"] = "freivalds"; });
    AddChange(network, "no pads", [](PaperCell* c) { c->specs[0].protect.pads = false; });
    AddChange(network, "no random filters (groupcover)",
              [](PaperCell* c) { c->specs[0].protect.axes["weights"] = "groupcover"; });
    AddChange(network, "secure memory 6 MiB", [](PaperCell* c) { c->specs[0].protect.secure_memory_size = uint64_t{6} << 20; });
    AddChange(network, "both halves in one process", [](PaperCell* c) { c->settings.session.carrier = "direct"; });
    for (const std::string& name : AcceleratorNames()) {
      if (name == "native-avx2") {
        AddChange(network, "accelerator without AVX-512 (native-avx2)",
                  [](PaperCell* c) { c->settings.session.accelerator = "native-avx2"; });
      } else if (name == "onednn-s32") {
        AddChange(network, "no kernels of our own outside (onednn-s32)",
                  [](PaperCell* c) { c->settings.session.accelerator = "onednn-s32"; });
      }
    }
  }

  void AddChange(const std::string& network, const std::string& what, const std::function<void(PaperCell*)>& change) {
    PaperCell& cell = Add("ablation", network, what);
    cell.specs.push_back(Spec("shadownet"));
    cell.settings.without_checks = false;
    change(&cell);
  }

  const PaperSettings& s_;
  const std::string& device_profile_;
  ProtectOptions base_;
  ContenderSettings contest_;
  PaperPlan plan_;
};

}  // namespace

std::set<std::string> NetworksIn(const std::filesystem::path& folder) {
  std::set<std::string> names;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
    if (entry.path().extension() == ".onnx") names.insert(entry.path().stem().string());
  }
  if (names.empty()) {
    throw Error(kNotFound, "there is no .onnx file in the folder of --models; write some with tools/zoo, for example "
                           "'python -m zoo --all DIR' [" + folder.string() + "]");
  }
  return names;
}

PaperPlan PlanPaper(const PaperSettings& settings, const std::string& device_profile) {
  return Planner(settings, device_profile).Plan();
}

}  // namespace penumbra::cli
