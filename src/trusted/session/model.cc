#include "trusted/session/model.h"

#include <cstring>

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

Model::Model(std::span<uint8_t> memory, std::span<uint8_t> exchange, const Port& port, const KernelTable& kernels)
    : memory_(memory), port_(port) {
  loaded_.exchange = exchange;
  loaded_.kernels = &kernels;
}

Status Model::Init() {
  const Secret<32> zero;
  PENUMBRA_TRY(loaded_.bundle_key.Init(zero.bytes()));
  PENUMBRA_TRY(loaded_.derived_key.Init(zero.bytes()));
  PENUMBRA_TRY(loaded_.check_stream.Init(zero.bytes()));
  PENUMBRA_TRY(loaded_.failure_log.Init());
  PENUMBRA_TRY(pads_.Init());
  for (Run& run : runs_) PENUMBRA_TRY(run.Init());
  return Status::kOk;
}

Status Model::CheckReady() const {
  PENUMBRA_REQUIRE(state_ != SessionState::kPoisoned, Status::kPoisoned);
  return state_ == SessionState::kReady ? Status::kOk : Status::kWrongState;
}

Status Model::CheckRun(uint32_t run, bool busy) const {
  PENUMBRA_TRY(CheckReady());
  PENUMBRA_REQUIRE(run < run_count_, Status::kInvalidArgument);
  return runs_[run].busy() == busy ? Status::kOk : Status::kWrongState;
}

// A pad is spent, and one under construction has its identifier, from here on whatever becomes of the run.
Status Model::TakePads(ProgramId program, uint64_t* out_pad_id, std::span<PadSeed, kMaxPadBatch> out_seeds) {
  *out_pad_id = 0;
  if (program == ProgramId::kMakePad || program == ProgramId::kMakePads) {
    PENUMBRA_REQUIRE(!ProgramWords(loaded_.plan, program).empty(), Status::kUnsupported);
    const uint32_t count = PadsMade(loaded_.plan, program);
    PENUMBRA_TRY(pads_.Begin(port_, out_seeds.first(count), out_pad_id));
    // Durable pads have to survive this trusted half.
    for (uint32_t i = 0; i < count && !pads_.durable(); ++i) loaded_.pad_slots.Take(*out_pad_id + i);
    return Status::kOk;
  }
  PENUMBRA_REQUIRE(program == ProgramId::kInfer, Status::kInvalidArgument);
  return loaded_.NeedsPads() ? pads_.Take(OldestPadInside(), out_pad_id, &out_seeds[0]) : Status::kOk;
}

// A pad whose slot is soon free for the next one; 0: the bank shall choose. Those outside are for bursts, but not for ever: the
// book has so many identifiers from the oldest pad on.
uint64_t Model::OldestPadInside() const {
  const PadBook& book = pads_.book();
  if (book.next() - book.oldest() > kMaxPads / 2) return 0;
  uint64_t oldest = 0;
  for (const uint64_t id : loaded_.pad_slots.ids()) {
    if (id != 0 && book.IsInHand(id) && (oldest == 0 || id < oldest)) oldest = id;
  }
  return oldest;
}

void Model::EnterRun(uint32_t run) {
  if (inside_ != run) runs_[run].ForgetScratch();
  inside_ = run;
}

Status Model::Start(uint32_t run, ProgramId program, std::span<const uint8_t> nonce, HostJob* out_job) {
  *out_job = {};
  PENUMBRA_TRY(CheckRun(run, false));
  PENUMBRA_REQUIRE(nonce.empty() || program == ProgramId::kInfer, Status::kInvalidArgument);
  PENUMBRA_TRY(runs_[run].AskReceipt(nonce));
  uint64_t pad_id = 0;
  PadSeed seeds[kMaxPadBatch];
  PENUMBRA_TRY(TakePads(program, &pad_id, seeds));
  starts_[run] = ++start_count_;
  EnterRun(run);
  return Settle(&runs_[run], runs_[run].Start(program, pad_id, seeds, port_, out_job), *out_job);
}

Status Model::OpenPadBank(uint64_t ledger_size, uint64_t offset, uint64_t capacity) {
  PENUMBRA_TRY(CheckReady());
  PENUMBRA_REQUIRE(loaded_.NeedsPads(), Status::kUnsupported);
  PENUMBRA_REQUIRE(Fits(offset, ledger_size, loaded_.exchange.size()), Status::kInvalidArgument);
  return pads_.Open(loaded_.manifest, port_, loaded_.exchange.subspan(offset, ledger_size), capacity, &arena_);
}

Status Model::RecordPads(uint64_t lease, uint64_t offset, uint64_t* out_ledger_size) {
  PENUMBRA_TRY(CheckReady());
  PENUMBRA_REQUIRE(offset <= loaded_.exchange.size(), Status::kInvalidArgument);
  return pads_.Record(port_, lease, loaded_.exchange.subspan(offset), out_ledger_size);
}

