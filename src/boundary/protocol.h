// How the host drives the trusted half: one command in, one reply out. A carrier (tee/*) only moves these
// two PODs and maps the exchange region; everything else travels through the region.
#ifndef PENUMBRA_BOUNDARY_PROTOCOL_H_
#define PENUMBRA_BOUNDARY_PROTOCOL_H_

#include <cstdint>

#include "boundary/failure_log.h"
#include "boundary/limits.h"
#include "boundary/receipt.h"
#include "boundary/status.h"

namespace penumbra {

enum class CommandId : uint32_t {
  kHello = 1,      // reply: info
  // args[0]: manifest size, in the exchange region at 0. run_count. args[1]: pads that shall wait inside as far as there is
  // room (info.pad_slots); durable ones never do. Starts loading; replies with jobs. When kSecureMemoryExceeded ends it,
  // info.run_capacity says how many runs would have fitted.
  kLoad = 2,
  // run, program, flags; starts an inference or a pad in an idle run; replies with the first job. With kStartReceipt:
  // args hold the nonce, and the last reply tells the size of a receipt that stands at ReceiptOffset() of the run.
  kStart = 3,
  // The outstanding job of `run` (0 while loading) is done. args[0]: its host status. args[1]: after kRead, where
  // in the exchange region the bytes already stand; 0: where the job asked for them. Replies with the next job.
  kStep = 4,
  kUnload = 5,     // wipes the model, every run and every pad
  kInfo = 6,       // run; reply: info of the loaded model
  // Makes the pads of the loaded model durable, before the first is begun. args[0]: size of a ledger
  // (boundary/pad_ledger.h), at args[1] in the exchange region; 0: the bank starts empty. args[2]: pads there may be.
  // Refused ledgers (kTruncated, kMalformed, kWrongBank, kAuthenticationFailed, kRolledBack) change nothing.
  kOpenPadBank = 7,
  // Takes a lease: the args[0] oldest pads are in hand, the others recorded in a new ledger, at args[1] in the exchange
  // region; the reply tells its size. kRolledBack: somebody else moved the counter, recorded pads are burnt; a further
  // call starts from where it stands now.
  kRecordPads = 8,
};

// kPrepare runs once at the end of kLoad and cannot be started. kMakePads makes as many pads as the plan says
// (PlanHeader::pad_batch), all of them or none.
enum class ProgramId : uint32_t { kInfer = 1, kMakePad = 2, kPrepare = 3, kMakePads = 4 };

enum StartFlags : uint64_t {
  kStartReceipt = 1u << 0,  // an inference only; kInvalidArgument when the run's part has no room for a receipt
};

struct Command {
  CommandId id;
  ProgramId program;        // kStart
  uint32_t run;             // kStart, kStep, kInfo: below the run_count of kLoad
  uint32_t run_count;       // kLoad: runs that may be under way at once, 1..kMaxRuns
  uint64_t args[4];
  uint8_t vendor_key[32];   // kLoad: Ed25519 public key the bundle must be signed with
  uint64_t flags;           // kStart: StartFlags
};
static_assert(sizeof(Command) == 88);
static_assert(sizeof(Command::args) == kReceiptNonceSize);

enum class JobKind : uint32_t {
  kNone = 0,        // nothing more to do: the command is complete
  kAccelerate = 1,  // run `segment` on the input at x_offset, reply at y_offset
  kRead = 2,        // copy `size` bytes of `source` item `index`, or of `batch` items, to the exchange region at `offset`
  kWrite = 3,       // keep `size` bytes of the exchange region at `offset` as `source` item `index`
};

enum class JobSource : uint32_t {
  kBundleChunk = 1,  // index: sealed chunk; bytes are ciphertext || tag
  kPublic = 2,       // index: byte offset in the public half
  kSpill = 3,        // index: slot; host keeps it until the inference ends
  kPad = 4,          // index: pad id << 24 | slot; host keeps it until read or told to drop
  kDerived = 5,      // index: slot; host keeps it while the model is loaded
  kEmitted = 6,      // kWrite while loading; index: segment << 32 | offset in its own public half, in ascending order
};

struct HostJob {
  JobKind kind;
  JobSource source;  // kRead, kWrite
  uint32_t segment;  // kAccelerate
  uint32_t batch;    // kAccelerate; kRead: equally large items, from `index` on, that follow one another
  uint64_t index;
  uint64_t offset;   // exchange region
  uint64_t size;
  uint64_t x_offset, x_size;  // kAccelerate
  uint64_t y_offset, y_size;  // kAccelerate
};
static_assert(sizeof(HostJob) == 72);

struct Info {
  uint64_t exchange_size;       // what the loaded plan needs
  uint64_t secure_memory_size;  // capacity of the trusted half, code and stack apart
  uint64_t secure_memory_peak;  // used by the loaded model: tables, scratch, arena of every run, pads inside
  uint64_t pads_ready;          // of a durable bank: with those that only a lease brings to hand
  uint64_t pads_in_hand;        // ready to be used
  uint64_t pads_unrecorded;     // of a durable bank: made since the last ledger
  uint64_t clamped_count;       // input levels that left the calibrated range, last inference of the run asked about
  uint32_t carrier;             // CarrierKind
  uint32_t state;               // SessionState; kRunning: at least one run is under way
  uint32_t run_count;           // of the loaded model
  uint32_t run_capacity;        // runs the secure memory has room for, of the model that was loaded last
  uint64_t pad_slots;           // pads there is room for inside
};

enum class CarrierKind : uint32_t { kDirect = 1, kProcess = 2, kOptee = 3, kGramine = 4 };
enum class SessionState : uint32_t { kEmpty = 0, kLoading = 1, kReady = 2, kRunning = 3, kPoisoned = 4 };

struct Reply {
  Status status;    // anything but kOk: no job, outputs zeroed
  uint32_t has_failure_log;  // 1 with the kIntegrity that ends the model, else 0
  HostJob job;
  Info info;
  uint64_t receipt_size;  // bytes, with the end of an inference that was started with kStartReceipt; else 0
  uint64_t ledger_size;   // bytes, after kRecordPads; else 0
  FailureLog failure_log;  // for the vendor; zero without has_failure_log
};

// The first bytes of the exchange region before a plan is loaded must hold the manifest.
inline constexpr uint64_t kLoadWindowSize = uint64_t{4} << 20;

// Every run has its own part of the exchange region: run r begins at r * ExchangePartSize(). Offsets in plans and in
// a bundle's metadata count from there; those in jobs from the start of the region.
constexpr uint64_t ExchangePartSize(uint64_t exchange_size, uint32_t run_count) {
  return exchange_size / run_count / kTileAlignment * kTileAlignment;
}

}  // namespace penumbra

#endif  // PENUMBRA_BOUNDARY_PROTOCOL_H_
