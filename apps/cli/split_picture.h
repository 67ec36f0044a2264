// A picture of how a model is split, drawn from its public half.
#ifndef PENUMBRA_CLI_SPLIT_PICTURE_H_
#define PENUMBRA_CLI_SPLIT_PICTURE_H_

#include <filesystem>

#include "penumbra/penumbra.h"

namespace penumbra::cli {

// One row per public segment from top to bottom. Left (blue): the trusted half, where everything
// between two segments happens. Right (orange): the segment on the accelerator, as wide as the
// logarithm of its multiplications. Between them: what crosses, as thick as the logarithm of its
// bytes. Throws Error.
void WriteSplitPicture(const std::filesystem::path& path, const BundleInfo& info);

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_SPLIT_PICTURE_H_
