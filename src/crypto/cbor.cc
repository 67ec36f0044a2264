#include "crypto/cbor.h"

#include <cstring>

namespace penumbra::crypto {
namespace {

// The low five bits of a head's first byte: a small argument, or 24 to 27 for one of 1, 2, 4, 8 bytes.
constexpr uint8_t kOneByteArgument = 24, kEightByteArgument = 27;

constexpr uint8_t LowBits(uint64_t argument) {
  switch (CborHeadSize(argument)) {
    case 1: return static_cast<uint8_t>(argument);
    case 2: return kOneByteArgument;
    case 3: return kOneByteArgument + 1;
    case 5: return kOneByteArgument + 2;
    default: return kEightByteArgument;
  }
}

}  // namespace

void CborWriter::Append(Bytes encoded) {
  ok_ = ok_ && encoded.size() <= rest_.size();
  if (!ok_ || encoded.empty()) return;
  std::memcpy(rest_.data(), encoded.data(), encoded.size());
  rest_ = rest_.subspan(encoded.size());
}

void CborWriter::Head(CborType type, uint64_t argument) {
  const size_t argument_size = CborHeadSize(argument) - 1;
  uint8_t head[9] = {static_cast<uint8_t>(static_cast<uint8_t>(type) << 5 | LowBits(argument))};
  for (size_t i = 0; i < argument_size; ++i) {
    head[1 + i] = static_cast<uint8_t>(argument >> (8 * (argument_size - 1 - i)));
  }
  Append(Bytes(head).first(1 + argument_size));
}

void CborWriter::ByteString(Bytes bytes) {
  Head(CborType::kByteString, bytes.size());
  Append(bytes);
}

bool CborReader::Exactly(Bytes expected) {
  if (rest_.size() < expected.size() ||
      std::memcmp(rest_.data(), expected.data(), expected.size()) != 0) {
    return false;
  }
  rest_ = rest_.subspan(expected.size());
  return true;
}

bool CborReader::Head(CborType type, uint64_t* out_argument) {
  if (rest_.empty() || rest_[0] >> 5 != static_cast<uint8_t>(type)) return false;
  const uint8_t low = rest_[0] & 0x1f;
  if (low > kEightByteArgument) return false;
  const size_t argument_size = low < kOneByteArgument ? 0 : size_t{1} << (low - kOneByteArgument);
  if (rest_.size() < 1 + argument_size) return false;
  uint64_t argument = low < kOneByteArgument ? low : 0;
  for (size_t i = 0; i < argument_size; ++i) argument = argument << 8 | rest_[1 + i];
  if (CborHeadSize(argument) != 1 + argument_size) return false;
  *out_argument = argument;
  rest_ = rest_.subspan(1 + argument_size);
  return true;
}

bool CborReader::ByteString(Bytes* out) {
  const Bytes before = rest_;
  uint64_t size = 0;
  if (!Head(CborType::kByteString, &size)) return false;
  if (size > rest_.size()) {
    rest_ = before;
    return false;
  }
  *out = rest_.first(size);
  rest_ = rest_.subspan(size);
  return true;
}

}  // namespace penumbra::crypto
