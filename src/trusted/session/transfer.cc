// Tiles between the arena and the outside. Whatever comes back is copied in once and authenticated before use.
#include <cstring>

#include "crypto/wipe.h"
#include "trusted/base/result.h"
#include "trusted/session/run.h"

namespace penumbra::trusted {
namespace {

inline constexpr uint32_t kNonceSpill = 3;
inline constexpr uint32_t kNonceDerived = 4;
inline constexpr uint32_t kWiped = 0xffffffffu;  // serial of a pad's tile
inline constexpr uint32_t kPadSlotBits = 24;  // kMaxTiles fits
static_assert(kMaxTiles <= (1u << kPadSlotBits));

struct SpillAad {
  uint32_t tensor, tile, size;
};

std::span<const uint8_t> AsBytes(const SpillAad& aad) {
  return {reinterpret_cast<const uint8_t*>(&aad), sizeof(aad)};
}

void PadNonce(uint64_t pad_id, uint32_t slot, std::span<uint8_t, kAeadNonceSize> out) {
  MakeNonce(slot, pad_id, out);
}

// Tiles of a pad travel together up to this size, which leaves room in a second-level cache.
inline constexpr uint64_t kReadAheadSize = 512 * 1024;

uint64_t TransferSize(const Plan& plan, uint32_t tensor, uint32_t tile) {
  return TileSize(plan, tensor, tile) + (plan.tensors[tensor].kind == TensorKind::kPublic ? 0 : kAeadTagSize);
}

}  // namespace

// Leaves *out_job alone when the tile is here already, or holds cornerstones that nothing is compared with: then it has zeros,
// not what stood there before.
Status Run::Fetch(const Instruction& i, HostJob* out_job) {
  if (i[0] == machine_.unchallenged) {
    machine_.tiles[TileIndex(machine_.plan, i[0], i[1])].offset = i[2] / kTileAlignment;
    std::memset(machine_.Tile(i[0], i[1]), 0, TileSize(machine_.plan, i[0], i[1]));
    return Status::kOk;
  }
  if (FetchInside(i)) return Status::kOk;
  if (ahead_count_ == 0 || machine_.plan.tensors[i[0]].kind != TensorKind::kPad) return RequestFetch(i, out_job);
  --ahead_count_;
  machine_.tiles[TileIndex(machine_.plan, i[0], i[1])].offset = i[2] / kTileAlignment;
  return FinishFetch(i, &ahead_);
}

// A tile of a pad that waits inside is read where it stands: slots lie behind the arenas of all runs, and only the program
// that uses the pad up reads it (trusted/plan/prove.h).
bool Run::FetchInside(const Instruction& i) {
  if (machine_.plan.tensors[i[0]].kind != TensorKind::kPad) return false;
  const uint8_t* const at = loaded_->pad_slots.Tile(pad_id_, i[0], i[1]);
  TileState& state = machine_.tiles[TileIndex(machine_.plan, i[0], i[1])];
  if (at == nullptr || state.serial == kWiped) return false;  // nobody has it outside
  state.offset = static_cast<uint32_t>(static_cast<uint64_t>(at - machine_.arena.data()) / kTileAlignment);
  return true;
}

// What stands behind the arena is a tile of the pad, wiped while the cache still has it.
void Run::FreeTile(const Instruction& i) {
  TileState& state = machine_.tiles[TileIndex(machine_.plan, i[0], i[1])];
  if (state.offset != kAbsent && uint64_t{state.offset} * kTileAlignment >= machine_.arena.size()) {
    crypto::Wipe({machine_.Tile(i[0], i[1]), TileSize(machine_.plan, i[0], i[1])});
    state.serial = kWiped;
  }
  state.offset = kAbsent;
}

void Run::WipePad() const {
  const Plan& plan = machine_.plan;
  for (uint32_t tensor = 0; tensor < plan.tensors.size(); ++tensor) {
    if (plan.tensors[tensor].kind != TensorKind::kPad) continue;
    for (uint32_t tile = 0; tile < TileCount(plan.tensors[tensor]); ++tile) {
      uint8_t* const at = loaded_->pad_slots.Tile(pad_id_, tensor, tile);
      const bool wiped = machine_.tiles[TileIndex(plan, tensor, tile)].serial == kWiped;
      if (at != nullptr && !wiped) crypto::Wipe({at, TileSize(plan, tensor, tile)});
    }
  }
}

// Of the pad whose turn it is at this tile, as RequestEvict() says. False: it goes outside.
bool Run::KeepInside(const Instruction& i) {
  const Plan& plan = machine_.plan;
  TileState& state = machine_.tiles[TileIndex(plan, i[0], i[1])];
  if (plan.tensors[i[0]].kind != TensorKind::kPad || state.serial >= machine_.pad_count) return false;
  uint8_t* const at = loaded_->pad_slots.Tile(pad_id_ + state.serial, i[0], i[1]);
  if (at == nullptr) return false;
  std::memcpy(at, machine_.Tile(i[0], i[1]), TileSize(plan, i[0], i[1]));
  ++state.serial;
  state.offset = kAbsent;
  return true;
}

// How many tiles of a pad to ask for at once: those the program fetches next, while nothing else needs more of the window
// than the first of them leaves free.
uint32_t Run::CountAhead(const Instruction& first) const {
  const Plan& plan = machine_.plan;
  const uint64_t size = TransferSize(plan, first[0], first[1]);
  const uint64_t room = plan.header.window_size < kReadAheadSize ? plan.header.window_size : kReadAheadSize;
  uint32_t count = 1;
  Instruction next{};
  for (uint64_t at = at_ + 1 + first.operands.size();
       (count + 1) * size <= room && at < words_.size() && DecodeAt(words_, at, &next);
       at += 1 + next.operands.size()) {
    if (next.opcode == Opcode::kJob || next.opcode == Opcode::kFloatJob || next.opcode == Opcode::kEvict) break;
    if (next.opcode != Opcode::kFetch) continue;
    const bool follows = next[0] == first[0] && next[1] == first[1] + count;
    if (follows && TransferSize(plan, next[0], next[1]) == size) {
      ++count;
    } else if (plan.tensors[next[0]].kind == TensorKind::kPad || TransferSize(plan, next[0], next[1]) > size) {
      break;
    }
  }
  return count;
}

Status Run::RequestFetch(const Instruction& i, HostJob* out_job) {
  const uint32_t tensor = i[0], tile = i[1];
  const Plan& plan = machine_.plan;
  const TensorRec& t = plan.tensors[tensor];
  machine_.tiles[TileIndex(plan, tensor, tile)].offset = i[2] / kTileAlignment;
  HostJob job{};
  job.kind = JobKind::kRead;
  job.offset = part_offset_ + plan.header.window_offset;
  job.size = TransferSize(plan, tensor, tile);
  job.batch = 1;
  switch (t.kind) {
    case TensorKind::kConstant:
      job.source = JobSource::kBundleChunk;
      job.index = t.source + tile;
      break;
    case TensorKind::kPublic:
      job.source = JobSource::kPublic;
      job.index = plan.slices[t.source + tile].offset;
      break;
    case TensorKind::kActivation:
    case TensorKind::kMasked:
    case TensorKind::kExpected:
    case TensorKind::kFingerprint:
    case TensorKind::kReply:
      job.source = JobSource::kSpill;
      job.index = TileIndex(plan, tensor, tile);
      break;
    case TensorKind::kDerived:
      job.source = JobSource::kDerived;
      job.index = TileIndex(plan, tensor, tile);
      break;
    case TensorKind::kPad:
      job.source = JobSource::kPad;
      job.index = pad_id_ << kPadSlotBits | TileIndex(plan, tensor, tile);
      job.batch = CountAhead(i);
      job.size *= job.batch;
      ahead_count_ = job.batch - 1;
      break;
  }
  request_.Note(job);
  *out_job = job;
  return Status::kOk;
}

Status Run::OpenTile(uint32_t tensor, uint32_t tile, std::span<uint8_t> bytes,
                         std::span<const uint8_t, kAeadTagSize> tag) {
  const TensorRec& t = machine_.plan.tensors[tensor];
  const uint32_t slot = TileIndex(machine_.plan, tensor, tile);
  uint8_t nonce[kAeadNonceSize];
  switch (t.kind) {
    case TensorKind::kConstant: return OpenChunk(&loaded_->bundle_key, loaded_->manifest, t.source + tile, bytes, tag);
    case TensorKind::kPublic: {
      const PublicSliceRec& slice = machine_.plan.slices[t.source + tile];
      return CheckSlice(&loaded_->bundle_key, t.source + tile, bytes, slice.tag);
    }
    case TensorKind::kActivation:
    case TensorKind::kMasked:
    case TensorKind::kExpected:
    case TensorKind::kFingerprint:
    case TensorKind::kReply: {
      const SpillAad aad{tensor, tile, static_cast<uint32_t>(bytes.size())};
      MakeNonce(kNonceSpill, machine_.tiles[slot].serial, nonce);
      return spill_key_.Open(nonce, AsBytes(aad), bytes, tag, bytes);
    }
    case TensorKind::kPad:
      PadNonce(pad_id_, slot, nonce);
      return pad_keys_[0].Open(nonce, {}, bytes, tag, bytes);
    case TensorKind::kDerived:
      MakeNonce(kNonceDerived, slot, nonce);
      return loaded_->derived_key.Open(nonce, {}, bytes, tag, bytes);
  }
  return Status::kInternal;
}

Status Run::FinishFetch(const Instruction& i, ReadRequest* from) {
  const uint64_t size = TileSize(machine_.plan, i[0], i[1]);
  const std::span<uint8_t> bytes{machine_.Tile(i[0], i[1]), size};
  uint8_t tag[kAeadTagSize] = {};
  const bool has_tag = machine_.plan.tensors[i[0]].kind != TensorKind::kPublic;
  from->CopyIn(loaded_->exchange, bytes, has_tag ? std::span<uint8_t>(tag) : std::span<uint8_t>());
  // What was answered besides waits for its own fetch.
  if (from == &request_ && machine_.plan.tensors[i[0]].kind == TensorKind::kPad) ahead_ = request_;
  return OpenTile(i[0], i[1], bytes, tag);
}

Status Run::RequestEvict(const Instruction& i, HostJob* out_job) {
  const Plan& plan = machine_.plan;
  const uint32_t slot = TileIndex(plan, i[0], i[1]);
  const std::span<uint8_t> bytes{machine_.Tile(i[0], i[1]), TileSize(plan, i[0], i[1])};
  uint8_t* const window = machine_.exchange.data() + plan.header.window_offset;
  const TensorKind kind = plan.tensors[i[0]].kind;
  HostJob job{};
  job.source = JobSource::kSpill;
  job.index = slot;
  uint8_t nonce[kAeadNonceSize], tag[kAeadTagSize];
  // Sealed in place first: ciphertext is only ever written outside in one piece and never read back.
  if (kind == TensorKind::kPad) {
    // The pad whose turn it is at this tile: each is stored there once, in order (trusted/plan/prove.h).
    const uint64_t pad = machine_.tiles[slot].serial++;
    PENUMBRA_REQUIRE(pad < machine_.pad_count, Status::kPlanRejected);
    const uint64_t pad_id = pad_id_ + pad;
    PadNonce(pad_id, slot, nonce);
    PENUMBRA_TRY(pad_keys_[pad].Seal(nonce, {}, bytes, bytes, tag));
    job.source = JobSource::kPad;
    job.index = pad_id << kPadSlotBits | slot;
  } else if (kind == TensorKind::kDerived) {
    // The key is drawn at each load and the tile is stored once in it (trusted/plan/prove.h): no nonce repeats.
    MakeNonce(kNonceDerived, slot, nonce);
    PENUMBRA_TRY(loaded_->derived_key.Seal(nonce, {}, bytes, bytes, tag));
    job.source = JobSource::kDerived;
  } else {
    const SpillAad aad{i[0], i[1], static_cast<uint32_t>(bytes.size())};
    machine_.tiles[slot].serial = ++next_serial_;
    MakeNonce(kNonceSpill, next_serial_, nonce);
    PENUMBRA_TRY(spill_key_.Seal(nonce, AsBytes(aad), bytes, bytes, tag));
  }
  std::memcpy(window, bytes.data(), bytes.size());
  std::memcpy(window + bytes.size(), tag, kAeadTagSize);
  job.kind = JobKind::kWrite;
  job.offset = part_offset_ + plan.header.window_offset;
  job.size = bytes.size() + kAeadTagSize;
  *out_job = job;
  return Status::kOk;
}

// Goes straight from the tile to the window, which is only ever written here.
Status Run::RequestEmit(const Instruction& i, HostJob* out_job) {
  const Plan& plan = machine_.plan;
  const uint8_t* const tile = machine_.Tile(i[2], i[3]);
  const uint64_t size = TileSize(plan, i[2], i[3]);
  uint8_t* const window = machine_.exchange.data() + plan.header.window_offset;
  const SegmentLot& lot = plan.lots[i[0]];
  const auto scale = static_cast<EmitScale>(i[1]);
  if (scale == EmitScale::kNone) {
    std::memcpy(window, tile, size);
  } else {
    const float factor = scale == EmitScale::kQuotient ? lot.output_scale / lot.input_scale : lot.output_scale;
    PENUMBRA_REQUIRE(CopyScaled(tile, size / sizeof(float), factor, window), Status::kPlanRejected);
  }
  HostJob job{};
  job.kind = JobKind::kWrite;
  job.source = JobSource::kEmitted;
  job.index = uint64_t{i[0]} << 32 | i[4];
  job.offset = part_offset_ + plan.header.window_offset;
  job.size = size;
  *out_job = job;
  return Status::kOk;
}

void Run::FinishEvict(const Instruction& i) {
  machine_.tiles[TileIndex(machine_.plan, i[0], i[1])].offset = kAbsent;
}

}  // namespace penumbra::trusted
