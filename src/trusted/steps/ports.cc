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

uint32_t FloatPort(const Machine& machine, const Instruction& i) {
  return machine.plan.float_segments[i[0]].first_port + i[1];
}

// The same tile of every slot of a port, in the order of the slots whatever stands there; `copy` gets the bytes outside and
// inside.
template <typename Copy>
Status CopySlots(const Machine& machine, const Instruction& i, uint32_t beside, Copy copy) {
  const PortRec& port = machine.plan.float_ports[FloatPort(machine, i)];
  const PortTile own = Locate(machine, port, i[2]);
  uint32_t request = 0;
  PENUMBRA_TRY(RequestSlot(machine, i[0], &request));
  uint8_t* fingerprint = machine.Tile(beside, i[2]);
  for (uint32_t slot = 0; slot < SlotCount(machine.plan.header); ++slot) {
    uint8_t* const outside = machine.exchange.data() + own.offset + uint64_t{slot} * port.elem_count * 4;
    copy(outside, slot == request ? own.tile : fingerprint, own.size);
    if (slot != request) fingerprint += own.size;
  }
  return Status::kOk;
}

}  // namespace

Status RunInput(Machine* machine, const Instruction& i) {
  return CopyIn(machine, machine->plan.inputs[i[0]], i[1], Status::kNotFinite);
}

Status RunOutput(Machine* machine, const Instruction& i) {
  return CopyOut(machine, machine->plan.outputs[i[0]], i[1]);
}

Status RunFloatSend(Machine* machine, const Instruction& i) {
  const uint32_t port = FloatPort(*machine, i);
  if (machine->plan.checked_ports.empty()) return CopyOut(machine, machine->plan.float_ports[port], i[2]);
  return CopySlots(*machine, i, machine->plan.checked_ports[port].fingerprints,
                   [](uint8_t* outside, const uint8_t* tile, uint64_t size) { std::memcpy(outside, tile, size); });
}

Status RunFloatReceive(Machine* machine, const Instruction& i) {
  const uint32_t port = FloatPort(*machine, i);
  if (machine->plan.checked_ports.empty()) {
    return CopyIn(machine, machine->plan.float_ports[port], i[2], Status::kDeviceFailed);
  }
  const CheckedPortRec& checked = machine->plan.checked_ports[port];
  bool finite = true, challenged = true;
  PENUMBRA_TRY(CopySlots(*machine, i, checked.replies, [&](const uint8_t* outside, uint8_t* tile, uint64_t size) {
    std::memcpy(tile, outside, size);
    finite &= AllFinite(reinterpret_cast<const float*>(tile), size / 4);
  }));
  machine->refused = {i[0], 0, i[2] * machine->plan.tensors[checked.replies].tile_rows};
  // Whichever slot it was: nobody shall learn from the error where the request stood.
  PENUMBRA_REQUIRE(finite, Status::kIntegrity);
  PENUMBRA_TRY(IsChallenged(*machine, port, i[2], &challenged));
  machine->unchallenged = challenged ? kNoTensor : checked.cornerstones;
  return Status::kOk;
}

}  // namespace penumbra::trusted
