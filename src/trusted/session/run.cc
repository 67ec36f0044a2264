#include "trusted/session/run.h"

#include <cstring>

#include "crypto/hash.h"
#include "trusted/base/checked.h"
#include "trusted/base/result.h"

namespace penumbra::trusted {

Status Run::Init() {
  const Secret<32> zero;
  PENUMBRA_TRY(spill_key_.Init(zero.bytes()));
  for (crypto::AeadKey& key : pad_keys_) PENUMBRA_TRY(key.Init(zero.bytes()));
  for (crypto::Keystream& stream : pad_streams_) PENUMBRA_TRY(stream.Init(zero.bytes()));
  PENUMBRA_TRY(fingerprint_stream_.Init(zero.bytes()));
  return Status::kOk;
}

uint64_t Run::SecureSize(const Plan& plan) {
  const uint64_t tiles_size = uint64_t{plan.first_tile[plan.tensors.size()]} * sizeof(TileState);
  return AlignUp(tiles_size, kTileAlignment) + AlignUp(plan.header.arena_size, kTileAlignment) +
         PortHashes::SecureSize(plan);
}

Status Run::Place(Loaded* loaded, Arena* arena, uint64_t part_offset, uint64_t part_size) {
  const Plan& plan = loaded->plan;
  const uint32_t tile_count = plan.first_tile[plan.tensors.size()];
  loaded_ = loaded;
  part_offset_ = part_offset;
  machine_.plan = plan;
  machine_.exchange = loaded->exchange.subspan(part_offset, part_size);
  machine_.kernels = loaded->kernels;
  machine_.pad_streams = pad_streams_;
  machine_.check_stream = &loaded->check_stream;
  machine_.fingerprint_stream = &fingerprint_stream_;
  machine_.scratch = loaded->scratch;
  PENUMBRA_TRY(port_hashes_.Place(plan, arena));
  machine_.tiles = arena->TakeArray<TileState>(tile_count);
  machine_.arena = arena->Take(plan.header.arena_size);
  const bool fits = machine_.tiles.size() == tile_count && machine_.arena.size() == plan.header.arena_size;
  return fits ? Status::kOk : Status::kSecureMemoryExceeded;
}

Status Run::AskReceipt(std::span<const uint8_t> nonce) {
  wants_receipt_ = !nonce.empty();
  if (!wants_receipt_) return Status::kOk;
  const uint64_t offset = ReceiptOffset(0, machine_.plan.header.exchange_size);
  PENUMBRA_REQUIRE(Fits(offset, kMaxReceiptSize, machine_.exchange.size()), Status::kInvalidArgument);
  std::memcpy(nonce_, nonce.data(), sizeof(nonce_));
  port_hashes_.Begin();
  return Status::kOk;
}

Status Run::LeaveReceipt(const Port& port, uint64_t* out_size) {
  if (!wants_receipt_) return Status::kOk;
  ReceiptFacts facts{};
  std::memcpy(facts.nonce, nonce_, sizeof(nonce_));
  facts.clamped_count = machine_.clamped_count;
  PENUMBRA_TRY(port_hashes_.Finish(machine_.plan, facts.input_hash, facts.output_hash));
  uint8_t message[kMaxReceiptSize];
  PENUMBRA_TRY(WriteReceipt(*loaded_, port, facts, message, out_size));
  std::memcpy(machine_.exchange.data() + ReceiptOffset(0, machine_.plan.header.exchange_size), message, *out_size);
  return Status::kOk;
}

Status Run::Start(ProgramId program, uint64_t pad_id, std::span<const PadSeed, kMaxPadBatch> seeds, const Port& port,
                  HostJob* out_job) {
  busy_ = true;
  program_ = program;
  pad_id_ = pad_id;
  words_ = ProgramWords(loaded_->plan, program);
  at_ = 0;
  next_serial_ = 0;
  ahead_count_ = 0;
  machine_.clamped_count = 0;
  machine_.unchallenged = kNoTensor;
  machine_.pad_count = pads_made();
  machine_.ForgetScratch();
  for (TileState& tile : machine_.tiles) tile = {kAbsent, 0, 0};
  PENUMBRA_TRY(MakeKeys(seeds, port));
  return RunProgram(out_job);
}

Status Run::MakeKeys(std::span<const PadSeed, kMaxPadBatch> seeds, const Port& port) {
  Secret<32> key;
  if (loaded_->NeedsPads() && program_ != ProgramId::kPrepare) {
    constexpr uint8_t kStream[] = {'r'}, kSealing[] = {'u'};
    const uint32_t count = pads_made() == 0 ? 1 : pads_made();
    for (uint32_t i = 0; i < count; ++i) {
      PENUMBRA_TRY(crypto::HkdfExpand(seeds[i].bytes(), kStream, key.mutable_bytes()));
      PENUMBRA_TRY(pad_streams_[i].Init(key.bytes()));
      PENUMBRA_TRY(crypto::HkdfExpand(seeds[i].bytes(), kSealing, key.mutable_bytes()));
      PENUMBRA_TRY(pad_keys_[i].Init(key.bytes()));
    }
  }
  if (loaded_->plan.header.fingerprint_count != 0) {
    PENUMBRA_TRY(port.entropy(port.context, key.mutable_bytes().data(), 32));
    PENUMBRA_TRY(fingerprint_stream_.Init(key.bytes()));
  }
  PENUMBRA_TRY(port.entropy(port.context, key.mutable_bytes().data(), 32));
  return spill_key_.Init(key.bytes());
}

Status Run::Step(HostJob* out_job) {
  Instruction waiting{};
  PENUMBRA_REQUIRE(DecodeAt(words_, at_, &waiting), Status::kInternal);
  PENUMBRA_TRY(FinishWaiting(waiting));
  return RunProgram(out_job);
}

// The job of the instruction at at_ is done: take its result in and go on behind it.
Status Run::FinishWaiting(const Instruction& i) {
  if (i.opcode == Opcode::kFetch) PENUMBRA_TRY(FinishFetch(i, &request_));
  if (i.opcode == Opcode::kEvict) FinishEvict(i);
  at_ += 1 + i.operands.size();
  return Status::kOk;
}

Status Run::RunProgram(HostJob* out_job) {
  Instruction i{};
  while (at_ < words_.size()) {
    PENUMBRA_REQUIRE(DecodeAt(words_, at_, &i), Status::kInternal);
    switch (i.opcode) {
      case Opcode::kFetch:
        PENUMBRA_TRY(Fetch(i, out_job));
        if (out_job->kind != JobKind::kNone) return Status::kOk;
        break;
      case Opcode::kEvict:
        if (!KeepInside(i)) return RequestEvict(i, out_job);
        break;
      case Opcode::kEmit: return RequestEmit(i, out_job);
      case Opcode::kAlloc:
        machine_.tiles[TileIndex(machine_.plan, i[0], i[1])].offset = i[2] / kTileAlignment;
        break;
      case Opcode::kFree: FreeTile(i); break;
      case Opcode::kJob: *out_job = AccelerateJob(machine_.plan.layers[i[0]]); return Status::kOk;
      case Opcode::kFloatJob: *out_job = FloatJob(machine_.plan.float_segments[i[0]]); return Status::kOk;
      default:
        PENUMBRA_TRY(Execute(&machine_, i));
        if (wants_receipt_) PENUMBRA_TRY(port_hashes_.Note(machine_, i));
        break;
    }
    at_ += 1 + i.operands.size();
  }
  return Status::kOk;
}

HostJob Run::AccelerateJob(const LayerRec& layer) const {
  HostJob job{};
  job.kind = JobKind::kAccelerate;
  job.segment = layer.segment;
  job.batch = 1;
  job.x_offset = part_offset_ + layer.x_offset;
  job.x_size = uint64_t{MaskedElementSize(layer)} * layer.mask_rows * layer.mask_row_elems;
  job.y_offset = part_offset_ + layer.y_offset;
  job.y_size =
      uint64_t{MaskedElementSize(layer)} * layer.geometry.out_h * layer.geometry.out_w * layer.public_out_c;
  return job;
}

HostJob Run::FloatJob(const FloatSegmentRec& segment) const {
  const uint32_t slots = SlotCount(machine_.plan.header);
  const auto size = [slots](std::span<const PortRec> side) {
    return side.back().offset + uint64_t{side.back().elem_count} * 4 * slots - side.front().offset;
  };
  const std::span<const PortRec> x = FloatInputs(machine_.plan, segment), y = FloatOutputs(machine_.plan, segment);
  HostJob job{};
  job.kind = JobKind::kAccelerate;
  job.segment = segment.segment;
  job.batch = slots;
  job.x_offset = part_offset_ + x.front().offset;
  job.x_size = size(x);
  job.y_offset = part_offset_ + y.front().offset;
  job.y_size = size(y);
  return job;
}

FailureRecord Run::DescribeFailure() const {
  FailureRecord record{};
  record.version = kFailureRecordVersion;
  record.layer = machine_.refused.layer;
  record.prime = machine_.refused.prime;
  record.row = machine_.refused.row;
  record.program = static_cast<uint32_t>(program_);
  record.word = static_cast<uint32_t>(at_);
  return record;
}

void Run::ZeroOutputs() const {
  for (const PortRec& port : machine_.plan.outputs) {
    std::memset(machine_.exchange.data() + port.offset, 0, uint64_t{port.elem_count} * 4);
  }
}

void Run::Clear() {
  const Secret<32> zero;
  // Re-keying an existing context cannot fail for want of memory, and if it did the old key is unreachable.
  (void)spill_key_.Init(zero.bytes());
  for (crypto::AeadKey& key : pad_keys_) (void)key.Init(zero.bytes());
  for (crypto::Keystream& stream : pad_streams_) (void)stream.Init(zero.bytes());
  (void)fingerprint_stream_.Init(zero.bytes());
  crypto::Wipe(machine_.arena);
  if (wants_receipt_) port_hashes_.Clear();
  wants_receipt_ = false;
  busy_ = false;
  words_ = {};
}

void Run::Remove() {
  Clear();
  machine_ = {};
  port_hashes_ = {};
}

}  // namespace penumbra::trusted
