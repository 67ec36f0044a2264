// Residency and traffic with the outside: kAlloc, kFree, kEvict, kFetch, ports, jobs and float segments.
#include "trusted/plan/prover.h"

namespace penumbra::trusted {
namespace {

// Sets or clears `count` bits from `first`; false when one of them already has that value.
bool Flip(std::span<uint64_t> words, uint64_t first, uint64_t count, bool value) {
  for (uint64_t bit = first; bit < first + count; ++bit) {
    uint64_t& word = words[bit / 64];
    const uint64_t mask = uint64_t{1} << (bit % 64);
    if (((word & mask) != 0) == value) return false;
    word ^= mask;
  }
  return true;
}

uint64_t Granules(uint64_t size) { return (size + kTileAlignment - 1) / kTileAlignment; }

}  // namespace

bool Prover::Place(uint32_t tensor, uint32_t tile, uint32_t offset) const {
  if (!HasTile(tensor, tile) || offset % kTileAlignment != 0) return false;
  TileState& state = State(tensor, tile);
  const uint64_t first = offset / kTileAlignment;
  const uint64_t count = Granules(TileSize(plan, tensor, tile));
  if (state.offset != kAbsent || first + count > plan.header.arena_size / kTileAlignment) return false;
  if (!Flip(memory.granules, first, count, true)) return false;
  state.offset = static_cast<uint32_t>(first);
  return true;
}

bool Prover::Remove(uint32_t tensor, uint32_t tile) const {
  if (!HasTile(tensor, tile)) return false;
  TileState& state = State(tensor, tile);
  if (state.offset == kAbsent) return false;
  if (!Flip(memory.granules, state.offset, Granules(TileSize(plan, tensor, tile)), false)) return false;
  state.offset = kAbsent;
  state.progress = 0;
  return true;
}

// Tiles of this kind are written by this program. The prepare program has no key for activations.
bool Prover::Makes(TensorKind kind) const {
  switch (kind) {
    case TensorKind::kActivation: return program != ProgramId::kPrepare;
    case TensorKind::kMasked:
    case TensorKind::kExpected:
    case TensorKind::kFingerprint:
    case TensorKind::kReply: return program == ProgramId::kInfer;
    case TensorKind::kPad: return pads != 0;
    case TensorKind::kDerived: return program == ProgramId::kPrepare;
    case TensorKind::kConstant:
    case TensorKind::kPublic: break;
  }
  return false;
}

bool Prover::Alloc(const Instruction& i) const {
  if (i.operands.size() != 3 || !HasTensor(i[0])) return false;
  return Makes(plan.tensors[i[0]].kind) && Place(i[0], i[1], i[2]);
}

bool Prover::Free(const Instruction& i) const { return i.operands.size() == 2 && Remove(i[0], i[1]); }

bool Prover::Evict(const Instruction& i) const {
  if (i.operands.size() != 2 || !Readable(i[0], i[1])) return false;
  const TensorKind kind = plan.tensors[i[0]].kind;
  TileState& state = State(i[0], i[1]);
  if (!Makes(kind)) return false;
  if (kind == TensorKind::kPad) {
    // Of the pad whose turn it was (PadFinish); the next one has a nonce of its own.
    ++state.serial;
  } else {
    // Stored once: a second seal would reuse the nonce of the tile.
    if (kind == TensorKind::kDerived && state.serial != 0) return false;
    state.serial = 1;
  }
  return Remove(i[0], i[1]);
}

bool Prover::Fetch(const Instruction& i) const {
  if (i.operands.size() != 3 || !HasTile(i[0], i[1])) return false;
  const TensorKind kind = plan.tensors[i[0]].kind;
  TileState& state = State(i[0], i[1]);
  if (kind == TensorKind::kPad || kind == TensorKind::kDerived) {
    if (program != ProgramId::kInfer) return false;
  } else if (kind != TensorKind::kConstant && kind != TensorKind::kPublic && (!Makes(kind) || state.serial == 0)) {
    return false;
  }
  if (!Place(i[0], i[1], i[2])) return false;
  state.progress = kComplete;
  return true;
}

bool Prover::Input(const Instruction& i) const {
  if (program != ProgramId::kInfer || i.operands.size() != 2 || i[0] >= plan.inputs.size()) return false;
  return WriteTile(plan.inputs[i[0]].tensor, i[1]);
}

bool Prover::Output(const Instruction& i) const {
  if (program != ProgramId::kInfer || i.operands.size() != 2 || i[0] >= plan.outputs.size()) return false;
  return Readable(plan.outputs[i[0]].tensor, i[1]);
}

bool Prover::Job(const Instruction& i) const {
  if (program != ProgramId::kInfer || i.operands.size() != 1 || i[0] >= plan.layers.size()) return false;
  LayerState& state = memory.layers[i[0]];
  if (state.sent != 0 || state.masked_rows != plan.layers[i[0]].mask_rows) return false;
  state.sent = 1;
  return true;
}

// The port that the first two of `operand_count` operands name.
bool Prover::FloatPort(const Instruction& i, uint32_t operand_count, uint32_t* out_port) const {
  if (program != ProgramId::kInfer || i.operands.size() != operand_count) return false;
  if (i[0] >= plan.float_segments.size() || !IsOutside(plan, i[0])) return false;
  const FloatSegmentRec& s = plan.float_segments[i[0]];
  // The parser proved that the ports of a segment exist, so the sum cannot wrap.
  if (i[1] >= s.input_count + s.output_count) return false;
  *out_port = s.first_port + i[1];
  return true;
}

bool Prover::FloatSend(const Instruction& i) const {
  uint32_t port = 0;
  if (!FloatPort(i, 3, &port) || i[1] >= plan.float_segments[i[0]].input_count) return false;
  if (plan.header.fingerprint_count != 0 && !Readable(plan.checked_ports[port].fingerprints, i[2])) return false;
  return Readable(plan.float_ports[port].tensor, i[2]) && memory.float_ports[port]++ == i[2];
}

bool Prover::FloatJob(const Instruction& i) const {
  if (program != ProgramId::kInfer || i.operands.size() != 1 || i[0] >= plan.float_segments.size()) return false;
  if (!IsOutside(plan, i[0])) return false;
  const FloatSegmentRec& s = plan.float_segments[i[0]];
  for (uint32_t p = 0; p < s.input_count + s.output_count; ++p) {
    uint32_t& state = memory.float_ports[s.first_port + p];
    const PortRec& port = plan.float_ports[s.first_port + p];
    if (state != (p < s.input_count ? TileCount(plan.tensors[port.tensor]) : 0)) return false;
    if (p >= s.input_count) state = 1;
  }
  return true;
}

bool Prover::FloatReceive(const Instruction& i) const {
  uint32_t port = 0;
  if (!FloatPort(i, 3, &port) || i[1] < plan.float_segments[i[0]].input_count) return false;
  // A tile exists up to kMaxTiles, so the count cannot wrap.
  if (memory.float_ports[port] == 0 || memory.float_ports[port]++ - 1 != i[2]) return false;
  if (!WriteTile(plan.float_ports[port].tensor, i[2])) return false;
  if (plan.header.fingerprint_count == 0) return true;
  State(plan.float_ports[port].tensor, i[2]).progress = kReceived;
  return WriteTile(plan.checked_ports[port].replies, i[2]);
}

// Groups in order, each once.
bool Prover::Combine(const Instruction& i) const {
  uint32_t port = 0;
  if (plan.header.fingerprint_count == 0 || !FloatPort(i, 4, &port)) return false;
  const CheckedPortRec& checked = plan.checked_ports[port];
  const uint32_t groups = GroupCount(plan, port);
  if (!HasTile(checked.fingerprints, i[2]) || i[3] >= groups) return false;
  TileState& state = State(checked.fingerprints, i[2]);
  if (state.offset == kAbsent || state.progress != i[3]) return false;
  state.progress = i[3] + 1 == groups ? kComplete : i[3] + 1;
  return Readable(checked.cornerstones, i[2] * groups + i[3]);
}

bool Prover::Compare(const Instruction& i) const {
  uint32_t port = 0;
  if (plan.header.fingerprint_count == 0 || !FloatPort(i, 3, &port)) return false;
  if (i[1] < plan.float_segments[i[0]].input_count) return false;
  const CheckedPortRec& checked = plan.checked_ports[port];
  if (!Readable(checked.fingerprints, i[2]) || !Readable(checked.replies, i[2])) return false;
  TileState& state = State(plan.float_ports[port].tensor, i[2]);
  if (state.offset == kAbsent || state.progress != kReceived) return false;
  state.progress = kComplete;
  return true;
}

// The window holds any tile: the parser proved that.
bool Prover::Emit(const Instruction& i) const {
  if (program != ProgramId::kPrepare || i.operands.size() != 5) return false;
  if (i[0] >= plan.lots.size() || !IsOutside(plan, i[0]) || i[1] > static_cast<uint32_t>(EmitScale::kOutput)) return false;
  if (!Readable(i[2], i[3]) || plan.tensors[i[2]].kind != TensorKind::kConstant) return false;
  return i[1] == static_cast<uint32_t>(EmitScale::kNone) || TileSize(plan, i[2], i[3]) % sizeof(float) == 0;
}

}  // namespace penumbra::trusted
