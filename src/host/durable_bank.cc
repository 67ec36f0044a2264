#include "host/durable_bank.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "crypto/hash.h"
#include "host/error.h"

namespace penumbra::host {
namespace {

constexpr uint64_t kLeastCapacity = 64;

// The identifiers of a ledger the trusted half has accepted.
std::vector<uint64_t> PadIds(std::span<const uint8_t> ledger) {
  LedgerHead head;
  std::memcpy(&head, ledger.data(), sizeof(head));
  std::vector<uint64_t> ids(head.pad_count);
  if (!ids.empty()) std::memcpy(ids.data(), ledger.data() + sizeof(head), ids.size() * sizeof(uint64_t));
  return ids;
}

// How far the identifiers of a ledger lie apart, whatever else may be wrong with it.
uint64_t Span(std::span<const uint8_t> ledger) {
  LedgerHead head;
  if (ledger.size() < sizeof(head)) return 0;
  std::memcpy(&head, ledger.data(), sizeof(head));
  if (head.pad_count == 0 || head.pad_count > kMaxPads || ledger.size() < LedgerSize(head.pad_count)) return 0;
  const std::vector<uint64_t> ids = PadIds(ledger);
  return ids.back() < ids.front() ? 0 : ids.back() - ids.front() + 1;
}

using Digest = std::array<uint8_t, crypto::kSha256Size>;

Digest DigestOf(std::initializer_list<std::span<const uint8_t>> parts) {
  crypto::Sha256 hash;
  Digest digest{};
  Status status = Status::kOk;
  for (const auto part : parts) {
    if (IsOk(status)) status = hash.Update(part);
  }
  if (IsOk(status)) status = hash.Final(digest);
  if (!IsOk(status)) throw HostError(status, "a hash could not be computed");
  return digest;
}

// Hosts that share a bank move its counter under one another's feet, but one of them succeeds each time.
constexpr uint32_t kMostTries = 16;

// trusted/bundle/manifest.h.
Digest ModelIdOf(const BundleFile& bundle) {
  const std::string& name = bundle.manifest().name;
  return DigestOf({bundle.vendor_key(), {reinterpret_cast<const uint8_t*>(name.data()), name.size()}});
}

}  // namespace

DurableBank::DurableBank(std::shared_ptr<const PadFolder> folder, const BundleFile& bundle, TrustedHalf* trusted,
                         PadStore* store, uint64_t bank_pads, uint64_t lease)
    : folder_(std::move(folder)),
      bundle_(bundle),
      trusted_(trusted),
      store_(store),
      capacity_(std::min(uint64_t{kMaxPads}, std::max({kLeastCapacity, 2 * bank_pads, Span(folder_->ReadLedger())}))),
      lease_(lease) {}

std::string DurableBank::Where() const { return "pad bank " + folder_->path().string(); }

void DurableBank::StartWith(std::span<const uint8_t> ledger) {
  Command open{};
  open.id = CommandId::kOpenPadBank;
  open.args[0] = ledger.size();
  open.args[1] = offset_;
  open.args[2] = capacity_;
  const TrustedHalf::Turn turn = trusted_->Enter();
  if (!ledger.empty()) std::memcpy(trusted_->exchange().data() + offset_, ledger.data(), ledger.size());
  const Reply reply = trusted_->Call(open);
  if (!IsOk(reply.status)) {
    throw HostError(reply.status, std::string(StatusMeaning(reply.status)), Where(),
                    reply.status == Status::kSecureMemoryExceeded
                        ? "give the enclave more memory, or the bank fewer pads with --pad-bank-size"
                        : "");
  }
}

bool DurableBank::Open(uint64_t offset) {
  offset_ = offset;
  std::vector<uint8_t> ledger = folder_->ReadLedger();
  if (ledger.size() > LedgerSize(capacity_)) ledger.resize(LedgerSize(capacity_));  // damaged in any case
  try {
    StartWith(ledger);
  } catch (const HostError& error) {
    switch (error.status()) {
      case Status::kUnsupported: folder_->Tell("this model uses no pads"); return false;
      case Status::kRolledBack:
        folder_->Tell("the ledger is an old one: its pads may have been used since and are burnt");
        break;
      case Status::kTruncated:
      case Status::kMalformed:
      case Status::kNoSpace:
      case Status::kAuthenticationFailed: folder_->Tell("the ledger is damaged: its pads are burnt"); break;
      case Status::kWrongBank: CheckOwner(ledger); break;
      default: throw;
    }
    ledger.clear();
    StartWith(ledger);
  }
  const std::vector<uint64_t> ids = ledger.empty() ? std::vector<uint64_t>() : PadIds(ledger);
  store_->KeepOnly(ids);
  recorded_ = ids;
  return true;
}

// Pads of another version of the model are worth nothing; those of another model or device are somebody's.
void DurableBank::CheckOwner(std::span<const uint8_t> ledger) const {
  LedgerHead head;
  std::memcpy(&head, ledger.data(), sizeof(head));
  if (!std::ranges::equal(head.model_id, ModelIdOf(bundle_))) {
    throw HostError(Status::kWrongBank, "these are pads of another model", Where());
  }
  if (std::ranges::equal(head.manifest_hash, DigestOf({bundle_.manifest_message()}))) {
    throw HostError(Status::kWrongBank, "these are pads of another device", Where());
  }
  folder_->Tell("these are pads of another version of the model: they are dropped");
}

Status DurableBank::TryRecord(uint64_t lease) {
  Command record{};
  record.id = CommandId::kRecordPads;
  record.args[0] = lease;
  record.args[1] = offset_;
  std::vector<uint8_t> ledger;
  {
    const TrustedHalf::Turn turn = trusted_->Enter();
    const Reply reply = trusted_->Call(record);
    if (!IsOk(reply.status)) return reply.status;
    if (reply.ledger_size < LedgerSize(0) || reply.ledger_size > LedgerSize(capacity_)) return Status::kInternal;
    const auto written = trusted_->exchange().subspan(offset_, reply.ledger_size);
    ledger.assign(written.begin(), written.end());
  }
  recorded_ = PadIds(ledger);
  // From here on the pads in hand may be used, whether the ledger reaches the disk or not: the old one is void.
  std::string why;
  const bool written = IsOk(folder_->WriteLedger(ledger, &why));
  if (!written && !told_) folder_->Tell("the ledger cannot be written (" + why + "): pads end with this session");
  told_ = !written;
  return Status::kOk;
}

// With the lock.
void DurableBank::Record(uint64_t lease) {
  Status status = TryRecord(lease);
  for (uint32_t tries = 1; status == Status::kRolledBack && tries < kMostTries; ++tries) {
    for (const uint64_t pad : std::exchange(recorded_, {})) store_->Drop(pad);
    folder_->Tell("somebody else uses this bank: the pads recorded in it are burnt");
    // Whoever has nothing leaves the other's ledger alone.
    if (trusted_->pads_ready() == 0) return;
    status = TryRecord(lease);
  }
  if (!IsOk(status)) {
    throw HostError(status, "the pads cannot be recorded: " + std::string(StatusMeaning(status)), Where());
  }
}

bool DurableBank::Lease() {
  const std::lock_guard lock(mutex_);
  if (trusted_->pads_in_hand() == 0 && trusted_->pads_ready() != 0) Record(lease_);
  return trusted_->pads_in_hand() != 0;
}

void DurableBank::TellLost(const std::string& why) const { folder_->Tell("a pad is lost: " + why); }

void DurableBank::RecordIfDue() {
  const std::lock_guard lock(mutex_);
  try {
    if (trusted_->pads_unrecorded() >= lease_) Record(lease_);
  } catch (const std::exception& error) {
    folder_->Tell(error.what());
  }
}

void DurableBank::Close() {
  const std::lock_guard lock(mutex_);
  try {
    if (told_ || trusted_->pads_in_hand() + trusted_->pads_unrecorded() != 0) Record(0);
  } catch (const std::exception& error) {
    // Of a trusted half that is lost there is nothing to record.
    const auto* known = dynamic_cast<const HostError*>(&error);
    if (known == nullptr || known->status() != Status::kEnclaveDied) folder_->Tell(error.what());
  }
}

}  // namespace penumbra::host
