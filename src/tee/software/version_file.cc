#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "tee/software/versions.h"

namespace penumbra::tee {
namespace {

constexpr char kFileName[] = "versions";

Status StatusOfErrno() {
  switch (errno) {
    case ENOENT:
    case ENOTDIR:
      return Status::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
      return Status::kPermission;
    case ENOSPC:
    case EDQUOT:
      return Status::kNoSpace;
    default:
      return Status::kIo;
  }
}

// Holds the lock of the file's other users off for its scope.
class FileLock {
 public:
  FileLock(int fd, int operation) : fd_(fd) {
    int result;
    do {
      result = flock(fd_, operation);
    } while (result != 0 && errno == EINTR);
    held_ = result == 0;
  }
  ~FileLock() {
    if (held_) flock(fd_, LOCK_UN);
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  bool held() const { return held_; }

 private:
  int fd_;
  bool held_;
};

Status WriteRecord(int fd, size_t slot, const VersionRecord& record) {
  const off_t offset = static_cast<off_t>(slot * sizeof(record));
  const ssize_t written = pwrite(fd, &record, sizeof(record), offset);
  if (written < 0) return StatusOfErrno();
  if (written != static_cast<ssize_t>(sizeof(record))) return Status::kIo;
  return fdatasync(fd) == 0 ? Status::kOk : Status::kIo;
}

}  // namespace

VersionFile::~VersionFile() {
  if (fd_ >= 0) close(fd_);
}

Status VersionFile::Open(const char* state_directory) {
  if (fd_ >= 0) return Status::kWrongState;
  const int directory = open(state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return StatusOfErrno();
  fd_ = openat(directory, kFileName, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  const Status status = fd_ < 0 ? StatusOfErrno() : Prepare(directory);
  close(directory);
  if (!IsOk(status) && fd_ >= 0) {
    close(fd_);
    fd_ = -1;
  }
  return status;
}

Status VersionFile::Prepare(int directory) {
  const FileLock lock(fd_, LOCK_EX);
  if (!lock.held()) return Status::kIo;
  struct stat info;
  if (fstat(fd_, &info) != 0) return Status::kIo;
  if (!S_ISREG(info.st_mode)) return Status::kMalformed;
  if (info.st_uid != geteuid() || (info.st_mode & 0022) != 0) return Status::kPermission;
  if (info.st_size == static_cast<off_t>(sizeof(table_))) return Status::kOk;
  if (info.st_size != 0) return Status::kMalformed;
  // Allocated now, so that Advance never needs space that a full disk could refuse.
  errno = posix_fallocate(fd_, 0, sizeof(table_));
  if (errno != 0) return StatusOfErrno();
  return fsync(fd_) == 0 && fsync(directory) == 0 ? Status::kOk : Status::kIo;
}

Status VersionFile::ReadTable() {
  const ssize_t size = pread(fd_, table_.data(), sizeof(table_), 0);
  return size == static_cast<ssize_t>(sizeof(table_)) ? Status::kOk : Status::kIo;
}

Status VersionFile::Get(std::span<const uint8_t, 32> id, uint64_t* out_version) {
  const FileLock lock(fd_, LOCK_SH);
  if (!lock.held()) return Status::kIo;
  const Status status = ReadTable();
  *out_version = IsOk(status) ? FindVersion(table_, id) : 0;
  return status;
}

Status VersionFile::Advance(std::span<const uint8_t, 32> id, uint64_t version) {
  const FileLock lock(fd_, LOCK_EX);
  if (!lock.held()) return Status::kIo;
  if (const Status status = ReadTable(); !IsOk(status)) return status;
  const uint64_t known = FindVersion(table_, id);
  if (version <= known) return version == known ? Status::kOk : Status::kRolledBack;
  return Put(id, version);
}

Status VersionFile::Move(std::span<const uint8_t, 32> id, uint64_t from, uint64_t* out_value) {
  const FileLock lock(fd_, LOCK_EX);
  if (!lock.held()) return Status::kIo;
  if (const Status status = ReadTable(); !IsOk(status)) return status;
  if (FindVersion(table_, id) != from) return Status::kRolledBack;
  const Status status = NextValue(from, out_value);
  return IsOk(status) ? Put(id, *out_value) : status;
}

// With the lock, after ReadTable().
Status VersionFile::Put(std::span<const uint8_t, 32> id, uint64_t version) {
  const size_t slot = FindFreeSlot(table_);
  if (slot == kVersionSlots) return Status::kNoSpace;
  VersionRecord record;
  if (const Status status = MakeVersionRecord(id, version, &record); !IsOk(status)) return status;
  return WriteRecord(fd_, slot, record);
}

}  // namespace penumbra::tee
