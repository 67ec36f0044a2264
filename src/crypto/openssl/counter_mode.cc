#include "crypto/openssl/counter_mode.h"

#include <openssl/evp.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "crypto/wipe.h"

namespace penumbra::crypto::openssl {
namespace {

static_assert(std::endian::native == std::endian::little, "counters are byte-swapped");

// Counter blocks are written here and encrypted in place, block by block: OpenSSL's own counter mode spends more on
// taking a new counter than on a kilobyte of keystream, and pads are drawn row by row.
constexpr size_t kPieceSize = 4096;  // stays in the first-level cache between the two steps

// A block as one big-endian number.
struct Counter {
  uint64_t high, low;
};

Counter LoadCounter(FixedBytes<kKeystreamBlockSize> block) {
  Counter counter;
  std::memcpy(&counter.high, block.data(), 8);
  std::memcpy(&counter.low, block.data() + 8, 8);
  return {__builtin_bswap64(counter.high), __builtin_bswap64(counter.low)};
}

// Writes `count` blocks and leaves the counter behind them.
void WriteCounters(Counter* counter, size_t count, uint8_t* out) {
  for (size_t i = 0; i < count; ++i, out += kKeystreamBlockSize) {
    const uint64_t high = __builtin_bswap64(counter->high), low = __builtin_bswap64(counter->low);
    std::memcpy(out, &high, 8);
    std::memcpy(out + 8, &low, 8);
    counter->high += ++counter->low == 0 ? 1 : 0;
  }
}

bool Encrypt(EVP_CIPHER_CTX* ecb, uint8_t* blocks, size_t size) {
  int written = 0;
  return EVP_EncryptUpdate(ecb, blocks, &written, blocks, static_cast<int>(size)) == 1 &&
         static_cast<size_t>(written) == size;
}

}  // namespace

Status GenerateKeystream(EVP_CIPHER_CTX* ecb, FixedBytes<kKeystreamBlockSize> counter_block, MutableBytes out) {
  Counter counter = LoadCounter(counter_block);
  const size_t tail = out.size() % kKeystreamBlockSize, whole = out.size() - tail;
  bool good = true;
  for (size_t done = 0; good && done < whole;) {
    const size_t piece = std::min(kPieceSize, whole - done);
    WriteCounters(&counter, piece / kKeystreamBlockSize, out.data() + done);
    good = Encrypt(ecb, out.data() + done, piece);
    done += piece;
  }
  if (good && tail != 0) {
    uint8_t last[kKeystreamBlockSize];
    const ScopedWipe wipe(last);
    WriteCounters(&counter, 1, last);
    good = Encrypt(ecb, last, sizeof(last));
    std::memcpy(out.data() + whole, last, tail);
  }
  if (good) return Status::kOk;
  Wipe(out);
  return Status::kInternal;
}

}  // namespace penumbra::crypto::openssl
