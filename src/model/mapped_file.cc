#include "model/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "model/error.h"

namespace penumbra::model {
namespace {

[[noreturn]] void Fail(const std::filesystem::path& path, int error) {
  throw ModelError(error == ENOENT ? Status::kNotFound : Status::kIo,
                   std::string("cannot read the model: ") + std::strerror(error),
                   {.file = path.string()}, "name an ONNX or TFLite file that you may read");
}

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) Fail(path, errno);
  struct stat info = {};
  const bool regular = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  size_ = regular ? static_cast<size_t>(info.st_size) : 0;
  if (size_ > 0) data_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
  const int error = regular ? errno : EISDIR;
  close(fd);
  if (!regular || data_ == MAP_FAILED) Fail(path, error);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(data_, size_);
}

}  // namespace penumbra::model
