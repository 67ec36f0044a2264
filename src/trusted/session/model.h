// The state machine of one loaded model and its runs: commands and finished jobs go in, the next job or the end comes
// out. It never calls out; every wait is a return. Runs take turns at waits, there are no threads in here.
#ifndef PENUMBRA_TRUSTED_SESSION_MODEL_H_
#define PENUMBRA_TRUSTED_SESSION_MODEL_H_

#include <cstdint>
#include <span>

#include "boundary/protocol.h"
#include "boundary/status.h"
#include "trusted/base/arena.h"
#include "trusted/plan/prove.h"
#include "trusted/port/port.h"
#include "trusted/session/loaded.h"
#include "trusted/session/pad_bank.h"
#include "trusted/session/read_request.h"
#include "trusted/session/run.h"

namespace penumbra::trusted {

class Model {
 public:
  // `memory`: all secure memory this model may use; `exchange`: shared with the host. Both outlive it.
  Model(std::span<uint8_t> memory, std::span<uint8_t> exchange, const Port& port, const KernelTable& kernels);

  // Sets up every key object, so that nothing is allocated after this.
  Status Init();

  // Each returns the next job in *out_job (kNone: the command is complete) or the reason there is none.
  // `run_count`: how many runs may be under way at once. `pad_slots`: pads that shall wait inside where there is room.
  Status Load(uint64_t manifest_size, uint32_t run_count, uint64_t pad_slots, std::span<const uint8_t, 32> vendor_key,
              HostJob* out_job);
  // `nonce`: of the receipt an inference ends with; empty for none, else kReceiptNonceSize bytes.
  Status Start(uint32_t run, ProgramId program, std::span<const uint8_t> nonce, HostJob* out_job);
  // `run` is 0 while the model loads. `data_offset`: where in the exchange region a read's bytes stand; 0: where the
  // job asked for them.
  Status Step(uint32_t run, Status host_status, uint64_t data_offset, HostJob* out_job);
  void Unload();

  // See PadBank. The ledger stands, or shall stand, at `offset` in the exchange region.
  Status OpenPadBank(uint64_t ledger_size, uint64_t offset, uint64_t capacity);
  Status RecordPads(uint64_t lease, uint64_t offset, uint64_t* out_ledger_size);

  // Bytes of the receipt the last Start() or Step() left, 0 for none; told once.
  uint64_t TakeReceiptSize();

  // True once after a failure of integrity, with its log.
  bool TakeFailureLog(FailureLog* out_log);

  // `run` names whose clamped levels to tell; any number is allowed.
  Info GetInfo(uint32_t run) const;

 private:
  enum class Phase : uint32_t { kIdle, kPlanChunk, kRowBounds, kRowParams, kPrepare };

  // Loading, in load.cc.
  Status BeginLoad(uint64_t manifest_size, std::span<const uint8_t, 32> vendor_key, HostJob* out_job);
  Status CheckVersion();
  Status BeginPlan(HostJob* out_job);
  Status LoadStep(HostJob* out_job);
  Status PlanChunkArrived(HostJob* out_job);
  Status AdoptPlan();
  Status DrawLots();
  Status PlaceRuns();
  Status ProvePrograms(std::span<LayerState> layers, std::span<uint32_t> float_ports);
  Status NextBoundJob(HostJob* out_job);
  Status BoundsArrived(HostJob* out_job);
  Status StartPrepare(HostJob* out_job);
  Status FinishPrepare(Status status, const HostJob& job);
  Status FinishLoad();
  // Asks for a sealed chunk, at `offset`; CopyChunk() takes it in.
  void AskChunk(uint32_t chunk, uint64_t offset, HostJob* out_job);
  Status CopyChunk(uint32_t chunk, std::span<uint8_t> out);

  Status CheckReady() const;
  Status CheckRun(uint32_t run, bool busy) const;
  Status TakePads(ProgramId program, uint64_t* out_pad_id, std::span<PadSeed, kMaxPadBatch> out_seeds);
  uint64_t OldestPadInside() const;
  void EnterRun(uint32_t run);
  // A run came back with a job, its end or an error.
  Status Settle(Run* run, Status status, const HostJob& job);
  void EndRun(Run* run);
  // Ends what cannot go on: outputs zeroed, secrets wiped. A failed load leaves nothing loaded; a failed run ends
  // alone when `status` is the caller's or the accelerator's own fault, else with the model and every other run.
  void FailRun(Run* run, Status status);
  void LogFailure(const Run& run);
  void EndModel(SessionState state);
  std::span<Run> runs() { return std::span(runs_).first(run_count_); }

  std::span<uint8_t> memory_;
  Port port_;
  Arena arena_;
  Loaded loaded_;
  PadBank pads_;
  Run runs_[kMaxRuns];
  uint32_t run_count_ = 0;      // placed in secure memory
  uint32_t run_capacity_ = 0;   // how many the model that was loaded last leaves room for
  uint64_t receipt_size_ = 0;
  uint64_t start_count_ = 0;    // programs of the loaded model, pads included
  uint64_t starts_[kMaxRuns] = {};  // which of these each run began last
  bool has_failure_log_ = false;
  FailureLog failure_log_ = {};
  uint32_t inside_ = 0;         // whose tables stand in the scratch
  SessionState state_ = SessionState::kEmpty;
  // Loading.
  Phase phase_ = Phase::kIdle;
  ReadRequest request_;
  uint32_t asked_runs_ = 0;
  uint64_t asked_slots_ = 0;
  uint32_t cursor_ = 0;           // chunk or layer under way
  uint64_t highest_version_ = 0;  // of this model, as the port knew it when loading began
  std::span<uint8_t> staging_;    // plan bytes at the end of secure memory
  uint64_t staged_ = 0;
};

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_SESSION_MODEL_H_
