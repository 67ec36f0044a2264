// The restore with byte permutations (VBMI) and word dot products (VNNI), up to three primes.
#include <immintrin.h>

#include "kernels/isa.h"
#include "kernels/isa_extras.h"
#include "kernels/restore_plan.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

inline constexpr uint32_t kNarrowPrimes = 3;
inline constexpr uint32_t kVectorSize = 64;

// Constants of the decoding, one dword per pair of words.
struct DecodeConstants {
  __m512i low_pair, low_single;            // cofactors modulo 2^16, as s16
  __m512i high;                            // all ones when the cofactors need 2^16 added
  __m512i quotient_pair, quotient_single;  // 2^22 / p_k
  __m512i modulus;
};

PENUMBRA_LANE __m512i WordPair(int64_t low, int64_t high) {
  return _mm512_set1_epi32(static_cast<int32_t>((static_cast<uint32_t>(low) & 0xffffu) |
                                                static_cast<uint32_t>(high) << 16));
}

DecodeConstants MakeConstants(const RestorePlan& plan) {
  int64_t quotient[kNarrowPrimes] = {};
  for (uint32_t k = 0; k < plan.prime_count; ++k) {
    quotient[k] = static_cast<int64_t>(plan.inverse_prime[k] * (1 << kQuotientBits) + 0.5);
  }
  return {WordPair(plan.cofactor[0], plan.cofactor[1]),
          WordPair(plan.cofactor[2], 0),
          // Three primes: every cofactor lies in [2^15, 2^16), negative as s16. Fewer: below 2^15.
          _mm512_set1_epi32(plan.prime_count == kNarrowPrimes ? -1 : 0),
          WordPair(quotient[0], quotient[1]),
          WordPair(quotient[2], 0),
          _mm512_set1_epi32(static_cast<int32_t>(plan.modulus))};
}

// The reply bytes of one pixel and prime: whole vectors but for the last lookup.
struct ReplyRow {
  const uint8_t* bytes;
  uint32_t lookup_count;
  __mmask64 last_low, last_high;  // valid bytes of the last lookup
};

