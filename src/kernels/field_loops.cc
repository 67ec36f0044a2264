// Residues modulo the papers' prime, compiled once per instruction set. Reductions are done in float64, where all
// products that occur are exact: a quotient estimated by the reciprocal is the nearest integer, because no
// x / p comes closer than 1 / (2 p) to a half and the estimate is better than that for |x| < 2^50.
#include "boundary/limits.h"
#include "kernels/isa_entries.h"
#include "kernels/lane_math.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

constexpr double kPrime = kFieldPrime;
constexpr double kReciprocal = 1.0 / kPrime;
constexpr int32_t kHalf = static_cast<int32_t>((kFieldPrime - 1) / 2);
constexpr size_t kBlock = 64;
// Adding it rounds to an integer, whose value then stands in the low bits.
constexpr double kRounder = 0x1.8p52;
constexpr int64_t kRounderBits = 0x4338000000000000;

// |x| < 2^51.
PENUMBRA_LANE double ToDouble(int64_t x) { return __builtin_bit_cast(double, x + kRounderBits) - kRounder; }
PENUMBRA_LANE int32_t ToInteger(double x) {
  return static_cast<int32_t>(__builtin_bit_cast(int64_t, x + kRounder) - kRounderBits);
}

// The centred residue of an integer |x| < 2^50.
PENUMBRA_LANE double Centred(double x) {
  const double quotient = (x * kReciprocal + kRounder) - kRounder;
  return x - quotient * kPrime;
}

PENUMBRA_LANE uint32_t Canonical(double centred) {
  const int32_t c = ToInteger(centred);
  return static_cast<uint32_t>(c + (c < 0 ? static_cast<int32_t>(kFieldPrime) : 0));
}

// |high| < 2^37: centred * 2^26 stays below 2^49.
constexpr int kLowBits = 26;
PENUMBRA_LANE uint32_t ReduceWide(int64_t sum) {
  const double high = ToDouble(sum >> kLowBits);
  const double low = ToDouble(sum & ((int64_t{1} << kLowBits) - 1));
  return Canonical(Centred(Centred(high) * (int64_t{1} << kLowBits) + low));
}

}  // namespace

void FieldSplit(const uint32_t* residues, size_t count, uint32_t* out_words) {
  constexpr int32_t kLimb = 1 << kFieldLimbBits;
  PENUMBRA_INDEPENDENT
  for (size_t i = 0; i < count; ++i) {
    const int32_t c = ToInteger(Centred(ToDouble(residues[i])));
    const int32_t high = (c + kLimb / 2) >> kFieldLimbBits;
    const int32_t low = c - high * kLimb;
    out_words[i] = (static_cast<uint32_t>(low) & 0xffffu) | static_cast<uint32_t>(high) << 16;
  }
}

void FieldReduce(const FieldReduceJob& job) {
  if (job.paired) {
    constexpr double kLimb = 1 << kFieldLimbBits;
    PENUMBRA_INDEPENDENT
    for (size_t i = 0; i < job.count; ++i) {
      const double high = Centred(ToDouble(job.sums[2 * i + 1]));
      job.out[i] = Canonical(Centred(high * kLimb + ToDouble(job.sums[2 * i])));
    }
    return;
  }
  PENUMBRA_INDEPENDENT
  for (size_t i = 0; i < job.count; ++i) job.out[i] = ReduceWide(job.sums[i]);
}

void FillField(FieldDraw* job) {
  size_t filled = job->filled;
  for (size_t i = 0; i < job->draw_count && filled < job->count; ++i) {
    const uint32_t candidate = job->draws[i] & 0xffffffu;
    job->out[filled] = candidate;
    filled += candidate < kFieldPrime ? 1 : 0;
  }
  job->filled = filled;
}

void FieldMask(const FieldMaskJob& job) {
  constexpr auto kP = static_cast<int32_t>(kFieldPrime);
  PENUMBRA_INDEPENDENT
  for (size_t i = 0; i < job.count; ++i) {
    const int32_t level = job.levels[i];
    const int32_t sum = level + (level < 0 ? kP : 0) + static_cast<int32_t>(job.pads == nullptr ? 0 : job.pads[i]);
    job.out[i] = static_cast<uint32_t>(sum >= kP ? sum - kP : sum);
  }
}

