#include "trusted/testing/pad_world.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "crypto/hash.h"

namespace penumbra::trusted::testing {
namespace {

void Must(Status status) {
  if (!IsOk(status)) std::abort();
}

void SetUpLedgerKey(const TinyPort& port, const LedgerHead& head, crypto::AeadKey* key) {
  Key sealing_key = port.device_key, derived;
  for (uint8_t& byte : sealing_key) byte ^= 0x5a;
  std::vector<uint8_t> info(kLedgerKeyContext, kLedgerKeyContext + sizeof(kLedgerKeyContext) - 1);
  info.insert(info.end(), head.salt, head.salt + sizeof(head.salt));
  Must(crypto::HkdfExpand(sealing_key, info, derived));
  Must(key->Init(derived));
}

}  // namespace

PadWorld::PadWorld() {
  port_.device_key.fill(3);
  std::memset(manifest_.model_id, 1, sizeof(manifest_.model_id));
  std::memset(manifest_.message_hash, 2, sizeof(manifest_.message_hash));
  std::memset(manifest_.device_id, 3, sizeof(manifest_.device_id));
  for (uint32_t machine = 0; machine < kMachines; ++machine) Must(Start(machine, {}));
}

Port PadWorld::MakePort(CounterFault fault) {
  Port port = port_.Make();
  if (fault == CounterFault::kFails) {
    port.counter_advance = [](void*, const uint8_t*, uint64_t, uint64_t*) { return Status::kIo; };
  } else if (fault == CounterFault::kDies) {
    port.counter_advance = [](void* context, const uint8_t id[32], uint64_t from, uint64_t* out_value) {
      const Status status = static_cast<TinyPort*>(context)->Make().counter_advance(context, id, from, out_value);
      return IsOk(status) ? Status::kIo : status;
    };
  } else if (fault == CounterFault::kForgets) {
    port.counter_advance = [](void*, const uint8_t*, uint64_t from, uint64_t* out_value) {
      *out_value = from + 1;
      return Status::kOk;
    };
  }
  return port;
}

Status PadWorld::Start(uint32_t machine, std::span<const uint8_t> ledger) {
  Machine& m = machines_[machine];
  // The bytes of the exchange region belong to the host and may be anywhere.
  const std::vector<uint8_t> copy(ledger.begin(), ledger.end());
  m.bank = std::make_unique<PadBank>();
  m.made.clear();
  arenas_[machine] = Arena(memory_[machine].view);
  const Port port = port_.Make();
  Must(m.bank->Init());
  Must(m.bank->Start(port));
  const Status status = m.bank->Open(manifest_, port, copy, kCapacity, &arenas_[machine]);
  if (!IsOk(status)) Must(m.bank->Open(manifest_, port, {}, kCapacity, &arenas_[machine]));
  return status;
}

void PadWorld::Make(uint32_t machine) {
  uint64_t id;
  PadSeed seed;
  if (!IsOk(machines_[machine].bank->Begin(port_.Make(), {&seed, 1}, &id))) return;
  machines_[machine].bank->Finish(id);
  Key copy;
  std::ranges::copy(seed.bytes(), copy.begin());
  machines_[machine].made.insert(copy);
}

void PadWorld::Use(uint32_t machine) {
  uint64_t id;
  PadSeed seed;
  if (!IsOk(machines_[machine].bank->Take(0, &id, &seed))) return;
  Key copy;
  std::ranges::copy(seed.bytes(), copy.begin());
  ++use_count_;
  if (!used_.insert(copy).second) ++reuse_count_;
  if (!machines_[machine].made.contains(copy)) ++carried_count_;
}

Status PadWorld::Record(uint32_t machine, uint64_t lease, CounterFault fault) {
  uint8_t outside[LedgerSize(kCapacity)];
  uint64_t size = 0;
  const Status status = machines_[machine].bank->Record(MakePort(fault), lease, outside, &size);
  if (IsOk(status)) ledgers_.emplace_back(outside, outside + size);
  if (fault == CounterFault::kDies) Must(Start(machine, {}));
  return status;
}

std::span<const uint8_t> PadWorld::Ledger(size_t age) const {
  if (age >= ledgers_.size()) return {};
  return ledgers_[ledgers_.size() - 1 - age];
}

OpenLedger UnsealLedger(const TinyPort& port, std::span<const uint8_t> ledger) {
  OpenLedger open;
  std::memcpy(&open.head, ledger.data(), sizeof(open.head));
  const size_t count = open.head.pad_count, aad_size = sizeof(open.head) + 8 * count;
  open.ids.resize(count);
  open.seeds.resize(count);
  std::memcpy(open.ids.data(), ledger.data() + sizeof(open.head), 8 * count);
  crypto::AeadKey key;
  SetUpLedgerKey(port, open.head, &key);
  const uint8_t nonce[kAeadNonceSize] = {};
  Must(key.Open(nonce, ledger.first(aad_size), ledger.subspan(aad_size, 32 * count),
                ledger.last<kAeadTagSize>(), {reinterpret_cast<uint8_t*>(open.seeds.data()), 32 * count}));
  return open;
}

std::vector<uint8_t> ResealLedger(const TinyPort& port, const OpenLedger& open) {
  const size_t aad_size = sizeof(open.head) + 8 * open.ids.size(), seeds_size = 32 * open.seeds.size();
  std::vector<uint8_t> ledger(aad_size + seeds_size + kAeadTagSize);
  std::memcpy(ledger.data(), &open.head, sizeof(open.head));
  if (!open.ids.empty()) std::memcpy(ledger.data() + sizeof(open.head), open.ids.data(), 8 * open.ids.size());
  crypto::AeadKey key;
  SetUpLedgerKey(port, open.head, &key);
  const uint8_t nonce[kAeadNonceSize] = {};
  const std::span<uint8_t> all(ledger);
  Must(key.Seal(nonce, all.first(aad_size), {reinterpret_cast<const uint8_t*>(open.seeds.data()), seeds_size},
                all.subspan(aad_size, seeds_size), all.last<kAeadTagSize>()));
  return ledger;
}

}  // namespace penumbra::trusted::testing
