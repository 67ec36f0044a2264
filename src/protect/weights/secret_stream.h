// Secret draws for weight transforms: uniform integers by rejection from an AES-256-CTR keystream,
// never a remainder of random bytes (docs/schemes.md).
#ifndef PENUMBRA_PROTECT_WEIGHTS_SECRET_STREAM_H_
#define PENUMBRA_PROTECT_WEIGHTS_SECRET_STREAM_H_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "crypto/keystream.h"

namespace penumbra::protect {

using SecretKey = std::array<uint8_t, 32>;

// A key from the operating system's generator. Throws model::ModelError(kInternal) without entropy.
SecretKey DrawSecretKey();
// The key of item `index` below a parent key (HKDF-Expand): independent for different indices.
SecretKey DeriveSecretKey(const SecretKey& parent, uint64_t index);

// One of 2^64 independent streams under a key. Equal (key, stream) give equal draws. Not
// thread-safe. Buffered bytes are erased at destruction.
class SecretStream {
 public:
  SecretStream(const SecretKey& key, uint64_t stream);
  ~SecretStream();
  SecretStream(const SecretStream&) = delete;
  SecretStream& operator=(const SecretStream&) = delete;

  uint32_t Below(uint32_t bound);  // uniform in [0, bound), bound >= 1
  // exp(u), u uniform in [-log(range), log(range)] to 53 bits, rounded to float32 and never 1.
  // range > 1.
  float LogUniform(double range);
  // Uniform in [0, prime); bytes: prime <= 256.
  void FillResidues(uint32_t prime, std::span<uint8_t> out_residues);
  void FillResidues(uint32_t prime, std::span<uint32_t> out_residues);
  std::vector<uint16_t> Permutation(uint32_t count);  // uniform over count! permutations

 private:
  uint8_t NextByte() {
    if (used_ == buffer_.size()) Refill();
    return buffer_[used_++];
  }
  void Refill();

  crypto::Keystream keystream_;
  std::array<uint8_t, crypto::kKeystreamBlockSize> counter_{};
  std::array<uint8_t, 16384> buffer_;
  size_t used_ = buffer_.size();
  uint64_t next_block_ = 0;
};

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_WEIGHTS_SECRET_STREAM_H_
