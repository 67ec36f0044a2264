// Residues of sums and levels, masking and pad sampling, compiled once per instruction set.
#include <cstring>

#include "boundary/limits.h"
#include "kernels/cover_lanes.h"
#include "kernels/isa_entries.h"
#include "kernels/lane_math.h"
#include "kernels/reduce_lanes.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

void MaskPlaneS16(const int16_t* levels, const uint8_t* pads, size_t count, uint16_t prime,
                  uint8_t* out) {
  const NarrowReducer r = MakeNarrowReducer(prime);
  PENUMBRA_INDEPENDENT
  for (size_t i = 0; i < count; ++i) {
    const auto sum = static_cast<uint16_t>(ReduceNarrowLane(levels[i], r) + pads[i]);
    out[i] = static_cast<uint8_t>(Lesser(sum, static_cast<uint16_t>(sum - prime)));
  }
}

void MaskPlaneS32(const int32_t* levels, const uint8_t* pads, size_t count, uint16_t prime,
                  uint8_t* out) {
  const Reducer r = MakeReducer(prime);
  PENUMBRA_INDEPENDENT
  for (size_t i = 0; i < count; ++i) {
    const uint32_t sum = ReduceLane(levels[i], r) + pads[i];
    const uint32_t less = sum - r.prime;
    out[i] = static_cast<uint8_t>(less < sum ? less : sum);
  }
}

void ResiduePlaneS16(const int16_t* levels, size_t count, uint16_t prime, uint8_t* out) {
  const NarrowReducer r = MakeNarrowReducer(prime);
  PENUMBRA_INDEPENDENT
  for (size_t i = 0; i < count; ++i) {
    out[i] = static_cast<uint8_t>(ReduceNarrowLane(levels[i], r));
  }
}

}  // namespace

void ReduceMod(const int32_t* sums, size_t count, uint16_t prime, uint8_t* out) {
  const Reducer r = MakeReducer(prime);
  PENUMBRA_INDEPENDENT
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<uint8_t>(ReduceLane(sums[i], r));
}

void PermuteS16(const PermuteJob& job) {
  for (uint32_t pixel = 0; pixel < job.pixels; ++pixel) {
    const int16_t* in = job.in + size_t{pixel} * job.channels;
    int16_t* out = job.out + size_t{pixel} * job.channels;
    for (uint32_t c = 0; c < job.channels; ++c) out[c] = in[job.perm[c]];
  }
}

void MaskS16(const MaskJob& job) {
  const auto* levels = static_cast<const int16_t*>(job.levels);
  for (uint32_t k = 0; k < job.prime_count; ++k) {
    uint8_t* out = job.out + k * job.out_plane_size;
    if (job.pads == nullptr) {
      ResiduePlaneS16(levels, job.count, kPrimes[k], out);
    } else {
      MaskPlaneS16(levels, job.pads + k * job.pad_plane_size, job.count, kPrimes[k], out);
    }
    if (job.sent != nullptr) std::memcpy(job.sent + k * job.sent_plane_size, out, job.count);
  }
}

void MaskS32(const MaskJob& job) {
  const auto* levels = static_cast<const int32_t*>(job.levels);
  for (uint32_t k = 0; k < job.prime_count; ++k) {
    uint8_t* out = job.out + k * job.out_plane_size;
    if (job.pads == nullptr) {
      ReduceMod(levels, job.count, kPrimes[k], out);
    } else {
      MaskPlaneS32(levels, job.pads + k * job.pad_plane_size, job.count, kPrimes[k], out);
    }
    if (job.sent != nullptr) std::memcpy(job.sent + k * job.sent_plane_size, out, job.count);
  }
}

void Unmix(const UnmixJob& job) {
  constexpr uint32_t kBlock = 64;
  const NarrowReducer r = MakeNarrowReducer(job.prime);
  for (uint64_t pixel = 0; pixel < job.pixels; ++pixel) {
    const uint8_t* in = job.in + pixel * job.wide;
    uint8_t* out = job.out + pixel * job.m;
    for (uint32_t begin = 0; begin < job.m; begin += kBlock) {
      const uint32_t count = job.m - begin < kBlock ? job.m - begin : kBlock;
      int16_t difference[kBlock];
      for (uint32_t i = 0; i < count; ++i) {
        const uint16_t b = job.b[begin + i];
        difference[i] = static_cast<int16_t>(in[job.a[begin + i]] - (b == kNoPartner ? 0 : in[b]));
      }
      PENUMBRA_INDEPENDENT
      for (uint32_t i = 0; i < count; ++i) {
        // Centred: the product stays within 16 bits.
        const int16_t lambda = job.lambda[begin + i];
        const int16_t centred = static_cast<int16_t>(2 * lambda > r.prime ? lambda - r.prime : lambda);
        const auto product = static_cast<int16_t>(difference[i] * centred);
        out[begin + i] = static_cast<uint8_t>(ReduceNarrowLane(product, r));
      }
    }
  }
}

void UnmixCovers(const UnmixCoversJob& job) {
  constexpr uint32_t kBlock = 64;
  const Reducer r = MakeReducer(job.prime);
  for (uint32_t begin = 0; begin < job.m; begin += kBlock) {
    const uint32_t count = job.m - begin < kBlock ? job.m - begin : kBlock;
    CoverTerm terms[kBlock];
    uint32_t factors[kBlock];
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t channel = begin + i;
      terms[i] = MakeCoverTerm(job.a[channel], job.group_rows, job.m, job.lambda + kCoverSize * channel, job.prime);
      factors[i] = terms[i].factors;
    }
    for (uint64_t pixel = 0; pixel < job.pixels; ++pixel) {
      const CoverPixel in(job.in + pixel * job.m, job.m);
      uint8_t* out = job.out + pixel * job.m + begin;
      uint32_t words[kBlock];
      for (uint32_t i = 0; i < count; ++i) words[i] = LoadCover(in.bytes + terms[i].begin);
      PENUMBRA_INDEPENDENT
      for (uint32_t i = 0; i < count; ++i) {
        out[i] = static_cast<uint8_t>(ReduceLane(CombineLane(words[i], factors[i]), r));
      }
    }
  }
}

bool FillPads(PadFill* fill) {
  constexpr size_t kBlock = 64;
  const auto prime = static_cast<uint8_t>(fill->prime);
  fill->spare_used = 0;
  size_t i = fill->next_index;
  while (i < fill->count) {
    const size_t end = fill->count - i < kBlock ? fill->count : i + kBlock;
    uint8_t largest = 0;
    PENUMBRA_INDEPENDENT
    for (size_t j = i; j < end; ++j) largest = fill->row[j] > largest ? fill->row[j] : largest;
    if (largest < prime) {
      i = end;
      continue;
    }
    for (; i < end; ++i) {
      while (fill->row[i] >= prime) {
        if (fill->spare_used == fill->spare_count) {
          fill->next_index = i;
          return false;
        }
        fill->row[i] = fill->spare[fill->spare_used++];
      }
    }
  }
  fill->next_index = fill->count;
  return true;
}

}  // namespace penumbra::PENUMBRA_ISA
