// What a run collects for its receipt, and the receipt itself (boundary/receipt.h).
#ifndef PENUMBRA_TRUSTED_SESSION_RECEIPT_H_
#define PENUMBRA_TRUSTED_SESSION_RECEIPT_H_

#include <cstdint>
#include <span>

#include "boundary/receipt.h"
#include "boundary/status.h"
#include "crypto/hash.h"
#include "trusted/base/arena.h"
#include "trusted/port/port.h"
#include "trusted/session/loaded.h"
#include "trusted/steps/machine.h"

namespace penumbra::trusted {

// Hashes the tiles that cross as inputs and outputs, from private memory: what was computed with, whatever the exchange
// region holds by then. Unused, it costs its memory only.
class PortHashes {
 public:
  // Secure memory Place() takes.
  static uint64_t SecureSize(const Plan& plan);
  // One state for each port of `plan`, from `arena`. kSecureMemoryExceeded.
  Status Place(const Plan& plan, Arena* arena);

  void Begin();
  // After instruction `i` was executed. kUnsupported when a port's tiles do not come in order, each once: its hash would
  // not be that of its elements.
  Status Note(const Machine& machine, const Instruction& i);
  // kUnsupported when some tile has not crossed.
  Status Finish(const Plan& plan, std::span<uint8_t, 32> out_inputs, std::span<uint8_t, 32> out_outputs);
  // Erases the states.
  void Clear();

 private:
  struct State {
    crypto::Sha256 hash;
    uint32_t next_tile = 0;
  };
  static Status Combine(const Plan& plan, std::span<const PortRec> ports, const char (&context)[16],
                        std::span<State> states, std::span<uint8_t, 32> out_hash);

  std::span<State> inputs_, outputs_;
};

// What differs from one receipt of a loaded model to the next.
struct ReceiptFacts {
  uint8_t nonce[kReceiptNonceSize];
  uint8_t input_hash[32], output_hash[32];
  uint64_t clamped_count;
};

// Signs with the key that follows from the port's device key, which is erased again. Writes to the front of `out_message`;
// errors: the port's, kInternal.
Status WriteReceipt(const Loaded& loaded, const Port& port, const ReceiptFacts& facts,
                    std::span<uint8_t, kMaxReceiptSize> out_message, uint64_t* out_size);

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_SESSION_RECEIPT_H_
