#include "accel/onednn/vnni_kernels.h"
#include "accel/onednn/vnni_reduce.h"

namespace penumbra::onednn {
namespace {

// The four taps of 64 channels as [channel][tap]: vector j holds, in its 128-bit lane l, channels
// 16 l + 4 j .. + 3.
struct Interleaved {
  __m512i of[4];
};

PENUMBRA_VNNI_INLINE Interleaved Interleave(__m512i t0, __m512i t1, __m512i t2, __m512i t3) {
  const __m512i low01 = _mm512_unpacklo_epi8(t0, t1), high01 = _mm512_unpackhi_epi8(t0, t1);
  const __m512i low23 = _mm512_unpacklo_epi8(t2, t3), high23 = _mm512_unpackhi_epi8(t2, t3);
  return {{_mm512_unpacklo_epi16(low01, low23), _mm512_unpackhi_epi16(low01, low23),
           _mm512_unpacklo_epi16(high01, high23), _mm512_unpackhi_epi16(high01, high23)}};
}

PENUMBRA_VNNI_INLINE __m512i Origin(const ModPlan& plan) {
  return _mm512_set1_epi32(static_cast<int32_t>(plan.origin));
}

PENUMBRA_VNNI_INLINE __mmask64 MaskOf(uint32_t channels) {
  return channels >= kDepthwiseBlock ? ~uint64_t{0} : (uint64_t{1} << channels) - 1;
}

// A masked store is slower than a plain one.
PENUMBRA_VNNI_INLINE void StoreBlock(__m512i bytes, __mmask64 mask, uint8_t* out) {
  if (mask == ~uint64_t{0}) {
    _mm512_storeu_si512(out, bytes);
  } else {
    _mm512_mask_storeu_epi8(out, mask, bytes);
  }
}

// Sums of 64 channels, as Interleaved deals them out.
struct Sums {
  __m512i of[4];
};

// sums + the products of four taps with one quad of weights.
PENUMBRA_VNNI_INLINE Sums AddQuad(const Sums& sums, const Interleaved& x, const int8_t* quad) {
  Sums out;
#pragma GCC unroll 4
  for (uint32_t j = 0; j < 4; ++j) {
    out.of[j] = DotBytes(sums.of[j], x.of[j], _mm512_load_si512(quad + j * kDepthwiseBlock));
  }
  return out;
}

PENUMBRA_VNNI_INLINE __m512i Reduce(const Sums& s, const ModVectors& m) {
  return ReduceInterleaved(s.of[0], s.of[1], s.of[2], s.of[3], m);
}

// One block of channels of a 3x3 kernel's output row: where it reads and what it multiplies with.
struct ColumnReader {
  const uint8_t* rows[3];
  size_t steps[3];  // bytes from pixel to pixel; 0 in the padding, where rows[y] are zeros
  const uint8_t* zeros;
  uint32_t in_w;
  __mmask64 mask;

