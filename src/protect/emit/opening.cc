#include "protect/emit/opening.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "crypto/hash.h"
#include "crypto/hpke.h"
#include "crypto/wipe.h"
#include "model/error.h"
#include "protect/emit/sealing.h"

namespace penumbra::protect {
namespace {

const WrapRec* FindWrap(std::span<const WrapRec> wraps,
                        const std::array<uint8_t, 32>& private_key) {
  std::array<uint8_t, crypto::kSha256Size> id;
  if (!IsOk(crypto::Sha256::Digest(RecipientPublicKey(private_key), id))) {
    throw model::ModelError(Status::kInternal, "hashing failed");
  }
  const auto found = std::ranges::find_if(
      wraps, [&id](const WrapRec& wrap) { return std::ranges::equal(wrap.device_id, id); });
  return found == wraps.end() ? nullptr : &*found;
}

}  // namespace

bool IsRecipient(std::span<const WrapRec> wraps, const std::array<uint8_t, 32>& private_key) {
  return FindWrap(wraps, private_key) != nullptr;
}

FailureRecord OpenFailureLog(const FailureLog& log,
                             const std::array<uint8_t, 32>& vendor_recipient_key,
                             std::span<const uint8_t> manifest_message) {
  const std::string_view context = kFailureLogContext;
  std::array<uint8_t, sizeof(log.sealed) + sizeof(log.tag)> ciphertext;
  std::ranges::copy(log.tag, std::ranges::copy(log.sealed, ciphertext.begin()).out);
  std::array<uint8_t, sizeof(FailureRecord)> plain;
  const Status status =
      crypto::OpenBase(vendor_recipient_key, log.enc,
                       {reinterpret_cast<const uint8_t*>(context.data()), context.size()}, {},
                       ciphertext, plain);
  if (!IsOk(status)) {
    throw model::ModelError(status, "the failure log was altered, or is for another vendor's key",
                            {}, "use the private key the bundle was signed with");
  }
  FailureRecord record;
  std::memcpy(&record, plain.data(), sizeof(record));
  if (record.version != kFailureRecordVersion) {
    throw model::ModelError(Status::kUnsupportedVersion,
                            "the failure log has version " + std::to_string(record.version), {},
                            "use a matching release of penumbra");
  }
  std::array<uint8_t, crypto::kSha256Size> hash;
  if (!IsOk(crypto::Sha256::Digest(manifest_message, hash))) {
    throw model::ModelError(Status::kInternal, "hashing failed");
  }
  if (!std::ranges::equal(hash, record.manifest_hash)) {
    throw model::ModelError(Status::kIllegalCombination,
                            "the failure log is of another bundle: version " +
                                std::to_string(record.model_version) + " of some model of this vendor");
  }
  return record;
}

BundleOpener::BundleOpener(std::span<const WrapRec> wraps,
                           const std::array<uint8_t, 32>& private_key,
                           const std::array<uint8_t, 32>& vendor_public_key,
                           uint64_t model_version, const std::string& name) {
  const WrapRec* wrap = FindWrap(wraps, private_key);
  if (wrap == nullptr) {
    throw model::ModelError(Status::kWrongDevice, "the bundle is not wrapped for this key", {},
                            "use the vendor's key it was signed with, or the private key of one of "
                            "its devices");
  }
  std::array<uint8_t, kAeadKeySize> key;
  const crypto::ScopedWipe wipe(key);
  const std::vector<uint8_t> info = WrapInfo(vendor_public_key, model_version, name);
  Status status = crypto::OpenBase(private_key, wrap->enc, info, {}, wrap->wrapped, key);
  if (IsOk(status)) status = aead_.Init(key);
  if (!IsOk(status)) {
    throw model::ModelError(status, "the bundle key could not be unwrapped", {},
                            "fetch the bundle from its vendor again");
  }
}

std::vector<uint8_t> BundleOpener::OpenChunk(uint32_t index, uint32_t count,
                                             std::span<const uint8_t> sealed) {
  if (sealed.size() < kAeadTagSize) {
    throw model::ModelError(Status::kMalformed, "there is no such sealed chunk");
  }
  std::vector<uint8_t> plain(sealed.size() - kAeadTagSize);
  const Status status =
      aead_.Open(SealNonce(kNonceChunk, index),
                 ChunkAad(index, count, static_cast<uint32_t>(plain.size())),
                 sealed.first(plain.size()), sealed.last<kAeadTagSize>(), plain);
  if (!IsOk(status)) {
    throw model::ModelError(status, "sealed chunk " + std::to_string(index) + " does not open", {},
                            "fetch the bundle from its vendor again");
  }
  return plain;
}

}  // namespace penumbra::protect
