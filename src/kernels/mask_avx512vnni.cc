// Masking with byte permutations (VBMI): the residue of a level's upper byte is looked up, so that everything else
// is arithmetic on 64 bytes at once.
#include <immintrin.h>

#include "boundary/geometry.h"
#include "boundary/limits.h"
#include "kernels/isa.h"
#include "kernels/isa_extras.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

inline constexpr uint32_t kVectorSize = 64;
inline constexpr uint32_t kGroup = 3;  // primes whose tables stay in registers together

// upper[k][h] = p_k - (256 * h mod p_k), in [1, p_k], for the upper byte h of an s16, as it stands in memory.
struct UpperTables {
  alignas(kVectorSize) uint8_t upper[kMaxPrimes][256];
};

constexpr UpperTables MakeUpperTables() {
  UpperTables out{};
  for (uint32_t k = 0; k < kMaxPrimes; ++k) {
    const int32_t p = kPrimes[k];
    for (int32_t h = 0; h < 256; ++h) {
      const int32_t residue = (h < 128 ? h : h - 256) * 256 % p;
      out.upper[k][h] = static_cast<uint8_t>(p - (residue < 0 ? residue + p : residue));
    }
  }
  return out;
}
constexpr UpperTables kUpperTables = MakeUpperTables();

struct PrimeTable {
  __m512i quarter[4];
  __m512i prime;
};

PrimeTable LoadTable(uint32_t k) {
  const uint8_t* upper = kUpperTables.upper[k];
  return {{_mm512_load_si512(upper), _mm512_load_si512(upper + kVectorSize), _mm512_load_si512(upper + 2 * kVectorSize),
           _mm512_load_si512(upper + 3 * kVectorSize)},
          _mm512_set1_epi8(static_cast<char>(kPrimes[k]))};
}

// 64 levels as two vectors of bytes.
struct Levels {
  __m512i lower, upper;
  __mmask64 upper_negative;  // the upper byte lies in the second half of the table
};

