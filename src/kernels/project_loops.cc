// Secret projections in plain loops, compiled once per instruction set. Products of a byte and a signed byte fit 16 bits
// and are added in 32, so nothing saturates.
#include "kernels/isa.h"
#include "kernels/isa_entries.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

PENUMBRA_LANE int32_t DotRun(const uint8_t* x, const int8_t* t, uint32_t length) {
  int32_t sum = 0;
  for (uint32_t c = 0; c < length; ++c) sum += static_cast<int16_t>(x[c]) * static_cast<int16_t>(t[c]);
  return sum;
}

}  // namespace

void Project(const ProjectJob& job) {
  for (uint32_t i = 0; i < job.pixels; ++i) {
    for (uint32_t j = 0; j < job.projections; ++j) {
      int32_t sum = 0;
      for (uint32_t r = 0; r < job.run_count; ++r) {
        sum += DotRun(job.runs[r].x + i * job.pixel_stride, job.runs[r].t + j * job.projection_stride, job.length);
      }
      job.sums[size_t{i} * job.projections + j] = sum;
    }
  }
}

// Two rows at a time: 2 * 125 * 128 still fits 16 bits.
void Combine(const CombineJob& job) {
  uint32_t o = 0;
  for (; o + 2 <= job.count; o += 2) {
    const int8_t* a = job.rows + o * job.stride;
    const int8_t* b = a + job.stride;
    const int16_t fa = job.factors[o], fb = job.factors[o + 1];
    PENUMBRA_INDEPENDENT
    for (uint32_t c = 0; c < job.length; ++c) {
      job.sums[c] += static_cast<int16_t>(static_cast<int16_t>(a[c] * fa) + static_cast<int16_t>(b[c] * fb));
    }
  }
  if (o == job.count) return;
  const int8_t* a = job.rows + o * job.stride;
  const int16_t fa = job.factors[o];
  PENUMBRA_INDEPENDENT
  for (uint32_t c = 0; c < job.length; ++c) job.sums[c] += static_cast<int16_t>(a[c] * fa);
}

}  // namespace penumbra::PENUMBRA_ISA
