// The restore of up to three primes with byte and word products. AVX2 has no byte permutation across a vector, so replies are
// fetched one channel at a time, from a table that has the primes of a channel side by side.
#include <immintrin.h>

#include "kernels/isa.h"
#include "kernels/isa_extras.h"
#include "kernels/restore_plan.h"
#include "kernels/restore_words.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

inline constexpr uint32_t kLanes = 8;
inline constexpr uint32_t kTableSize = 2560;  // reply channels, of one pixel or of several

struct Tables {
  uint32_t reply[kTableSize];                // bytes y0, y1, y2 of a channel
  alignas(32) int8_t pair[kRestoreBlock][4];    // lambda a0, b0, a1, b1 of a channel
  alignas(32) int8_t single[kRestoreBlock][4];  // a2, b2
  alignas(32) uint32_t left[kRestoreBlock], right[kRestoreBlock];
};

struct Lanes {
  using Vector = __m256i;
  PENUMBRA_LANE Vector Repeat(int32_t dword) { return _mm256_set1_epi32(dword); }
};
using Constants = DecodeConstants<Lanes>;

PENUMBRA_LANE __m256i Load(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }

void FillReply(const RestoreJob& job, size_t pixel, uint32_t* out) {
  const uint32_t count = job.plan->reply_channel_count, primes = job.plan->prime_count;
  const uint8_t* y0 = job.reply + pixel * job.reply_stride;
  const uint8_t* y1 = primes > 1 ? y0 + job.reply_plane_size : y0;
  const uint8_t* y2 = primes > 2 ? y0 + 2 * job.reply_plane_size : y0;
  PENUMBRA_INDEPENDENT
  for (uint32_t i = 0; i < count; ++i) out[i] = y0[i] | uint32_t{y1[i]} << 8 | uint32_t{y2[i]} << 16;
}

// lambda_a and lambda_b of 16 channels side by side; 0 for primes that the plan does not have.
struct LambdaBytes {
  __m128i low, high;
};
PENUMBRA_LANE LambdaBytes LambdaOf(const RestorePlan& plan, uint32_t k, uint32_t channel) {
  if (k >= plan.prime_count) return {_mm_setzero_si128(), _mm_setzero_si128()};
  const size_t at = size_t{k} * plan.padded_count + channel;
  const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(plan.lambda_a + at));
  const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(plan.lambda_b + at));
  return {_mm_unpacklo_epi8(a, b), _mm_unpackhi_epi8(a, b)};
}

PENUMBRA_LANE void StoreWordPairs(__m128i first, __m128i second, int8_t (*out)[4]) {
  auto* to = reinterpret_cast<__m128i*>(out);
  _mm_store_si128(to, _mm_unpacklo_epi16(first, second));
  _mm_store_si128(to + 1, _mm_unpackhi_epi16(first, second));
}

void FillLambda(const RestorePlan& plan, uint32_t channel, Tables* tables) {
  for (uint32_t i = 0; i < kRestoreBlock; i += 2 * kLanes) {
    const LambdaBytes l0 = LambdaOf(plan, 0, channel + i), l1 = LambdaOf(plan, 1, channel + i), l2 = LambdaOf(plan, 2, channel + i);
    StoreWordPairs(l0.low, l1.low, tables->pair + i);
    StoreWordPairs(l0.high, l1.high, tables->pair + i + kLanes);
    StoreWordPairs(l2.low, _mm_setzero_si128(), tables->single + i);
    StoreWordPairs(l2.high, _mm_setzero_si128(), tables->single + i + kLanes);
  }
}

// Eight bytes as dwords; of `count` there are.
PENUMBRA_LANE __m256i Widened(const uint8_t* bytes, uint32_t count) {
  if (count >= kLanes) return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes)));
  uint64_t few = 0;
  for (uint32_t i = 0; i < count; ++i) few |= uint64_t{bytes[i]} << (8 * i);
  return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(static_cast<int64_t>(few)));
}

// Control of vpshufb that rearranges the bytes of every dword alike; 0x80: zero.
PENUMBRA_LANE __m256i EachDword(uint32_t order) {
  const __m256i dword = _mm256_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c, 0, 0x04040404, 0x08080808, 0x0c0c0c0c);
  return _mm256_or_si256(dword, _mm256_set1_epi32(static_cast<int32_t>(order)));
}

// The words (v0, v1) and (v2, 0) of eight channels.
struct Words {
  __m256i pair, single;
};

PENUMBRA_LANE Words Unmix(const Tables& tables, uint32_t lane) {
  const __m256i left = Load(tables.left + lane), right = Load(tables.right + lane);
  const __m256i order01 = EachDword(0x03010200), order2 = EachDword(0x80800200);
  const __m256i both01 = _mm256_blend_epi16(left, _mm256_slli_epi32(right, 16), 0xaa);
  const __m256i both2 = _mm256_blend_epi16(_mm256_srli_epi32(left, 16), right, 0xaa);
  return {_mm256_maddubs_epi16(_mm256_shuffle_epi8(both01, order01), Load(tables.pair[lane])),
          _mm256_maddubs_epi16(_mm256_shuffle_epi8(both2, order2), Load(tables.single[lane]))};
}

PENUMBRA_LANE Words WithoutPad(const RestoreJob& job, uint32_t primes, const Words& v, size_t at, uint32_t count) {
  const uint8_t* pad = job.pad + at;
  __m256i pair = Widened(pad, count), single = _mm256_setzero_si256();
  if (primes > 1) pair = _mm256_or_si256(pair, _mm256_slli_epi32(Widened(pad + job.pad_plane_size, count), 16));
  if (primes > 2) single = Widened(pad + 2 * job.pad_plane_size, count);
  return {_mm256_sub_epi16(v.pair, pair), _mm256_sub_epi16(v.single, single)};
}

