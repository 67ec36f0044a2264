// Between float32 and integer levels, compiled once per instruction set.
#include "kernels/isa_entries.h"
#include "kernels/lane_math.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

template <typename T>
uint64_t Quantise(const QuantiseJob& job, int32_t origin) {
  // Counters of 32 bits keep the loop at one lane width; the block keeps them from overflowing.
  constexpr size_t kBlock = size_t{1} << 20;
  const float low = static_cast<float>(job.low);
  const float high = static_cast<float>(job.high);
  const float inverse_step = job.inverse_step;
  // Out of the record: a store of bytes could change it, for all the compiler knows.
  const float* const x = job.x;
  const size_t count = job.count;
  auto* const out = static_cast<T*>(job.out_levels);
  uint64_t clamped = 0;
  for (size_t begin = 0; begin < count; begin += kBlock) {
    const size_t end = count - begin < kBlock ? count : begin + kBlock;
    uint32_t outside = 0;
    PENUMBRA_INDEPENDENT
    for (size_t i = begin; i < end; ++i) {
      const float exact = x[i] * inverse_step;
      const float t = Min(Max(exact, low), high);  // NaN > low is false: NaN becomes low
      const float level = (t + kRoundMagic) - kRoundMagic;
      const uint32_t inside = (exact >= low - 0.5f ? 1u : 0u) & (exact <= high + 0.5f ? 1u : 0u);
      outside += inside ^ 1u;
      out[i] = static_cast<T>(static_cast<int32_t>(level) - origin);
    }
    clamped += outside;
  }
  return clamped;
}

template <typename T>
void Dequantise(const void* levels, size_t count, float step, float* out_y) {
  const auto* k = static_cast<const T*>(levels);
  PENUMBRA_INDEPENDENT
  for (size_t i = 0; i < count; ++i) out_y[i] = static_cast<float>(k[i]) * step;
}

template <typename T>
void Affine(const AffineJob& job) {
  const auto* sums = static_cast<const T*>(job.sums);
  const size_t channels = job.channels;
  const float* scale = job.scale;
  const float* bias = job.bias;
  for (size_t row = 0; row < job.rows; ++row) {
    const T* from = sums + row * channels;
    float* to = job.out_y + row * channels;
    PENUMBRA_INDEPENDENT
    for (size_t c = 0; c < channels; ++c) {
      to[c] = Fma(static_cast<float>(from[c]), scale[c], bias[c]);
    }
  }
}

}  // namespace

uint64_t QuantiseS32(const QuantiseJob& job) { return Quantise<int32_t>(job, 0); }
uint64_t QuantiseS16(const QuantiseJob& job) { return Quantise<int16_t>(job, 0); }
uint64_t QuantiseU8(const QuantiseJob& job) { return Quantise<uint8_t>(job, job.low); }

void DequantiseS32(const void* levels, size_t count, float step, float* out_y) {
  Dequantise<int32_t>(levels, count, step, out_y);
}
void DequantiseS16(const void* levels, size_t count, float step, float* out_y) {
  Dequantise<int16_t>(levels, count, step, out_y);
}
void DequantiseU8(const void* levels, size_t count, float step, float* out_y) {
  Dequantise<uint8_t>(levels, count, step, out_y);
}

void AffineS32(const AffineJob& job) { Affine<int32_t>(job); }
void AffineS64(const AffineJob& job) { Affine<int64_t>(job); }

}  // namespace penumbra::PENUMBRA_ISA
