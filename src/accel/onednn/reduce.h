// The reduction that follows every residue convolution: int32 sums to bytes modulo a prime.
#ifndef PENUMBRA_ACCEL_ONEDNN_REDUCE_H_
#define PENUMBRA_ACCEL_ONEDNN_REDUCE_H_

#include <cstddef>
#include <cstdint>

namespace penumbra::onednn {

// Sums of at most this magnitude need no folding: one multiplication by 1/p in float32 is near
// enough.
inline constexpr int64_t kNarrowSum = int64_t{1} << 29;

// out[i] = a representative in [0, 255] of sums[i] modulo `prime`, for any int32. `prime` is one of
// kPrimes; `max_magnitude` bounds every |sums[i]| and selects the faster form when it is small.
// Dispatches on the processor; every form gives congruent results.
void ReduceSums(const int32_t* sums, size_t count, uint16_t prime, int64_t max_magnitude,
                uint8_t* out);

// out[i] += sums[i], where sums are integers below 2^24 in float32.
void AccumulateSums(const float* sums, size_t count, int32_t* out);

}  // namespace penumbra::onednn

#endif  // PENUMBRA_ACCEL_ONEDNN_REDUCE_H_
