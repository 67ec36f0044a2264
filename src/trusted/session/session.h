// The state machine of one loaded model: commands and finished jobs go in, the next job or the end comes out. It
// never calls out; every wait is a return.
#ifndef PENUMBRA_TRUSTED_SESSION_SESSION_H_
#define PENUMBRA_TRUSTED_SESSION_SESSION_H_

#include <cstdint>
#include <span>

#include "boundary/protocol.h"
#include "boundary/status.h"
#include "crypto/aead.h"
#include "crypto/keystream.h"
#include "trusted/base/arena.h"
#include "trusted/base/secret.h"
#include "trusted/bundle/manifest.h"
#include "trusted/plan/prove.h"
#include "trusted/port/port.h"
#include "trusted/session/pad_book.h"
#include "trusted/steps/machine.h"

namespace penumbra::trusted {

class Session {
 public:
  // `memory`: all secure memory this session may use; `exchange`: shared with the host. Both outlive it.
  Session(std::span<uint8_t> memory, std::span<uint8_t> exchange, const Port& port,
          const KernelTable& kernels);

  // Sets up every key object, so that nothing is allocated after this.
  Status Init();

  // Each returns the next job in *out_job (kNone: the command is complete) or the reason there is none.
  Status Load(uint64_t manifest_size, std::span<const uint8_t, 32> vendor_key, HostJob* out_job);
  Status Start(ProgramId program, HostJob* out_job);
  // `data_offset`: where in the exchange region a read's bytes stand; 0: where the job asked for them.
  Status Step(Status host_status, uint64_t data_offset, HostJob* out_job);
  void Unload();

  Info GetInfo() const;

 private:
  enum class Phase : uint32_t { kIdle, kPlanChunk, kRowBounds, kRowParams, kProgram };

  // Loading, in load.cc.
  Status BeginLoad(uint64_t manifest_size, std::span<const uint8_t, 32> vendor_key, HostJob* out_job);
  Status CheckVersion();
  Status BeginPlan(HostJob* out_job);
  Status PlanChunkArrived(HostJob* out_job);
  Status AdoptPlan();
  Status NextBoundJob(HostJob* out_job);
  Status BoundsArrived(HostJob* out_job);
  Status FinishLoad();
  HostJob ChunkJob(uint32_t chunk, uint64_t offset) const;
  Status CopyChunk(uint32_t chunk, std::span<uint8_t> out);
  // Notes what the host will be asked for; the answer is copied in by CopyIn().
  void Ask(const HostJob& job, HostJob* out_job);
  void CopyIn(std::span<uint8_t> out, std::span<uint8_t> out_tag) const;

  // Residency, in transfer.cc: what stands between arena and outside.
  Status RequestFetch(const Instruction& i, HostJob* out_job);
  Status FinishFetch(const Instruction& i);
  Status RequestEvict(const Instruction& i, HostJob* out_job);
  void FinishEvict(const Instruction& i);
  Status OpenTile(uint32_t tensor, uint32_t tile, std::span<uint8_t> bytes,
                  std::span<const uint8_t, kAeadTagSize> tag);

  Status RunProgram(HostJob* out_job);
  Status FinishWaiting(const Instruction& i);
  static HostJob AccelerateJob(const LayerRec& layer);
  HostJob FloatJob(const FloatSegmentRec& segment) const;
  Status CompleteProgram();
  bool NeedsPads() const;
  // Ends what is going on: outputs zeroed, secrets wiped. A failed load leaves nothing loaded; a failed run
  // poisons the session unless `status` is the caller's or the accelerator's own fault.
  void Fail(Status status);
  void ClearRun();

  std::span<uint8_t> memory_, exchange_;
  Port port_;
  Arena arena_;
  Machine machine_;
  Manifest manifest_{};
  crypto::AeadKey bundle_key_, spill_key_, pad_key_;
  crypto::Keystream pad_stream_;
  Secret<32> pad_master_;
  PadBook pads_;
  SessionState state_ = SessionState::kEmpty;
  Phase phase_ = Phase::kIdle;
  ProgramId program_ = ProgramId::kInfer;
  std::span<const uint32_t> words_;
  uint64_t at_ = 0;       // word of the current instruction
  uint32_t cursor_ = 0;   // loading: chunk or layer under way
  uint64_t pad_id_ = 0;   // of the program run under way
  uint32_t next_serial_ = 0;
  uint64_t highest_version_ = 0;  // of this model, as the port knew it when loading began
  uint64_t asked_size_ = 0, data_offset_ = 0;  // of the read under way
  std::span<uint8_t> staging_;  // loading: plan bytes at the end of secure memory
  uint64_t staged_ = 0;
};

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_SESSION_SESSION_H_
