#include "kernels/pad_stream.h"

namespace penumbra {

size_t SpareSize(size_t count, uint16_t prime) {
  // A spare byte is accepted with probability a = p / 256. Bytes needed for a rejected candidates:
  // mean count * (1 - a) / a; twelve deviations, each below sqrt(mean * (1 + 1 / a)) <= sqrt(3 mean),
  // with the integer square root rounded up, cover 2^-64 once the mean is a few dozen.
  const size_t rejected = 256 - size_t{prime};
  const size_t mean = count * rejected / prime + 1;
  size_t root = 1;
  while (root * root < 3 * mean) ++root;
  return mean + 12 * root + 64;
}

}  // namespace penumbra
