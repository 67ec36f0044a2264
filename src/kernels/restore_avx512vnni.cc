// The restore with byte permutations (VBMI) and word dot products (VNNI), up to three primes.
#include <immintrin.h>

#include "kernels/isa.h"
#include "kernels/isa_extras.h"
#include "kernels/restore_plan.h"
#include "kernels/restore_words.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

inline constexpr uint32_t kVectorSize = 64;

struct Lanes {
  using Vector = __m512i;
  PENUMBRA_LANE Vector Repeat(int32_t dword) { return _mm512_set1_epi32(dword); }
};
using Constants = DecodeConstants<Lanes>;

// The reply bytes of one pixel and prime: whole vectors but for the last lookup.
struct ReplyRow {
  const uint8_t* bytes;
  uint32_t lookup_count;
  __mmask64 last_low, last_high;  // valid bytes of the last lookup
};

PENUMBRA_LANE __mmask64 FirstBytes(uint32_t count) {
  return count >= kVectorSize ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

// Where a pixel has few lookups, the tables of a chunk of channels stay in registers for all pixels. Where it has more, its
// reply would be loaded too often: one pass over it serves kWideChunks chunks (more spill).
inline constexpr uint32_t kChunkLookups = 3;
inline constexpr uint32_t kWideChunks = 2;

// found[c][k]: reply[a], reply[b] of chunk c, interleaved. A byte holds its index until the one lookup that serves it
// replaces it by what it found.
template <uint32_t kCount, uint32_t kChunks>
PENUMBRA_LANE void LookUp(const ReplyRow* rows, const uint64_t* select, const __m512i* index,
                          __m512i (*found)[kCount]) {
  const uint32_t lookups = rows[0].lookup_count, last = lookups - 1;
#pragma GCC unroll 3
  for (uint32_t k = 0; k < kCount; ++k) {
    const uint8_t* at = rows[k].bytes + last * kLookupSize;
    const __m512i low = _mm512_maskz_loadu_epi8(rows[k].last_low, at);
    const __m512i high = _mm512_maskz_loadu_epi8(rows[k].last_high, at + kVectorSize);
#pragma GCC unroll 2
    for (uint32_t c = 0; c < kChunks; ++c) {
      found[c][k] = _mm512_mask2_permutex2var_epi8(low, index[c], select[c * lookups + last], high);
    }
  }
  for (uint32_t t = 0; t < last; ++t) {
#pragma GCC unroll 3
    for (uint32_t k = 0; k < kCount; ++k) {
      const uint8_t* at = rows[k].bytes + t * kLookupSize;
      const __m512i low = _mm512_loadu_si512(at);
      const __m512i high = _mm512_loadu_si512(at + kVectorSize);
#pragma GCC unroll 2
      for (uint32_t c = 0; c < kChunks; ++c) {
        found[c][k] = _mm512_mask2_permutex2var_epi8(low, found[c][k], select[c * lookups + t], high);
      }
    }
  }
}

// Puts pad byte ChunkChannel(w) into word w.
struct PadOrder {
  alignas(kVectorSize) uint8_t bytes[kVectorSize];
};
constexpr PadOrder MakePadOrder() {
  PadOrder order{};
  for (uint32_t word = 0; word < kRestoreChunk; ++word) order.bytes[2 * word] = static_cast<uint8_t>(ChunkChannel(word));
  return order;
}
constexpr PadOrder kPadOrder = MakePadOrder();

// The tables of 16 channels.
struct HalfTables {
  __m512i residue, start, begin;
  __m512 scale, bias;
};

PENUMBRA_LANE HalfTables LoadHalf(const RestorePlan& plan, uint32_t channel) {
  return {_mm512_loadu_si512(plan.window_residue_narrow + channel),
          _mm512_loadu_si512(plan.chunks.quotient_start + channel),
          _mm512_loadu_si512(plan.window_begin_narrow + channel), _mm512_loadu_ps(plan.scale + channel),
          _mm512_loadu_ps(plan.bias + channel)};
}

// The tables of one chunk of 32 channels.
template <uint32_t kCount>
struct ChunkState {
  __m512i lambda[kCount];
  HalfTables half[2];
};

template <uint32_t kCount>
PENUMBRA_LANE ChunkState<kCount> LoadChunk(const RestorePlan& plan, uint32_t channel) {
  ChunkState<kCount> out;
#pragma GCC unroll 3
  for (uint32_t k = 0; k < kCount; ++k) {
    out.lambda[k] = _mm512_loadu_si512(plan.chunks.lambda + 2 * (size_t{k} * plan.padded_count + channel));
  }
  out.half[0] = LoadHalf(plan, channel);
  out.half[1] = LoadHalf(plan, channel + 16);
  return out;
}

// Y of 16 channels from their words (v0, v1) and (v2, 0) and the high part of S.
PENUMBRA_LANE __m512i Decode(const HalfTables& t, const Constants& constants, __m512i pair, __m512i single,
                             __m512i high) {
  __m512i sum = _mm512_sub_epi32(high, t.residue);
  sum = _mm512_dpwssd_epi32(sum, pair, constants.low_pair);
  sum = _mm512_dpwssd_epi32(sum, single, constants.low_single);
  __m512i q = _mm512_dpwssd_epi32(t.start, pair, constants.quotient_pair);
  q = _mm512_dpwssd_epi32(q, single, constants.quotient_single);
  q = _mm512_srai_epi32(q, kQuotientBits);
  const __m512i distance = _mm512_sub_epi32(sum, _mm512_mullo_epi32(q, constants.modulus));
  const __m512i less = _mm512_sub_epi32(distance, constants.modulus);
  return _mm512_add_epi32(_mm512_min_epu32(less, distance), t.begin);
}

// at: element of the output; lanes: the channels there are.
template <bool kWhole>
PENUMBRA_LANE void Write(const RestoreJob& job, const HalfTables& t, size_t at, __mmask16 lanes, __m512i y) {
  if (kWhole || job.out_y != nullptr) {
    __m512 real = _mm512_fmadd_ps(_mm512_cvtepi32_ps(y), t.scale, t.bias);
    if (job.addend != nullptr) {
      const float* addend = job.addend + at;
      real = _mm512_add_ps(real, kWhole ? _mm512_loadu_ps(addend) : _mm512_maskz_loadu_ps(lanes, addend));
    }
    // A maximum would lose NaN or keep -0.
    if (job.relu) real = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(real, _mm512_setzero_ps(), _CMP_NLE_UQ), real);
    if (kWhole) return _mm512_storeu_ps(job.out_y + at, real);
    _mm512_mask_storeu_ps(job.out_y + at, lanes, real);
  }
  if (job.out_integer != nullptr) {
    const __m512i low = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(y));
    const __m512i high = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(y, 1));
    _mm512_mask_storeu_epi64(job.out_integer + at, static_cast<__mmask8>(lanes), low);
    _mm512_mask_storeu_epi64(job.out_integer + at + 8, static_cast<__mmask8>(lanes >> 8), high);
  }
}

