// A receipt: what the trusted half signs about one inference, so that its answer can be believed
// beyond the process that asked. docs/receipt.md has the format and what a receipt does not say.
#ifndef PENUMBRA_RECEIPT_H_
#define PENUMBRA_RECEIPT_H_

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "penumbra/export.h"
#include "penumbra/tensor.h"

namespace penumbra {

using Nonce = std::array<uint8_t, 32>;

// What the receipt is held against; what is left out is not checked.
struct ReceiptExpectations {
  std::optional<Nonce> nonce = {};
  std::filesystem::path bundle = {};
  std::filesystem::path vendor_key = {};  // public key file
  // By name, all of the model's or none; need `bundle`, which knows their order and layout.
  TensorMap inputs = {}, outputs = {};
};

struct ReceiptInfo {
  std::string bundle_hash, vendor_key, device_id, nonce, input_hash, output_hash;  // hex
  uint64_t model_version = 0;
  std::string carrier;  // "direct", "process", "optee", "gramine"
  bool software_tee = true;
  std::string notice;   // what must be said about the protection; empty for hardware TEEs
  std::vector<std::string> checks;  // the trusted half's, all passed: "vendor signature", ...
  uint32_t soundness_bits = 0;      // 0: replies of the accelerator were not checked
  uint64_t clamped_count = 0;       // input levels that left the calibrated range
  std::vector<std::string> checked, not_checked;  // here: "signature", "nonce", "bundle", ...
};

// `device_key`: the device's public file. Needs neither the device nor a network. Throws Error: P602
// when the receipt does not hold, saying whether it is none, altered, or of another device, nonce,
// vendor, bundle, input or output; P205 when the key file has no receipt key; P102, P103 and P107 for
// tensors that are not the bundle's.
PENUMBRA_API ReceiptInfo VerifyReceipt(const std::vector<uint8_t>& receipt,
                                       const std::filesystem::path& device_key,
                                       const ReceiptExpectations& expected = {});

// Whole files. Reading refuses what is too large for a receipt (P602); writing is complete or leaves
// nothing.
PENUMBRA_API std::vector<uint8_t> ReadReceiptFile(const std::filesystem::path& path);
PENUMBRA_API void WriteReceiptFile(const std::filesystem::path& path,
                                   const std::vector<uint8_t>& receipt);

}  // namespace penumbra

#endif  // PENUMBRA_RECEIPT_H_
