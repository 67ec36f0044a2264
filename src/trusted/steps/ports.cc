// The only copy-in and copy-out of float32 tensors: the model's ports and those of float segments.
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

Status CopyIn(Machine* machine, const PortRec& port, uint32_t tile, Status not_finite) {
  const PortTile p = Locate(*machine, port, tile);
  std::memcpy(p.tile, machine->exchange.data() + p.offset, p.size);
  PENUMBRA_REQUIRE(AllFinite(reinterpret_cast<const float*>(p.tile), p.size / 4), not_finite);
  return Status::kOk;
}

Status CopyOut(Machine* machine, const PortRec& port, uint32_t tile) {
  const PortTile p = Locate(*machine, port, tile);
  std::memcpy(machine->exchange.data() + p.offset, p.tile, p.size);
  return Status::kOk;
}

const PortRec& FloatPort(const Machine& machine, const Instruction& i) {
  return machine.plan.float_ports[machine.plan.float_segments[i[0]].first_port + i[1]];
}

}  // namespace

Status RunInput(Machine* machine, const Instruction& i) {
  return CopyIn(machine, machine->plan.inputs[i[0]], i[1], Status::kNotFinite);
}

Status RunOutput(Machine* machine, const Instruction& i) {
  return CopyOut(machine, machine->plan.outputs[i[0]], i[1]);
}

Status RunFloatSend(Machine* machine, const Instruction& i) {
  return CopyOut(machine, FloatPort(*machine, i), i[2]);
}

Status RunFloatReceive(Machine* machine, const Instruction& i) {
  return CopyIn(machine, FloatPort(*machine, i), i[2], Status::kDeviceFailed);
}

}  // namespace penumbra::trusted
