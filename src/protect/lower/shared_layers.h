#ifndef PENUMBRA_PROTECT_LOWER_SHARED_LAYERS_H_
#define PENUMBRA_PROTECT_LOWER_SHARED_LAYERS_H_

#include "protect/lower/lowered.h"

namespace penumbra::protect {

// Sets LinearOp::same_as of every layer. Compares contents: who made the layers does not matter. To be
// called again when operators were added or weights changed.
void MarkSharedLayers(LoweredGraph* graph);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_LOWER_SHARED_LAYERS_H_
