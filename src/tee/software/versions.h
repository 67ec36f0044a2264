// Counters of the software TEEs, simulated by a table: the highest version of each model that ran
// here, and one counter for each durable pad bank. They notice an old bundle or an old bank that came
// back by mistake or by another user; the owner of the machine can restore an old file of counters.
#ifndef PENUMBRA_TEE_SOFTWARE_VERSIONS_H_
#define PENUMBRA_TEE_SOFTWARE_VERSIONS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "boundary/status.h"

namespace penumbra::tee {

// One slot of the table, in memory and in the file. All zeros: never used.
struct VersionRecord {
  uint8_t id[32];
  uint64_t version;
  uint64_t reserved;  // 0
  uint8_t check[16];  // first bytes of SHA-256 over the fields above
};
static_assert(sizeof(VersionRecord) == 64);
inline constexpr size_t kVersionSlots = 1024;
using VersionTable = std::array<VersionRecord, kVersionSlots>;

// Counters by id: of a model SHA-256(vendor key || model name), of its pads see
// boundary/pad_ledger.h.
class Versions {
 public:
  // 0 when unknown.
  virtual Status Get(std::span<const uint8_t, 32> id, uint64_t* out_version) = 0;
  // Records a version unless it is recorded already, for instance by another enclave that loaded the
  // same model meanwhile. kRolledBack: a larger one is. kNoSpace: the table is full.
  virtual Status Advance(std::span<const uint8_t, 32> id, uint64_t version) = 0;
  // Moves a counter of pads from `from` to the value after it. kRolledBack: it stands elsewhere. Its
  // first value is random: should the table be lost, the counter never comes by an old value again.
  // kNoSpace.
  virtual Status Move(std::span<const uint8_t, 32> id, uint64_t from, uint64_t* out_value) = 0;

 protected:
  ~Versions() = default;
};

// Counters that end with the process.
class MemoryVersions final : public Versions {
 public:
  Status Get(std::span<const uint8_t, 32> id, uint64_t* out_version) override;
  Status Advance(std::span<const uint8_t, 32> id, uint64_t version) override;
  Status Move(std::span<const uint8_t, 32> id, uint64_t from, uint64_t* out_value) override;

 private:
  Status Put(std::span<const uint8_t, 32> id, uint64_t version);

  VersionTable table_{};
};

// Counters in the file `versions` of a state directory: 1024 records of 64 bytes, allocated once,
// so that a sandbox needs no more than pread, pwrite, fdatasync and flock on one open file. A
// record is written to a slot that nobody needs (empty, torn, or superseded by a larger version of
// the same model) and made durable before Advance returns: a crash at any moment leaves the old
// counter or the new one. Several processes may share the file.
class VersionFile final : public Versions {
 public:
  VersionFile() = default;
  ~VersionFile();
  VersionFile(const VersionFile&) = delete;
  VersionFile& operator=(const VersionFile&) = delete;

  // Creates the file with mode 0600 when it is missing; the directory must exist. kNotFound,
  // kPermission (also: owned by somebody else, or writable by others), kMalformed (not such a
  // file), kNoSpace, kIo.
  Status Open(const char* state_directory);
  int descriptor() const { return fd_; }  // -1 before Open

  // Also kIo.
  Status Get(std::span<const uint8_t, 32> id, uint64_t* out_version) override;
  Status Advance(std::span<const uint8_t, 32> id, uint64_t version) override;
  Status Move(std::span<const uint8_t, 32> id, uint64_t from, uint64_t* out_value) override;

 private:
  Status Prepare(int directory);
  Status Put(std::span<const uint8_t, 32> id, uint64_t version);
  Status ReadTable();

  int fd_ = -1;
  VersionTable table_{};
};

// The logic both share. FindVersion ignores records whose check is wrong.
uint64_t FindVersion(const VersionTable& table, std::span<const uint8_t, 32> id);
// What Move() moves to.
Status NextValue(uint64_t from, uint64_t* out_value);
// A slot that may be overwritten; kVersionSlots when there is none.
size_t FindFreeSlot(const VersionTable& table);
Status MakeVersionRecord(std::span<const uint8_t, 32> id, uint64_t version,
                         VersionRecord* out_record);

}  // namespace penumbra::tee

#endif  // PENUMBRA_TEE_SOFTWARE_VERSIONS_H_
