#include "protect/emit/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "model/error.h"

namespace penumbra::protect {
namespace {

Status StatusOf(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return Status::kNoSpace;
    case EACCES:
    case EPERM:
    case EROFS:
      return Status::kPermission;
    case ENOENT:
    case ENOTDIR:
      return Status::kNotFound;
    default:
      return Status::kIo;
  }
}

// Zero bytes written, or an errno; writes everything or fails.
int WriteAll(int descriptor, std::span<const uint8_t> bytes, uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t count =
        ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    if (count == 0) return ENOSPC;
    bytes = bytes.subspan(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
  return 0;
}

}  // namespace

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {
  if (std::error_code ignored; std::filesystem::is_directory(path_, ignored)) {
    errno = EISDIR;
    Fail("cannot write");
  }
  temporary_ = path_ + ".XXXXXX";
  descriptor_ = ::mkostemp(temporary_.data(), O_CLOEXEC);
  if (descriptor_ < 0) {
    temporary_.clear();
    Fail("cannot create a file beside");
  }
  // mkostemp creates 0600; a bundle is public as a file.
  const mode_t mask = ::umask(0);
  ::umask(mask);
  (void)::fchmod(descriptor_, 0666 & ~mask);
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void OutputFile::Fail(const std::string& what) const {
  const int error = errno;
  throw model::ModelError(StatusOf(error), what + " '" + path_ + "': " + std::strerror(error), {},
                          "nothing was written; check the folder, its permissions and free space");
}

void OutputFile::Append(std::span<const uint8_t> bytes) {
  const int error = WriteAll(descriptor_, bytes, size_);
  if (error != 0) {
    errno = error;
    Fail("cannot write");
  }
  size_ += bytes.size();
}

void OutputFile::AppendZeros(uint64_t count) {
  constexpr std::array<uint8_t, 4096> kZeros{};
  while (count > 0) {
    const uint64_t part = std::min<uint64_t>(count, kZeros.size());
    Append(std::span(kZeros).first(part));
    count -= part;
  }
}

void OutputFile::WriteAt(uint64_t offset, std::span<const uint8_t> bytes) {
  const int error = WriteAll(descriptor_, bytes, offset);
  if (error != 0) {
    errno = error;
    Fail("cannot write");
  }
}

void OutputFile::Commit() {
  if (::fsync(descriptor_) != 0) Fail("cannot flush");
  const int descriptor = descriptor_;
  descriptor_ = -1;
  if (::close(descriptor) != 0) Fail("cannot close");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) Fail("cannot rename to");
  temporary_.clear();
  std::string folder = std::filesystem::path(path_).parent_path().string();
  if (folder.empty()) folder = ".";
  // The rename itself must survive a crash; a folder that cannot be flushed is not an error of
  // ours.
  const int folder_descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_descriptor < 0) return;
  (void)::fsync(folder_descriptor);
  ::close(folder_descriptor);
}

}  // namespace penumbra::protect
