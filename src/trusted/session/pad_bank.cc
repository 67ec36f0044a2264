#include "trusted/session/pad_bank.h"

#include <cstring>

#include "crypto/hash.h"
#include "trusted/base/result.h"

namespace penumbra::trusted {
namespace {

constexpr uint8_t kLedgerNonce[kAeadNonceSize] = {};  // a key seals one ledger

// Copies of what stands at `at` behind the head.
uint64_t PadIdAt(std::span<const uint8_t> ledger, uint64_t at) {
  uint64_t id;
  std::memcpy(&id, ledger.data() + sizeof(LedgerHead) + at * sizeof(id), sizeof(id));
  return id;
}

// Pads of a ledger stand where their identifiers say, so no two may be equal or out of order.
bool IdsAreInOrder(std::span<const uint8_t> ledger, uint64_t count, uint64_t capacity) {
  uint64_t last = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t id = PadIdAt(ledger, i);
    if (id <= last || id > kMaxPadId || id - PadIdAt(ledger, 0) >= capacity) return false;
    last = id;
  }
  return true;
}

struct LedgerParts {
  std::span<uint8_t> aad, seeds;
  std::span<uint8_t, kAeadTagSize> tag;
};
LedgerParts PartsOf(std::span<uint8_t> ledger, uint64_t count) {
  const uint64_t aad_size = sizeof(LedgerHead) + count * sizeof(uint64_t), seeds_size = count * kPadSeedSize;
  return {ledger.first(aad_size), ledger.subspan(aad_size, seeds_size),
          ledger.subspan(aad_size + seeds_size).first<kAeadTagSize>()};
}

}  // namespace

Status PadBank::Init() {
  const Secret<32> zero;
  return ledger_key_.Init(zero.bytes());
}

Status PadBank::Start(const Port& port) {
  first_ = book_.next();
  return port.entropy(port.context, master_.mutable_bytes().data(), master_.bytes().size());
}

std::span<uint8_t, kPadSeedSize> PadBank::SeedOf(uint64_t id) {
  return seeds_.subspan(id % (seeds_.size() / kPadSeedSize) * kPadSeedSize).first<kPadSeedSize>();
}

Status PadBank::DeriveSeed(uint64_t id, PadSeed* out_seed) const {
  uint8_t info[3 + 8] = {'p', 'a', 'd'};
  std::memcpy(info + 3, &id, 8);
  return crypto::HkdfExpand(master_.bytes(), info, out_seed->mutable_bytes());
}

Status PadBank::DrawSeed(const Port& port, uint64_t id, PadSeed* out_seed) {
  if (!durable()) return DeriveSeed(id, out_seed);
  PENUMBRA_TRY(port.entropy(port.context, out_seed->mutable_bytes().data(), kPadSeedSize));
  std::memcpy(SeedOf(id).data(), out_seed->bytes().data(), kPadSeedSize);
  return Status::kOk;
}

Status PadBank::Begin(const Port& port, std::span<PadSeed> out_seeds, uint64_t* out_first_id) {
  const auto count = static_cast<uint32_t>(out_seeds.size());
  PENUMBRA_TRY(book_.Begin(durable() ? seeds_.size() / kPadSeedSize : kMaxPads, count, out_first_id));
  Status status = Status::kOk;
  for (uint32_t i = 0; i < count && IsOk(status); ++i) status = DrawSeed(port, *out_first_id + i, &out_seeds[i]);
  for (uint32_t i = 0; i < count && !IsOk(status); ++i) Burn(*out_first_id + i);
  return status;
}

void PadBank::Burn(uint64_t id) {
  if (durable()) crypto::Wipe(SeedOf(id));
  book_.Burn(id);
}

Status PadBank::Take(uint64_t preferred, uint64_t* out_id, PadSeed* out_seed) {
  if (preferred != 0 && !durable() && book_.IsInHand(preferred)) {
    *out_id = preferred;
    book_.Burn(preferred);
  } else {
    PENUMBRA_TRY(book_.Take(out_id));
  }
  if (!durable()) return DeriveSeed(*out_id, out_seed);
  std::memcpy(out_seed->mutable_bytes().data(), SeedOf(*out_id).data(), kPadSeedSize);
  crypto::Wipe(SeedOf(*out_id));
  return Status::kOk;
}

