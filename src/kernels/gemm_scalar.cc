// The reference matrix products: one output at a time, in the words of the headers.
#include "kernels/isa_entries.h"
#include "kernels/lane_math.h"
#include "kernels/reduce_lanes.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

// Element (output n, depth k) of a packed matrix whose depth groups hold kDepth depths.
template <typename T, uint32_t kDepth>
PENUMBRA_LANE const T* PackedRow(const T* packed, uint32_t n, uint32_t k) {
  const size_t groups = (size_t{k} + kDepth - 1) / kDepth;
  return packed + n / kPanelWidth * groups * kPanelWidth * kDepth + n % kPanelWidth * kDepth;
}

template <uint32_t kDepth>
PENUMBRA_LANE size_t PackedOffset(uint32_t k) {
  return size_t{k / kDepth} * kPanelWidth * kDepth + k % kDepth;
}

}  // namespace

void GemmU8S8(const GemmU8S8Job& job) {
  for (uint32_t i = 0; i < job.rows; ++i) {
    const uint8_t* a = job.a + i * job.a_stride;
    int32_t* c = job.out_c + i * job.c_stride;
    for (uint32_t n = 0; n < job.n; ++n) {
      const int8_t* b = PackedRow<int8_t, 4>(job.b_packed, n, job.k);
      uint32_t sum = job.accumulate ? static_cast<uint32_t>(c[n]) : 0;
      for (uint32_t k = 0; k < job.k; ++k) {
        sum += static_cast<uint32_t>(int32_t{a[k]} * b[PackedOffset<4>(k)]);
      }
      c[n] = static_cast<int32_t>(sum);
    }
  }
}

void ResidueGemm(const ResidueGemmJob& job) {
  const Reducer reducer = MakeReducer(job.prime);
  for (uint32_t i = 0; i < job.rows; ++i) {
    const uint8_t* a = job.a + i * job.a_stride;
    for (uint32_t n = 0; n < job.n; ++n) {
      const int8_t* b = PackedRow<int8_t, 4>(job.b_packed, n, job.k);
      int32_t sum = 0;
      for (uint32_t k = 0; k < job.k; ++k) sum += int32_t{a[k]} * b[PackedOffset<4>(k)];
      job.out[i * job.out_stride + n] = static_cast<uint8_t>(ReduceLane(sum, reducer));
    }
  }
}

void GemmS16S16(const GemmS16Job& job) {
  for (uint32_t i = 0; i < job.rows; ++i) {
    const int16_t* a = job.a + i * job.a_stride;
    int64_t* c = job.out_c + i * job.c_stride;
    for (uint32_t n = 0; n < job.n; ++n) {
      const int16_t* b = PackedRow<int16_t, 2>(job.b_packed, n, job.k);
      int64_t sum = job.accumulate ? c[n] : 0;
      for (uint32_t k = 0; k < job.k; ++k) sum += int64_t{a[k]} * b[PackedOffset<2>(k)];
      c[n] = sum;
    }
  }
}

void GemmF32(const GemmF32Job& job) {
  for (uint32_t i = 0; i < job.rows; ++i) {
    const float* a = job.a + i * job.a_stride;
    float* c = job.out_c + i * job.c_stride;
    for (uint32_t n = 0; n < job.n; ++n) {
      const float* b = PackedRow<float, 1>(job.b_packed, n, job.k);
      float sum = job.accumulate ? c[n] : 0.0f;
      for (uint32_t k = 0; k < job.k; ++k) sum = Fma(a[k], b[PackedOffset<1>(k)], sum);
      c[n] = OneNan(sum);
    }
  }
}

}  // namespace penumbra::PENUMBRA_ISA
