// Pad making with byte permutations (VBMI) and expansions (VBMI2).
#include <immintrin.h>

#include "boundary/limits.h"
#include "kernels/isa.h"
#include "kernels/isa_extras.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

inline constexpr uint32_t kVectorSize = 64;
inline constexpr uint32_t kLookupSize = 2 * kVectorSize;  // bytes one vpermi2b looks up
inline constexpr uint32_t kChunk = 32;                    // channels handled at once, one word each
// Replies of more than 4096 channels are left to the loops.
inline constexpr uint32_t kMaxLookups = 32;

PENUMBRA_LANE __mmask64 FirstBytes(uint64_t count) {
  return count >= kVectorSize ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

// Where the pairs (a, b) of one chunk of channels stand, as WriteChunk of restore.cc lays them out but in the
// channels' own order: word w is channel w.
struct Chunk {
  __m512i index;                  // position within its lookup
  __mmask64 served[kMaxLookups];  // which positions a lookup serves
  __m512i lambda;                 // (lambda, -lambda), centred
};

void MakeChunk(const UnmixJob& job, uint32_t begin, uint32_t count, uint32_t lookups, Chunk* out) {
  alignas(kVectorSize) uint8_t index[kVectorSize] = {};
  alignas(kVectorSize) int8_t lambda[kVectorSize] = {};
  for (uint32_t t = 0; t < lookups; ++t) out->served[t] = 0;
  for (uint32_t w = 0; w < count; ++w) {
    const uint16_t a = job.a[begin + w], b = job.b[begin + w];
    const int32_t l = job.lambda[begin + w];
    const int32_t centred = 2 * l > job.prime ? l - job.prime : l;
    index[2 * w] = static_cast<uint8_t>(a % kLookupSize);
    out->served[a / kLookupSize] |= uint64_t{1} << (2 * w);
    lambda[2 * w] = static_cast<int8_t>(centred);
    if (b == kNoPartner) continue;
    index[2 * w + 1] = static_cast<uint8_t>(b % kLookupSize);
    out->served[b / kLookupSize] |= uint64_t{2} << (2 * w);
    lambda[2 * w + 1] = static_cast<int8_t>(-centred);
  }
  out->index = _mm512_load_si512(index);
  out->lambda = _mm512_load_si512(lambda);
}

// Canonical residues of 32 words: the formula of ReduceNarrowLane (residue_loops.cc).
struct WordReducer {
  __m512i prime, reciprocal, origin;
};

WordReducer MakeWordReducer(uint32_t p) {
  const auto words = [](uint32_t word) { return _mm512_set1_epi16(static_cast<int16_t>(word)); };
  return {words(p), words((uint32_t{1} << 23) / p), words((p - 32768 % p) % p)};
}

PENUMBRA_LANE __m512i Reduce(__m512i value, const WordReducer& r) {
  const __m512i t = _mm512_xor_si512(value, _mm512_set1_epi16(static_cast<int16_t>(0x8000)));
  const __m512i q = _mm512_srli_epi16(_mm512_mulhi_epu16(t, r.reciprocal), 7);
  const __m512i rest = _mm512_sub_epi16(t, _mm512_mullo_epi16(q, r.prime));
  const __m512i once = _mm512_min_epu16(rest, _mm512_sub_epi16(rest, r.prime));
  const __m512i moved = _mm512_add_epi16(once, r.origin);
  return _mm512_min_epu16(moved, _mm512_sub_epi16(moved, r.prime));
}

PENUMBRA_LANE __m512i LookUp(const uint8_t* in, uint32_t wide, uint32_t lookups, const Chunk& chunk) {
  __m512i found = _mm512_setzero_si512();
  for (uint32_t t = 0; t < lookups; ++t) {
    const uint32_t left = wide - t * kLookupSize;
    const uint8_t* from = in + t * kLookupSize;
    const __m512i low = _mm512_maskz_loadu_epi8(FirstBytes(left), from);
    const __mmask64 upper = left > kVectorSize ? FirstBytes(left - kVectorSize) : 0;
    const __m512i high = _mm512_maskz_loadu_epi8(upper, from + kVectorSize);
    const __m512i hit = _mm512_maskz_permutex2var_epi8(chunk.served[t], low, chunk.index, high);
    found = _mm512_or_si512(found, hit);
  }
  return found;
}

// Accepted bytes of the spare stream, gathered ahead of their use: what one block consumes is then known from its
// rejections alone, and blocks do not wait for one another.
class SparePool {
 public:
  explicit SparePool(const PadFill& fill)
      : spare_(fill.spare), count_(fill.spare_count), prime_(_mm512_set1_epi8(static_cast<char>(fill.prime))) {}

  // The next bytes, a whole vector unless the spare stream ends before.
  __m512i Peek() {
    while (end_ - begin_ < kVectorSize && scanned_ < count_) Refill();
    return _mm512_loadu_si512(pool_ + begin_);
  }
  uint32_t ready() const { return end_ - begin_; }
  void Take(uint32_t count) { begin_ += count; }

  // Bytes of the stream up to the last one taken.
  size_t Consumed(uint16_t prime) const {
    size_t at = scanned_;
    for (uint32_t untaken = ready(); untaken != 0;) untaken -= spare_[--at] < prime ? 1 : 0;
    while (at != 0 && spare_[at - 1] >= prime) --at;
    return at;
  }

 private:
  void Refill() {
    const __m512i kept = _mm512_loadu_si512(pool_ + begin_);
    end_ -= begin_;
    begin_ = 0;
    _mm512_store_si512(pool_, kept);
    const __mmask64 left = FirstBytes(count_ - scanned_);
    const __m512i bytes = _mm512_maskz_loadu_epi8(left, spare_ + scanned_);
    const __mmask64 accepted = _mm512_mask_cmplt_epu8_mask(left, bytes, prime_);
    _mm512_storeu_si512(pool_ + end_, _mm512_maskz_compress_epi8(accepted, bytes));
    end_ += static_cast<uint32_t>(__builtin_popcountll(accepted));
    scanned_ += count_ - scanned_ < kVectorSize ? count_ - scanned_ : kVectorSize;
  }

  // Fewer than kVectorSize kept bytes, one vector behind them, and room to read a vector from any begin_.
  alignas(kVectorSize) uint8_t pool_[3 * kVectorSize] = {};
  const uint8_t* spare_;
  size_t count_, scanned_ = 0;
  uint32_t begin_ = 0, end_ = 0;
  __m512i prime_;
};

// Position of the rejected candidate number `index`.
uint32_t PositionOf(uint64_t rejected, uint32_t index) {
  return static_cast<uint32_t>(__builtin_ctzll(_pdep_u64(uint64_t{1} << index, rejected)));
}

}  // namespace

