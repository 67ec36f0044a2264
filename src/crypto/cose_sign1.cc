#include "crypto/cose_sign1.h"

#include <cstring>

#include "crypto/wipe.h"

namespace penumbra::crypto {
namespace {

// 18([ h'a10127', {}, ... : tag 18, array(4), bstr(3) of {1: -8}, map(0).
constexpr uint8_t kPrefix[] = {0xd2, 0x84, 0x43, 0xa1, 0x01, 0x27, 0xa0};
// [ "Signature1", h'a10127', ... : array(4), tstr(10), bstr(3) of {1: -8}.
constexpr uint8_t kToBeSignedPrefix[] = {0x84, 0x6a, 'S', 'i', 'g',  'n',  'a',  't',
                                         'u',  'r',  'e', '1', 0x43, 0xa1, 0x01, 0x27};
constexpr uint8_t kSignatureHead[] = {0x58, kSignatureSize};
constexpr uint8_t kByteString = 0x40;  // CBOR major type 2
constexpr size_t kMaxHeadSize = 5;

constexpr size_t HeadSize(size_t size) {
  return size < 24 ? 1 : size <= 0xff ? 2 : size <= 0xffff ? 3 : kMaxHeadSize;
}

// Appends to a buffer whose size was computed beforehand.
class Writer {
 public:
  explicit Writer(MutableBytes out) : out_(out) {}

  void Append(Bytes bytes) {
    if (!bytes.empty()) std::memcpy(out_.data(), bytes.data(), bytes.size());
    out_ = out_.subspan(bytes.size());
  }

  void AppendByteString(Bytes bytes) {
    const size_t size = bytes.size();
    const size_t argument_size = HeadSize(size) - 1;
    // The low five bits hold a small size, or 24, 25, 26 for an argument of 1, 2, 4 bytes.
    const size_t low = size < 24 ? size : argument_size == 1 ? 24 : argument_size == 2 ? 25 : 26;
    uint8_t head[kMaxHeadSize] = {static_cast<uint8_t>(kByteString | low)};
    for (size_t i = 0; i < argument_size; ++i) {
      head[1 + i] = static_cast<uint8_t>(size >> (8 * (argument_size - 1 - i)));
    }
    Append(Bytes(head).first(1 + argument_size));
    Append(bytes);
  }

 private:
  MutableBytes out_;
};

// Takes from the front of hostile bytes; every method returns false and stays put when they do not
// fit.
class Reader {
 public:
  explicit Reader(Bytes in) : in_(in) {}

  bool TakeExactly(Bytes expected) {
    if (in_.size() < expected.size() ||
        std::memcmp(in_.data(), expected.data(), expected.size()) != 0) {
      return false;
    }
    in_ = in_.subspan(expected.size());
    return true;
  }

  bool TakeByteString(Bytes* out) {
    if (in_.empty() || (in_[0] & 0xe0) != kByteString) return false;
    const uint8_t low = in_[0] & 0x1f;
    if (low > 26) return false;  // eight-byte and indefinite lengths
    const size_t argument_size = low < 24 ? 0 : size_t{1} << (low - 24);
    if (in_.size() < 1 + argument_size) return false;
    uint64_t size = low < 24 ? low : 0;
    for (size_t i = 0; i < argument_size; ++i) size = size << 8 | in_[1 + i];
    const bool shortest = HeadSize(size) == 1 + argument_size;
    if (!shortest || size > in_.size() - 1 - argument_size) return false;
    *out = in_.subspan(1 + argument_size, size);
    in_ = in_.subspan(1 + argument_size + size);
    return true;
  }

  Bytes rest() const { return in_; }

 private:
  Bytes in_;
};

// Sig_structure of RFC 9052 section 4.4, written to the front of `scratch`.
Bytes ToBeSigned(Bytes external_aad, Bytes payload, MutableBytes scratch) {
  const auto out = scratch.first(CoseSign1ScratchSize(payload.size(), external_aad.size()));
  Writer writer(out);
  writer.Append(kToBeSignedPrefix);
  writer.AppendByteString(external_aad);
  writer.AppendByteString(payload);
  return out;
}

bool WithinLimits(size_t payload_size, size_t external_aad_size, size_t scratch_size) {
  return payload_size <= kCoseSign1MaxPayloadSize && external_aad_size <= kCoseSign1MaxAadSize &&
         scratch_size >= CoseSign1ScratchSize(payload_size, external_aad_size);
}

}  // namespace

size_t CoseSign1Size(size_t payload_size) {
  return sizeof(kPrefix) + HeadSize(payload_size) + payload_size + sizeof(kSignatureHead) +
         kSignatureSize;
}

size_t CoseSign1ScratchSize(size_t payload_size, size_t external_aad_size) {
  return sizeof(kToBeSignedPrefix) + HeadSize(external_aad_size) + external_aad_size +
         HeadSize(payload_size) + payload_size;
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
  Writer writer(out_message);
  writer.Append(kPrefix);
  writer.AppendByteString(payload);
  writer.AppendByteString(signature);
  return Status::kOk;
}

Status VerifyCoseSign1(FixedBytes<kSignPublicKeySize> public_key, Bytes external_aad, Bytes message,
                       MutableBytes scratch, Bytes* out_payload) {
  *out_payload = {};
  Reader reader(message);
  Bytes payload;
  if (!reader.TakeExactly(kPrefix) || !reader.TakeByteString(&payload) ||
      !reader.TakeExactly(kSignatureHead) || reader.rest().size() != kSignatureSize) {
    return Status::kMalformed;
  }
  if (!WithinLimits(payload.size(), external_aad.size(), scratch.size())) {
    return Status::kInvalidArgument;
  }
  const Status status = VerifySignature(public_key, ToBeSigned(external_aad, payload, scratch),
                                        reader.rest().first<kSignatureSize>());
  if (IsOk(status)) *out_payload = payload;
  return status;
}

}  // namespace penumbra::crypto
