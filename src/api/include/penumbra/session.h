// Running a protected model.
#ifndef PENUMBRA_SESSION_H_
#define PENUMBRA_SESSION_H_

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "penumbra/env.h"
#include "penumbra/export.h"
#include "penumbra/receipt.h"
#include "penumbra/tensor.h"

namespace penumbra {

enum class Carrier {
  kProcess,  // the trusted half in a process of its own
  kDirect,   // in this process, for tests and profilers: isolates nothing
};

// What an inference does that finds no pad ready. It never runs unmasked.
enum class PadPolicy {
  kWait,    // waits for the pad that is being made for the bank, or makes one when none is
  kRefuse,  // fails with P207
  kInline,  // makes one
};

struct SessionOptions {
  Carrier carrier = Carrier::kProcess;
  std::string accelerator = {};           // a name of AcceleratorNames(); empty: the preferred one
  uint32_t threads = 1;                   // of the accelerator, for each request in flight
  // Calls of Run and MakePads that may be under way at once, 1 to 16. Each takes memory of its own in the trusted
  // half: P202 says how many fit into secure_memory_size.
  uint32_t max_in_flight = 1;
  uint64_t secure_memory_size = 0;        // bytes; 0: what the bundle was planned for. What the model leaves takes pads
  std::filesystem::path vendor_key = {};  // public key file; empty: DefaultKeys
  std::filesystem::path device_key = {};  // private key file; empty: DefaultKeys
  // Empty: that of the install tree the library lies in, else the one beside the program.
  std::filesystem::path enclave_binary = {};
  PadPolicy pad_policy = PadPolicy::kWait;
  // Bytes of pads kept ready by making some while no call is under way; 0: none. Default: room for eight pads, at most
  // 256 MiB. MakePads may make more.
  std::optional<uint64_t> pad_bank_size = {};
  // Of one job of the accelerator, 1 ms to 24 h. A job that takes longer ends in P208, and the session with it; the
  // accelerator's thread and the memory of its job are given up until it comes back.
  std::chrono::milliseconds accelerator_timeout{60'000};
  // Folder in which pads outlive the session, made when it is missing; empty: no pad does. One session at a time uses
  // it (P401), for one model on one device (P310). What costs pads but ends nothing, an old or damaged ledger or a full
  // disk, is logged as a warning.
  std::filesystem::path durable_pads = {};
  // Of durable pads: how many are in hand at once. An unclean end burns fewer than twice as many, and those just made
  // that no ledger has yet; each lease moves the monotonic counter by one. 0: half of the bank, at least two.
  uint32_t pad_lease = 0;
};

struct RunStats {
  uint64_t total_ns = 0;
  uint64_t inside_ns = 0;   // in the trusted half, hand-over included
  uint64_t outside_ns = 0;  // accelerator, copies, host
  uint64_t accelerator_ns = 0;  // of these: computing public segments
  uint64_t switches = 0;    // calls into the trusted half
  uint64_t crossing_bytes = 0;
  uint64_t clamped_count = 0;  // input levels outside the calibrated range
};

struct SessionInfo {
  uint64_t secure_memory_size = 0;  // bytes the trusted half has, code and stack apart
  uint64_t secure_memory_peak = 0;  // bytes the loaded model uses of them, pads inside as well
  uint64_t exchange_size = 0;       // bytes shared with the accelerator
  uint64_t pads_ready = 0;
  uint32_t pads_inside = 0;  // how many of them can wait inside, unsealed: what secure_memory_size has room for, at most eight
  uint32_t pad_batch = 1;  // pads that can be made in one pass over the weights; 1: one by one
  std::string pad_bank;  // one line: where durable pads are and what keeps them from being used twice; empty: not durable
  uint32_t max_in_flight = 0;
  uint32_t in_flight_capacity = 0;  // how many the secure memory would have room for
  std::string carrier;  // one line: the carrier and the isolation it really has
  std::string notice;   // what every output must say about the protection; empty for hardware TEEs
  std::string accelerator;
};

// One job as an adversary outside the trusted half sees it.
struct ExchangeRecord {
  uint32_t segment;
  uint32_t height, width, channels;  // of the input, channel-last
  uint32_t prime_count;              // planes of residues; 0: float32
  uint32_t residue_size;             // bytes of one: 1, or 4 modulo the papers' prime; 0: float32
  std::vector<uint8_t> input, output;
};

// One stretch of work. Within a lane, which is what a request in flight occupies, work of the trusted half, of the accelerator
// and copies never overlap, and those of a request or of pads lie within its slice.
struct ProfileSlice {
  enum class Kind {
    kRequest,
    kPads,         // `count` pads
    kTrusted,      // one call into the trusted half
    kAccelerator,  // `segment`
    kCopy,         // `bytes` of sealed data to or from the trusted half
  };
  Kind kind = Kind::kRequest;
  uint32_t lane = 0;
  uint64_t start_ns = 0, duration_ns = 0;  // from StartProfile() on
  uint32_t segment = 0;                    // of the public half
  uint32_t count = 0;
  uint64_t bytes = 0;        // kAccelerator: masked inputs and replies
  std::string what = {};     // kCopy: "read pad"
};

// Preferred first.
PENUMBRA_API std::vector<std::string> AcceleratorNames();
// Known names that this build was made without: asked for they are P205, which says how to get them.
PENUMBRA_API std::vector<std::string> AbsentAccelerators();

// Safe from any thread: up to max_in_flight calls of Run and MakePads are under way at once, further
// callers wait and are served in the order they came. Different sessions are independent: each has a
// trusted half of its own. Moving and destroying are for when no call is under way. Everything
// throws Error. After P207, P501 and 1xx the session can be used again, and other calls under way
// have not noticed; after other errors of Run it is over for every thread.
class PENUMBRA_API Session {
 public:
  // Verifies the bundle against the vendor's key, starts the trusted half and loads the model into
  // it.
  Session(const Env& env, const std::filesystem::path& bundle, const SessionOptions& options = {});
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  const std::string& model_name() const;
  const std::vector<TensorInfo>& inputs() const;
  const std::vector<TensorInfo>& outputs() const;
  const std::string& preprocess() const;           // JSON; empty when the bundle stores none
  const std::vector<std::string>& labels() const;  // class names; empty when the bundle stores none

