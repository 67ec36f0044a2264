#include "host/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "host/descriptor.h"
#include "host/error.h"

namespace penumbra::host {
namespace {

[[noreturn]] void Throw(const std::filesystem::path& path, const std::string& what, int error) {
  throw HostError(StatusOfErrno(error), what + ": " + std::strerror(error),
                  "file " + path.string(),
                  error == ENOENT ? "check the name; 'penumbra protect' writes bundles" : "");
}

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a FIFO must fail below instead of waiting for a writer.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) Throw(path, "cannot open the bundle", errno);
  struct stat info;
  if (fstat(file.get(), &info) != 0) Throw(path, "cannot examine the bundle", errno);
  if (!S_ISREG(info.st_mode)) {
    throw HostError(Status::kIo,
                    S_ISDIR(info.st_mode) ? "the bundle is a folder, not a regular file"
                                          : "the bundle is not a regular file",
                    "file " + path.string(), "name a .penumbra file");
  }
  if (info.st_size == 0) return;
  const auto size = static_cast<size_t>(info.st_size);
  void* address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (address == MAP_FAILED) Throw(path, "cannot map the bundle", errno);
  bytes_ = {static_cast<const uint8_t*>(address), size};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<uint8_t*>(bytes_.data()), bytes_.size());
}

}  // namespace penumbra::host