Status Model::Step(uint32_t run, Status host_status, uint64_t data_offset, HostJob* out_job) {
  *out_job = {};
  const Status failure = IsOk(host_status)                   ? Status::kOk
                         : host_status == Status::kTimeout   ? Status::kTimeout
                                                             : Status::kDeviceFailed;
  if (state_ == SessionState::kLoading) {
    const bool preparing = phase_ == Phase::kPrepare;
    PENUMBRA_REQUIRE(run == 0 && (preparing ? runs_[0].AnswerAt(data_offset)
                                            : request_.Answer(data_offset, loaded_.exchange.size())),
                     Status::kInvalidArgument);
    const Status status = IsOk(failure) ? LoadStep(out_job) : failure;
    if (!IsOk(status)) EndModel(SessionState::kEmpty);
    return status;
  }
  PENUMBRA_TRY(CheckRun(run, true));
  PENUMBRA_REQUIRE(runs_[run].AnswerAt(data_offset), Status::kInvalidArgument);
  EnterRun(run);
  return Settle(&runs_[run], IsOk(failure) ? runs_[run].Step(out_job) : failure, *out_job);
}

Status Model::Settle(Run* run, Status status, const HostJob& job) {
  if (IsOk(status) && job.kind == JobKind::kNone) status = run->LeaveReceipt(port_, &receipt_size_);
  if (!IsOk(status)) {
    FailRun(run, status);
  } else if (job.kind == JobKind::kNone) {
    for (uint32_t i = 0; i < run->pads_made(); ++i) pads_.Finish(run->pad_id() + i);
    EndRun(run);
  }
  return status;
}

void Model::EndRun(Run* run) {
  if (run->program() == ProgramId::kInfer) {
    run->WipePad();
    loaded_.pad_slots.Release(run->pad_id());
  }
  run->Clear();
  crypto::Wipe(loaded_.scratch);
  inside_ = kMaxRuns;
}

void Model::FailRun(Run* run, Status status) {
  if (status == Status::kIntegrity) LogFailure(*run);
  if (!IsOutsideFault(status)) return EndModel(SessionState::kPoisoned);
  for (uint32_t i = 0; i < run->pads_made(); ++i) {
    pads_.Burn(run->pad_id() + i);
    loaded_.pad_slots.Wipe(run->pad_id() + i);
  }
  run->ZeroOutputs();
  EndRun(run);
}

// The same work and the same bytes whatever failed. Without a log the failure is a failure all the same.
void Model::LogFailure(const Run& run) {
  FailureRecord record = run.DescribeFailure();
  record.start = starts_[&run - runs_];
  record.model_version = loaded_.manifest.head.model_version;
  std::memcpy(record.manifest_hash, loaded_.manifest.message_hash, sizeof(record.manifest_hash));
  has_failure_log_ = IsOk(loaded_.failure_log.Seal(record, &failure_log_));
}

void Model::EndModel(SessionState state) {
  // Outputs of runs that ended before are the host's.
  for (const Run& run : runs()) {
    if (run.busy()) run.ZeroOutputs();
  }
  Unload();
  state_ = state;
}

void Model::Unload() {
  const Secret<32> zero;
  // Re-keying an existing context cannot fail for want of memory, and if it did the old key is unreachable.
  (void)loaded_.bundle_key.Init(zero.bytes());
  (void)loaded_.derived_key.Init(zero.bytes());
  (void)loaded_.check_stream.Init(zero.bytes());
  loaded_.failure_log.Clear();
  loaded_.pad_slots = {};  // of memory_
  for (Run& run : runs_) run.Remove();
  pads_.Clear();
  crypto::Wipe(memory_);
  loaded_.plan = {};
  loaded_.manifest = {};
  loaded_.scratch = {};
  arena_ = Arena(memory_);
  staging_ = {};
  run_count_ = 0;
  start_count_ = 0;
  inside_ = kMaxRuns;
  phase_ = Phase::kIdle;
  state_ = SessionState::kEmpty;
}

uint64_t Model::TakeReceiptSize() {
  const uint64_t size = receipt_size_;
  receipt_size_ = 0;
  return size;
}

bool Model::TakeFailureLog(FailureLog* out_log) {
  const bool has = has_failure_log_;
  *out_log = has ? failure_log_ : FailureLog{};
  has_failure_log_ = false;
  return has;
}

Info Model::GetInfo(uint32_t run) const {
  bool busy = false;
  for (uint32_t i = 0; i < run_count_; ++i) busy = busy || runs_[i].busy();
  Info info{};
  info.exchange_size = loaded_.plan.header.exchange_size;
  info.secure_memory_size = memory_.size();
  info.secure_memory_peak = arena_.used();
  info.pads_ready = pads_.book().ready();
  info.pads_in_hand = pads_.book().in_hand();
  info.pads_unrecorded = pads_.book().unrecorded();
  info.clamped_count = run < run_count_ ? runs_[run].clamped_count() : 0;
  info.carrier = static_cast<uint32_t>(port_.carrier);
  const bool running = busy && state_ == SessionState::kReady;
  info.state = static_cast<uint32_t>(running ? SessionState::kRunning : state_);
  info.run_count = run_count_;
  info.run_capacity = run_capacity_;
  info.pad_slots = loaded_.pad_slots.ids().size();
  return info;
}

}  // namespace penumbra::trusted
