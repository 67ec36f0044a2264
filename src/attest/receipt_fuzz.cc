// Arbitrary bytes are no receipt of this device, as a message and as a payload with a good signature; what is genuine has
// one spelling, and none after a change.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "attest/receipt.h"
#include "crypto/cose_sign1.h"
#include "crypto/key_agreement.h"

namespace {

using namespace penumbra;  // the whole file is about this namespace

constexpr uint8_t kDevicePrivate[32] = {1, 2, 3};

void Require(bool property) {
  if (!property) std::abort();
}

std::span<const uint8_t> TextBytes(const char* text) {
  return {reinterpret_cast<const uint8_t*>(text), std::strlen(text)};
}

attest::Device MakeDevice() {
  attest::Device device;
  Require(IsOk(crypto::X25519PublicKey(kDevicePrivate, device.public_key)));
  Require(IsOk(attest::ReceiptPublicKey(kDevicePrivate, device.receipt_key)));
  return device;
}

std::vector<uint8_t> Sign(std::span<const uint8_t> payload) {
  uint8_t seed[32];
  Require(IsOk(crypto::DeriveKey(kDevicePrivate, TextBytes(kReceiptKeyContext), seed)));
  std::vector<uint8_t> message(crypto::CoseSign1Size(payload.size()));
  std::vector<uint8_t> scratch(crypto::CoseSign1ScratchSize(payload.size(), sizeof(kReceiptContext)));
  Require(IsOk(crypto::EncodeCoseSign1(seed, TextBytes(kReceiptContext), payload, scratch, message)));
  return message;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const attest::Device device = MakeDevice();
  const std::span<const uint8_t> input(data, size);
  attest::Receipt receipt;
  Require(attest::CheckReceipt(input, device, &receipt) != attest::Verdict::kGenuine);
  std::vector<uint8_t> message = Sign(input);
  if (attest::CheckReceipt(message, device, &receipt) != attest::Verdict::kGenuine) return 0;
  Require(receipt.checks.size() <= kReceiptCheckCount);
  message[size % message.size()] ^= 1;
  Require(attest::CheckReceipt(message, device, &receipt) != attest::Verdict::kGenuine);
  return 0;
}