Status PadBank::Open(const Manifest& manifest, const Port& port, std::span<const uint8_t> ledger, uint64_t capacity,
                     Arena* arena) {
  PENUMBRA_REQUIRE(!durable() && book_.next() == first_, Status::kWrongState);
  PENUMBRA_REQUIRE(capacity >= 1 && capacity <= kMaxPads, Status::kInvalidArgument);
  std::memcpy(facts_.context, kLedgerContext, sizeof(facts_.context));
  std::memcpy(facts_.model_id, manifest.model_id, sizeof(facts_.model_id));
  std::memcpy(facts_.manifest_hash, manifest.message_hash, sizeof(facts_.manifest_hash));
  std::memcpy(facts_.device_id, manifest.device_id, sizeof(facts_.device_id));
  crypto::Sha256 id;
  PENUMBRA_TRY(id.Update({reinterpret_cast<const uint8_t*>(kPadCounterContext), sizeof(kPadCounterContext) - 1}));
  PENUMBRA_TRY(id.Update(manifest.model_id));
  PENUMBRA_TRY(id.Final(counter_id_));
  PENUMBRA_TRY(port.counter_get(port.context, counter_id_, &counter_));
  const uint64_t mark = arena->used();
  Status status = PlaceTables(capacity, arena);
  if (IsOk(status) && !ledger.empty()) status = ReadLedger(port, ledger);
  if (IsOk(status)) return status;
  book_.Clear();
  seeds_ = ledger_ = {};
  arena->ResetTo(mark);
  return status;
}

Status PadBank::PlaceTables(uint64_t capacity, Arena* arena) {
  seeds_ = arena->TakeArray<uint8_t>(capacity * kPadSeedSize);
  ledger_ = arena->TakeArray<uint8_t>(LedgerSize(capacity));
  return seeds_.empty() || ledger_.empty() ? Status::kSecureMemoryExceeded : Status::kOk;
}

// The ledger is this bank's, as far as that can be seen before it is opened.
Status PadBank::CheckHead(const LedgerHead& head, uint64_t size) const {
  PENUMBRA_REQUIRE(std::memcmp(head.context, facts_.context, sizeof(head.context)) == 0 && head.reserved == 0,
                   Status::kMalformed);
  PENUMBRA_REQUIRE(std::memcmp(head.model_id, facts_.model_id, sizeof(head.model_id)) == 0 &&
                       std::memcmp(head.manifest_hash, facts_.manifest_hash, sizeof(head.manifest_hash)) == 0 &&
                       std::memcmp(head.device_id, facts_.device_id, sizeof(head.device_id)) == 0,
                   Status::kWrongBank);
  PENUMBRA_REQUIRE(head.pad_count <= seeds_.size() / kPadSeedSize, Status::kNoSpace);
  return size == LedgerSize(head.pad_count) ? Status::kOk : Status::kTruncated;
}

Status PadBank::InitLedgerKey(const Port& port, const LedgerHead& head) {
  Secret<32> sealing_key, key;
  PENUMBRA_TRY(port.sealing_key(port.context, sealing_key.mutable_bytes().data()));
  uint8_t info[sizeof(kLedgerKeyContext) - 1 + sizeof(head.salt)];
  std::memcpy(info, kLedgerKeyContext, sizeof(kLedgerKeyContext) - 1);
  std::memcpy(info + sizeof(kLedgerKeyContext) - 1, head.salt, sizeof(head.salt));
  PENUMBRA_TRY(crypto::HkdfExpand(sealing_key.bytes(), info, key.mutable_bytes()));
  return ledger_key_.Init(key.bytes());
}