// kCount primes: the words v_k of one chunk, then their decoding. at: its first element in pad and output planes; valid: the
// channels there are. kWhole: all 32 of them, masked, and only y is wanted.
template <uint32_t kCount, bool kWhole>
PENUMBRA_LANE void RestoreChunk(const RestoreJob& job, const ChunkState<kCount>& t, const Constants& constants,
                                const __m512i* found, __m512i pad_order, size_t at, __mmask32 valid) {
  constexpr uint64_t kEvenBytes = 0x5555555555555555u;
  __m512i v[kNarrowPrimes] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
#pragma GCC unroll 3
  for (uint32_t k = 0; k < kCount; ++k) {
    v[k] = _mm512_maddubs_epi16(found[k], t.lambda[k]);
    if (kWhole || job.pad != nullptr) {
      const auto* pad = reinterpret_cast<const __m256i*>(job.pad + k * job.pad_plane_size + at);
      const __m256i bytes = kWhole ? _mm256_loadu_si256(pad) : _mm256_maskz_loadu_epi8(valid, pad);
      v[k] = _mm512_sub_epi16(v[k], _mm512_maskz_permutexvar_epi8(kEvenBytes, pad_order, _mm512_castsi256_si512(bytes)));
    }
  }
  const __m512i zero = _mm512_setzero_si512();
  const __m512i sum = _mm512_add_epi16(_mm512_add_epi16(v[0], v[1]), v[2]);
  const __m512i high = _mm512_and_si512(sum, constants.high);
  Write<kWhole>(job, t.half[0], at, static_cast<__mmask16>(valid),
                Decode(t.half[0], constants, _mm512_unpacklo_epi16(v[0], v[1]), _mm512_unpacklo_epi16(v[2], zero),
                       _mm512_unpacklo_epi16(zero, high)));
  Write<kWhole>(job, t.half[1], at + 16, static_cast<__mmask16>(valid >> 16),
                Decode(t.half[1], constants, _mm512_unpackhi_epi16(v[0], v[1]), _mm512_unpackhi_epi16(v[2], zero),
                       _mm512_unpackhi_epi16(zero, high)));
}

// What every chunk of a call shares.
struct Restorer {
  RestoreJob job;  // copies that nothing else points to: stores cannot change them
  RestorePlan plan;
  Constants constants;
  __m512i pad_order;
  __mmask64 last_low, last_high;
};

Restorer MakeRestorer(const RestoreJob& job) {
  const RestorePlan& plan = *job.plan;
  const uint32_t last = plan.reply_channel_count - (plan.chunks.lookup_count - 1) * kLookupSize;
  return {job,        plan,
          MakeDecodeConstants<Lanes>(plan), _mm512_load_si512(kPadOrder.bytes),
          FirstBytes(last),    last > kVectorSize ? FirstBytes(last - kVectorSize) : 0};
}

template <uint32_t kCount>
PENUMBRA_LANE void RowsOf(const Restorer& r, size_t pixel, ReplyRow* out) {
  for (uint32_t k = 0; k < kCount; ++k) {
    out[k] = {r.job.reply + k * r.job.reply_plane_size + pixel * r.job.reply_stride,
              r.plan.chunks.lookup_count, r.last_low, r.last_high};
  }
}

