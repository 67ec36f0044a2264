// A picture of how a model is split, with text, for people.
#ifndef PENUMBRA_CLI_SPLIT_PICTURE_H_
#define PENUMBRA_CLI_SPLIT_PICTURE_H_

#include <filesystem>
#include <string>

#include "penumbra/penumbra.h"

namespace penumbra::cli {

// Throws Error P101 unless the name ends in .svg.
void RequireSvgName(const std::filesystem::path& path);

// SVG 1.1. Layers from top to bottom, each on its side: trusted left (blue), public right (orange),
// with what crosses between them. `report`: gives names and the trusted layers; null: the published
// segments only.
std::string SplitPicture(const BundleInfo& info, const ProtectReport* report);

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_SPLIT_PICTURE_H_
