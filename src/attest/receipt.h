// Checks a receipt of the trusted half (boundary/receipt.h, docs/receipt.md) far from the device that wrote it. Nothing
// here trusts a byte of the message before its signature has been checked. Thread-safe; no exceptions.
#ifndef PENUMBRA_ATTEST_RECEIPT_H_
#define PENUMBRA_ATTEST_RECEIPT_H_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "boundary/protocol.h"
#include "boundary/receipt.h"
#include "crypto/hash.h"

namespace penumbra::attest {

using Hash = std::array<uint8_t, 32>;

struct Receipt {
  Hash manifest_hash{}, vendor_key{}, device_id{}, nonce{}, input_hash{}, output_hash{};
  uint64_t model_version = 0;
  CarrierKind carrier = CarrierKind::kDirect;
  bool software_tee = true;
  std::vector<ReceiptCheck> checks;  // ascending
  uint32_t soundness_bits = 0;
  uint64_t clamped_count = 0;
};

// The public half of a device: what its .pub file holds.
struct Device {
  Hash public_key{};   // X25519
  Hash receipt_key{};  // Ed25519
};

// The receipt key of a device's private key. kInternal, kOutOfMemory; then zeroed.
Status ReceiptPublicKey(std::span<const uint8_t, 32> device_private_key, std::span<uint8_t, 32> out_public_key);

enum class Verdict {
  kGenuine,
  kNotAReceipt,  // other bytes, another version, or another encoding
  kOtherDevice,  // it names another device
  kAltered,      // it names this device, which did not sign it
};

// kGenuine: `message` is what the trusted half of `device` signed, and *out_receipt holds it. Otherwise *out_receipt is as
// it was, but for kOtherDevice, where its device_id tells which one the message names.
Verdict CheckReceipt(std::span<const uint8_t> message, const Device& device, Receipt* out_receipt);

// The hash of a model's inputs or outputs as a receipt has it.
class PortsHash {
 public:
  // `context`: kReceiptInputs or kReceiptOutputs.
  PortsHash(const char (&context)[16], uint32_t port_count);
  // The next port's elements, in the physical axis order of the bundle's metadata.
  void Add(std::span<const float> elements);
  Hash Final();

 private:
  crypto::Sha256 all_;
};

}  // namespace penumbra::attest

#endif  // PENUMBRA_ATTEST_RECEIPT_H_
