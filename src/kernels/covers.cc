#include "kernels/covers.h"

#include "ring/modulus.h"

namespace penumbra {

CoverTerm MakeCoverTerm(uint32_t row, uint32_t group_rows, uint32_t m, const uint8_t* lambda, uint16_t prime) {
  const uint32_t cover = CoverBegin(row, group_rows);
  const uint32_t last = m > kCoverSize ? m - kCoverSize : 0;
  const uint32_t begin = cover < last ? cover : last;
  uint32_t factors = 0;
  for (uint32_t t = 0; t < CoverRows(cover, group_rows); ++t) {
    const auto centred = static_cast<uint8_t>(CentredResidue(lambda[t], prime));
    factors |= uint32_t{centred} << (8 * (cover - begin + t));
  }
  return {static_cast<uint16_t>(begin), factors};
}

}  // namespace penumbra
