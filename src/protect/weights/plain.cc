#include <numeric>

#include "boundary/limits.h"
#include "model/error.h"
#include "protect/weights/published_weights.h"
#include "ring/modulus.h"

namespace penumbra::protect {
namespace {

class PlainWeights final : public PublishedWeights {
 public:
  explicit PlainWeights(const IntegerLayer& layer) : layer_(layer) {
    geometry_ = layer.geometry;
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

  std::vector<int8_t> Rows(uint32_t prime_index) const override {
    return Centred<int8_t>(prime_index);
  }
  std::vector<int32_t> FieldRows() const override { return Centred<int32_t>(0); }

 private:
  template <typename Weight>
  std::vector<Weight> Centred(uint32_t prime_index) const {
    std::vector<Weight> rows(layer_.q.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      rows[i] = static_cast<Weight>(CentredResidue(layer_.q[i], layer_.prime(prime_index)));
    }
    return rows;
  }

  IntegerLayer layer_;
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