// kChunks chunks of one pixel from `channel` on; count: channels left, at most.
template <uint32_t kCount, uint32_t kChunks, bool kWhole>
PENUMBRA_LANE void RestoreRun(const Restorer& r, const ReplyRow* rows, size_t pixel, uint32_t channel,
                              uint32_t count) {
  __m512i index[kChunks], found[kChunks][kCount];
#pragma GCC unroll 2
  for (uint32_t c = 0; c < kChunks; ++c) {
    index[c] = _mm512_loadu_si512(r.plan.chunks.index + 2 * (size_t{channel} + c * kRestoreChunk));
  }
  const uint64_t* select = r.plan.chunks.select + size_t{channel / kRestoreChunk} * r.plan.chunks.lookup_count;
  LookUp<kCount, kChunks>(rows, select, index, found);
#pragma GCC unroll 2
  for (uint32_t c = 0; c < kChunks; ++c) {
    const uint32_t at = channel + c * kRestoreChunk;
    RestoreChunk<kCount, kWhole>(r.job, LoadChunk<kCount>(r.plan, at), r.constants, found[c], r.pad_order,
                                 pixel * r.plan.channel_count + at,
                                 static_cast<__mmask32>(FirstBytes(count - c * kRestoreChunk)));
  }
}

template <uint32_t kCount, bool kWhole>
void RestoreByPixel(const Restorer& shared) {
  const Restorer r = shared;
  for (size_t pixel = 0; pixel < r.job.pixel_count; ++pixel) {
    ReplyRow rows[kCount];
    RowsOf<kCount>(r, pixel, rows);
    uint32_t channel = 0;
    for (; channel + kWideChunks * kRestoreChunk <= r.plan.channel_count; channel += kWideChunks * kRestoreChunk) {
      RestoreRun<kCount, kWideChunks, kWhole>(r, rows, pixel, channel, kWideChunks * kRestoreChunk);
    }
    for (; channel < r.plan.channel_count; channel += kRestoreChunk) {
      RestoreRun<kCount, 1, kWhole>(r, rows, pixel, channel, r.plan.channel_count - channel);
    }
  }
}

template <uint32_t kCount, bool kWhole>
void RestoreByChunk(const Restorer& shared) {
  const Restorer r = shared;
  for (uint32_t channel = 0; channel < r.plan.channel_count; channel += kRestoreChunk) {
    const ChunkState<kCount> tables = LoadChunk<kCount>(r.plan, channel);
    const __m512i index = _mm512_loadu_si512(r.plan.chunks.index + 2 * size_t{channel});
    const uint64_t* select = r.plan.chunks.select + size_t{channel / kRestoreChunk} * r.plan.chunks.lookup_count;
    const auto valid = static_cast<__mmask32>(FirstBytes(r.plan.channel_count - channel));
    for (size_t pixel = 0; pixel < r.job.pixel_count; ++pixel) {
      ReplyRow rows[kCount];
      RowsOf<kCount>(r, pixel, rows);
      __m512i found[1][kCount];
      LookUp<kCount, 1>(rows, select, &index, found);
      RestoreChunk<kCount, kWhole>(r.job, tables, r.constants, found[0], r.pad_order,
                                   pixel * r.plan.channel_count + channel, valid);
    }
  }
}

template <uint32_t kCount, bool kWhole>
void RestoreAll(const Restorer& restorer) {
  restorer.plan.chunks.lookup_count <= kChunkLookups ? RestoreByChunk<kCount, kWhole>(restorer)
                                                     : RestoreByPixel<kCount, kWhole>(restorer);
}

template <uint32_t kCount>
void RestoreNarrow(const RestoreJob& job) {
  const Restorer restorer = MakeRestorer(job);
  const bool whole = restorer.plan.channel_count % kRestoreChunk == 0 && job.pad != nullptr && job.out_y != nullptr &&
                     job.out_integer == nullptr;
  whole ? RestoreAll<kCount, true>(restorer) : RestoreAll<kCount, false>(restorer);
}

}  // namespace

void CopyReply(const ReplyCopy& shared) {
  const ReplyCopy job = shared;  // a copy that the stores below cannot change
  const size_t whole = job.pixel_size / kVectorSize * kVectorSize;
  const __mmask64 rest = FirstBytes(static_cast<uint32_t>(job.pixel_size - whole));
  for (size_t pixel = 0; pixel < job.pixel_count; ++pixel) {
    const uint8_t* from = job.from + pixel * job.pixel_size;
    uint8_t* out = job.out + pixel * job.out_stride;
    for (size_t at = 0; at < whole; at += kVectorSize) _mm512_storeu_si512(out + at, _mm512_loadu_si512(from + at));
    if (rest != 0) _mm512_storeu_si512(out + whole, _mm512_maskz_loadu_epi8(rest, from + whole));
  }
}

void Restore(const RestoreJob& job) {
  if (job.plan->b == nullptr) return RestoreCovers(job);
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
