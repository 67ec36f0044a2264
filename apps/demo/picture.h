// The demo's picture: one activation as the float model computes it, beside what the accelerator saw of it.
#ifndef PENUMBRA_DEMO_PICTURE_H_
#define PENUMBRA_DEMO_PICTURE_H_

#include <filesystem>

#include "penumbra/penumbra.h"

namespace penumbra::demo {

// Finds the activation that `record` carries in masked form: the first of its shape in `activations` that has no
// negative value (it feeds a convolution behind a ReLU). Throws Error when there is none.
const Tensor& FindActivation(const std::vector<std::pair<std::string, Tensor>>& activations,
                             const ExchangeRecord& record);

// Writes a PNG: the channels of `activation` ([1, channels, height, width]) tiled on the left, the first residue plane
// of the masked input on the right, channel by channel at the same place.
void WriteComparison(const std::filesystem::path& path, const Tensor& activation, const ExchangeRecord& record);

}  // namespace penumbra::demo

#endif  // PENUMBRA_DEMO_PICTURE_H_
