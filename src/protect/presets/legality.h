// Which combinations of the five axes make sense, and which of those this version can compile.
#ifndef PENUMBRA_PROTECT_PRESETS_LEGALITY_H_
#define PENUMBRA_PROTECT_PRESETS_LEGALITY_H_

#include <optional>
#include <string>
#include <vector>

#include "protect/presets/scheme.h"

namespace penumbra::protect {

// Why the combination cannot mean anything, whatever is built; nothing when it is legal. The whole
// table is this one function.
std::optional<std::string> Legality(const Scheme& scheme);

// What a legal scheme needs that this version does not have; nothing when it can be compiled.
std::optional<std::string> MissingPart(const Scheme& scheme);

// Throws model::ModelError: kIllegalCombination (P107) or kUnsupported (P106), with the reason.
void RequireCompilable(const Scheme& scheme);

// What is publicly known to break this scheme; every command that uses it prints these lines.
std::vector<std::string> Warnings(const Scheme& scheme);

// The legality table of docs/schemes.md in Markdown: one row per pair of choices that is refused.
std::string LegalityTableMarkdown();

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_PRESETS_LEGALITY_H_
