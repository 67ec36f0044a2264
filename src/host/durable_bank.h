// The host's part of a durable pad bank: it carries the ledger between the trusted half and the folder, and decides when
// a lease is due. How many pads an unclean end costs and how often the counter moves follows from the lease.
#ifndef PENUMBRA_HOST_DURABLE_BANK_H_
#define PENUMBRA_HOST_DURABLE_BANK_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "boundary/pad_ledger.h"
#include "host/bundle_file.h"
#include "host/pad_folder.h"
#include "host/pad_store.h"
#include "host/trusted_half.h"

namespace penumbra::host {

// Safe from any thread after Open().
class DurableBank {
 public:
  // `bank_pads`: pads the bank is to hold. `lease`: pads, at least 1. What is passed by
  // pointer or reference outlives the bank. Throws HostError when the folder cannot be read.
  DurableBank(std::shared_ptr<const PadFolder> folder, const BundleFile& bundle, TrustedHalf* trusted, PadStore* store,
              uint64_t bank_pads, uint64_t lease);

  // Pads there may be at once: beside those of the bank some in the making, or made on request, or of a larger bank.
  uint64_t capacity() const { return capacity_; }

  // After the model was loaded: offers the folder's ledger, which may stand at `offset` in the exchange region later,
  // too; LedgerSize(capacity) bytes are the bank's there. A ledger that is old, damaged or of another version of the
  // model is reported to the folder's notice and the bank starts empty. Throws HostError: kWrongBank for another model
  // or device, and what the trusted half or the disk says.
  // False: the model has no pads, nothing to do.
  bool Open(uint64_t offset);

  // For a request that finds no pad in hand: true when there are some now. Throws HostError.
  bool Lease();
  // A request went on with another pad.
  void TellLost(const std::string& why) const;
  // Pads were made: records them when a lease's worth would be lost by an unclean end. Never throws.
  void RecordIfDue();
  // A clean end: every pad is recorded. Nothing else is called afterwards. Never throws.
  void Close();

 private:
  std::string Where() const;
  void StartWith(std::span<const uint8_t> ledger);
  void CheckOwner(std::span<const uint8_t> ledger) const;
  Status TryRecord(uint64_t lease);
  void Record(uint64_t lease);

  const std::shared_ptr<const PadFolder> folder_;
  const BundleFile& bundle_;
  TrustedHalf* const trusted_;
  PadStore* const store_;
  const uint64_t capacity_, lease_;
  uint64_t offset_ = 0;
  std::mutex mutex_;  // one ledger at a time
  std::vector<uint64_t> recorded_;  // pads in the last ledger, those spent since as well
  bool told_ = false;  // that ledgers cannot be written
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_DURABLE_BANK_H_
