// Two properties over arbitrary bytes: the parser stays inside its input and takes only the one
// canonical spelling; what the encoder writes verifies, and stops verifying after any change.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "crypto/cose_sign1.h"

namespace {

using penumbra::Status;
using namespace penumbra::crypto;  // the whole file is about this namespace

constexpr uint8_t kPrivateKey[kSignPrivateKeySize] = {1, 2, 3};

void Require(bool property) {
  if (!property) std::abort();
}

std::vector<uint8_t> Encode(Bytes aad, Bytes payload) {
  std::vector<uint8_t> message(CoseSign1Size(payload.size()));
  std::vector<uint8_t> scratch(CoseSign1ScratchSize(payload.size(), aad.size()));
  Require(EncodeCoseSign1(kPrivateKey, aad, payload, scratch, message) == Status::kOk);
  return message;
}

Status Verify(Bytes aad, Bytes message, Bytes* out_payload) {
  uint8_t public_key[kSignPublicKeySize];
  Require(SigningPublicKey(kPrivateKey, public_key) == Status::kOk);
  std::vector<uint8_t> scratch(CoseSign1ScratchSize(message.size(), aad.size()));
  const Status status = VerifyCoseSign1(public_key, aad, message, scratch, out_payload);
  Require(status == Status::kOk || out_payload->empty());
  return status;
}

void CheckArbitraryMessage(Bytes message) {
  Bytes payload;
  const Status status = Verify({}, message, &payload);
  Require(status == Status::kOk || status == Status::kMalformed || status == Status::kBadSignature);
  if (status == Status::kOk) Require(std::ranges::equal(Encode({}, payload), message));
}

// The first two bytes choose where to cut payload from AAD and which bit to flip.
void CheckEncoder(Bytes input) {
  if (input.size() < 2) return;
  const size_t choice = input[0] | size_t{input[1]} << 8;
  input = input.subspan(2);
  const size_t cut = input.empty() ? 0 : choice % input.size();
  const Bytes aad = input.first(cut), payload = input.subspan(cut);
  std::vector<uint8_t> message = Encode(aad, payload);
  Bytes verified;
  Require(Verify(aad, message, &verified) == Status::kOk);
  Require(std::ranges::equal(verified, payload));
  message[choice % message.size()] ^= static_cast<uint8_t>(1u << (choice >> 13));
  Require(Verify(aad, message, &verified) != Status::kOk);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  CheckArbitraryMessage(Bytes(data, size));
  CheckEncoder(Bytes(data, size));
  return 0;
}
