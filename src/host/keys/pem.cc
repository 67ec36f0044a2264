#include "host/keys/pem.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>

#include "host/error.h"

namespace penumbra::host {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Text = std::unique_ptr<BIO, Free>;

constexpr char kReceiptAlgorithm[] = "ED25519";

// Stands in for OpenSSL's own, which would ask for a passphrase on the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

// A failed OpenSSL call leaves notes in a per-thread queue that a later, unrelated call would
// report.
class ErrorQueueScope {
 public:
  ErrorQueueScope() { ERR_set_mark(); }
  ~ErrorQueueScope() { ERR_pop_to_mark(); }
  ErrorQueueScope(const ErrorQueueScope&) = delete;
  ErrorQueueScope& operator=(const ErrorQueueScope&) = delete;
};

[[noreturn]] void ThrowInternal() {
  throw HostError(Status::kInternal, "the cryptographic library refused a valid key");
}

std::string TextOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

Text Reader(std::string_view pem) {
  Text bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (bio == nullptr) ThrowInternal();
  return bio;
}

void CheckAlgorithm(KeyKind kind, const EVP_PKEY* key, const std::string& where) {
  if (EVP_PKEY_is_a(key, KeyAlgorithmName(kind)) == 1) return;
  const char* found = EVP_PKEY_get0_type_name(key);
  throw HostError(Status::kInvalidArgument,
                  std::string("a ") + KeyKindName(kind) + " key is " + KeyAlgorithmName(kind) +
                      ", this one is " + (found != nullptr ? found : "of another algorithm"),
                  where, std::string("make one with 'penumbra keygen ") + KeyKindName(kind) + "'");
}

RawKey RawPublicKey(const EVP_PKEY* key) {
  RawKey raw{};
  size_t size = raw.size();
  if (EVP_PKEY_get_raw_public_key(key, raw.data(), &size) != 1 || size != raw.size()) {
    ThrowInternal();
  }
  return raw;
}

Key NextPublicKey(BIO* bio) {
  return Key(PEM_read_bio_PUBKEY(bio, nullptr, NoPassphrase, nullptr));
}

std::string PublicPem(const char* algorithm, const RawKey& public_key) {
  const ErrorQueueScope errors;
  const Key key(EVP_PKEY_new_raw_public_key_ex(nullptr, algorithm, nullptr, public_key.data(),
                                               public_key.size()));
  const Text bio(BIO_new(BIO_s_mem()));
  if (key == nullptr || bio == nullptr || PEM_write_bio_PUBKEY(bio.get(), key.get()) != 1) {
    ThrowInternal();
  }
  return TextOf(bio.get());
}

bool Holds(std::string_view pem, std::string_view label) {
  return pem.find("-----BEGIN " + std::string(label) + "-----") != std::string_view::npos;
}

}  // namespace

std::string PrivateKeyToPem(KeyKind kind, const RawKey& private_key) {
  const ErrorQueueScope errors;
  const Key key(EVP_PKEY_new_raw_private_key_ex(nullptr, KeyAlgorithmName(kind), nullptr,
                                                private_key.data(), private_key.size()));
  const Text bio(BIO_new(BIO_s_secmem()));  // erases its buffer
  if (key == nullptr || bio == nullptr ||
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    ThrowInternal();
  }
  return TextOf(bio.get());
}

std::string PublicKeyToPem(KeyKind kind, const RawKey& public_key) {
  return PublicPem(KeyAlgorithmName(kind), public_key);
}

std::string ReceiptKeyToPem(const RawKey& receipt_key) {
  return PublicPem(kReceiptAlgorithm, receipt_key);
}

std::optional<RawKey> ReceiptKeyFromPem(std::string_view pem, const std::string& where) {
  const ErrorQueueScope errors;
  const Text bio = Reader(pem);
  if (NextPublicKey(bio.get()) == nullptr) return std::nullopt;
  const Key key = NextPublicKey(bio.get());
  if (key == nullptr) return std::nullopt;
  if (EVP_PKEY_is_a(key.get(), kReceiptAlgorithm) != 1) {
    throw HostError(Status::kMalformed, "the second key of the file is no Ed25519 key", where,
                    "write the file again with 'penumbra keygen device --from DEVICE.key'");
  }
  return RawPublicKey(key.get());
}

KeyPair PrivateKeyFromPem(KeyKind kind, std::string_view pem, const std::string& where) {
  const ErrorQueueScope errors;
  if (Holds(pem, "ENCRYPTED PRIVATE KEY")) {
    throw HostError(Status::kUnsupported, "the private key is protected by a passphrase", where,
                    "decrypt it with 'openssl pkey -in FILE -out FILE.plain', then chmod 600");
  }
  const Text bio = Reader(pem);
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  if (key == nullptr) {
    throw HostError(Status::kMalformed, "no private key in PEM (PKCS#8) found", where,
                    Holds(pem, "PUBLIC KEY") ? "this is a public key; name the private key file"
                                             : "make one with 'penumbra keygen'");
  }
  CheckAlgorithm(kind, key.get(), where);
  KeyPair keys;
  keys.kind = kind;
  keys.public_key = RawPublicKey(key.get());
  size_t size = keys.private_key.size();
  if (EVP_PKEY_get_raw_private_key(key.get(), keys.private_key.data(), &size) != 1 ||
      size != keys.private_key.size()) {
    ThrowInternal();
  }
  return keys;
}

RawKey PublicKeyFromPem(KeyKind kind, std::string_view pem, const std::string& where) {
  const ErrorQueueScope errors;
  const Text bio = Reader(pem);
  const Key key = NextPublicKey(bio.get());
  if (key == nullptr) {
    throw HostError(Status::kMalformed, "no public key in PEM (SubjectPublicKeyInfo) found", where,
                    Holds(pem, "PRIVATE KEY") ? "this is a private key; name the public key file"
                                              : "ask its owner for the .pub file");
  }
  CheckAlgorithm(kind, key.get(), where);
  return RawPublicKey(key.get());
}

}  // namespace penumbra::host
