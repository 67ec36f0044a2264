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

// Elements are multiplied by `scale` on their way; 1 is no scale.
bool TakeIn(const uint8_t* outside, uint64_t size, float scale, uint8_t* tile) {
  std::memcpy(tile, outside, size);
  if (scale != 1) return CopyScaled(tile, size / 4, scale, tile);
  return AllFinite(reinterpret_cast<const float*>(tile), size / 4);
}

bool GiveOut(const uint8_t* tile, uint64_t size, float scale, uint8_t* outside) {
  if (scale != 1) return CopyScaled(tile, size / 4, scale, outside);
  std::memcpy(outside, tile, size);
  return true;
}

Status CopyIn(Machine* machine, const PortRec& port, uint32_t tile, float scale, Status not_finite) {
  const PortTile p = Locate(*machine, port, tile);
  return TakeIn(machine->exchange.data() + p.offset, p.size, scale, p.tile) ? Status::kOk : not_finite;
}

Status CopyOut(Machine* machine, const PortRec& port, uint32_t tile, float scale) {
  const PortTile p = Locate(*machine, port, tile);
  return GiveOut(p.tile, p.size, scale, machine->exchange.data() + p.offset) ? Status::kOk : Status::kNotFinite;
}

// What a float segment's tensors are multiplied by on their way out, and in.
float InputScale(const Plan& plan, uint32_t segment) {
  return plan.lots.empty() ? 1 : plan.lots[segment].input_scale;
}
float RestoringScale(const Plan& plan, uint32_t segment) {
  return plan.lots.empty() ? 1 : 1 / plan.lots[segment].output_scale;
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

bool CopyScaled(const uint8_t* x, uint64_t count, float factor, uint8_t* out_y) {
  uint32_t bad = 0;
  for (uint64_t i = 0; i < count; ++i) {
    float value;
    uint32_t bits;
    std::memcpy(&value, x + i * 4, 4);
    value *= factor;
    std::memcpy(&bits, &value, 4);
    bad |= (bits & 0x7f800000u) == 0x7f800000u ? 1u : 0u;
    std::memcpy(out_y + i * 4, &bits, 4);
  }
  return bad == 0;
}

Status RunInput(Machine* machine, const Instruction& i) {
  return CopyIn(machine, machine->plan.inputs[i[0]], i[1], 1, Status::kNotFinite);
}

Status RunOutput(Machine* machine, const Instruction& i) {
  return CopyOut(machine, machine->plan.outputs[i[0]], i[1], 1);
}

Status RunFloatSend(Machine* machine, const Instruction& i) {
  const uint32_t port = FloatPort(*machine, i);
  const float scale = InputScale(machine->plan, i[0]);
  if (machine->plan.checked_ports.empty()) return CopyOut(machine, machine->plan.float_ports[port], i[2], scale);
  bool finite = true;
  PENUMBRA_TRY(CopySlots(*machine, i, machine->plan.checked_ports[port].fingerprints,
                         [&](uint8_t* outside, const uint8_t* tile, uint64_t size) {
                           finite &= GiveOut(tile, size, scale, outside);
                         }));
  return finite ? Status::kOk : Status::kNotFinite;
}

Status RunFloatReceive(Machine* machine, const Instruction& i) {
  const uint32_t port = FloatPort(*machine, i);
  const float scale = RestoringScale(machine->plan, i[0]);
  if (machine->plan.checked_ports.empty()) {
    return CopyIn(machine, machine->plan.float_ports[port], i[2], scale, Status::kDeviceFailed);
  }
  const CheckedPortRec& checked = machine->plan.checked_ports[port];
  bool finite = true, challenged = true;
  PENUMBRA_TRY(CopySlots(*machine, i, checked.replies, [&](const uint8_t* outside, uint8_t* tile, uint64_t size) {
    finite &= TakeIn(outside, size, scale, tile);
  }));
  machine->refused = {i[0], 0, i[2] * machine->plan.tensors[checked.replies].tile_rows};
  // Whichever slot it was: nobody shall learn from the error where the request stood.
  PENUMBRA_REQUIRE(finite, Status::kIntegrity);
  PENUMBRA_TRY(IsChallenged(*machine, port, i[2], &challenged));
  machine->unchallenged = challenged ? kNoTensor : checked.cornerstones;
  return Status::kOk;
}

}  // namespace penumbra::trusted
