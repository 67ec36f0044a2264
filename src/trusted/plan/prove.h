// The proof that a plan can only do what a plan may do. Its programs are executed symbolically, tile by tile:
//   - no two resident tiles overlap, every tile lies inside the arena;
//   - every tile an instruction reads is resident and completely written, every tile it writes is resident;
//   - shapes, windows, tables and scratch of each instruction fit its operands;
//   - each row of each masked layer is masked exactly once, in order, before its job, and jobs are sent once;
//   - tiles of a float segment's input are sent in order and all before its one job, its reply is copied in once, after it;
//   - with fingerprints they are sent with each tile, every group of cornerstones is in them, and nothing reads a tile of a
//     reply before the replies to its fingerprints were compared;
//   - each tile of each pad is written and stored once by a program that makes pads, pad after pad, and only read by the
//     inference program;
//   - s^T W' of a checked layer is made from all its public channels, once, by the prepare program;
//   - the expected values of a checked layer come from the very rows its mask sink sent, and no row of its reply is restored
//     while its expected values are not there;
//   - of a partition drawn inside, only segments that the lot made public are sent or emitted, constants only, while loading;
//   - nothing is resident when a program ends.
// The executor (trusted/steps) then needs no checks of its own on tiles and shapes.
#ifndef PENUMBRA_TRUSTED_PLAN_PROVE_H_
#define PENUMBRA_TRUSTED_PLAN_PROVE_H_

#include <cstdint>
#include <span>

#include "boundary/protocol.h"
#include "boundary/status.h"
#include "trusted/plan/plan.h"
#include "trusted/plan/tiles.h"

namespace penumbra::trusted {

// Working memory of the proof, all reset by ProveProgram().
struct ProofMemory {
  std::span<TileState> tiles;     // one per tile of the plan
  std::span<LayerState> layers;   // one per layer
  std::span<uint32_t> float_ports;  // one per float port: tiles sent; replies: 1 + tiles received, 0 before the job
  std::span<uint64_t> granules;   // one bit per kTileAlignment bytes of the arena: GranuleWords()
};
constexpr uint64_t GranuleWords(uint64_t arena_size) {
  return (arena_size / kTileAlignment + 63) / 64;
}

// Errors: kPlanRejected, and nothing about why: plans come from our own compiler, whose checker explains.
Status ProveProgram(const Plan& plan, ProgramId program, const ProofMemory& memory);

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_PLAN_PROVE_H_
