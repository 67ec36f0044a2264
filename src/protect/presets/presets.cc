#include "protect/presets/presets.h"

#include <array>
#include <string>

#include "model/error.h"

namespace penumbra::protect {
namespace {

using A = Arithmetic;
using P = PlacementKind;
using W = WeightsAxis;
using V = ActivationsAxis;
using I = IntegrityAxis;

constexpr double kRatio = 1.2;

constexpr std::array kPresets = {
    Preset{"plain",
           {A::kFloat32, P::kAllPublic, 0, W::kPlain, kRatio, V::kPlain, I::kUnverified},
           ""},
    Preset{"mlcapsule",
           {A::kFloat32, P::kAllTrusted, 0, W::kPlain, kRatio, V::kPlain, I::kUnverified},
           ""},
    Preset{"enclave",
           {A::kInteger, P::kAllTrusted, 0, W::kPlain, kRatio, V::kPlain, I::kUnverified},
           ""},
    Preset{"darknetz",
           {A::kFloat32, P::kLast, 1, W::kPlain, kRatio, V::kPlain, I::kUnverified},
           ""},
    Preset{"serdab",
           {A::kFloat32, P::kFirst, 1, W::kPlain, kRatio, V::kPlain, I::kUnverified},
           ""},
    Preset{"ennclave",
           {A::kFloat32, P::kPublicBackbone, 0, W::kPlain, kRatio, V::kPlain, I::kUnverified},
           ""},
    Preset{"aegisdnn",
           {A::kFloat32, P::kCritical, 0, W::kPlain, kRatio, V::kPlain, I::kUnverified},
           ""},
    Preset{"magnitude",
           {A::kFloat32, P::kMagnitude, 0.01, W::kPlain, kRatio, V::kPlain, I::kUnverified},
           ""},
    Preset{"slalom",
           {A::kRing, P::kLinearPublic, 0, W::kPlain, kRatio, V::kOtp, I::kFreivalds},
           ""},
    Preset{"slalom-verify",
           {A::kRing, P::kLinearPublic, 0, W::kPlain, kRatio, V::kPlain, I::kFreivalds},
           ""},
    Preset{"securenets",
           {A::kFloat32, P::kLinearPublic, 0, W::kChannelScalar, kScaleRange, V::kPlain,
            I::kUnverified},
           ""},
    Preset{"soter",
           {A::kFloat32, P::kRandom, 0.8, W::kScalar, kScaleRange, V::kPlain, I::kFingerprints},
           ""},
    Preset{"shadownet",
           {A::kRing, P::kLinearPublic, 0, W::kShadowNet, kRatio, V::kOtp, I::kUnverified},
           ""},
    Preset{"groupcover",
           {A::kRing, P::kLinearPublic, 0, W::kGroupCover, kRatio, V::kOtp, I::kUnverified},
           ""},
    Preset{"penumbra",
           {A::kRing, P::kAuto, 0, W::kDelta, kRatio, V::kOtp, I::kFreivalds},
           "the weight transforms delta and hlpn"},
};

}  // namespace

std::span<const Preset> Presets() { return kPresets; }

const Preset& FindPreset(std::string_view name) {
  std::string known;
  for (const Preset& preset : kPresets) {
    if (preset.name == name) return preset;
    known.append(" ").append(preset.name);
  }
  throw model::ModelError(Status::kInvalidArgument, "unknown preset '" + std::string(name) + "'",
                          {}, "presets:" + known);
}

Scheme PresetScheme(std::string_view name) {
  const Preset& preset = FindPreset(name);
  if (preset.needs.empty()) return preset.scheme;
  throw model::ModelError(Status::kUnsupported,
                          "the preset '" + std::string(name) + "' is not built yet: needs " +
                              std::string(preset.needs),
                          {},
                          "do without it, for example with --integrity none, or use one of the "
                          "presets" + UsablePresets());
}

std::string UsablePresets() {
  std::string names;
  for (const Preset& preset : kPresets) {
    if (preset.needs.empty()) names.append(" ").append(preset.name);
  }
  return names;
}

std::string PresetTableMarkdown() {
  std::string table =
      "| preset | arithmetic, placement, weights, activations, integrity | usable |\n";
  table += "|---|---|---|\n";
  for (const Preset& p : kPresets) {
    table.append("| `").append(p.name).append("` | ").append(SchemeText(p.scheme)).append(" | ");
    table.append(p.needs.empty() ? "yes" : "needs ").append(p.needs).append(" |\n");
  }
  return table;
}

}  // namespace penumbra::protect
