// The presets: names for rows of the five axes (docs/schemes.md).
#ifndef PENUMBRA_PROTECT_PRESETS_PRESETS_H_
#define PENUMBRA_PROTECT_PRESETS_PRESETS_H_

#include <span>
#include <string>
#include <string_view>

#include "protect/presets/scheme.h"

namespace penumbra::protect {

struct Preset {
  std::string_view name;
  Scheme scheme;
  std::string_view needs;  // what this version lacks for it; empty when it can be used
};

// Every preset in the order of docs/schemes.md, also those that cannot be used yet.
std::span<const Preset> Presets();

// Any preset of the table. Throws model::ModelError(kInvalidArgument) for an unknown name.
const Preset& FindPreset(std::string_view name);

// The scheme of a preset as it is. Throws model::ModelError: kInvalidArgument for an unknown name,
// kUnsupported (P106) for one that is not built yet, saying what it needs.
Scheme PresetScheme(std::string_view name);

// The names of those that can be used, each after a blank, for messages.
std::string UsablePresets();

// The preset table of docs/schemes.md in Markdown.
std::string PresetTableMarkdown();

// Used when the caller names no preset. Nothing that is known to break is ever a default.
inline constexpr std::string_view kDefaultPreset = "enclave";
inline constexpr std::string_view kDefaultPresetWithoutCalibration = "mlcapsule";

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_PRESETS_PRESETS_H_