  PENUMBRA_VNNI_INLINE Interleaved Read(const ColumnReader& from, int64_t x) {
    __m512i t[3];
    const bool inside = x >= 0 && x < int64_t{from.in_w};
#pragma GCC unroll 3
    for (uint32_t y = 0; y < 3; ++y) {
      const uint8_t* at =
          inside ? from.rows[y] + static_cast<size_t>(x) * from.steps[y] : from.zeros;
      t[y] = _mm512_maskz_loadu_epi8(from.mask, at);
    }
    return Interleave(t[0], t[1], t[2], _mm512_setzero_si512());
  }
};

constexpr size_t kQuadSize = size_t{kQuad} * kDepthwiseBlock;

// Stride 1: each interleaved column serves three outputs.
PENUMBRA_VNNI_INLINE void RunDense3x3(const ResidueDepthwiseJob& job, const ColumnReader& in,
                                      const int8_t* packed, const ModPlan& plan, uint8_t* out) {
  const ModVectors m = Broadcast(plan);
  const __m512i origin = Origin(plan);
  const Sums start = {{origin, origin, origin, origin}};
  int64_t x = -int64_t{job.pad_left};
  Sums next = AddQuad(start, ColumnReader::Read(in, x), packed);
  const Interleaved second = ColumnReader::Read(in, x + 1);
  Sums now = AddQuad(next, second, packed + kQuadSize);
  next = AddQuad(start, second, packed);
  x += 2;
  for (uint32_t i = 0; i < job.pixels; ++i, ++x, out += job.channels) {
    const Interleaved column = ColumnReader::Read(in, x);
    now = AddQuad(now, column, packed + 2 * kQuadSize);
    StoreBlock(Reduce(now, m), in.mask, out);
    now = AddQuad(next, column, packed + kQuadSize);
    next = AddQuad(start, column, packed);
  }
}

// Stride 2: every other column serves two outputs.
PENUMBRA_VNNI_INLINE void RunHalved3x3(const ResidueDepthwiseJob& job, const ColumnReader& in,
                                       const int8_t* packed, const ModPlan& plan, uint8_t* out) {
  const ModVectors m = Broadcast(plan);
  const __m512i origin = Origin(plan);
  const Sums start = {{origin, origin, origin, origin}};
  int64_t x = -int64_t{job.pad_left};
  Sums now = AddQuad(start, ColumnReader::Read(in, x), packed);
  for (uint32_t i = 0; i < job.pixels; ++i, x += 2, out += job.channels) {
    now = AddQuad(now, ColumnReader::Read(in, x + 1), packed + kQuadSize);
    const Interleaved shared = ColumnReader::Read(in, x + 2);
    now = AddQuad(now, shared, packed + 2 * kQuadSize);
    StoreBlock(Reduce(now, m), in.mask, out);
    now = AddQuad(start, shared, packed);
  }
}

void Run3x3(const ResidueDepthwiseJob& job) {
  const ModPlan plan = PlanMod(job.prime);
  const int8_t* packed = job.packed;
  for (uint32_t c = 0; c < job.channels; c += kDepthwiseBlock, packed += 3 * kQuadSize) {
    ColumnReader in{{}, {}, job.zeros, job.in_w, MaskOf(job.channels - c)};
    for (uint32_t y = 0; y < 3; ++y) {
      in.rows[y] = job.rows[y] != nullptr ? job.rows[y] + c : job.zeros;
      in.steps[y] = job.rows[y] != nullptr ? job.channels : 0;
    }
    if (job.stride_w == 1) {
      RunDense3x3(job, in, packed, plan, job.out + c);
    } else {
      RunHalved3x3(job, in, packed, plan, job.out + c);
    }
  }
}

// Which tap stands at `index` of all quads' taps; taps and more for none.
uint32_t TapAt(uint32_t kernel_h, uint32_t kernel_w, uint32_t index) {
  if (!QuadsAreColumns(kernel_h)) return index;
  const uint32_t x = index / kQuad, y = index % kQuad;
  return y < kernel_h ? y * kernel_w + x : kernel_h * kernel_w;
}

// Input pixel under every tap of output column `column`, or zeros.
void PointTaps(const ResidueDepthwiseJob& job, uint32_t count, uint32_t column) {
  const int64_t left = int64_t{column} * job.stride_w - job.pad_left;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t tap = TapAt(job.kernel_h, job.kernel_w, i);
    const uint32_t y = tap / job.kernel_w;
    const int64_t x = left + int64_t{tap % job.kernel_w} * job.dilation_w;
    const bool inside =
        y < job.kernel_h && job.rows[y] != nullptr && x >= 0 && x < int64_t{job.in_w};
    job.taps[i] = inside ? job.rows[y] + static_cast<size_t>(x) * job.channels : job.zeros;
  }
}

void RunAnyKernel(const ResidueDepthwiseJob& job) {
  const ModPlan plan = PlanMod(job.prime);
  const ModVectors m = Broadcast(plan);
  const __m512i origin = Origin(plan);
  const uint32_t quads = DepthwiseQuads(job.kernel_h, job.kernel_w);
  uint8_t* out = job.out;
  for (uint32_t column = 0; column < job.pixels; ++column, out += job.channels) {
    PointTaps(job, quads * kQuad, column);
    const int8_t* quad = job.packed;
    for (uint32_t c = 0; c < job.channels; c += kDepthwiseBlock) {
      const __mmask64 mask = MaskOf(job.channels - c);
      const auto load = [&](const uint8_t* tap) { return _mm512_maskz_loadu_epi8(mask, tap + c); };
      Sums sums = {{origin, origin, origin, origin}};
      for (const uint8_t* const* t = job.taps; t != job.taps + quads * kQuad;
           t += kQuad, quad += kQuadSize) {
        sums = AddQuad(sums, Interleave(load(t[0]), load(t[1]), load(t[2]), load(t[3])), quad);
      }
      StoreBlock(Reduce(sums, m), mask, out + c);
    }
  }
}

}  // namespace

void PackResidueDepthwise(const int8_t* weights, uint32_t channels, uint32_t kernel_h,
                          uint32_t kernel_w, int8_t* out_packed) {
  const uint32_t taps = kernel_h * kernel_w, quads = DepthwiseQuads(kernel_h, kernel_w);
  for (uint32_t block = 0; block < channels; block += kDepthwiseBlock) {
    for (uint32_t quad = 0; quad < quads; ++quad) {
      for (uint32_t i = 0; i < kDepthwiseBlock; ++i) {
        // Vector i / 16, its lane i / 4 % 4, that lane's dword i % 4: see Interleaved.
        const uint32_t channel = block + i / 4 % 4 * 16 + i / 16 * 4 + i % 4;
        for (uint32_t t = 0; t < kQuad; ++t) {
          const uint32_t tap = TapAt(kernel_h, kernel_w, quad * kQuad + t);
          const bool exists = channel < channels && tap < taps;
          *out_packed++ = exists ? weights[size_t{channel} * taps + tap] : int8_t{0};
        }
      }
    }
  }
}

void ResidueDepthwise(const ResidueDepthwiseJob& job) {
  const bool shares = job.stride_w <= 2 && job.dilation_w == 1;
  if (job.kernel_h == 3 && job.kernel_w == 3 && shares) {
    Run3x3(job);
  } else {
    RunAnyKernel(job);
  }
}

}  // namespace penumbra::onednn
