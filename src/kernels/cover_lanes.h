// The combination of covers one lane at a time, for *_loops.cc files only (see isa.h).
#ifndef PENUMBRA_KERNELS_COVER_LANES_H_
#define PENUMBRA_KERNELS_COVER_LANES_H_

#include <cstring>

#include "kernels/covers.h"
#include "kernels/isa.h"

namespace penumbra::PENUMBRA_ISA {

// One pixel as covers read it: at least kCoverSize bytes.
struct CoverPixel {
  const uint8_t* bytes;
  uint8_t few[kCoverSize];

  CoverPixel(const uint8_t* pixel, uint32_t m) : bytes(pixel), few{} {
    if (m >= kCoverSize) return;
    std::memcpy(few, pixel, m);
    bytes = few;
  }
};

PENUMBRA_LANE uint32_t LoadCover(const uint8_t* bytes) {
  uint32_t word;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

// |sum| <= 4 * 125 * 255.
PENUMBRA_LANE int32_t CombineLane(uint32_t word, uint32_t factors) {
  const auto factor = [factors](uint32_t t) { return static_cast<int32_t>(factors << (24 - 8 * t)) >> 24; };
  const auto byte = [word](uint32_t t) { return static_cast<int32_t>(word >> (8 * t) & 0xff); };
  return factor(0) * byte(0) + factor(1) * byte(1) + factor(2) * byte(2) + factor(3) * byte(3);
}

}  // namespace penumbra::PENUMBRA_ISA

#endif  // PENUMBRA_KERNELS_COVER_LANES_H_
