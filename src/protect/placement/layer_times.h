// What a layer takes on either side of the boundary by a device profile. Predictions of one inference
// in seconds; docs/performance.md says how they compare with measurements.
#ifndef PENUMBRA_PROTECT_PLACEMENT_LAYER_TIMES_H_
#define PENUMBRA_PROTECT_PLACEMENT_LAYER_TIMES_H_

#include <cstdint>

#include "boundary/geometry.h"
#include "protect/placement/device_profile.h"

namespace penumbra::protect {

uint64_t MacCount(const ConvGeometry& geometry);

// How a linear layer inside multiplies: float32, u8 levels, or s16 levels with weights in one or two
// pieces.
enum class InsideForm : uint8_t { kFloat32, kInt8, kInt16 };
double InsideSeconds(const DeviceProfile& profile, const ConvGeometry& geometry, InsideForm form,
                     uint32_t piece_count);

// A public layer on residues modulo primes of one byte, with everything it makes the trusted half do.
struct ResidueLayer {
  ConvGeometry published;
  uint32_t prime_count = 0;
  uint64_t pad_size = 0;    // bytes of u; 0: no one-time pad
  uint64_t check_macs = 0;  // byte multiplications; 0: replies are not checked
};
double OutsideSeconds(const DeviceProfile& profile, const ResidueLayer& layer);

// A float32 layer on the accelerator, without what crossing costs.
double OutsideSeconds(const DeviceProfile& profile, const ConvGeometry& geometry);

// Of values that do not fit into secure memory: sealed, copied out, and back. A profile knows the rate of the
// way back, which sealed weights take, too.
double SpillSeconds(const DeviceProfile& profile, double bytes);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_PLACEMENT_LAYER_TIMES_H_
