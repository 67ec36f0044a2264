#include "crypto/cose_sign1.h"

#include "crypto/cbor.h"
#include "crypto/wipe.h"

namespace penumbra::crypto {
namespace {

// 18([ h'a10127', {}, ... : tag 18, array(4), bstr(3) of {1: -8}, map(0).
constexpr uint8_t kPrefix[] = {0xd2, 0x84, 0x43, 0xa1, 0x01, 0x27, 0xa0};
// [ "Signature1", h'a10127', ... : array(4), tstr(10), bstr(3) of {1: -8}.
constexpr uint8_t kToBeSignedPrefix[] = {0x84, 0x6a, 'S', 'i', 'g',  'n',  'a',  't',
                                         'u',  'r',  'e', '1', 0x43, 0xa1, 0x01, 0x27};
constexpr uint8_t kSignatureHead[] = {0x58, kSignatureSize};
// Sig_structure of RFC 9052 section 4.4, written to the front of `scratch`.
Bytes ToBeSigned(Bytes external_aad, Bytes payload, MutableBytes scratch) {
  const auto out = scratch.first(CoseSign1ScratchSize(payload.size(), external_aad.size()));
  CborWriter writer(out);
  writer.Append(kToBeSignedPrefix);
  writer.ByteString(external_aad);
  writer.ByteString(payload);
  return out;
}

struct Parts {
  Bytes payload, signature;
};

bool Split(Bytes message, Parts* out_parts) {
  CborReader reader(message);
  if (!reader.Exactly(kPrefix) || !reader.ByteString(&out_parts->payload) ||
      !reader.Exactly(kSignatureHead) || reader.rest().size() != kSignatureSize) {
    return false;
  }
  out_parts->signature = reader.rest();
  return true;
}

bool WithinLimits(size_t payload_size, size_t external_aad_size, size_t scratch_size) {
  return payload_size <= kCoseSign1MaxPayloadSize && external_aad_size <= kCoseSign1MaxAadSize &&
         scratch_size >= CoseSign1ScratchSize(payload_size, external_aad_size);
}

}  // namespace

size_t CoseSign1Size(size_t payload_size) {
  return sizeof(kPrefix) + CborHeadSize(payload_size) + payload_size + sizeof(kSignatureHead) +
         kSignatureSize;
}

size_t CoseSign1ScratchSize(size_t payload_size, size_t external_aad_size) {
  return sizeof(kToBeSignedPrefix) + CborHeadSize(external_aad_size) + external_aad_size +
         CborHeadSize(payload_size) + payload_size;
}

Status EncodeCoseSign1(FixedBytes<kSignPrivateKeySize> private_key, Bytes external_aad,
                       Bytes payload, MutableBytes scratch, MutableBytes out_message) {
  Status status = WithinLimits(payload.size(), external_aad.size(), scratch.size()) &&
                          out_message.size() == CoseSign1Size(payload.size())
                      ? Status::kOk
                      : Status::kInvalidArgument;
  uint8_t signature[kSignatureSize] = {};
  if (IsOk(status)) {
    status = Sign(private_key, ToBeSigned(external_aad, payload, scratch), signature);
  }
  if (!IsOk(status)) {
    Wipe(out_message);
    return status;
  }
  CborWriter writer(out_message);
  writer.Append(kPrefix);
  writer.ByteString(payload);
  writer.ByteString(signature);
  return Status::kOk;
}

Status VerifyCoseSign1(FixedBytes<kSignPublicKeySize> public_key, Bytes external_aad, Bytes message,
                       MutableBytes scratch, Bytes* out_payload) {
  *out_payload = {};
  Parts parts;
  if (!Split(message, &parts)) return Status::kMalformed;
  if (!WithinLimits(parts.payload.size(), external_aad.size(), scratch.size())) {
    return Status::kInvalidArgument;
  }
  const Status status = VerifySignature(public_key, ToBeSigned(external_aad, parts.payload, scratch),
                                        parts.signature.first<kSignatureSize>());
  if (IsOk(status)) *out_payload = parts.payload;
  return status;
}

Status PeekCoseSign1(Bytes message, Bytes* out_payload) {
  Parts parts;
  const bool split = Split(message, &parts);
  *out_payload = split ? parts.payload : Bytes();
  return split ? Status::kOk : Status::kMalformed;
}

}  // namespace penumbra::crypto
