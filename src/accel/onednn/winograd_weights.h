// Filters of F(4x4, 3x3), transformed once (vnni_winograd.h).
#ifndef PENUMBRA_ACCEL_ONEDNN_WINOGRAD_WEIGHTS_H_
#define PENUMBRA_ACCEL_ONEDNN_WINOGRAD_WEIGHTS_H_

#include <cstddef>
#include <cstdint>

namespace penumbra::onednn {

// filter: [3][3][depth] centred s8. Position q of the transformed filter goes to
// out + q * position_size: [depth] centred s8, congruent modulo `prime` to G filter G^T.
// May throw std::bad_alloc.
void TransformFilter(const int8_t* filter, uint32_t depth, uint16_t prime, size_t position_size,
                     int8_t* out);

}  // namespace penumbra::onednn

#endif  // PENUMBRA_ACCEL_ONEDNN_WINOGRAD_WEIGHTS_H_
