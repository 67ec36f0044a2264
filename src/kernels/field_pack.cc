#include "kernels/field.h"
#include "ring/field.h"

namespace penumbra {

namespace {

struct Limbs {
  int16_t low, high;
};

Limbs Split(int32_t centred) {
  constexpr int32_t kLimb = 1 << kFieldLimbBits;
  const int32_t high = (centred + kLimb / 2) >> kFieldLimbBits;
  return {static_cast<int16_t>(centred - high * kLimb), static_cast<int16_t>(high)};
}

}  // namespace

void PackField(const int32_t* weights, uint32_t n, uint32_t k, int16_t* out_packed) {
  constexpr uint32_t kFiltersPerPanel = kPanelWidth / kFieldFilters;
  for (uint32_t first = 0; first < n; first += kFiltersPerPanel) {
    for (uint32_t depth = 0; depth < k; ++depth) {
      for (uint32_t j = 0; j < kFiltersPerPanel; ++j, out_packed += 2 * kFieldFilters) {
        const int32_t weight = first + j < n ? weights[size_t{first + j} * k + depth] : 0;
        const Limbs plain = Split(weight);
        const Limbs shifted = Split(CentredResidue(int64_t{weight} << kFieldLimbBits, kFieldPrime));
        out_packed[0] = plain.low;     // S0 takes the low limb of the input times this,
        out_packed[1] = shifted.low;   // and its high limb times this;
        out_packed[2] = plain.high;    // S1 likewise.
        out_packed[3] = shifted.high;
      }
    }
  }
}

}  // namespace penumbra
