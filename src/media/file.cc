#include "media/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "media/error.h"

namespace penumbra::media {
namespace {

Status StatusOfErrno(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return Status::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return Status::kPermission;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return Status::kNoSpace;
    case ENOMEM:
      return Status::kOutOfMemory;
    default:
      return Status::kIo;
  }
}

const char* Hint(Status status, int error) {
  if (error == EISDIR) return "name a file, not a folder";
  if (status == Status::kNotFound) return "check the name and the folder";
  if (status == Status::kPermission) return "check the permissions of the file and its folder";
  return status == Status::kNoSpace ? "free some space and try again" : "";
}

[[noreturn]] void Throw(const char* action, const std::filesystem::path& path, int error) {
  const Status status = StatusOfErrno(error);
  throw MediaError(status, std::string("cannot ") + action + ": " + std::strerror(error),
                   path.string(), Hint(status, error));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  // 0 or the errno of close: some file systems report a full disk only here.
  int Close() {
    const int result = close(fd_);
    fd_ = -1;
    return result == 0 ? 0 : errno;
  }

 private:
  int fd_;
};

// Removes a half-written file unless it was kept.
class Leftover {
 public:
  explicit Leftover(std::string path) : path_(std::move(path)) {}
  ~Leftover() {
    if (!path_.empty()) unlink(path_.c_str());
  }
  Leftover(const Leftover&) = delete;
  Leftover& operator=(const Leftover&) = delete;
  void Keep() { path_.clear(); }

 private:
  std::string path_;
};

// 0 or errno.
int WriteAll(int fd, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return 0;
}

void WriteDirectly(const std::filesystem::path& path, std::span<const uint8_t> bytes) {
  Descriptor file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file.get() < 0) Throw("open", path, errno);
  if (const int error = WriteAll(file.get(), bytes)) Throw("write", path, error);
}

}  // namespace

std::vector<uint8_t> ReadFile(const std::filesystem::path& path, uint64_t max_size) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) Throw("open", path, errno);
  struct stat info = {};
  if (fstat(file.get(), &info) != 0) Throw("read", path, errno);
  if (S_ISDIR(info.st_mode)) Throw("read", path, EISDIR);
  if (!S_ISREG(info.st_mode)) throw MediaError(Status::kIo, "not a regular file", path.string());
  if (static_cast<uint64_t>(info.st_size) > max_size) {
    throw MediaError(Status::kOutOfMemory,
                     "the file has " + std::to_string(info.st_size) + " bytes, the limit is " +
                         std::to_string(max_size),
                     path.string());
  }
  std::vector<uint8_t> bytes(static_cast<size_t>(info.st_size));
  size_t position = 0;
  while (position < bytes.size()) {
    const ssize_t got = read(file.get(), bytes.data() + position, bytes.size() - position);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) Throw("read", path, errno);
    if (got == 0) break;  // it shrank meanwhile
    position += static_cast<size_t>(got);
  }
  bytes.resize(position);
  return bytes;
}

void WriteFile(const std::filesystem::path& path, std::span<const uint8_t> bytes) {
  struct stat info = {};
  if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    if (S_ISDIR(info.st_mode)) Throw("write", path, EISDIR);
    return WriteDirectly(path, bytes);
  }
  std::string temporary = path.string() + ".XXXXXX";
  Descriptor file(mkostemp(temporary.data(), O_CLOEXEC));
  if (file.get() < 0) Throw("create", path, errno);
  Leftover leftover(temporary);
  const mode_t mask = umask(0);
  umask(mask);
  int error = fchmod(file.get(), 0666 & ~mask) == 0 ? 0 : errno;
  if (error == 0) error = WriteAll(file.get(), bytes);
  if (error == 0 && fsync(file.get()) != 0) error = errno;
  if (const int close_error = file.Close(); error == 0) error = close_error;
  if (error == 0 && rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) Throw("write", path, error);
  leftover.Keep();
}

}  // namespace penumbra::media
