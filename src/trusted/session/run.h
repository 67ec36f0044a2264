// One execution of a program of the loaded model, with everything it does not share with other executions: tiles,
// arena, keys, place in the program, part of the exchange region. A run only notices that it failed; what a failure
// means for the others is the model's business.
#ifndef PENUMBRA_TRUSTED_SESSION_RUN_H_
#define PENUMBRA_TRUSTED_SESSION_RUN_H_

#include <cstdint>
#include <span>

#include "boundary/failure_log.h"
#include "boundary/protocol.h"
#include "boundary/status.h"
#include "crypto/aead.h"
#include "crypto/keystream.h"
#include "trusted/base/arena.h"
#include "trusted/port/port.h"
#include "trusted/session/loaded.h"
#include "trusted/session/pad_bank.h"
#include "trusted/session/read_request.h"
#include "trusted/session/receipt.h"
#include "trusted/steps/machine.h"

namespace penumbra::trusted {

class Run {
 public:
  // Sets up the key objects, so that nothing is allocated after this.
  Status Init();

  // Secure memory Place() takes for a run of `plan`. `plan.header.arena_size` was compared with the memory there is.
  static uint64_t SecureSize(const Plan& plan);
  // Takes tiles and arena for runs of `loaded`, which outlives them. The run's part of the exchange region is
  // [part_offset, + part_size); the plan's offsets count from its start. kSecureMemoryExceeded.
  Status Place(Loaded* loaded, Arena* arena, uint64_t part_offset, uint64_t part_size);

  // Whether what starts next shall end with a receipt: over `nonce`, kReceiptNonceSize bytes, or not (empty).
  // kInvalidArgument: the run's part of the exchange region has no room for one.
  Status AskReceipt(std::span<const uint8_t> nonce);
  // Each returns the next job in *out_job, untouched when the program has ended. After an error the caller clears the
  // run. `pad_id`: the pad the program uses up, or the first of those it makes, 0 without pads; `seeds`: of these pads, in order.
  Status Start(ProgramId program, uint64_t pad_id, std::span<const PadSeed, kMaxPadBatch> seeds, const Port& port,
               HostJob* out_job);
  // The outstanding job succeeded.
  Status Step(HostJob* out_job);
  // See ReadRequest::Answer().
  bool AnswerAt(uint64_t offset) { return request_.Answer(offset, loaded_->exchange.size()); }

  // After the end of a program: leaves its receipt in the exchange region and tells its size, if one is wanted.
  Status LeaveReceipt(const Port& port, uint64_t* out_size);

  // Where the instruction under way found a reply wrong; the model fills in the rest.
  FailureRecord DescribeFailure() const;

  void ZeroOutputs() const;
  // Of the pad this program used up, if it waited inside: wipes the tiles that were not wiped as the program was done with them.
  void WipePad() const;
  // Wipes the arena and all keys; the run can be started again.
  void Clear();
  // Clears the run and gives its memory up.
  void Remove();
  // Another run has used the scratch since this one did.
  void ForgetScratch() { machine_.ForgetScratch(); }

  bool busy() const { return busy_; }
  ProgramId program() const { return program_; }
  uint64_t pad_id() const { return pad_id_; }
  // Pads its program makes: identifiers [pad_id(), pad_id() + pads_made()).
  uint32_t pads_made() const { return PadsMade(machine_.plan, program_); }
  uint64_t clamped_count() const { return machine_.clamped_count; }
  // Lent to loading, while nothing runs.
  std::span<TileState> tiles() const { return machine_.tiles; }
  std::span<uint8_t> arena() const { return machine_.arena; }

 private:
  Status MakeKeys(std::span<const PadSeed, kMaxPadBatch> seeds, const Port& port);
  Status RunProgram(HostJob* out_job);
  Status FinishWaiting(const Instruction& i);
  HostJob AccelerateJob(const LayerRec& layer) const;
  HostJob FloatJob(const FloatSegmentRec& segment) const;

  // Residency, in transfer.cc: what stands between arena and outside.
  Status Fetch(const Instruction& i, HostJob* out_job);
  uint32_t CountAhead(const Instruction& first) const;
  Status RequestFetch(const Instruction& i, HostJob* out_job);
  Status FinishFetch(const Instruction& i, ReadRequest* from);
  Status RequestEvict(const Instruction& i, HostJob* out_job);
  void FreeTile(const Instruction& i);
  bool FetchInside(const Instruction& i);
  bool KeepInside(const Instruction& i);
  void FinishEvict(const Instruction& i);
  Status RequestEmit(const Instruction& i, HostJob* out_job);
  Status OpenTile(uint32_t tensor, uint32_t tile, std::span<uint8_t> bytes,
                  std::span<const uint8_t, kAeadTagSize> tag);

  Loaded* loaded_ = nullptr;
  Machine machine_;
  crypto::AeadKey spill_key_;
  // Of the pad the program uses up, or of each it makes.
  crypto::AeadKey pad_keys_[kMaxPadBatch];
  crypto::Keystream pad_streams_[kMaxPadBatch];
  crypto::Keystream fingerprint_stream_;
  ReadRequest request_;
  ReadRequest ahead_;          // tiles of pads that came with the one before them
  uint32_t ahead_count_ = 0;   // of them, still to be copied in
  PortHashes port_hashes_;
  bool busy_ = false;
  bool wants_receipt_ = false;
  uint8_t nonce_[kReceiptNonceSize] = {};
  ProgramId program_ = ProgramId::kInfer;
  std::span<const uint32_t> words_;
  uint64_t at_ = 0;           // word of the current instruction
  uint64_t pad_id_ = 0;
  uint64_t part_offset_ = 0;  // of this run's part in the exchange region
  uint32_t next_serial_ = 0;
};

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_SESSION_RUN_H_
