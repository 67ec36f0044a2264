// Where the tiles of one session stand. One entry per tile of the plan.
#ifndef PENUMBRA_TRUSTED_PLAN_TILES_H_
#define PENUMBRA_TRUSTED_PLAN_TILES_H_

#include <cstdint>
#include <span>

#include "trusted/plan/plan.h"

namespace penumbra::trusted {

inline constexpr uint32_t kAbsent = 0xffffffffu;    // offset of a tile that is not resident
inline constexpr uint32_t kComplete = 0xffffffffu;  // every element written
inline constexpr uint32_t kReceived = 0xfffffffeu;  // written, but not to be read before kCompare

struct TileState {
  uint32_t offset;    // in units of kTileAlignment from the start of the dynamic arena, beyond it a pad that waits inside, or kAbsent
  uint32_t progress;  // proof only: output channels written so far, or kComplete
  uint32_t serial;    // of the sealed copy outside; 0: there is none. A tile of pads: how many it was stored for
};

// Progress of the masked input of one public layer: each row is masked once, in order (a pad is never
// used twice), then the job is sent once.
struct LayerState {
  uint32_t masked_rows;
  uint32_t sent;
};

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_PLAN_TILES_H_
