#include "device_key_file.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "crypto/wipe.h"

namespace penumbra {
namespace {

constexpr size_t kMaxFileSize = 4096;

struct Closer {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

// An encrypted key must fail here, not ask a terminal for its passphrase.
int NoPassphrase(char*, int, int, void*) { return -1; }

Status CheckFile(int fd, const char** out_why) {
  struct stat info;
  *out_why = "the device key file is not a regular file";
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return Status::kIo;
  *out_why = "the device key file belongs to another user";
  if (info.st_uid != geteuid() && info.st_uid != 0) return Status::kPermission;
  *out_why = "others can read the device key file; make it private with 'chmod 600'";
  if ((info.st_mode & 0077) != 0) return Status::kPermission;
  return Status::kOk;
}

// Fills `buffer` to its end or the file's; -1 when reading fails.
ssize_t ReadAll(int fd, std::span<uint8_t> buffer) {
  size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t count = read(fd, buffer.data() + size, buffer.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    if (count == 0) break;
    size += static_cast<size_t>(count);
  }
  return static_cast<ssize_t>(size);
}

Status ParsePem(std::span<const uint8_t> pem, std::span<uint8_t, 32> out_key) {
  const std::unique_ptr<BIO, Closer> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (bio == nullptr) return Status::kOutOfMemory;
  const std::unique_ptr<EVP_PKEY, Closer> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  if (key == nullptr || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_X25519)
    return Status::kMalformed;
  size_t size = out_key.size();
  const bool ok = EVP_PKEY_get_raw_private_key(key.get(), out_key.data(), &size) == 1;
  return ok && size == out_key.size() ? Status::kOk : Status::kMalformed;
}

Status ReadOpenFile(int fd, std::span<uint8_t, 32> out_key, const char** out_why) {
  if (const Status status = CheckFile(fd, out_why); !IsOk(status)) return status;
  uint8_t pem[kMaxFileSize];
  const crypto::ScopedWipe wipe(pem);
  const ssize_t size = ReadAll(fd, pem);
  *out_why = "the device key file cannot be read";
  if (size < 0) return Status::kIo;
  *out_why = "the device key file holds no unencrypted X25519 private key in PEM";
  if (size == static_cast<ssize_t>(kMaxFileSize)) return Status::kMalformed;
  return ParsePem(std::span(pem).first(static_cast<size_t>(size)), out_key);
}

}  // namespace

Status ReadDeviceKey(const char* path, std::span<uint8_t, 32> out_key, const char** out_why) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    *out_why = "the device key file cannot be opened";
    return errno == EACCES ? Status::kPermission : Status::kNotFound;
  }
  const Status status = ReadOpenFile(fd, out_key, out_why);
  close(fd);
  if (!IsOk(status)) crypto::Wipe(out_key);
  return status;
}

}  // namespace penumbra
