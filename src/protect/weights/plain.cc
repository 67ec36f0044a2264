#include <numeric>

#include "boundary/limits.h"
#include "model/error.h"
#include "protect/weights/residue_rows.h"
#include "ring/modulus.h"

namespace penumbra::protect {
namespace {

class PlainWeights final : public ResidueRows<PlainWeights> {
 public:
  explicit PlainWeights(const IntegerLayer& layer) : ResidueRows(layer) {
    const uint32_t m = geometry_.out_c;
    if (m >= kNoPartner) {
      throw model::ModelError(Status::kUnsupported,
                              "a layer has more output channels than restore tables can index", {},
                              "keep this layer inside the trusted half (--layers)");
    }
    tables_.a.resize(m);
    std::iota(tables_.a.begin(), tables_.a.end(), uint16_t{0});
    tables_.b.assign(m, kNoPartner);
    for (const uint32_t inverse : CofactorInverses(layer)) {
      tables_.lambda.insert(tables_.lambda.end(), m, inverse);
    }
  }

  template <typename Weight>
  void WriteRows(uint32_t prime_index, std::span<Weight> out_rows) const {
    const uint32_t p = prime(prime_index);
    for (size_t i = 0; i < out_rows.size(); ++i) {
      out_rows[i] = static_cast<Weight>(CentredResidue(layer().q[i], p));
    }
  }
};

}  // namespace

std::vector<uint32_t> CofactorInverses(const IntegerLayer& layer) {
  if (layer.is_field) return {1};
  const CrtConstants crt = MakeCrtConstants(layer.prime_count);
  return {crt.cofactor_inverse, crt.cofactor_inverse + layer.prime_count};
}

std::unique_ptr<PublishedWeights> MakePlainWeights(const IntegerLayer& layer) {
  return std::make_unique<PlainWeights>(layer);
}

}  // namespace penumbra::protect