  // Every input by name, finite, of exactly the model's shape: otherwise P102 to P105, nothing has
  // run.
  TensorMap Run(const TensorMap& inputs, RunStats* out_stats = nullptr);
  // The same, and the trusted half signs what it did: receipt.h. `nonce`: whoever will believe the
  // receipt chose it. After a failure there is no receipt.
  TensorMap RunWithReceipt(const TensorMap& inputs, const Nonce& nonce,
                           std::vector<uint8_t>* out_receipt, RunStats* out_stats = nullptr);

  // After a Run that ended in P601: what the trusted half sealed for the vendor about it, to be sent there and read with
  // ReadFailureLog (inspect.h). Always of one size, and nothing to anybody else. Empty: no reply was refused.
  std::vector<uint8_t> FailureLog();

  // Makes one-time pads ahead of the inferences that will use them; nothing for a model without pads.
  RunStats MakePads(uint32_t count);
  SessionInfo Info();

  // Keeps copies of the jobs of later calls, at most `max_size` bytes; waits for the calls under way.
  // TakeTrace returns and forgets them.
  void StartTrace(uint64_t max_size);
  std::vector<ExchangeRecord> TakeTrace();

  // Notes when each half works on what in later calls, pads made in idle time included, at most `max_slices`; waits for
  // the calls under way. TakeProfile returns the slices in the order in which they ended, and stops.
  void StartProfile(uint64_t max_slices = 1 << 20);
  std::vector<ProfileSlice> TakeProfile();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penumbra

#endif  // PENUMBRA_SESSION_H_