void Unmix(const UnmixJob& job) {
  const uint32_t lookups = (job.wide + kLookupSize - 1) / kLookupSize;
  if (lookups > kMaxLookups) return avx512::Unmix(job);
  const WordReducer reducer = MakeWordReducer(job.prime);
  for (uint32_t begin = 0; begin < job.m; begin += kChunk) {
    const uint32_t count = job.m - begin < kChunk ? job.m - begin : kChunk;
    const auto valid = static_cast<__mmask32>(FirstBytes(count));
    Chunk chunk;
    MakeChunk(job, begin, count, lookups, &chunk);
    for (uint64_t pixel = 0; pixel < job.pixels; ++pixel) {
      const __m512i pairs = LookUp(job.in + pixel * job.wide, job.wide, lookups, chunk);
      const __m512i mixed = _mm512_maddubs_epi16(pairs, chunk.lambda);
      const __m256i bytes = _mm512_cvtepi16_epi8(Reduce(mixed, reducer));
      _mm256_mask_storeu_epi8(job.out + pixel * job.m + begin, valid, bytes);
    }
  }
}

bool FillPads(PadFill* fill) {
  const PadFill job = *fill;  // a copy that the stores below cannot change
  const __m512i prime = _mm512_set1_epi8(static_cast<char>(job.prime));
  SparePool pool(job);
  for (size_t begin = job.next_index; begin < job.count; begin += kVectorSize) {
    const __mmask64 inside = FirstBytes(job.count - begin);
    const __m512i candidates = _mm512_maskz_loadu_epi8(inside, job.row + begin);
    const uint64_t rejected = _mm512_mask_cmpge_epu8_mask(inside, candidates, prime);
    const __m512i fresh = _mm512_mask_expand_epi8(candidates, rejected, pool.Peek());
    const auto wanted = static_cast<uint32_t>(__builtin_popcountll(rejected));
    if (wanted > pool.ready()) {
      const uint32_t missing = PositionOf(rejected, pool.ready());
      _mm512_mask_storeu_epi8(job.row + begin, FirstBytes(missing), fresh);
      fill->next_index = begin + missing;
      fill->spare_used = job.spare_count;
      return false;
    }
    pool.Take(wanted);
    _mm512_mask_storeu_epi8(job.row + begin, inside, fresh);
  }
  fill->next_index = job.count;
  fill->spare_used = pool.Consumed(job.prime);
  return true;
}

}  // namespace penumbra::PENUMBRA_ISA
