#include "protect/presets/legality.h"

#include "model/error.h"
#include "protect/presets/presets.h"

namespace penumbra::protect {
namespace {

bool IsResidue(Arithmetic a) { return a == Arithmetic::kRing || a == Arithmetic::kPrime; }

bool NeedsResidues(WeightsAxis w) {
  return w == WeightsAxis::kShadowNet || w == WeightsAxis::kGroupCover ||
         w == WeightsAxis::kDelta || w == WeightsAxis::kHlpn;
}

std::string NeedsResidueText(std::string_view what) {
  return std::string(what) + " needs exact modular arithmetic: choose arithmetic ring or prime";
}

template <typename Enum>
std::string AxisRow(uint32_t count, bool (*allowed)(Arithmetic, Enum)) {
  std::string rows;
  for (uint32_t v = 0; v < count; ++v) {
    const auto choice = static_cast<Enum>(v);
    rows.append("| ").append(Name(choice)).append(" |");
    for (uint32_t a = 0; a < kArithmeticCount; ++a) {
      rows += allowed(static_cast<Arithmetic>(a), choice) ? " yes |" : " no |";
    }
    rows += "\n";
  }
  return rows;
}

Scheme OnlyArithmetic(Arithmetic a) {
  Scheme scheme;
  scheme.arithmetic = a;
  return scheme;
}

bool PlacementAllowed(Arithmetic a, PlacementKind choice) {
  Scheme scheme = OnlyArithmetic(a);
  scheme.placement = choice;
  return !Legality(scheme);
}
bool WeightsAllowed(Arithmetic a, WeightsAxis choice) {
  Scheme scheme = OnlyArithmetic(a);
  scheme.weights = choice;
  return !Legality(scheme);
}
bool ActivationsAllowed(Arithmetic a, ActivationsAxis choice) {
  Scheme scheme = OnlyArithmetic(a);
  scheme.activations = choice;
  return !Legality(scheme);
}
bool IntegrityAllowed(Arithmetic a, IntegrityAxis choice) {
  Scheme scheme = OnlyArithmetic(a);
  scheme.integrity = choice;
  return !Legality(scheme);
}

}  // namespace

std::optional<std::string> Legality(const Scheme& s) {
  if (s.arithmetic == Arithmetic::kInteger && s.placement != PlacementKind::kAllTrusted) {
    return "integer arithmetic exists only inside the trusted half: choose placement all-trusted, "
           "or arithmetic ring";
  }
  if (AreScaled(s.weights) && s.arithmetic != Arithmetic::kFloat32) {
    return std::string(Name(s.weights)) + " weights need arithmetic float32";
  }
  if (AreScaled(s.weights) && s.activations != ActivationsAxis::kPlain) {
    return std::string(Name(s.weights)) +
           " weights need plain activations: a scale does not commute with a pad";
  }
  if (NeedsResidues(s.weights) && !IsResidue(s.arithmetic)) {
    return NeedsResidueText(std::string(Name(s.weights)) + " weights");
  }
  if (s.activations == ActivationsAxis::kOtp && !IsResidue(s.arithmetic)) {
    return NeedsResidueText("a one-time pad");
  }
  if (s.integrity == IntegrityAxis::kFreivalds && !IsResidue(s.arithmetic)) {
    return NeedsResidueText("freivalds");
  }
  if (s.integrity == IntegrityAxis::kFingerprints && s.activations != ActivationsAxis::kPlain) {
    return "fingerprints need plain activations: a masked batch has nothing to hide them in";
  }
  return std::nullopt;
}

std::optional<std::string> MissingPart(const Scheme& s) {
  const bool weighs_times = s.placement == PlacementKind::kCritical || s.placement == PlacementKind::kAuto;
  const bool has_times = s.arithmetic == Arithmetic::kFloat32 ||
                         (s.arithmetic == Arithmetic::kRing && s.placement == PlacementKind::kAuto);
  if (weighs_times && !has_times) {
    return "the placement policy " + std::string(Name(s.placement)) + " with arithmetic " +
           std::string(Name(s.arithmetic));
  }
  if (s.weights == WeightsAxis::kDelta || s.weights == WeightsAxis::kHlpn) {
    return "the weight transform " + std::string(Name(s.weights));
  }
  if (s.integrity == IntegrityAxis::kFingerprints && s.arithmetic != Arithmetic::kFloat32) {
    return "the integrity check fingerprints in arithmetic " + std::string(Name(s.arithmetic));
  }
  return std::nullopt;
}

void RequireCompilable(const Scheme& scheme) {
  if (const auto reason = Legality(scheme)) {
    throw model::ModelError(Status::kIllegalCombination,
                            "the scheme (" + SchemeText(scheme) + ") is not possible: " + *reason,
                            {}, "docs/schemes.md lists the combinations that are");
  }
  if (const auto part = MissingPart(scheme)) {
    throw model::ModelError(
        Status::kUnsupported,
        "the scheme (" + SchemeText(scheme) + ") is not built yet: needs " + *part, {},
        "use one of the presets" + UsablePresets());
  }
}

std::vector<std::string> Warnings(const Scheme& s) {
  std::vector<std::string> lines;
  if (s.placement == PlacementKind::kAllPublic && s.weights == WeightsAxis::kPlain &&
      s.activations == ActivationsAxis::kPlain) {
    lines.emplace_back(
        "NOTHING IS PROTECTED: the whole model, its inputs and its results stand open on the "
        "accelerator. Use it only as a baseline for measurements.");
  }
  if (s.placement != PlacementKind::kAllTrusted && s.weights == WeightsAxis::kPlain) {
    lines.emplace_back("weights plain: the weights of public layers are published as they are.");
  }
  if (s.weights == WeightsAxis::kScalar) {
    lines.emplace_back(
        "weights scalar: known to break. The direction of every filter is published, and the scale "
        "follows from a similar public model or from the traffic alone; where layers have no bias, "
        "the published model has the classes of the secret one.");
  }
  if (s.weights == WeightsAxis::kChannelScalar) {
    lines.emplace_back(
        "weights channel-scalar: known to break. Signs, zeros and every ratio (a b') / (a' b) of two "
        "rows and two columns are published, and the factors follow from a similar public model or "
        "from the traffic alone.");
  }
  if (s.weights == WeightsAxis::kShadowNet) {
    lines.emplace_back(
        "weights shadownet: known to break. Published filters that share a random filter differ by "
        "a scaled vector of small integers, and rational reconstruction recovers them from the "
        "bundle alone. Do not rely on it to keep weights secret.");
  }
  if (s.weights == WeightsAxis::kGroupCover) {
    lines.emplace_back(
        "weights groupcover: known to break. The span of every four mixed filters is published, and a similar "
        "public model projected onto it recovers the filters.");
  }
  if (s.placement != PlacementKind::kAllTrusted && s.activations == ActivationsAxis::kPlain) {
    lines.emplace_back(
        "activations plain: the accelerator sees every input and output of public layers.");
  }
  if (s.placement != PlacementKind::kAllTrusted && s.integrity == IntegrityAxis::kUnverified) {
    lines.emplace_back("integrity none: an accelerator that answers wrongly is not noticed.");
  }
  if (s.integrity == IntegrityAxis::kFingerprints) {
    lines.emplace_back(
        "integrity fingerprints: known to be evaded. An accelerator that looks at its inputs tells fingerprints from "
        "requests (they repeat neither zeros nor the request before), answers only these honestly, and after as many "
        "inferences as there are cornerstones knows the space they lie in. Lies below the tolerance pass.");
  }
  return lines;
}

std::string LegalityTableMarkdown() {
  std::string table = "| choice | float32 | ring | prime | integer |\n|---|---|---|---|---|\n";
  table +=
      "| **placement** | | | | |\n" + AxisRow<PlacementKind>(kPlacementCount, PlacementAllowed);
  table += "| **weights** | | | | |\n" + AxisRow<WeightsAxis>(kWeightsCount, WeightsAllowed);
  table += "| **activations** | | | | |\n" +
           AxisRow<ActivationsAxis>(kActivationsCount, ActivationsAllowed);
  table +=
      "| **integrity** | | | | |\n" + AxisRow<IntegrityAxis>(kIntegrityCount, IntegrityAllowed);
  table += "\n| weights | with activations otp |\n|---|---|\n";
  for (uint32_t w = 0; w < kWeightsCount; ++w) {
    Scheme scheme = OnlyArithmetic(Arithmetic::kRing);
    scheme.weights = static_cast<WeightsAxis>(w);
    if (AreScaled(scheme.weights)) scheme.arithmetic = Arithmetic::kFloat32;
    scheme.activations = ActivationsAxis::kOtp;
    table.append("| ").append(Name(scheme.weights));
    table += Legality(scheme) ? " | no |\n" : " | yes |\n";
  }
  table += "\n| integrity | with activations otp |\n|---|---|\n";
  for (uint32_t i = 0; i < kIntegrityCount; ++i) {
    Scheme scheme = OnlyArithmetic(Arithmetic::kRing);
    scheme.integrity = static_cast<IntegrityAxis>(i);
    scheme.activations = ActivationsAxis::kOtp;
    table.append("| ").append(Name(scheme.integrity));
    table += Legality(scheme) ? " | no |\n" : " | yes |\n";
  }
  return table;
}

}  // namespace penumbra::protect