PENUMBRA_LANE __m256i Decode(const RestorePlan& plan, const Constants& constants, const Words& v, uint32_t channel) {
  const __m256i one = _mm256_set1_epi16(1);
  const auto dot = [](__m256i sum, __m256i a, __m256i b) { return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b)); };
  const __m256i all = dot(_mm256_madd_epi16(v.single, one), v.pair, one);
  const __m256i high = _mm256_and_si256(_mm256_slli_epi32(all, 16), constants.high);
  __m256i sum = _mm256_sub_epi32(high, Load(plan.window_residue_narrow + channel));
  sum = dot(dot(sum, v.pair, constants.low_pair), v.single, constants.low_single);
  __m256i q = Load(plan.chunks.quotient_start + channel);
  q = dot(dot(q, v.pair, constants.quotient_pair), v.single, constants.quotient_single);
  q = _mm256_srai_epi32(q, kQuotientBits);
  const __m256i distance = _mm256_sub_epi32(sum, _mm256_mullo_epi32(q, constants.modulus));
  const __m256i less = _mm256_sub_epi32(distance, constants.modulus);
  return _mm256_add_epi32(_mm256_min_epu32(less, distance), Load(plan.window_begin_narrow + channel));
}

PENUMBRA_LANE __m256 Activated(const RestoreJob& job, __m256 y, __m256 addend) {
  if (job.addend != nullptr) y = _mm256_add_ps(y, addend);
  // A maximum would lose NaN or keep -0.
  return job.relu ? _mm256_and_ps(y, _mm256_cmp_ps(y, _mm256_setzero_ps(), _CMP_NLE_UQ)) : y;
}

PENUMBRA_LANE void Write(const RestoreJob& job, const RestorePlan& plan, __m256i integers, uint32_t channel, size_t at,
                         uint32_t count) {
  if (job.out_y != nullptr) {
    const __m256 y = _mm256_fmadd_ps(_mm256_cvtepi32_ps(integers), _mm256_loadu_ps(plan.scale + channel),
                                     _mm256_loadu_ps(plan.bias + channel));
    if (count >= kLanes) {
      const __m256 addend = job.addend != nullptr ? _mm256_loadu_ps(job.addend + at) : _mm256_setzero_ps();
      _mm256_storeu_ps(job.out_y + at, Activated(job, y, addend));
    } else {
      const __m256i lanes = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int32_t>(count)),
                                               _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
      const __m256 addend = job.addend != nullptr ? _mm256_maskload_ps(job.addend + at, lanes) : _mm256_setzero_ps();
      _mm256_maskstore_ps(job.out_y + at, lanes, Activated(job, y, addend));
    }
  }
  if (job.out_integer != nullptr) {
    alignas(32) int32_t few[kLanes];
    _mm256_store_si256(reinterpret_cast<__m256i*>(few), integers);
    for (uint32_t i = 0; i < count && i < kLanes; ++i) job.out_integer[at + i] = few[i];
  }
}

// What every call of RestoreChannels shares: copies that nothing else points to, so that stores cannot change them.
struct Restorer {
  RestoreJob job;
  RestorePlan plan;
  Constants constants;
};

// Channels [channel, channel + count) of one pixel, at most a block; reply: its part of the table.
PENUMBRA_LANE void RestoreChannels(const Restorer& r, const uint32_t* reply, size_t pixel, uint32_t channel, uint32_t count,
                                   Tables* tables) {
  const uint16_t* a = r.plan.a + channel;
  const uint16_t* b = r.plan.b + channel;
  for (uint32_t i = 0; i < kRestoreBlock; ++i) {
    tables->left[i] = reply[a[i]];
    tables->right[i] = reply[b[i]];
  }
  const size_t first = pixel * r.plan.channel_count + channel;
  for (uint32_t lane = 0; lane < count; lane += kLanes) {
    Words v = Unmix(*tables, lane);
    if (r.job.pad != nullptr) v = WithoutPad(r.job, r.plan.prime_count, v, first + lane, count - lane);
    Write(r.job, r.plan, Decode(r.plan, r.constants, v, channel + lane), channel + lane, first + lane, count - lane);
  }
}

}  // namespace

void Restore(const RestoreJob& job) {
  const uint32_t reply_channels = job.plan->reply_channel_count;
  if (job.plan->b == nullptr || job.plan->prime_count > kNarrowPrimes || reply_channels > kTableSize) {
    return avx2::Restore(job);
  }
  const Restorer r = {job, *job.plan, MakeDecodeConstants<Lanes>(*job.plan)};
  const size_t together = kTableSize / reply_channels;  // pixels
  Tables tables;
  for (size_t pixel = 0; pixel < r.job.pixel_count; pixel += together) {
    const size_t left = r.job.pixel_count - pixel, pixels = left < together ? left : together;
    for (size_t i = 0; i < pixels; ++i) FillReply(r.job, pixel + i, tables.reply + i * reply_channels);
    for (uint32_t channel = 0; channel < r.plan.channel_count; channel += kRestoreBlock) {
      const uint32_t rest = r.plan.channel_count - channel, count = rest < kRestoreBlock ? rest : kRestoreBlock;
      FillLambda(r.plan, channel, &tables);
      for (size_t i = 0; i < pixels; ++i) {
        RestoreChannels(r, tables.reply + i * reply_channels, pixel + i, channel, count, &tables);
      }
    }
  }
}

}  // namespace penumbra::PENUMBRA_ISA
