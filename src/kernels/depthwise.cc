#include "kernels/depthwise.h"

#include <cstring>

namespace penumbra {

void PackDepthwise(const void* weights, uint32_t channels, uint32_t taps, uint32_t element_size,
                   void* out_packed) {
  const auto* from = static_cast<const uint8_t*>(weights);
  auto* to = static_cast<uint8_t*>(out_packed);
  for (uint32_t tap = 0; tap < taps; ++tap) {
    for (uint32_t c = 0; c < channels; ++c, to += element_size) {
      std::memcpy(to, from + (size_t{c} * taps + tap) * element_size, element_size);
    }
  }
}

}  // namespace penumbra
