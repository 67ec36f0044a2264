// The exchange region: ports, the transfer window of sealed tiles, and the areas of masked inputs
// and replies. Areas of layers that are never in flight together share memory.
#ifndef PENUMBRA_PROTECT_SCHEDULE_EXCHANGE_H_
#define PENUMBRA_PROTECT_SCHEDULE_EXCHANGE_H_

#include <vector>

#include "protect/schedule/plan_parts.h"

namespace penumbra::protect {

// Sets port offsets, x_offset and y_offset of every layer, and the window and exchange sizes.
// `steps`: the inference program in its order.
void LayOutExchange(const std::vector<Step>& steps, CompiledPlan* plan);

// Bytes of a layer's masked input and reply.
uint64_t MaskedInputSize(const LayerRec& layer);
uint64_t ReplySize(const LayerRec& layer);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_EXCHANGE_H_
