#include "tee/software/secure_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "boundary/limits.h"
#include "crypto/wipe.h"

namespace penumbra::tee {
namespace {

// The C library has no wrapper for memfd_secret(2), and older headers no number either.
#ifdef SYS_memfd_secret
constexpr long kMemfdSecretCall = SYS_memfd_secret;
#else
constexpr long kMemfdSecretCall = 447;
#endif

}  // namespace

SecureMemory::~SecureMemory() {
  if (bytes_.empty()) return;
  crypto::Wipe(bytes_);
  munmap(bytes_.data(), bytes_.size());
}

bool SecureMemory::AllocateSecret(size_t size) {
  const int fd = static_cast<int>(syscall(kMemfdSecretCall, O_CLOEXEC));
  if (fd < 0) return false;
  void* address = MAP_FAILED;
  if (ftruncate(fd, static_cast<off_t>(size)) == 0) {
    address = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  }
  close(fd);
  if (address == MAP_FAILED) return false;
  // A shared mapping would live on in a forked child.
  if (madvise(address, size, MADV_DONTFORK) != 0) {
    munmap(address, size);
    return false;
  }
  bytes_ = {static_cast<uint8_t*>(address), size};
  secret_ = true;
  locked_ = true;
  return true;
}

Status SecureMemory::Allocate(size_t size) {
  if (!bytes_.empty() || size == 0) return Status::kWrongState;
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  if (size > SIZE_MAX - page) return Status::kOutOfMemory;
  const size_t mapped = AlignUp(size, page);
  if (AllocateSecret(mapped)) return Status::kOk;
  void* address = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED) return Status::kOutOfMemory;
  bytes_ = {static_cast<uint8_t*>(address), mapped};
  locked_ = mlock(address, mapped) == 0;
  const bool hidden = madvise(address, mapped, MADV_DONTDUMP) == 0 &&
                      madvise(address, mapped, MADV_WIPEONFORK) == 0;
  return hidden ? Status::kOk : Status::kOutOfMemory;
}

}  // namespace penumbra::tee
