#include "kernels/unmix.h"

#include "boundary/limits.h"

namespace penumbra {

void Unmix(const UnmixJob& job) {
  const uint32_t p = job.prime;
  const uint32_t reciprocal = (uint32_t{1} << 24) / p + 1;  // exact quotients below 2^16
  for (uint64_t pixel = 0; pixel < job.pixels; ++pixel) {
    const uint8_t* in = job.in + pixel * job.wide;
    uint8_t* out = job.out + pixel * job.m;
    for (uint32_t i = 0; i < job.m; ++i) {
      const uint32_t partner = job.b[i] == kNoPartner ? 0 : in[job.b[i]];
      uint32_t difference = in[job.a[i]] + p - partner;
      difference -= difference >= p ? p : 0;
      const uint32_t product = difference * job.lambda[i];
      out[i] = static_cast<uint8_t>(product - (uint64_t{product} * reciprocal >> 24) * p);
    }
  }
}

}  // namespace penumbra
