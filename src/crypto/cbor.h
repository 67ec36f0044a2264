// The little of CBOR (RFC 8949) that signed messages use, in core deterministic encoding (section
// 4.2.1): heads of the shortest form, no indefinite lengths. Nothing here allocates.
#ifndef PENUMBRA_CRYPTO_CBOR_H_
#define PENUMBRA_CRYPTO_CBOR_H_

#include "crypto/bytes.h"

namespace penumbra::crypto {

enum class CborType : uint8_t {
  kUnsigned = 0,
  kByteString = 2,
  kTextString = 3,
  kArray = 4,
  kMap = 5,
  kSimple = 7,
};
inline constexpr uint64_t kCborFalse = 20, kCborTrue = 21;  // values of kSimple

// Bytes of a head with this argument: 1, 2, 3, 5 or 9.
constexpr size_t CborHeadSize(uint64_t argument) {
  return argument < 24 ? 1 : argument <= 0xff ? 2 : argument <= 0xffff ? 3 : argument <= 0xffffffff ? 5 : 9;
}

// Appends to a buffer. What does not fit is not written, and ok() is false from then on.
class CborWriter {
 public:
  explicit CborWriter(MutableBytes out) : rest_(out), capacity_(out.size()) {}

  void Append(Bytes encoded);
  // `argument`: the value, the number of elements or pairs, or kCborFalse or kCborTrue.
  void Head(CborType type, uint64_t argument);
  void ByteString(Bytes bytes);

  bool ok() const { return ok_; }
  size_t size() const { return capacity_ - rest_.size(); }

 private:
  MutableBytes rest_;
  size_t capacity_;
  bool ok_ = true;
};

// Takes from the front of hostile bytes. Every method returns false and stays put when the bytes are
// something else, end too early or are spelt in another way.
class CborReader {
 public:
  explicit CborReader(Bytes in) : rest_(in) {}

  bool Exactly(Bytes expected);
  bool Head(CborType type, uint64_t* out_argument);
  // A view into the input.
  bool ByteString(Bytes* out);

  Bytes rest() const { return rest_; }

 private:
  Bytes rest_;
};

}  // namespace penumbra::crypto

#endif  // PENUMBRA_CRYPTO_CBOR_H_
