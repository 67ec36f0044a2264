#include "host/keys/key_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>
#include <system_error>

#include "crypto/key_agreement.h"
#include "crypto/sign.h"
#include "crypto/wipe.h"
#include "host/descriptor.h"
#include "host/error.h"
#include "host/keys/pem.h"

namespace penumbra::host {
namespace {

// A key in PEM takes 119 bytes; the rest is room for comments around it.
constexpr size_t kMaxFileSize = 16384;
constexpr mode_t kPrivateMode = 0600, kPublicMode = 0644;

[[noreturn]] void ThrowErrno(const std::string& what, const std::filesystem::path& path) {
  const int error = errno;
  throw HostError(StatusOfErrno(error), what + ": " + std::generic_category().message(error),
                  path.string(),
                  error == ENOENT ? "check the name; 'penumbra keygen' makes keys" : "");
}

// Text that is erased when it goes. Reserved once, so that growing leaves no copies behind.
class SecretText {
 public:
  SecretText() { text_.reserve(kMaxFileSize); }
  explicit SecretText(std::string text) : text_(std::move(text)) {}
  ~SecretText() { crypto::Wipe({reinterpret_cast<uint8_t*>(text_.data()), text_.size()}); }
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  std::string& text() { return text_; }

 private:
  std::string text_;
};

void WriteAll(int descriptor, std::string_view text, const std::filesystem::path& path) {
  while (!text.empty()) {
    const ssize_t written = write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) ThrowErrno("cannot write the key file", path);
    text.remove_prefix(static_cast<size_t>(written));
  }
  if (fsync(descriptor) != 0) ThrowErrno("cannot write the key file", path);
}

void CreateFile(const std::filesystem::path& path, mode_t mode, std::string_view text) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (file.get() < 0 && errno == EEXIST) {
    throw HostError(Status::kIo, "the file exists, and keys are never overwritten", path.string(),
                    "choose another name, or move the old file away");
  }
  if (file.get() < 0) ThrowErrno("cannot create the key file", path);
  try {
    WriteAll(file.get(), text, path);
  } catch (...) {
    unlink(path.c_str());
    throw;
  }
}

// Checked on the open file, so that it cannot be exchanged between check and use.
void RequirePrivate(int descriptor, const std::filesystem::path& path) {
  struct stat info;
  if (fstat(descriptor, &info) != 0) ThrowErrno("cannot read the key file", path);
  if (S_ISDIR(info.st_mode)) {
    throw HostError(Status::kIo, "a folder is no key file", path.string(),
                    "name a key file in PEM");
  }
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) == 0) return;
  char mode[8];
  std::snprintf(mode, sizeof(mode), "%04o", static_cast<unsigned>(info.st_mode & 07777));
  throw HostError(Status::kPermission,
                  std::string("the private key is open to other users (mode ") + mode + ")",
                  path.string(), "close it with 'chmod 600 " + path.string() + "'");
}

void ReadFile(const std::filesystem::path& path, bool is_private, std::string* out_text) {
  // O_NONBLOCK: opening a pipe would wait for a writer for ever. Regular files do not mind.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) ThrowErrno("cannot open the key file", path);
  if (is_private) RequirePrivate(file.get(), path);
  out_text->resize(kMaxFileSize);
  size_t size = 0;
  while (size < kMaxFileSize) {
    const ssize_t got = read(file.get(), out_text->data() + size, kMaxFileSize - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) ThrowErrno("cannot read the key file", path);
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size == kMaxFileSize) {
    throw HostError(Status::kMalformed, "the file is too large for a key", path.string(),
                    "name a key file in PEM");
  }
  out_text->resize(size);  // nothing was read beyond it, so nothing escapes the erasure
}

}  // namespace

const char* KeyKindName(KeyKind kind) { return kind == KeyKind::kVendor ? "vendor" : "device"; }

const char* KeyAlgorithmName(KeyKind kind) {
  return kind == KeyKind::kVendor ? "ED25519" : "X25519";
}

KeyPair::~KeyPair() { crypto::Wipe(private_key); }

KeyPair GenerateKeyPair(KeyKind kind) {
  KeyPair keys;
  keys.kind = kind;
  const Status status = kind == KeyKind::kVendor
                            ? crypto::GenerateSigningKey(keys.private_key, keys.public_key)
                            : crypto::GenerateX25519Key(keys.private_key, keys.public_key);
  if (!IsOk(status)) throw HostError(status, "cannot make a key pair");
  return keys;
}

void WriteKeyPair(const KeyPair& keys, const std::filesystem::path& private_path,
                  const std::filesystem::path& public_path) {
  SecretText pem(PrivateKeyToPem(keys.kind, keys.private_key));
  CreateFile(private_path, kPrivateMode, pem.text());
  try {
    WritePublicKey(keys, public_path);
  } catch (...) {
    unlink(private_path.c_str());
    throw;
  }
}

void WritePublicKey(const KeyPair& keys, const std::filesystem::path& public_path) {
  std::string pem = PublicKeyToPem(keys.kind, keys.public_key);
  if (keys.kind == KeyKind::kDevice) {
    RawKey receipt_key;
    const Status status = attest::ReceiptPublicKey(keys.private_key, receipt_key);
    if (!IsOk(status)) throw HostError(status, "cannot make the receipt key", public_path.string());
    pem += ReceiptKeyToPem(receipt_key);
  }
  CreateFile(public_path, kPublicMode, pem);
}

KeyPair ReadPrivateKey(KeyKind kind, const std::filesystem::path& path) {
  SecretText pem;
  ReadFile(path, true, &pem.text());
  return PrivateKeyFromPem(kind, pem.text(), path.string());
}

RawKey ReadPublicKey(KeyKind kind, const std::filesystem::path& path) {
  std::string pem;
  ReadFile(path, false, &pem);
  return PublicKeyFromPem(kind, pem, path.string());
}

attest::Device ReadDevice(const std::filesystem::path& path) {
  std::string pem;
  ReadFile(path, false, &pem);
  attest::Device device;
  device.public_key = PublicKeyFromPem(KeyKind::kDevice, pem, path.string());
  const std::optional<RawKey> receipt_key = ReceiptKeyFromPem(pem, path.string());
  if (!receipt_key) {
    throw HostError(Status::kNotFound, "the file holds no receipt key", path.string(),
                    "its owner writes one that does with 'penumbra keygen device --from DEVICE.key "
                    "-o NEW.pub'");
  }
  device.receipt_key = *receipt_key;
  return device;
}

}  // namespace penumbra::host
