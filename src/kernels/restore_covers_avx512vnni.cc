// The restore of covers with dword permutations and byte dot products (VNNI): whole covers, up to three primes.
#include <immintrin.h>

#include "kernels/isa.h"
#include "kernels/isa_extras.h"
#include "kernels/restore_plan.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

inline constexpr uint32_t kVectorSize = 64;
// Chunks of channels that one pass over the reply of a pixel serves.
inline constexpr uint32_t kTogether = 4;

PENUMBRA_LANE __mmask64 FirstBytes(uint32_t count) {
  return count >= kVectorSize ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

struct Decoder {
  RestoreJob job;  // copies that nothing else points to: stores cannot change them
  RestorePlan plan;
  __m512i cofactor[3], modulus;
  __m512 inverse[3], bias;
  __mmask64 last_low, last_high;  // valid bytes of the last lookup
};

Decoder MakeDecoder(const RestoreJob& job) {
  Decoder d{job, *job.plan, {}, {}, {}, {}, 0, 0};
  for (uint32_t k = 0; k < d.plan.prime_count; ++k) {
    d.cofactor[k] = _mm512_set1_epi32(static_cast<int32_t>(d.plan.cofactor[k]));
    d.inverse[k] = _mm512_set1_ps(static_cast<float>(d.plan.inverse_prime[k]));
  }
  d.modulus = _mm512_set1_epi32(static_cast<int32_t>(d.plan.modulus));
  d.bias = _mm512_set1_ps(0x1p-8f);
  const uint32_t last = d.plan.reply_channel_count - (d.plan.covers.lookup_count - 1) * kLookupSize;
  d.last_low = FirstBytes(last);
  d.last_high = last > kVectorSize ? FirstBytes(last - kVectorSize) : 0;
  return d;
}

// found[c]: of chunk c the cover of each channel, in one plane of one pixel.
template <uint32_t kChunks>
PENUMBRA_LANE void LookUp(const Decoder& d, const uint8_t* reply, uint32_t channel, __m512i* found) {
  const CoverTables& t = d.plan.covers;
  const uint16_t* select = t.select + size_t{channel / kCoverChunk} * t.lookup_count;
  const uint32_t last = t.lookup_count - 1;
  const __m512i low = _mm512_maskz_loadu_epi8(d.last_low, reply + last * kLookupSize);
  const __m512i high = _mm512_maskz_loadu_epi8(d.last_high, reply + last * kLookupSize + kVectorSize);
#pragma GCC unroll 4
  for (uint32_t c = 0; c < kChunks; ++c) {
    const __m512i index = _mm512_loadu_si512(t.index + channel + c * kCoverChunk);
    found[c] = _mm512_maskz_permutex2var_epi32(select[c * t.lookup_count + last], low, index, high);
  }
  for (uint32_t l = 0; l < last; ++l) {
    const __m512i first = _mm512_loadu_si512(reply + l * kLookupSize);
    const __m512i second = _mm512_loadu_si512(reply + l * kLookupSize + kVectorSize);
#pragma GCC unroll 4
    for (uint32_t c = 0; c < kChunks; ++c) {
      const __m512i index = _mm512_loadu_si512(t.index + channel + c * kCoverChunk);
      const __m512i hit = _mm512_maskz_permutex2var_epi32(select[c * t.lookup_count + l], first, index, second);
      found[c] = _mm512_or_si512(found[c], hit);
    }
  }
}

// The words v_k of one chunk decoded (restore_loops.cc, DecodeNarrow) and written. at: its first element in pad and output
// planes; count: channels left.
template <uint32_t kCount>
PENUMBRA_LANE void Decode(const Decoder& d, const __m512i* words, uint32_t channel, size_t at, uint32_t count) {
  const auto lanes = static_cast<__mmask16>(FirstBytes(count));
  __m512i sum = _mm512_setzero_si512();
  __m512 q = _mm512_setzero_ps();
#pragma GCC unroll 3
  for (uint32_t k = 0; k < kCount; ++k) {
    __m512i pad = _mm512_setzero_si512();
    if (d.job.pad != nullptr) {
      const __m128i bytes = _mm_maskz_loadu_epi8(lanes, d.job.pad + k * d.job.pad_plane_size + at);
      pad = _mm512_sub_epi32(pad, _mm512_cvtepu8_epi32(bytes));
    }
    const __m512i factors = _mm512_loadu_si512(d.plan.covers.factors + size_t{k} * d.plan.padded_count + channel);
    const __m512i v = _mm512_dpbusd_epi32(pad, words[k], factors);
    sum = _mm512_add_epi32(sum, _mm512_mullo_epi32(v, d.cofactor[k]));
    q = _mm512_fmadd_ps(_mm512_cvtepi32_ps(v), d.inverse[k], q);
  }
  const __m512 start = _mm512_add_ps(_mm512_loadu_ps(d.plan.window_fraction_narrow + channel), d.bias);
  q = _mm512_sub_ps(q, start);
  const __m512i quotient = _mm512_cvt_roundps_epi32(q, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  const __m512i residue = _mm512_loadu_si512(d.plan.window_residue_narrow + channel);
  const __m512i distance =
      _mm512_sub_epi32(_mm512_sub_epi32(sum, residue), _mm512_mullo_epi32(quotient, d.modulus));
  const __m512i less = _mm512_min_epu32(distance, _mm512_sub_epi32(distance, d.modulus));
  const __m512i y = _mm512_add_epi32(less, _mm512_loadu_si512(d.plan.window_begin_narrow + channel));
  if (d.job.out_y != nullptr) {
    const __m512 scale = _mm512_loadu_ps(d.plan.scale + channel);
    __m512 real = _mm512_fmadd_ps(_mm512_cvtepi32_ps(y), scale, _mm512_loadu_ps(d.plan.bias + channel));
    if (d.job.addend != nullptr) real = _mm512_add_ps(real, _mm512_maskz_loadu_ps(lanes, d.job.addend + at));
    // A maximum would lose NaN or keep -0.
    if (d.job.relu) real = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(real, _mm512_setzero_ps(), _CMP_NLE_UQ), real);
    _mm512_mask_storeu_ps(d.job.out_y + at, lanes, real);
  }
  if (d.job.out_integer != nullptr) {
    const __m512i low = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(y));
    const __m512i high = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(y, 1));
    _mm512_mask_storeu_epi64(d.job.out_integer + at, static_cast<__mmask8>(lanes), low);
    _mm512_mask_storeu_epi64(d.job.out_integer + at + 8, static_cast<__mmask8>(lanes >> 8), high);
  }
}

