// Helpers of this room's tests: hexadecimal literals and buffers with recognisable contents.
#ifndef PENUMBRA_CRYPTO_TESTING_H_
#define PENUMBRA_CRYPTO_TESTING_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/bytes.h"

namespace penumbra::crypto::testing {

inline std::vector<uint8_t> FromHex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::vector<uint8_t> bytes(hex.size() / 2);
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<uint8_t>(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
  }
  return bytes;
}

inline std::string ToHex(Bytes bytes) {
  std::string hex;
  for (const uint8_t b : bytes) {
    hex += "0123456789abcdef"[b >> 4];
    hex += "0123456789abcdef"[b & 15];
  }
  return hex;
}

// The test vectors' view of `bytes` as a key, nonce or tag.
template <size_t kSize>
FixedBytes<kSize> Fixed(const std::vector<uint8_t>& bytes) {
  return Bytes(bytes).first<kSize>();
}

inline std::vector<uint8_t> Text(std::string_view text) { return {text.begin(), text.end()}; }

// `size` bytes that differ from their neighbours and from those of another seed.
inline std::vector<uint8_t> Pattern(size_t size, uint32_t seed) {
  std::vector<uint8_t> bytes(size);
  uint32_t state = seed * 2654435761u + 1;
  for (uint8_t& b : bytes) {
    state = state * 1664525u + 1013904223u;
    b = static_cast<uint8_t>(state >> 24);
  }
  return bytes;
}

inline bool AllZero(Bytes bytes) {
  for (const uint8_t b : bytes) {
    if (b != 0) return false;
  }
  return true;
}

inline void FlipBit(MutableBytes bytes, size_t bit) {
  bytes[bit / 8] = static_cast<uint8_t>(bytes[bit / 8] ^ (1u << (bit % 8)));
}

}  // namespace penumbra::crypto::testing

#endif  // PENUMBRA_CRYPTO_TESTING_H_