Status PadBank::ReadLedger(const Port& port, std::span<const uint8_t> outside) {
  PENUMBRA_REQUIRE(outside.size() >= LedgerSize(0), Status::kTruncated);
  PENUMBRA_REQUIRE(outside.size() <= ledger_.size(), Status::kNoSpace);
  const std::span<uint8_t> ledger = ledger_.first(outside.size());
  std::memcpy(ledger.data(), outside.data(), outside.size());
  const crypto::ScopedWipe wipe(ledger);
  LedgerHead head;
  std::memcpy(&head, ledger.data(), sizeof(head));
  PENUMBRA_TRY(CheckHead(head, ledger.size()));
  PENUMBRA_REQUIRE(IdsAreInOrder(ledger, head.pad_count, seeds_.size() / kPadSeedSize), Status::kMalformed);
  PENUMBRA_TRY(InitLedgerKey(port, head));
  const LedgerParts parts = PartsOf(ledger, head.pad_count);
  const Status opened = ledger_key_.Open(kLedgerNonce, parts.aad, parts.seeds, parts.tag, parts.seeds);
  (void)Init();  // re-keying an existing context cannot fail for want of memory
  PENUMBRA_TRY(opened);
  PENUMBRA_REQUIRE(head.counter == counter_, Status::kRolledBack);
  for (uint64_t i = 0; i < head.pad_count; ++i) {
    const uint64_t id = PadIdAt(ledger, i);
    std::memcpy(SeedOf(id).data(), parts.seeds.data() + i * kPadSeedSize, kPadSeedSize);
    book_.Restore(id);
  }
  return Status::kOk;
}

Status PadBank::Record(const Port& port, uint64_t lease, std::span<uint8_t> out_ledger, uint64_t* out_size) {
  PENUMBRA_REQUIRE(durable(), Status::kWrongState);
  PENUMBRA_REQUIRE(out_ledger.size() >= ledger_.size(), Status::kInvalidArgument);
  // The counter first. Were the ledger sealed first, a crash between the two would leave one for a value that the next
  // life gives to another ledger, and the pads that one had leased would come back with the first.
  uint64_t value = 0;
  const Status status = port.counter_advance(port.context, counter_id_, counter_, &value);
  if (status == Status::kRolledBack) {
    for (uint64_t id = book_.oldest(); id != book_.next(); ++id) {
      if (book_.IsRecorded(id)) crypto::Wipe(SeedOf(id));
    }
    book_.BurnRecorded();
    PENUMBRA_TRY(port.counter_get(port.context, counter_id_, &counter_));
  }
  PENUMBRA_TRY(status);
  counter_ = value;
  book_.Lease(lease);
  PENUMBRA_TRY(SealLedger(port, out_size));
  std::memcpy(out_ledger.data(), ledger_.data(), *out_size);
  return Status::kOk;
}

Status PadBank::SealLedger(const Port& port, uint64_t* out_size) {
  LedgerHead head = facts_;
  head.counter = counter_;
  PENUMBRA_TRY(port.entropy(port.context, head.salt, sizeof(head.salt)));
  for (uint64_t id = book_.oldest(); id != book_.next(); ++id) head.pad_count += book_.IsRecorded(id) ? 1 : 0;
  std::memcpy(ledger_.data(), &head, sizeof(head));
  const LedgerParts parts = PartsOf(ledger_, head.pad_count);
  uint64_t at = 0;
  for (uint64_t id = book_.oldest(); id != book_.next(); ++id) {
    if (!book_.IsRecorded(id)) continue;
    std::memcpy(parts.aad.data() + sizeof(head) + at * sizeof(id), &id, sizeof(id));
    std::memcpy(parts.seeds.data() + at * kPadSeedSize, SeedOf(id).data(), kPadSeedSize);
    ++at;
  }
  PENUMBRA_TRY(InitLedgerKey(port, head));
  const Status sealed = ledger_key_.Seal(kLedgerNonce, parts.aad, parts.seeds, parts.seeds, parts.tag);
  (void)Init();
  PENUMBRA_TRY(sealed);
  *out_size = LedgerSize(head.pad_count);
  return Status::kOk;
}

void PadBank::Clear() {
  // Re-keying an existing context cannot fail for want of memory.
  (void)Init();
  master_.Clear();
  book_.Clear();
  seeds_ = ledger_ = {};
  counter_ = 0;
}

}  // namespace penumbra::trusted