PENUMBRA_LANE __mmask64 FirstBytes(uint32_t count) {
  return count >= kVectorSize ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

// The chunks of one block of channels.
inline constexpr uint32_t kChunks = kRestoreBlock / kRestoreChunk;

// found[k][chunk]: reply[a], reply[b] interleaved. One pass over the reply serves the whole block:
// loading the tables costs more than the permutations.
template <uint32_t kCount>
PENUMBRA_LANE void LookUp(const ReplyRow* rows, const ChunkTables& chunks, uint32_t channel,
                          __m512i (*found)[kChunks]) {
  const uint64_t* select = chunks.select + size_t{channel / kRestoreChunk} * chunks.lookup_count;
  const uint8_t* from = chunks.index + 2 * size_t{channel};
  const __m512i index[kChunks] = {_mm512_loadu_si512(from),
                                  _mm512_loadu_si512(from + kVectorSize)};
  const uint32_t last = rows[0].lookup_count - 1;
#pragma GCC unroll 3
  for (uint32_t k = 0; k < kCount; ++k) {
    const uint8_t* at = rows[k].bytes + last * kLookupSize;
    const __m512i low = _mm512_maskz_loadu_epi8(rows[k].last_low, at);
    const __m512i high = _mm512_maskz_loadu_epi8(rows[k].last_high, at + kVectorSize);
#pragma GCC unroll 2
    for (uint32_t c = 0; c < kChunks; ++c) {
      const __mmask64 served = select[c * chunks.lookup_count + last];
      found[k][c] = _mm512_maskz_permutex2var_epi8(served, low, index[c], high);
    }
  }
  for (uint32_t t = 0; t < last; ++t) {
    const __mmask64 served[kChunks] = {select[t], select[chunks.lookup_count + t]};
#pragma GCC unroll 3
    for (uint32_t k = 0; k < kCount; ++k) {
      const uint8_t* at = rows[k].bytes + t * kLookupSize;
      const __m512i low = _mm512_loadu_si512(at);
      const __m512i high = _mm512_loadu_si512(at + kVectorSize);
#pragma GCC unroll 2
      for (uint32_t c = 0; c < kChunks; ++c) {
        const __m512i hit = _mm512_maskz_permutex2var_epi8(served[c], low, index[c], high);
        found[k][c] = _mm512_or_si512(found[k][c], hit);
      }
    }
  }
}

// Puts pad byte ChunkChannel(w) into word w.
__m512i PadOrder() {
  alignas(64) uint8_t order[kVectorSize] = {};
  for (uint32_t word = 0; word < kRestoreChunk; ++word) {
    order[2 * word] = static_cast<uint8_t>(ChunkChannel(word));
  }
  return _mm512_load_si512(order);
}

// Y of 16 channels from their words (v0, v1) and (v2, 0) and the high part of S.
PENUMBRA_LANE __m512i Decode(const RestorePlan& plan, const DecodeConstants& constants,
                             uint32_t channel, __m512i pair, __m512i single, __m512i high) {
  const __m512i residue = _mm512_loadu_si512(plan.window_residue_narrow + channel);
  const __m512i start = _mm512_loadu_si512(plan.chunks.quotient_start + channel);
  __m512i sum = _mm512_sub_epi32(high, residue);
  sum = _mm512_dpwssd_epi32(sum, pair, constants.low_pair);
  sum = _mm512_dpwssd_epi32(sum, single, constants.low_single);
  __m512i q = _mm512_dpwssd_epi32(start, pair, constants.quotient_pair);
  q = _mm512_dpwssd_epi32(q, single, constants.quotient_single);
  q = _mm512_srai_epi32(q, kQuotientBits);
  const __m512i distance = _mm512_sub_epi32(sum, _mm512_mullo_epi32(q, constants.modulus));
  const __m512i less = _mm512_sub_epi32(distance, constants.modulus);
  return _mm512_add_epi32(_mm512_min_epu32(less, distance),
                          _mm512_loadu_si512(plan.window_begin_narrow + channel));
}

// count: channels left from here on.
PENUMBRA_LANE void Write(const RestoreJob& job, const RestorePlan& plan, size_t pixel,
                         uint32_t channel, uint32_t count, __m512i y) {
  const auto lanes = static_cast<__mmask16>(FirstBytes(count));
  const size_t at = pixel * plan.channel_count + channel;
  if (job.out_y != nullptr) {
    const __m512 scale = _mm512_loadu_ps(plan.scale + channel);
    const __m512 bias = _mm512_loadu_ps(plan.bias + channel);
    const __m512 real = _mm512_fmadd_ps(_mm512_cvtepi32_ps(y), scale, bias);
    _mm512_mask_storeu_ps(job.out_y + at, lanes, real);
  }
  if (job.out_integer != nullptr) {
    const __m512i low = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(y));
    const __m512i high = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(y, 1));
    _mm512_mask_storeu_epi64(job.out_integer + at, static_cast<__mmask8>(lanes), low);
    _mm512_mask_storeu_epi64(job.out_integer + at + 8, static_cast<__mmask8>(lanes >> 8), high);
  }
}

