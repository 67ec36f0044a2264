#include "protect/weights/secret_stream.h"

#include <cmath>
#include <numeric>
#include <utility>

#include "crypto/hash.h"
#include "crypto/random.h"
#include "crypto/wipe.h"
#include "model/error.h"

namespace penumbra::protect {
namespace {

void Require(Status status, const char* what) {
  if (IsOk(status)) return;
  throw model::ModelError(status, what, {}, "check that the system offers random numbers");
}

void PutBigEndian(uint64_t value, uint8_t* out) {
  for (int i = 0; i < 8; ++i) out[i] = static_cast<uint8_t>(value >> (56 - 8 * i));
}

}  // namespace

SecretKey DrawSecretKey() {
  SecretKey key;
  Require(crypto::RandomBytes(key), "no random bytes for secret keys");
  return key;
}

SecretKey DeriveSecretKey(const SecretKey& parent, uint64_t index) {
  std::array<uint8_t, 8> info;
  PutBigEndian(index, info.data());
  SecretKey key;
  Require(crypto::HkdfExpand(crypto::FixedBytes<crypto::kSha256Size>(parent), info, key),
          "a secret key could not be derived");
  return key;
}

SecretStream::SecretStream(const SecretKey& key, uint64_t stream) {
  Require(keystream_.Init(crypto::FixedBytes<crypto::kKeystreamKeySize>(key)),
          "the keystream could not be started");
  PutBigEndian(stream, counter_.data());
}

SecretStream::~SecretStream() { crypto::Wipe(buffer_); }

void SecretStream::Refill() {
  PutBigEndian(next_block_, counter_.data() + 8);
  Require(keystream_.Generate(counter_, buffer_), "the keystream failed");
  next_block_ += buffer_.size() / crypto::kKeystreamBlockSize;
  used_ = 0;
}

uint32_t SecretStream::Below(uint32_t bound) {
  uint32_t mask = bound - 1;
  for (uint32_t shift = 1; shift < 32; shift *= 2) mask |= mask >> shift;
  for (;;) {
    uint32_t value = 0;
    for (uint32_t m = mask; m != 0; m >>= 8) value = value << 8 | NextByte();
    value &= mask;
    if (value < bound) return value;
  }
}

float SecretStream::LogUniform(double range) {
  for (;;) {
    const double high = Below(uint32_t{1} << 27);
    const double unit = std::ldexp(std::ldexp(high, 26) + Below(uint32_t{1} << 26), -53);
    const auto factor = static_cast<float>(std::exp((2 * unit - 1) * std::log(range)));
    if (factor != 1.0f) return factor;
  }
}

void SecretStream::FillResidues(uint32_t prime, std::span<uint32_t> out_residues) {
  for (uint32_t& residue : out_residues) residue = Below(prime);
}

void SecretStream::FillResidues(uint32_t prime, std::span<uint8_t> out_residues) {
  for (uint8_t& residue : out_residues) {
    do {
      residue = NextByte();
    } while (residue >= prime);
  }
}

std::vector<uint16_t> SecretStream::Permutation(uint32_t count) {
  std::vector<uint16_t> order(count);
  std::iota(order.begin(), order.end(), uint16_t{0});
  for (uint32_t i = count; i > 1; --i) std::swap(order[i - 1], order[Below(i)]);
  return order;
}

}  // namespace penumbra::protect
