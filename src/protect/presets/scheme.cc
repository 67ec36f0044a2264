#include "protect/presets/scheme.h"

#include <array>
#include <charconv>
#include <optional>
#include <span>

#include "model/error.h"

namespace penumbra::protect {
namespace {

constexpr std::array<std::string_view, kArithmeticCount> kArithmeticNames = {"float32", "ring",
                                                                             "prime", "integer"};
constexpr std::array<std::string_view, kPlacementCount> kPlacementNames = {
    "all-public", "all-trusted",     "linear-public", "random",    "last",
    "first",      "public-backbone", "critical",      "magnitude", "auto"};
constexpr std::array<std::string_view, kWeightsCount> kWeightsNames = {
    "plain", "scalar", "shadownet", "groupcover", "delta", "hlpn", "channel-scalar"};
constexpr std::array<std::string_view, kActivationsCount> kActivationsNames = {"plain", "otp"};
constexpr std::array<std::string_view, kIntegrityCount> kIntegrityNames = {"none", "fingerprints",
                                                                           "freivalds"};

constexpr double kMaxScaleRange = 0x1p60;
constexpr double kMaxDeadline = 24 * 3600e3;  // milliseconds

struct Choice {
  uint8_t index;
  std::optional<double> parameter;
};

[[noreturn]] void Refuse(std::string_view axis, std::string_view value,
                         std::span<const std::string_view> names) {
  std::string hint = "choose one of:";
  for (const std::string_view name : names) hint.append(" ").append(name);
  throw model::ModelError(
      Status::kInvalidArgument,
      "unknown choice '" + std::string(value) + "' for the axis '" + std::string(axis) + "'", {},
      hint);
}

Choice ParseChoice(std::string_view axis, std::string_view value,
                   std::span<const std::string_view> names) {
  const size_t colon = value.find(':');
  const std::string_view name = value.substr(0, colon);
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] != name) continue;
    Choice choice{static_cast<uint8_t>(i), std::nullopt};
    if (colon == std::string_view::npos) return choice;
    const std::string_view digits = value.substr(colon + 1);
    double parameter = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), parameter);
    if (error != std::errc() || end != digits.data() + digits.size()) break;
    choice.parameter = parameter;
    return choice;
  }
  Refuse(axis, value, names);
}

bool TakesParameter(PlacementKind kind) {
  switch (kind) {
    case PlacementKind::kRandom:
    case PlacementKind::kLast:
    case PlacementKind::kFirst:
    case PlacementKind::kCritical:
    case PlacementKind::kMagnitude:
      return true;
    default:
      return false;
  }
}

bool TakesParameter(WeightsAxis kind) { return kind == WeightsAxis::kShadowNet || AreScaled(kind); }

double DefaultParameter(PlacementKind kind) {
  if (kind == PlacementKind::kRandom) return 0.8;
  if (kind == PlacementKind::kMagnitude) return 0.01;
  if (kind == PlacementKind::kCritical) return 0;  // to be said
  return TakesParameter(kind) ? 1 : 0;
}

void RequireShare(double value, const char* what) {
  if (value >= 0 && value <= 1) return;
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  throw model::ModelError(
      Status::kInvalidArgument,
      std::string(what) + " of the placement is " + std::string(digits.data(), end), {},
      "give a number between 0 and 1");
}

void SetPlacement(std::string_view value, Scheme* out_scheme) {
  const Choice choice = ParseChoice("placement", value, kPlacementNames);
  const auto kind = static_cast<PlacementKind>(choice.index);
  if (choice.parameter && !TakesParameter(kind)) Refuse("placement", value, kPlacementNames);
  const double parameter = choice.parameter.value_or(DefaultParameter(kind));
  if (!(parameter >= 0)) Refuse("placement", value, kPlacementNames);
  if (kind == PlacementKind::kCritical && choice.parameter) return SetDeadline(parameter, out_scheme);
  if (kind == PlacementKind::kRandom) RequireShare(parameter, "theta");
  if (kind == PlacementKind::kMagnitude) RequireShare(parameter, "the fraction");
  out_scheme->placement = kind;
  out_scheme->placement_parameter = parameter;
}