template <uint32_t kCount, uint32_t kChunks>
PENUMBRA_LANE void RestoreRun(const Decoder& d, size_t pixel, uint32_t channel) {
  __m512i found[kCount][kChunks];
#pragma GCC unroll 3
  for (uint32_t k = 0; k < kCount; ++k) {
    const uint8_t* reply = d.job.reply + k * d.job.reply_plane_size + pixel * d.job.reply_stride;
    LookUp<kChunks>(d, reply, channel, found[k]);
  }
#pragma GCC unroll 4
  for (uint32_t c = 0; c < kChunks; ++c) {
    __m512i words[kCount];
#pragma GCC unroll 3
    for (uint32_t k = 0; k < kCount; ++k) words[k] = found[k][c];
    const uint32_t at = channel + c * kCoverChunk;
    Decode<kCount>(d, words, at, pixel * d.plan.channel_count + at, d.plan.channel_count - at);
  }
}

template <uint32_t kCount>
void RestoreNarrow(const RestoreJob& job) {
  const Decoder d = MakeDecoder(job);
  for (size_t pixel = 0; pixel < d.job.pixel_count; ++pixel) {
    uint32_t channel = 0;
    for (; channel + kTogether * kCoverChunk <= d.plan.channel_count; channel += kTogether * kCoverChunk) {
      RestoreRun<kCount, kTogether>(d, pixel, channel);
    }
    for (; channel < d.plan.channel_count; channel += kCoverChunk) RestoreRun<kCount, 1>(d, pixel, channel);
  }
}

}  // namespace

void RestoreCovers(const RestoreJob& job) {
  if (job.plan->covers.lookup_count == 0) return avx512::Restore(job);
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
