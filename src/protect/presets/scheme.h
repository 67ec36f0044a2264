// A protection scheme: one choice on each of five independent axes (docs/schemes.md). The compiler
// acts on the axes only, never on a preset's name.
#ifndef PENUMBRA_PROTECT_PRESETS_SCHEME_H_
#define PENUMBRA_PROTECT_PRESETS_SCHEME_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace penumbra::protect {

enum class Arithmetic : uint8_t { kFloat32, kRing, kPrime, kInteger };
enum class PlacementKind : uint8_t {
  kAllPublic,
  kAllTrusted,
  kLinearPublic,
  kRandom,
  kLast,
  kFirst,
  kPublicBackbone,
  kCritical,
  kMagnitude,
  kAuto,
};
enum class WeightsAxis : uint8_t {
  kPlain,
  kScalar,  // float32 under one secret scale per tensor (SOTER)
  kShadowNet,
  kGroupCover,
  kDelta,
  kHlpn,
  kChannelScalar,  // one per channel, so per row and column (SecureNets)
};
enum class ActivationsAxis : uint8_t { kPlain, kOtp };
enum class IntegrityAxis : uint8_t { kUnverified, kFingerprints, kFreivalds };

inline constexpr uint32_t kArithmeticCount = 4;
inline constexpr uint32_t kPlacementCount = 10;
inline constexpr uint32_t kWeightsCount = 7;
inline constexpr uint32_t kActivationsCount = 2;
inline constexpr uint32_t kIntegrityCount = 3;

inline constexpr double kScaleRange = 8;  // of scaled weights, unless said otherwise

struct Scheme {
  Arithmetic arithmetic = Arithmetic::kInteger;
  PlacementKind placement = PlacementKind::kAllTrusted;
  double placement_parameter = 0;  // theta of random, k of last and first, deadline in ms (0: not said), fraction
  WeightsAxis weights = WeightsAxis::kPlain;
  double weights_parameter = 1.2;  // ShadowNet's ratio r >= 1; range R > 1 of scales
  ActivationsAxis activations = ActivationsAxis::kPlain;
  IntegrityAxis integrity = IntegrityAxis::kUnverified;
};

// Float32 weights under secret scales.
constexpr bool AreScaled(WeightsAxis value) {
  return value == WeightsAxis::kScalar || value == WeightsAxis::kChannelScalar;
}

std::string_view Name(Arithmetic value);
std::string_view Name(PlacementKind value);
std::string_view Name(WeightsAxis value);
std::string_view Name(ActivationsAxis value);
std::string_view Name(IntegrityAxis value);

// Sets one axis ("arithmetic", "placement", "weights", "activations", "integrity") from the
// spelling users see: a name, then ":parameter" where the choice has one ("last:3",
// "shadownet:1.5"). Throws model::ModelError(kInvalidArgument) that lists the choices.
void SetAxis(std::string_view axis, std::string_view value, Scheme* out_scheme);

// Theta of placement random. Throws model::ModelError(kInvalidArgument) outside [0, 1].
void SetTheta(double theta, Scheme* out_scheme);

// The deadline of placement critical in milliseconds. Throws model::ModelError(kInvalidArgument) unless
// it is above 0 and finite.
void SetDeadline(double milliseconds, Scheme* out_scheme);

// "ring, linear-public, shadownet:1.2, otp, none".
std::string SchemeText(const Scheme& scheme);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_PRESETS_SCHEME_H_
