// Whether a layer's replies are worth checking (docs/integrity.md): what a check multiplies against
// what computing the layer inside would.
#ifndef PENUMBRA_PROTECT_PLACEMENT_CHECKABLE_H_
#define PENUMBRA_PROTECT_PLACEMENT_CHECKABLE_H_

#include <cstdint>
#include <string>

#include "boundary/geometry.h"

namespace penumbra::protect {

// Byte multiplications of the checks of one inference: for each output pixel, byte of an element
// over all planes, and projection, one per input of the window (all channels: a projection mixes
// groups) and one per published channel.
uint64_t CheckMacs(const ConvGeometry& published, uint32_t element_size, uint32_t projection_count);

// Why replies of the layer cannot be checked at all; "" when they can.
std::string WhyNoCheck(const ConvGeometry& published, uint32_t element_size,
                       uint32_t projection_count);

// Why the layer is better kept inside than checked; "" when it is worth checking. A layer inside
// multiplies 16-bit levels and `piece_count` 16-bit parts of each weight; a kernel makes half as
// many of those as of bytes in the same time.
std::string WhyNotChecked(const ConvGeometry& published, const ConvGeometry& secret,
                          uint32_t element_size, uint32_t projection_count, uint32_t piece_count);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_PLACEMENT_CHECKABLE_H_
