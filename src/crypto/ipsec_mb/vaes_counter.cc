// Compiled for AVX-512 and VAES: no inline function of another header is called here, the linker could keep the copy
// made for this instruction set and run it everywhere.
#include "crypto/ipsec_mb/vaes_counter.h"

#include <immintrin.h>

namespace penumbra::crypto::ipsec_mb {
namespace {

inline constexpr uint32_t kRoundCount = 14;
inline constexpr uint32_t kVectorSize = 64, kVectorBlocks = 4, kBlockSize = 16;
inline constexpr uint32_t kWide = 8;  // vectors under way together: more than the rounds' latency

struct RoundKeys {
  __m512i key[kRoundCount + 1];
};

// A counter as one big-endian number.
struct Counter {
  uint64_t high, low;
};

static inline RoundKeys LoadKeys(const uint8_t* round_keys) {
  RoundKeys out;
#pragma GCC unroll 15
  for (uint32_t i = 0; i <= kRoundCount; ++i) {
    out.key[i] = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(round_keys + i * kBlockSize)));
  }
  return out;
}

static inline Counter LoadCounter(const uint8_t* block) {
  Counter counter;
  __builtin_memcpy(&counter.high, block, 8);
  __builtin_memcpy(&counter.low, block + 8, 8);
  return {__builtin_bswap64(counter.high), __builtin_bswap64(counter.low)};
}

// Four consecutive counters as blocks; the counter is left behind them.
static inline __attribute__((always_inline)) __m512i NextBlocks(Counter* counter) {
  const __m512i reverse =
      _mm512_broadcast_i32x4(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  const auto high = static_cast<long long>(counter->high), low = static_cast<long long>(counter->low);
  const __m512i steps = _mm512_set_epi64(0, 3, 0, 2, 0, 1, 0, 0);
  const __m512i start = _mm512_set_epi64(high, low, high, low, high, low, high, low);
  const __m512i sums = _mm512_add_epi64(start, steps);
  // A low half that wrapped carries into the high half beside it.
  const __mmask8 wrapped = _mm512_cmplt_epu64_mask(sums, steps);
  const __m512i blocks =
      _mm512_mask_add_epi64(sums, static_cast<__mmask8>((wrapped & 0x55) << 1), sums, _mm512_set1_epi64(1));
  counter->low += kVectorBlocks;
  counter->high += counter->low < kVectorBlocks ? 1 : 0;
  return _mm512_shuffle_epi8(blocks, reverse);
}

// kCount vectors of keystream.
template <uint32_t kCount>
static inline __attribute__((always_inline)) void Encrypt(const RoundKeys& keys, Counter* counter, __m512i* out) {
#pragma GCC unroll 8
  for (uint32_t v = 0; v < kCount; ++v) out[v] = _mm512_xor_si512(NextBlocks(counter), keys.key[0]);
#pragma GCC unroll 13
  for (uint32_t round = 1; round < kRoundCount; ++round) {
#pragma GCC unroll 8
    for (uint32_t v = 0; v < kCount; ++v) out[v] = _mm512_aesenc_epi128(out[v], keys.key[round]);
  }
#pragma GCC unroll 8
  for (uint32_t v = 0; v < kCount; ++v) out[v] = _mm512_aesenclast_epi128(out[v], keys.key[kRoundCount]);
}

}  // namespace

void VaesCounterMode(const uint8_t* round_keys, const uint8_t* counter_block, uint8_t* out, size_t size) {
  const RoundKeys keys = LoadKeys(round_keys);
  Counter counter = LoadCounter(counter_block);
  for (; size >= kWide * kVectorSize; size -= kWide * kVectorSize, out += kWide * kVectorSize) {
    __m512i stream[kWide];
    Encrypt<kWide>(keys, &counter, stream);
#pragma GCC unroll 8
    for (uint32_t v = 0; v < kWide; ++v) _mm512_storeu_si512(out + v * kVectorSize, stream[v]);
  }
  while (size != 0) {
    const size_t part = size < kVectorSize ? size : kVectorSize;
    __m512i stream;
    Encrypt<1>(keys, &counter, &stream);
    _mm512_mask_storeu_epi8(out, part == kVectorSize ? ~__mmask64{0} : (__mmask64{1} << part) - 1, stream);
    size -= part;
    out += part;
  }
}

}  // namespace penumbra::crypto::ipsec_mb
