// The only copy-in of inputs and copy-out of outputs.
#include <cstring>

#include "trusted/base/result.h"
#include "trusted/steps/machine.h"

namespace penumbra::trusted {
namespace {

struct PortTile {
  uint64_t offset, size;
  uint8_t* tile;
};

PortTile Locate(const Machine& machine, const PortRec& port, uint32_t tile) {
  const TensorRec& t = machine.plan.tensors[port.tensor];
  const uint64_t first = uint64_t{tile} * t.tile_rows * t.row_elems * 4;
  return {port.offset + first, TileSize(machine.plan, port.tensor, tile), machine.Tile(port.tensor, tile)};
}

bool AllFinite(const float* x, uint64_t count) {
  uint32_t bad = 0;
  for (uint64_t i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, x + i, 4);
    bad |= (bits & 0x7f800000u) == 0x7f800000u ? 1u : 0u;
  }
  return bad == 0;
}

}  // namespace

Status RunInput(Machine* machine, const Instruction& i) {
  const PortTile p = Locate(*machine, machine->plan.inputs[i[0]], i[1]);
  std::memcpy(p.tile, machine->exchange.data() + p.offset, p.size);
  PENUMBRA_REQUIRE(AllFinite(reinterpret_cast<const float*>(p.tile), p.size / 4), Status::kNotFinite);
  return Status::kOk;
}

Status RunOutput(Machine* machine, const Instruction& i) {
  const PortTile p = Locate(*machine, machine->plan.outputs[i[0]], i[1]);
  std::memcpy(machine->exchange.data() + p.offset, p.tile, p.size);
  return Status::kOk;
}

}  // namespace penumbra::trusted
