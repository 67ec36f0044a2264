// The low-level SHA-256 functions work on a plain struct; the EVP digest would allocate for every
// message. OpenSSL 3 calls them deprecated, hence the API level below.
#define OPENSSL_API_COMPAT 10100

#include "crypto/hash.h"

#include <openssl/sha.h>

#include "crypto/wipe.h"

namespace penumbra::crypto {
namespace {

SHA256_CTX* State(uint8_t* bytes) { return reinterpret_cast<SHA256_CTX*>(bytes); }

}  // namespace

Sha256::~Sha256() { Wipe(state_); }

void Sha256::Reset() {
  static_assert(sizeof(SHA256_CTX) == kStateSize && alignof(SHA256_CTX) <= 8);
  finished_ = SHA256_Init(State(state_)) != 1;
}

Status Sha256::Update(Bytes data) {
  if (finished_) return Status::kWrongState;
  return SHA256_Update(State(state_), data.data(), data.size()) == 1 ? Status::kOk
                                                                     : Status::kInternal;
}

Status Sha256::Final(MutableFixedBytes<kSha256Size> out_digest) {
  if (finished_) {
    Wipe(out_digest);
    return Status::kWrongState;
  }
  finished_ = true;
  const bool good = SHA256_Final(out_digest.data(), State(state_)) == 1;
  Wipe(state_);
  if (good) return Status::kOk;
  Wipe(out_digest);
  return Status::kInternal;
}

Status Sha256::Digest(Bytes message, MutableFixedBytes<kSha256Size> out_digest) {
  Sha256 hash;
  if (const Status s = hash.Update(message); !IsOk(s)) {
    Wipe(out_digest);
    return s;
  }
  return hash.Final(out_digest);
}

}  // namespace penumbra::crypto
