#include "trusted/session/session.h"

#include <cstring>

#include "crypto/hash.h"
#include "trusted/base/checked.h"
#include "trusted/base/result.h"

namespace penumbra::trusted {
namespace {

// The caller's input or the accelerator is at fault: nothing inside is in doubt, the model stays loaded.
bool IsOutsideFault(Status status) {
  return status == Status::kNotFinite || status == Status::kDeviceFailed || status == Status::kTimeout ||
         status == Status::kPadsExhausted || status == Status::kWrongState || status == Status::kUnsupported ||
         status == Status::kInvalidArgument;
}

}  // namespace

Session::Session(std::span<uint8_t> memory, std::span<uint8_t> exchange, const Port& port,
                 const KernelTable& kernels)
    : memory_(memory), exchange_(exchange), port_(port) {
  machine_.kernels = &kernels;
  machine_.pad_stream = &pad_stream_;
}

Status Session::Init() {
  const Secret<32> zero;
  PENUMBRA_TRY(bundle_key_.Init(zero.bytes()));
  PENUMBRA_TRY(spill_key_.Init(zero.bytes()));
  PENUMBRA_TRY(pad_key_.Init(zero.bytes()));
  return pad_stream_.Init(zero.bytes());
}

bool Session::NeedsPads() const { return !machine_.plan.pad_program.empty(); }

Status Session::Start(ProgramId program, HostJob* out_job) {
  PENUMBRA_REQUIRE(state_ != SessionState::kPoisoned, Status::kPoisoned);
  PENUMBRA_REQUIRE(state_ == SessionState::kReady, Status::kWrongState);
  PENUMBRA_REQUIRE(program == ProgramId::kInfer || program == ProgramId::kMakePad, Status::kInvalidArgument);
  const bool makes_pad = program == ProgramId::kMakePad;
  PENUMBRA_REQUIRE(!makes_pad || NeedsPads(), Status::kUnsupported);
  if (makes_pad) {
    pad_id_ = pads_.under_construction();
  } else if (NeedsPads()) {
    PENUMBRA_TRY(pads_.Take(&pad_id_));
  }
  state_ = SessionState::kRunning;
  phase_ = Phase::kProgram;
  program_ = program;
  words_ = makes_pad ? machine_.plan.pad_program : machine_.plan.infer_program;
  at_ = 0;
  next_serial_ = 0;
  machine_.clamped_count = 0;
  machine_.prepared_layer = kNoLayer;
  for (TileState& tile : machine_.tiles) tile = {kAbsent, 0, 0};
  Status status = Status::kOk;
  Secret<32> key;
  if (NeedsPads()) {
    uint8_t info[3 + 8] = {'p', 'a', 'd'};
    std::memcpy(info + 3, &pad_id_, 8);
    status = crypto::HkdfExpand(pad_master_.bytes(), info, key.mutable_bytes());
    if (IsOk(status)) status = pad_stream_.Init(key.bytes());
  }
  if (IsOk(status)) status = port_.entropy(port_.context, key.mutable_bytes().data(), 32);
  if (IsOk(status)) status = spill_key_.Init(key.bytes());
  if (IsOk(status)) status = RunProgram(out_job);
  if (!IsOk(status)) Fail(status);
  return status;
}

Status Session::Step(Status host_status, uint64_t data_offset, HostJob* out_job) {
  PENUMBRA_REQUIRE(state_ != SessionState::kPoisoned, Status::kPoisoned);
  PENUMBRA_REQUIRE(phase_ != Phase::kIdle, Status::kWrongState);
  PENUMBRA_REQUIRE(Fits(data_offset, asked_size_, exchange_.size()), Status::kInvalidArgument);
  if (data_offset != 0) data_offset_ = data_offset;
  Status status = Status::kOk;
  if (!IsOk(host_status)) {
    status = host_status == Status::kTimeout ? Status::kTimeout : Status::kDeviceFailed;
  } else if (phase_ == Phase::kPlanChunk) {
    status = PlanChunkArrived(out_job);
  } else if (phase_ == Phase::kRowBounds || phase_ == Phase::kRowParams) {
    status = BoundsArrived(out_job);
  } else {
    Instruction waiting{};
    status = DecodeAt(words_, at_, &waiting) ? FinishWaiting(waiting) : Status::kInternal;
    if (IsOk(status)) status = RunProgram(out_job);
  }
  if (!IsOk(status)) Fail(status);
  return status;
}

// The job of the instruction at at_ is done: take its result in and go on behind it.
Status Session::FinishWaiting(const Instruction& i) {
  if (i.opcode == Opcode::kFetch) PENUMBRA_TRY(FinishFetch(i));
  if (i.opcode == Opcode::kEvict) FinishEvict(i);
  at_ += 1 + i.operands.size();
  return Status::kOk;
}

Status Session::RunProgram(HostJob* out_job) {
  Instruction i{};
  while (at_ < words_.size()) {
    PENUMBRA_REQUIRE(DecodeAt(words_, at_, &i), Status::kInternal);
    switch (i.opcode) {
      case Opcode::kFetch: return RequestFetch(i, out_job);
      case Opcode::kEvict: return RequestEvict(i, out_job);
      case Opcode::kAlloc:
        machine_.tiles[TileIndex(machine_.plan, i[0], i[1])].offset = i[2] / kTileAlignment;
        break;
      case Opcode::kFree: machine_.tiles[TileIndex(machine_.plan, i[0], i[1])].offset = kAbsent; break;
      case Opcode::kJob: *out_job = AccelerateJob(machine_.plan.layers[i[0]]); return Status::kOk;
      case Opcode::kFloatJob: *out_job = FloatJob(machine_.plan.float_segments[i[0]]); return Status::kOk;
      default: PENUMBRA_TRY(Execute(&machine_, i)); break;
    }
    at_ += 1 + i.operands.size();
  }
  return CompleteProgram();
}

HostJob Session::AccelerateJob(const LayerRec& layer) {
  HostJob job{};
  job.kind = JobKind::kAccelerate;
  job.segment = layer.segment;
  job.batch = 1;
  job.x_offset = layer.x_offset;
  job.x_size = uint64_t{layer.prime_count} * layer.mask_rows * layer.mask_row_elems;
  job.y_offset = layer.y_offset;
  job.y_size = uint64_t{layer.prime_count} * layer.geometry.out_h * layer.geometry.out_w * layer.public_out_c;
  return job;
}

HostJob Session::FloatJob(const FloatSegmentRec& segment) const {
  const auto size = [](std::span<const PortRec> side) {
    return side.back().offset + uint64_t{side.back().elem_count} * 4 - side.front().offset;
  };
  const std::span<const PortRec> x = FloatInputs(machine_.plan, segment), y = FloatOutputs(machine_.plan, segment);
  HostJob job{};
  job.kind = JobKind::kAccelerate;
  job.segment = segment.segment;
  job.batch = 1;
  job.x_offset = x.front().offset;
  job.x_size = size(x);
  job.y_offset = y.front().offset;
  job.y_size = size(y);
  return job;
}

Status Session::CompleteProgram() {
  if (program_ == ProgramId::kMakePad) pads_.Finish();
  ClearRun();
  state_ = SessionState::kReady;
  return Status::kOk;
}

void Session::ClearRun() {
  crypto::Wipe(machine_.arena);
  crypto::Wipe(machine_.scratch);
  phase_ = Phase::kIdle;
  words_ = {};
}

void Session::Fail(Status status) {
  for (const PortRec& port : machine_.plan.outputs) {
    std::memset(exchange_.data() + port.offset, 0, uint64_t{port.elem_count} * 4);
  }
  const bool running = state_ == SessionState::kRunning;
  ClearRun();
  if (running && IsOutsideFault(status)) {
    state_ = SessionState::kReady;
    return;
  }
  Unload();
  if (running) state_ = SessionState::kPoisoned;
}

void Session::Unload() {
  const Secret<32> zero;
  // Re-keying an existing context cannot fail for want of memory, and if it did the old key is unreachable.
  (void)bundle_key_.Init(zero.bytes());
  (void)spill_key_.Init(zero.bytes());
  (void)pad_key_.Init(zero.bytes());
  (void)pad_stream_.Init(zero.bytes());
  pad_master_.Clear();
  pads_.Clear();
  crypto::Wipe(memory_);
  machine_.plan = {};
  machine_.tiles = {};
  machine_.arena = {};
  machine_.scratch = {};
  manifest_ = {};
  arena_ = Arena(memory_);
  staging_ = {};
  phase_ = Phase::kIdle;
  state_ = SessionState::kEmpty;
}

Info Session::GetInfo() const {
  Info info{};
  info.exchange_size = machine_.plan.header.exchange_size;
  info.secure_memory_size = memory_.size();
  info.secure_memory_peak = arena_.used();
  info.pads_ready = pads_.ready();
  info.clamped_count = machine_.clamped_count;
  info.carrier = static_cast<uint32_t>(port_.carrier);
  info.state = static_cast<uint32_t>(state_);
  return info;
}

}  // namespace penumbra::trusted