void SetWeights(std::string_view value, Scheme* out_scheme) {
  const Choice choice = ParseChoice("weights", value, kWeightsNames);
  const auto kind = static_cast<WeightsAxis>(choice.index);
  if (choice.parameter && !TakesParameter(kind)) Refuse("weights", value, kWeightsNames);
  const double parameter = choice.parameter.value_or(AreScaled(kind) ? kScaleRange : 1.2);
  if (AreScaled(kind) && !(parameter > 1 && parameter <= kMaxScaleRange)) {
    throw model::ModelError(Status::kInvalidArgument,
                            "the range of scales in '" + std::string(value) + "' is out of range",
                            {}, "give R > 1, at most 2^60: scales lie between 1/R and R");
  }
  if (!AreScaled(kind) && !(parameter >= 1 && parameter <= 64)) {
    throw model::ModelError(Status::kInvalidArgument,
                            "the ratio in '" + std::string(value) + "' is out of range", {},
                            "give a ratio of published to secret channels between 1 and 64");
  }
  out_scheme->weights = kind;
  out_scheme->weights_parameter = parameter;
}

uint8_t SetPlain(std::string_view axis, std::string_view value,
                 std::span<const std::string_view> names) {
  const Choice choice = ParseChoice(axis, value, names);
  if (choice.parameter) Refuse(axis, value, names);
  return choice.index;
}

std::string WithParameter(std::string_view name, double parameter) {
  std::array<char, 32> digits{};
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), parameter);
  return std::string(name) + ":" + std::string(digits.data(), result.ptr);
}

}  // namespace

std::string_view Name(Arithmetic value) { return kArithmeticNames[static_cast<size_t>(value)]; }
std::string_view Name(PlacementKind value) { return kPlacementNames[static_cast<size_t>(value)]; }
std::string_view Name(WeightsAxis value) { return kWeightsNames[static_cast<size_t>(value)]; }
std::string_view Name(ActivationsAxis value) {
  return kActivationsNames[static_cast<size_t>(value)];
}
std::string_view Name(IntegrityAxis value) { return kIntegrityNames[static_cast<size_t>(value)]; }

void SetAxis(std::string_view axis, std::string_view value, Scheme* out_scheme) {
  if (axis == "arithmetic") {
    out_scheme->arithmetic = static_cast<Arithmetic>(SetPlain(axis, value, kArithmeticNames));
  } else if (axis == "placement") {
    SetPlacement(value, out_scheme);
  } else if (axis == "weights") {
    SetWeights(value, out_scheme);
  } else if (axis == "activations") {
    out_scheme->activations =
        static_cast<ActivationsAxis>(SetPlain(axis, value, kActivationsNames));
  } else if (axis == "integrity") {
    out_scheme->integrity = static_cast<IntegrityAxis>(SetPlain(axis, value, kIntegrityNames));
  } else {
    throw model::ModelError(Status::kInvalidArgument, "unknown axis '" + std::string(axis) + "'",
                            {}, "axes: arithmetic placement weights activations integrity");
  }
}

void SetTheta(double theta, Scheme* out_scheme) {
  RequireShare(theta, "theta");
  out_scheme->placement_parameter = theta;
}

void SetDeadline(double milliseconds, Scheme* out_scheme) {
  if (!(milliseconds > 0 && milliseconds <= kMaxDeadline)) {
    throw model::ModelError(Status::kInvalidArgument,
                            "the deadline of the placement is " + std::to_string(milliseconds) + " ms", {},
                            "give a time above 0 and up to a day");
  }
  out_scheme->placement = PlacementKind::kCritical;
  out_scheme->placement_parameter = milliseconds;
}

std::string SchemeText(const Scheme& s) {
  std::string text(Name(s.arithmetic));
  text += ", ";
  const bool is_said = s.placement != PlacementKind::kCritical || s.placement_parameter > 0;
  text += TakesParameter(s.placement) && is_said ? WithParameter(Name(s.placement), s.placement_parameter)
                                      : std::string(Name(s.placement));
  text += ", ";
  text += TakesParameter(s.weights) ? WithParameter(Name(s.weights), s.weights_parameter)
                                               : std::string(Name(s.weights));
  text.append(", ").append(Name(s.activations)).append(", ").append(Name(s.integrity));
  return text;
}

}  // namespace penumbra::protect