void FieldUnmix(const FieldUnmixJob& job) {
  for (uint64_t pixel = 0; pixel < job.pixels; ++pixel) {
    const uint32_t* in = job.in + pixel * job.wide;
    const int32_t* pad = job.pad == nullptr ? nullptr : job.pad + pixel * job.m;
    int32_t* out = job.out + pixel * job.m;
    for (uint32_t begin = 0; begin < job.m; begin += kBlock) {
      const uint32_t count = job.m - begin < kBlock ? job.m - begin : kBlock;
      int64_t difference[kBlock];
      for (uint32_t i = 0; i < count; ++i) {
        const uint16_t b = job.b[begin + i];
        difference[i] = int64_t{in[job.a[begin + i]]} - (b == kNoPartner ? 0 : int64_t{in[b]});
      }
      PENUMBRA_INDEPENDENT
      for (uint32_t i = 0; i < count; ++i) {
        const auto lambda = static_cast<int32_t>(job.lambda[begin + i]);
        const int32_t centred = lambda > kHalf ? lambda - static_cast<int32_t>(kFieldPrime) : lambda;
        const int32_t u = pad == nullptr ? 0 : pad[begin + i];
        const double product = Centred(ToDouble(difference[i])) * centred;
        out[begin + i] = ToInteger(Centred(product - u));
      }
    }
  }
}

void FieldUnmixCovers(const FieldUnmixCoversJob& job) {
  for (uint32_t begin = 0; begin < job.m; begin += kBlock) {
    const uint32_t count = job.m - begin < kBlock ? job.m - begin : kBlock;
    uint32_t row[kBlock];
    int32_t factor[kCoverSize][kBlock];
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t a = job.a[begin + i];
      row[i] = a - a % job.group_rows % kCoverSize;
      for (uint32_t t = 0; t < kCoverSize; ++t) {
        const auto lambda = static_cast<int32_t>(job.lambda[kCoverSize * (begin + i) + t]);
        factor[t][i] = lambda > kHalf ? lambda - static_cast<int32_t>(kFieldPrime) : lambda;
      }
    }
    for (uint64_t pixel = 0; pixel < job.pixels; ++pixel) {
      const uint32_t* in = job.in + pixel * job.m;
      double sum[kBlock];
      for (uint32_t i = 0; i < count; ++i) sum[i] = job.pad == nullptr ? 0 : -job.pad[pixel * job.m + begin + i];
      for (uint32_t t = 0; t < kCoverSize; ++t) {
        // Rows that a short cover does not have are those of the last one, times 0.
        uint32_t words[kBlock];
        for (uint32_t i = 0; i < count; ++i) words[i] = in[row[i] + t < job.m ? row[i] + t : job.m - 1];
        PENUMBRA_INDEPENDENT
        for (uint32_t i = 0; i < count; ++i) sum[i] += Centred(ToDouble(words[i])) * factor[t][i];
      }
      PENUMBRA_INDEPENDENT
      for (uint32_t i = 0; i < count; ++i) job.out[pixel * job.m + begin + i] = ToInteger(Centred(sum[i]));
    }
  }
}

void FieldProject(const ProjectJob& job, int64_t* out_sums) {
  const uint32_t length = job.length / sizeof(uint32_t);
  for (size_t i = 0; i < size_t{job.pixels} * job.projections; ++i) out_sums[i] = 0;
  for (uint32_t i = 0; i < job.pixels; ++i, out_sums += job.projections) {
    for (uint32_t r = 0; r < job.run_count; ++r) {
      const auto* x = reinterpret_cast<const uint32_t*>(job.runs[r].x + i * job.pixel_stride);
      for (uint32_t begin = 0; begin < length; begin += kBlock) {
        const uint32_t count = length - begin < kBlock ? length - begin : kBlock;
        int32_t centred[kBlock];
        for (uint32_t c = 0; c < count; ++c) centred[c] = ToInteger(Centred(ToDouble(x[begin + c])));
        for (uint32_t j = 0; j < job.projections; ++j) {
          const auto* t = reinterpret_cast<const int32_t*>(job.runs[r].t + j * job.projection_stride) + begin;
          int64_t sum = 0;
          for (uint32_t c = 0; c < count; ++c) sum += int64_t{centred[c]} * t[c];
          out_sums[j] += sum;
        }
      }
    }
  }
}

void FieldCombine(const FieldCombineJob& job) {
  for (uint32_t o = 0; o < job.count; ++o) {
    const int32_t* row = job.rows + o * job.stride;
    const int32_t factor = job.factors[o];
    PENUMBRA_INDEPENDENT
    for (uint32_t c = 0; c < job.length; ++c) job.sums[c] += int64_t{row[c]} * factor;
  }
}

}  // namespace penumbra::PENUMBRA_ISA
