// Two trusted halves on one durable pad bank, in the hands of an adversary who keeps every ledger it ever saw, and a
// record of every pad that was used.
#ifndef PENUMBRA_TRUSTED_TESTING_PAD_WORLD_H_
#define PENUMBRA_TRUSTED_TESTING_PAD_WORLD_H_

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "trusted/session/pad_bank.h"
#include "trusted/testing/tiny_bundle.h"

namespace penumbra::trusted::testing {

// How the counter behaves.
enum class CounterFault {
  kNone,
  kFails,      // ends with kIo and has not moved
  kDies,       // moves; the trusted half is dead before it hears of it
  kForgets,    // says that it moved and has not: what a counter must never do
};

class PadWorld {
 public:
  static constexpr uint64_t kCapacity = 5;
  static constexpr uint32_t kMachines = 2;

  PadWorld();

  // A machine starts anew, whatever it was doing, with a ledger or without (empty). What it makes of the ledger; a
  // refused one is followed by a start without.
  Status Start(uint32_t machine, std::span<const uint8_t> ledger);
  // Makes a pad, or uses one up, when there is room or one.
  void Make(uint32_t machine);
  void Use(uint32_t machine);
  Status Record(uint32_t machine, uint64_t lease, CounterFault fault = CounterFault::kNone);

  // Every ledger that left a machine, in order.
  const std::vector<std::vector<uint8_t>>& ledgers() const { return ledgers_; }
  // The newest, the one before (age 1) and so on; empty before the first.
  std::span<const uint8_t> Ledger(size_t age) const;
  uint64_t use_count() const { return use_count_; }
  uint64_t reuse_count() const { return reuse_count_; }  // pads used that had been used before
  // Pads used that a ledger had brought from another start of a machine.
  uint64_t carried_count() const { return carried_count_; }
  const PadBook& book(uint32_t machine) const { return machines_[machine].bank->book(); }
  const Manifest& manifest() const { return manifest_; }
  TinyPort* port() { return &port_; }

 private:
  struct Machine {
    std::unique_ptr<PadBank> bank;
    std::set<Key> made;  // since its start
  };
  Port MakePort(CounterFault fault);

  TinyPort port_;
  Manifest manifest_{};
  AlignedBytes memory_[kMachines] = {AlignedBytes(4096), AlignedBytes(4096)};
  Arena arenas_[kMachines];
  Machine machines_[kMachines];
  std::vector<std::vector<uint8_t>> ledgers_;
  std::set<Key> used_;
  uint64_t use_count_ = 0, reuse_count_ = 0, carried_count_ = 0;
};

// What a ledger says, opened and sealed with the sealing key of TinyPort by another implementation than the bank's.
struct OpenLedger {
  LedgerHead head{};
  std::vector<uint64_t> ids;
  std::vector<Key> seeds;
};
OpenLedger UnsealLedger(const TinyPort& port, std::span<const uint8_t> ledger);
std::vector<uint8_t> ResealLedger(const TinyPort& port, const OpenLedger& open);

}  // namespace penumbra::trusted::testing

#endif  // PENUMBRA_TRUSTED_TESTING_PAD_WORLD_H_
