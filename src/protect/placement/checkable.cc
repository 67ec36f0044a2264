#include "protect/placement/checkable.h"

#include "boundary/limits.h"

namespace penumbra::protect {

uint64_t CheckMacs(const ConvGeometry& published, uint32_t element_size,
                   uint32_t projection_count) {
  const uint64_t window = uint64_t{published.kernel_h} * published.kernel_w * published.in_c;
  return uint64_t{published.out_h} * published.out_w * element_size * projection_count *
         (window + published.out_c);
}

std::string WhyNoCheck(const ConvGeometry& published, uint32_t element_size,
                       uint32_t projection_count) {
  const uint64_t window = uint64_t{published.kernel_h} * published.kernel_w * published.in_c;
  if (window > kMaxFilterLength) {
    return "a projection over " + std::to_string(window) + " inputs could overflow 32-bit sums";
  }
  if (element_size * projection_count * AlignUp(window, kTileAlignment) > kMaxChunkSize) {
    return "its projected weights do not fit one piece of secure memory";
  }
  return "";
}

std::string WhyNotChecked(const ConvGeometry& published, const ConvGeometry& secret,
                          uint32_t element_size, uint32_t projection_count, uint32_t piece_count) {
  std::string impossible = WhyNoCheck(published, element_size, projection_count);
  if (!impossible.empty()) return impossible;
  const uint64_t check = CheckMacs(published, element_size, projection_count);
  const uint64_t inside =
      uint64_t{secret.out_h} * secret.out_w * secret.out_c * FilterLength(secret) * 2 * piece_count;
  if (check < inside) return "";
  return "checking its replies costs " + std::to_string(check) +
         " byte multiplications, computing it inside " + std::to_string(inside);
}

}  // namespace penumbra::protect
