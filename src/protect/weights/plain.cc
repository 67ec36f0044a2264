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
    const CrtConstants crt = MakeCrtConstants(layer.prime_count);
    for (uint32_t k = 0; k < layer.prime_count; ++k) {
      tables_.lambda.insert(tables_.lambda.end(), m, static_cast<uint8_t>(crt.cofactor_inverse[k]));
    }
  }

  std::vector<int8_t> Rows(uint32_t prime_index) const override {
    std::vector<int8_t> rows(layer_.q.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      rows[i] = static_cast<int8_t>(CentredResidue(layer_.q[i], kPrimes[prime_index]));
    }
    return rows;
  }

 private:
  IntegerLayer layer_;
};

}  // namespace

std::unique_ptr<PublishedWeights> MakePlainWeights(const IntegerLayer& layer) {
  return std::make_unique<PlainWeights>(layer);
}

}  // namespace penumbra::protect
