#include <cstring>

#include "crypto/hash.h"
#include "crypto/random.h"
#include "tee/software/versions.h"

namespace penumbra::tee {
namespace {

Status ComputeCheck(const VersionRecord& record, uint8_t out_check[16]) {
  uint8_t digest[32];
  const std::span<const uint8_t> fields(reinterpret_cast<const uint8_t*>(&record),
                                        offsetof(VersionRecord, check));
  const Status status = crypto::Sha256::Digest(fields, digest);
  std::memcpy(out_check, digest, 16);
  return status;
}

bool IsValid(const VersionRecord& record) {
  uint8_t check[16];
  return IsOk(ComputeCheck(record, check)) && std::memcmp(check, record.check, sizeof(check)) == 0;
}

bool HasId(const VersionRecord& record, std::span<const uint8_t, 32> id) {
  return std::memcmp(record.id, id.data(), id.size()) == 0;
}

}  // namespace

uint64_t FindVersion(const VersionTable& table, std::span<const uint8_t, 32> id) {
  uint64_t highest = 0;
  for (const VersionRecord& record : table) {
    if (record.version > highest && HasId(record, id) && IsValid(record)) highest = record.version;
  }
  return highest;
}

size_t FindFreeSlot(const VersionTable& table) {
  for (size_t slot = 0; slot < table.size(); ++slot) {
    const VersionRecord& record = table[slot];
    const std::span<const uint8_t, 32> id(record.id);
    if (!IsValid(record) || FindVersion(table, id) > record.version) return slot;
  }
  return kVersionSlots;
}

Status MakeVersionRecord(std::span<const uint8_t, 32> id, uint64_t version,
                         VersionRecord* out_record) {
  *out_record = {};
  std::memcpy(out_record->id, id.data(), id.size());
  out_record->version = version;
  return ComputeCheck(*out_record, out_record->check);
}

Status NextValue(uint64_t from, uint64_t* out_value) {
  *out_value = from + 1;
  if (from != 0) return Status::kOk;
  uint64_t start;
  const Status status = crypto::RandomBytes({reinterpret_cast<uint8_t*>(&start), sizeof(start)});
  *out_value += start >> 2;  // room to count
  return status;
}

Status MemoryVersions::Get(std::span<const uint8_t, 32> id, uint64_t* out_version) {
  *out_version = FindVersion(table_, id);
  return Status::kOk;
}

Status MemoryVersions::Advance(std::span<const uint8_t, 32> id, uint64_t version) {
  const uint64_t known = FindVersion(table_, id);
  if (version <= known) return version == known ? Status::kOk : Status::kRolledBack;
  return Put(id, version);
}

Status MemoryVersions::Move(std::span<const uint8_t, 32> id, uint64_t from, uint64_t* out_value) {
  if (FindVersion(table_, id) != from) return Status::kRolledBack;
  const Status status = NextValue(from, out_value);
  return IsOk(status) ? Put(id, *out_value) : status;
}

Status MemoryVersions::Put(std::span<const uint8_t, 32> id, uint64_t version) {
  const size_t slot = FindFreeSlot(table_);
  if (slot == kVersionSlots) return Status::kNoSpace;
  return MakeVersionRecord(id, version, &table_[slot]);
}

}  // namespace penumbra::tee
