#include "attest/receipt.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "crypto/cbor.h"
#include "crypto/cose_sign1.h"
#include "crypto/sign.h"
#include "crypto/wipe.h"

namespace penumbra::attest {
namespace {

using crypto::CborReader;
using crypto::CborType;

static_assert(std::endian::native == std::endian::little, "hashes are over little-endian elements");

std::span<const uint8_t> TextBytes(const char* text) {
  return {reinterpret_cast<const uint8_t*>(text), std::strlen(text)};
}

template <typename T>
std::span<const uint8_t> BytesOf(const T& value) {
  return {reinterpret_cast<const uint8_t*>(&value), sizeof(value)};
}

// Takes the fields in their one order. The first that is wrong fails all that follow.
class FieldReader {
 public:
  explicit FieldReader(std::span<const uint8_t> payload) : reader_(payload) {
    uint64_t count = 0;
    ok_ = reader_.Head(CborType::kMap, &count) && count == kReceiptFieldCount;
  }

  void Unsigned(ReceiptField field, uint64_t* out_value) {
    ok_ = Label(field) && reader_.Head(CborType::kUnsigned, out_value);
  }
  void Bytes(ReceiptField field, Hash* out_value) {
    std::span<const uint8_t> bytes;
    ok_ = Label(field) && reader_.ByteString(&bytes) && bytes.size() == out_value->size();
    if (ok_) std::ranges::copy(bytes, out_value->begin());
  }
  void Bool(ReceiptField field, bool* out_value) {
    uint64_t value = 0;
    ok_ = Label(field) && reader_.Head(CborType::kSimple, &value) &&
          (value == crypto::kCborFalse || value == crypto::kCborTrue);
    *out_value = value == crypto::kCborTrue;
  }
  void Checks(std::vector<ReceiptCheck>* out_checks) {
    uint64_t count = 0;
    ok_ = Label(ReceiptField::kChecks) && reader_.Head(CborType::kArray, &count) && count <= kReceiptCheckCount;
    uint64_t last = 0;
    for (uint64_t i = 0; ok_ && i < count; ++i) {
      uint64_t check = 0;
      ok_ = reader_.Head(CborType::kUnsigned, &check) && check > last && check <= kReceiptCheckCount;
      if (ok_) out_checks->push_back(static_cast<ReceiptCheck>(check));
      last = check;
    }
  }
  bool AtEnd() const { return ok_ && reader_.rest().empty(); }

 private:
  bool Label(ReceiptField field) {
    uint64_t label = 0;
    return ok_ && reader_.Head(CborType::kUnsigned, &label) && label == static_cast<uint64_t>(field);
  }

  CborReader reader_;
  bool ok_;
};

bool IsSoftware(CarrierKind carrier) { return carrier == CarrierKind::kDirect || carrier == CarrierKind::kProcess; }

// What no trusted half would sign.
bool Contradicts(const Receipt& receipt, uint64_t carrier, uint64_t soundness_bits) {
  const bool replies = std::ranges::find(receipt.checks, ReceiptCheck::kReplies) != receipt.checks.end();
  return carrier < static_cast<uint64_t>(CarrierKind::kDirect) ||
         carrier > static_cast<uint64_t>(CarrierKind::kGramine) ||
         IsSoftware(static_cast<CarrierKind>(carrier)) != receipt.software_tee || soundness_bits > 0xffffffff ||
         replies != (soundness_bits != 0);
}

bool Parse(std::span<const uint8_t> payload, Receipt* out_receipt) {
  Receipt receipt;
  uint64_t version = 0, carrier = 0, soundness_bits = 0;
  FieldReader fields(payload);
  fields.Unsigned(ReceiptField::kVersion, &version);
  fields.Bytes(ReceiptField::kManifestHash, &receipt.manifest_hash);
  fields.Unsigned(ReceiptField::kModelVersion, &receipt.model_version);
  fields.Bytes(ReceiptField::kVendorKey, &receipt.vendor_key);
  fields.Bytes(ReceiptField::kDeviceId, &receipt.device_id);
  fields.Unsigned(ReceiptField::kCarrier, &carrier);
  fields.Bool(ReceiptField::kSoftwareTee, &receipt.software_tee);
  fields.Bytes(ReceiptField::kNonce, &receipt.nonce);
  fields.Bytes(ReceiptField::kInputHash, &receipt.input_hash);
  fields.Bytes(ReceiptField::kOutputHash, &receipt.output_hash);
  fields.Checks(&receipt.checks);
  fields.Unsigned(ReceiptField::kSoundnessBits, &soundness_bits);
  fields.Unsigned(ReceiptField::kClampedCount, &receipt.clamped_count);
  if (!fields.AtEnd() || version != kReceiptVersion || Contradicts(receipt, carrier, soundness_bits)) return false;
  receipt.carrier = static_cast<CarrierKind>(carrier);
  receipt.soundness_bits = static_cast<uint32_t>(soundness_bits);
  *out_receipt = std::move(receipt);
  return true;
}

}  // namespace

Status ReceiptPublicKey(std::span<const uint8_t, 32> device_private_key, std::span<uint8_t, 32> out_public_key) {
  uint8_t seed[32] = {};
  const crypto::ScopedWipe wipe(seed);
  Status status = crypto::DeriveKey(device_private_key, TextBytes(kReceiptKeyContext), seed);
  if (IsOk(status)) status = crypto::SigningPublicKey(seed, out_public_key);
  if (!IsOk(status)) crypto::Wipe(out_public_key);
  return status;
}

Verdict CheckReceipt(std::span<const uint8_t> message, const Device& device, Receipt* out_receipt) {
  std::span<const uint8_t> claim, payload;
  Receipt receipt;
  if (message.size() > kMaxReceiptSize || !IsOk(crypto::PeekCoseSign1(message, &claim)) || !Parse(claim, &receipt)) {
    return Verdict::kNotAReceipt;
  }
  Hash device_id{};
  if (!IsOk(crypto::Sha256::Digest(device.public_key, device_id))) return Verdict::kNotAReceipt;
  if (receipt.device_id != device_id) {
    out_receipt->device_id = receipt.device_id;
    return Verdict::kOtherDevice;
  }
  uint8_t scratch[2 * kMaxReceiptSize];
  if (!IsOk(crypto::VerifyCoseSign1(device.receipt_key, TextBytes(kReceiptContext), message, scratch, &payload))) {
    return Verdict::kAltered;
  }
  *out_receipt = std::move(receipt);
  return Verdict::kGenuine;
}

PortsHash::PortsHash(const char (&context)[16], uint32_t port_count) {
  ReceiptPortsHead head{};
  std::ranges::copy(context, head.context);
  head.port_count = port_count;
  static_cast<void>(all_.Update(BytesOf(head)));
}

void PortsHash::Add(std::span<const float> elements) {
  Hash digest{};
  const uint64_t count = elements.size();
  // SHA-256 fails only when used after Final(), which nobody does here.
  static_cast<void>(crypto::Sha256::Digest(
      {reinterpret_cast<const uint8_t*>(elements.data()), elements.size_bytes()}, digest));
  static_cast<void>(all_.Update(BytesOf(count)));
  static_cast<void>(all_.Update(digest));
}

Hash PortsHash::Final() {
  Hash hash{};
  static_cast<void>(all_.Final(hash));
  return hash;
}

}  // namespace penumbra::attest