PENUMBRA_LANE __mmask64 FirstBytes(uint64_t count) {
  return count >= kVectorSize ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

PENUMBRA_LANE Levels LoadLevels(const int16_t* levels, __mmask64 inside, __m512i even, __m512i odd) {
  const __m512i first = _mm512_maskz_loadu_epi16(static_cast<__mmask32>(inside), levels);
  const __m512i second = _mm512_maskz_loadu_epi16(static_cast<__mmask32>(inside >> 32), levels + 32);
  const __m512i upper = _mm512_permutex2var_epi8(first, odd, second);
  return {_mm512_permutex2var_epi8(first, even, second), upper, _mm512_movepi8_mask(upper)};
}

// a - b mod p for a in [0, p), b in [0, p].
PENUMBRA_LANE __m512i Subtract(__m512i a, __m512i b, __m512i prime) {
  const __mmask64 borrow = _mm512_cmplt_epu8_mask(a, b);
  const __m512i difference = _mm512_sub_epi8(a, b);
  return _mm512_mask_add_epi8(difference, borrow, difference, prime);
}

PENUMBRA_LANE __m512i Residues(const Levels& levels, const PrimeTable& t) {
  const __m512i low = _mm512_permutex2var_epi8(t.quarter[0], levels.upper, t.quarter[1]);
  const __m512i high = _mm512_permutex2var_epi8(t.quarter[2], levels.upper, t.quarter[3]);
  const __m512i upper = _mm512_mask_blend_epi8(levels.upper_negative, low, high);
  // The lower byte is below 2 p: where it is below p, the difference wraps to a larger number.
  const __m512i lower = _mm512_min_epu8(levels.lower, _mm512_sub_epi8(levels.lower, t.prime));
  return Subtract(lower, upper, t.prime);
}

template <uint32_t kCount>
void MaskGroup(const MaskJob& shared_job, uint32_t first) {
  const MaskJob job = shared_job;  // a copy that the stores below cannot change
  const auto* levels = static_cast<const int16_t*>(job.levels);
  PrimeTable tables[kCount];
  for (uint32_t k = 0; k < kCount; ++k) tables[k] = LoadTable(first + k);
  alignas(kVectorSize) uint8_t order[kVectorSize];
  for (uint32_t i = 0; i < kVectorSize; ++i) order[i] = static_cast<uint8_t>(2 * i);
  const __m512i even = _mm512_load_si512(order);
  const __m512i odd = _mm512_or_si512(even, _mm512_set1_epi8(1));
  for (size_t at = 0; at < job.count; at += kVectorSize) {
    const __mmask64 inside = FirstBytes(job.count - at);
    const Levels block = LoadLevels(levels + at, inside, even, odd);
#pragma GCC unroll 3
    for (uint32_t k = 0; k < kCount; ++k) {
      __m512i out = Residues(block, tables[k]);
      if (job.pads != nullptr) {
        const __m512i pad = _mm512_maskz_loadu_epi8(inside, job.pads + (first + k) * job.pad_plane_size + at);
        out = Subtract(out, _mm512_sub_epi8(tables[k].prime, pad), tables[k].prime);
      }
      _mm512_mask_storeu_epi8(job.out + (first + k) * job.out_plane_size + at, inside, out);
      if (job.sent != nullptr) {
        _mm512_mask_storeu_epi8(job.sent + (first + k) * job.sent_plane_size + at, inside, out);
      }
    }
  }
}

inline constexpr uint32_t kPermuteChunk = 32;   // channels handled at once, one word each
inline constexpr uint32_t kPermuteLookup = 64;  // words one vpermi2w looks up
// Beyond so many the loops are faster.
inline constexpr uint32_t kMaxPermuteLookups = 16;

// Channels [channel, channel + kPermuteChunk) of every pixel.
void PermuteChunk(const PermuteJob& shared_job, uint32_t channel) {
  const PermuteJob job = shared_job;
  const uint32_t lookups = (job.channels + kPermuteLookup - 1) / kPermuteLookup;
  const auto inside = static_cast<__mmask32>(FirstBytes(job.channels - channel));
  const __m512i index = _mm512_maskz_loadu_epi16(inside, job.perm + channel);
  const __m512i lookup = _mm512_srli_epi16(index, 6);
  __mmask32 served[kMaxPermuteLookups];
  for (uint32_t l = 0; l < lookups; ++l) {
    served[l] = _mm512_cmpeq_epi16_mask(lookup, _mm512_set1_epi16(static_cast<int16_t>(l)));
  }
  const uint32_t last = (lookups - 1) * kPermuteLookup;
  const uint64_t valid = FirstBytes(job.channels - last);
  for (uint32_t pixel = 0; pixel < job.pixels; ++pixel) {
    const int16_t* from = job.in + size_t{pixel} * job.channels;
    const __m512i low = _mm512_maskz_loadu_epi16(static_cast<__mmask32>(valid), from + last);
    const __m512i high = _mm512_maskz_loadu_epi16(static_cast<__mmask32>(valid >> 32), from + last + 32);
    __m512i found = _mm512_maskz_permutex2var_epi16(served[lookups - 1], low, index, high);
    for (uint32_t l = 0; l + 1 < lookups; ++l) {
      const __m512i first = _mm512_loadu_si512(from + l * kPermuteLookup);
      const __m512i second = _mm512_loadu_si512(from + l * kPermuteLookup + 32);
      found = _mm512_or_si512(found, _mm512_maskz_permutex2var_epi16(served[l], first, index, second));
    }
    _mm512_mask_storeu_epi16(job.out + size_t{pixel} * job.channels + channel, inside, found);
  }
}

}  // namespace

void PermuteS16(const PermuteJob& job) {
  if (job.channels > kMaxPermuteLookups * kPermuteLookup) return avx512::PermuteS16(job);
  for (uint32_t channel = 0; channel < job.channels; channel += kPermuteChunk) PermuteChunk(job, channel);
}

void MaskS16(const MaskJob& job) {
  for (uint32_t k = 0; k < job.prime_count; k += kGroup) {
    switch (job.prime_count - k) {
      case 1:
        MaskGroup<1>(job, k);
        break;
      case 2:
        MaskGroup<2>(job, k);
        break;
      default:
        MaskGroup<kGroup>(job, k);
        break;
    }
  }
}

}  // namespace penumbra::PENUMBRA_ISA
