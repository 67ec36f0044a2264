// Published weights that the trusted half reads itself: authenticated slices, one per prime and run
// of output channels.
#ifndef PENUMBRA_PROTECT_SCHEDULE_PUBLIC_SLICES_H_
#define PENUMBRA_PROTECT_SCHEDULE_PUBLIC_SLICES_H_

#include <vector>

#include "protect/lower/lowered.h"
#include "protect/schedule/conv_weights.h"
#include "protect/schedule/linear_plan.h"
#include "protect/schedule/plan_parts.h"

namespace penumbra::protect {

struct PublicSlices {
  uint32_t tensor = kNoTensor;  // kPublic; kNoTensor: nothing reads this layer's weights
  std::vector<ChannelRun> runs;
  uint32_t Tile(uint32_t prime, size_t run) const {
    return static_cast<uint32_t>(prime * runs.size() + run);
  }
};

// One per linear layer; slices exist where pads are made or replies checked. Throws
// model::ModelError(kSecureMemoryExceeded) when one filter is too long for one piece.
std::vector<PublicSlices> AddPublicSlices(const LoweredGraph& lowered,
                                          const std::vector<LinearPlan>& linears,
                                          CompiledPlan* plan);

// Refuses a piece of secure memory of more than kMaxChunkSize bytes; `purpose`: "to make pads".
void RequirePiece(const LoweredGraph& lowered, const LinearPlan& linear, uint64_t size,
                  const char* purpose);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_PUBLIC_SLICES_H_
