// The ring's constants against those of docs/arithmetic.md, checked by the compiler.
#include "ring/bound.h"
#include "ring/field.h"
#include "ring/modulus.h"
#include "ring/residue.h"

namespace penumbra {

static_assert(Modulus(1) == 251);
static_assert(Modulus(2) == 60491);
static_assert(Modulus(3) == 14457349);
static_assert(Modulus(4) == 3368562317);
static_assert(Modulus(5) == 771400770593);
static_assert(Modulus(6) == 175107974924611);

constexpr bool CofactorsInvert() {
  for (uint32_t s = 1; s <= kMaxPrimes; ++s) {
    const CrtConstants crt = MakeCrtConstants(s);
    for (uint32_t k = 0; k < s; ++k) {
      if (crt.cofactor[k] % kPrimes[k] * crt.cofactor_inverse[k] % kPrimes[k] != 1) return false;
    }
  }
  return true;
}
static_assert(CofactorsInvert());

constexpr bool IsPrime(uint32_t n) {
  for (uint32_t d = 2; d * d <= n; ++d) {
    if (n % d == 0) return false;
  }
  return n > 1;
}
static_assert(kFieldPrime == (1u << 23) + (1u << 21) + 7 && IsPrime(kFieldPrime));

}  // namespace penumbra