// kCount primes: the words v_k of one chunk, then their decoding.
template <uint32_t kCount>
PENUMBRA_LANE void RestoreChunk(const RestoreJob& job, const RestorePlan& plan,
                                const DecodeConstants& constants, const __m512i (*found)[kChunks],
                                uint32_t chunk, __m512i pad_order, size_t pixel, uint32_t channel,
                                uint32_t count) {
  const auto valid = static_cast<__mmask32>(FirstBytes(count));
  constexpr uint64_t kEvenBytes = 0x5555555555555555u;
  __m512i v[kNarrowPrimes] = {_mm512_setzero_si512(), _mm512_setzero_si512(),
                              _mm512_setzero_si512()};
#pragma GCC unroll 3
  for (uint32_t k = 0; k < kCount; ++k) {
    const __m512i lambda =
        _mm512_loadu_si512(plan.chunks.lambda + 2 * (size_t{k} * plan.padded_count + channel));
    v[k] = _mm512_maddubs_epi16(found[k][chunk], lambda);
    if (job.pad != nullptr) {
      const uint8_t* pad = job.pad + k * job.pad_plane_size + pixel * plan.channel_count + channel;
      const __m512i bytes = _mm512_castsi256_si512(_mm256_maskz_loadu_epi8(valid, pad));
      v[k] = _mm512_sub_epi16(v[k], _mm512_maskz_permutexvar_epi8(kEvenBytes, pad_order, bytes));
    }
  }
  const __m512i zero = _mm512_setzero_si512();
  const __m512i sum = _mm512_add_epi16(_mm512_add_epi16(v[0], v[1]), v[2]);
  const __m512i high = _mm512_and_si512(sum, constants.high);
  Write(job, plan, pixel, channel, count,
        Decode(plan, constants, channel, _mm512_unpacklo_epi16(v[0], v[1]),
               _mm512_unpacklo_epi16(v[2], zero), _mm512_unpacklo_epi16(zero, high)));
  if (count <= 16) return;
  Write(job, plan, pixel, channel + 16, count - 16,
        Decode(plan, constants, channel + 16, _mm512_unpackhi_epi16(v[0], v[1]),
               _mm512_unpackhi_epi16(v[2], zero), _mm512_unpackhi_epi16(zero, high)));
}

template <uint32_t kCount>
void RestoreNarrow(const RestoreJob& shared_job) {
  // Copies that nothing else points to: the stores below cannot change them.
  const RestoreJob job = shared_job;
  const RestorePlan plan = *shared_job.plan;
  const DecodeConstants constants = MakeConstants(plan);
  const __m512i pad_order = PadOrder();
  const uint32_t lookups = plan.chunks.lookup_count;
  const uint32_t last = plan.reply_channel_count - (lookups - 1) * kLookupSize;
  const __mmask64 last_low = FirstBytes(last);
  const __mmask64 last_high = last > kVectorSize ? FirstBytes(last - kVectorSize) : 0;
  for (size_t pixel = 0; pixel < job.pixel_count; ++pixel) {
    ReplyRow rows[kCount];
    for (uint32_t k = 0; k < kCount; ++k) {
      rows[k] = {job.reply + k * job.reply_plane_size + pixel * plan.reply_channel_count, lookups,
                 last_low, last_high};
    }
    for (uint32_t block = 0; block < plan.channel_count; block += kRestoreBlock) {
      __m512i found[kCount][kChunks];
      LookUp<kCount>(rows, plan.chunks, block, found);
      const uint32_t count = plan.channel_count - block;
      if (count >= kRestoreBlock) {
        for (uint32_t c = 0; c < kChunks; ++c) {
          RestoreChunk<kCount>(job, plan, constants, found, c, pad_order, pixel,
                               block + c * kRestoreChunk, kRestoreBlock);
        }
        continue;
      }
      for (uint32_t c = 0; c * kRestoreChunk < count; ++c) {
        RestoreChunk<kCount>(job, plan, constants, found, c, pad_order, pixel,
                             block + c * kRestoreChunk, count - c * kRestoreChunk);
      }
    }
  }
}

}  // namespace

void Restore(const RestoreJob& job) {
  switch (job.plan->prime_count) {
    case 1:
      return RestoreNarrow<1>(job);
    case 2:
      return RestoreNarrow<2>(job);
    case 3:
      return RestoreNarrow<3>(job);
    default:
      return avx512::Restore(job);
  }
}

}  // namespace penumbra::PENUMBRA_ISA
