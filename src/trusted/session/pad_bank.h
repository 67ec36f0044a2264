// The pads of one loaded model: which there are, their seeds, and, in a durable bank, the ledger that carries those
// nobody has leased over a restart (docs/pad_bank.md). All that follows from a pad's seed is its own: the
// keystream of r and the key that seals u.
//
// The rule that keeps a pad from serving twice: a ledger counts only while the monotonic counter has the value in it, and
// whoever leases moves the counter first, then seals one ledger of what it did not take.
#ifndef PENUMBRA_TRUSTED_SESSION_PAD_BANK_H_
#define PENUMBRA_TRUSTED_SESSION_PAD_BANK_H_

#include <cstdint>
#include <span>

#include "boundary/pad_ledger.h"
#include "boundary/status.h"
#include "crypto/aead.h"
#include "trusted/base/arena.h"
#include "trusted/base/secret.h"
#include "trusted/bundle/manifest.h"
#include "trusted/port/port.h"
#include "trusted/session/pad_book.h"

namespace penumbra::trusted {

using PadSeed = Secret<kPadSeedSize>;

class PadBank {
 public:
  // Sets up the key object, so that nothing is allocated after this.
  Status Init();
  // A model was loaded: draws what seeds follow from as long as the bank is not durable.
  Status Start(const Port& port);

  // Makes the bank durable. `ledger`: bytes of the exchange region, copied in once; empty: there is none. `capacity`:
  // pads there may be, 1..kMaxPads. Tables go to `arena`. After an error everything is as it was.
  // kWrongState: durable already, or a pad was begun; kInvalidArgument, kSecureMemoryExceeded; for the ledger
  // kTruncated, kMalformed, kWrongBank, kAuthenticationFailed, kRolledBack; the port's.
  Status Open(const Manifest& manifest, const Port& port, std::span<const uint8_t> ledger, uint64_t capacity,
              Arena* arena);
  // Moves the counter, leaves the `lease` oldest pads in hand, and writes a ledger of the others to the front of
  // `out_ledger`. kWrongState: not durable; kInvalidArgument: no room. kRolledBack: the counter was moved by somebody
  // else, who may hold what was recorded, so that is burnt; a further call starts from the new value. The port's.
  Status Record(const Port& port, uint64_t lease, std::span<uint8_t> out_ledger, uint64_t* out_size);

  // As PadBook, with the seeds of the pads: as many are begun as there are. A durable bank forgets the
  // seed of a pad that is taken or burnt; otherwise seeds follow from the master until the model is unloaded.
  Status Begin(const Port& port, std::span<PadSeed> out_seeds, uint64_t* out_first_id);
  void Finish(uint64_t id) { book_.Finish(id, durable()); }
  void Burn(uint64_t id);
  // `preferred`: of a bank that is not durable, a pad in hand; 0: as the book says.
  Status Take(uint64_t preferred, uint64_t* out_id, PadSeed* out_seed);

  const PadBook& book() const { return book_; }
  bool durable() const { return !seeds_.empty(); }
  // Forgets every pad and seed; the bank is not durable any more.
  void Clear();

 private:
  Status DrawSeed(const Port& port, uint64_t id, PadSeed* out_seed);
  Status DeriveSeed(uint64_t id, PadSeed* out_seed) const;
  std::span<uint8_t, kPadSeedSize> SeedOf(uint64_t id);
  Status PlaceTables(uint64_t capacity, Arena* arena);
  Status ReadLedger(const Port& port, std::span<const uint8_t> outside);
  Status CheckHead(const LedgerHead& head, uint64_t size) const;
  Status InitLedgerKey(const Port& port, const LedgerHead& head);
  Status SealLedger(const Port& port, uint64_t* out_size);

  PadBook book_;
  uint64_t first_ = 0;         // next identifier when the model was loaded
  Secret<32> master_;          // of seeds that no table holds
  // Durable.
  LedgerHead facts_{};         // what a ledger of this bank says of the model and the device
  uint8_t counter_id_[32] = {};
  uint64_t counter_ = 0;       // as this bank knows it
  crypto::AeadKey ledger_key_;
  std::span<uint8_t> seeds_;   // [capacity][kPadSeedSize], pad id modulo capacity
  std::span<uint8_t> ledger_;  // a ledger in the making or being read; private memory
};

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_SESSION_PAD_BANK_H_
