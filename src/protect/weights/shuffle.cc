#include "boundary/limits.h"
#include "model/error.h"
#include "protect/weights/published_weights.h"
#include "protect/weights/scaled_rows.h"

namespace penumbra::protect {
namespace {

// Streams of a layer's key.
constexpr uint64_t kOrderStream = 0;
constexpr uint64_t kScalarStream = 1;  // + prime

// Depthwise: channels permuted and scaled; the input must be permuted alike.
class ShuffledWeights final : public ScaledRows<ShuffledWeights> {
 public:
  ShuffledWeights(const IntegerLayer& layer, const SecretKey& key)
      : ScaledRows(layer, key, kScalarStream) {
    const uint32_t m = geometry_.out_c;
    SecretStream stream(key, kOrderStream);
    tables_.a = stream.Permutation(m);
    tables_.b.assign(m, kNoPartner);
    input_perm_.resize(m);
    for (uint32_t i = 0; i < m; ++i) input_perm_[tables_.a[i]] = static_cast<uint16_t>(i);
  }

  template <typename Weight>
  void WriteRows(uint32_t prime_index, std::span<Weight> out_rows) const {
    const uint64_t n = filter_length();
    for (uint32_t i = 0; i < geometry_.out_c; ++i) {
      WriteRow<Weight>(prime_index, i, nullptr, out_rows.data() + tables_.a[i] * n);
    }
  }
};

}  // namespace

bool IsChannelwise(const ConvGeometry& g) {
  return g.groups > 1 && g.groups == g.in_c && g.groups == g.out_c;
}

std::unique_ptr<PublishedWeights> MakeShuffledWeights(const IntegerLayer& layer,
                                                      const SecretKey& key) {
  if (layer.geometry.out_c >= kNoPartner) {
    throw model::ModelError(Status::kUnsupported,
                            "a depthwise layer has more channels than restore tables can index", {},
                            "keep this layer inside the trusted half (--layers)");
  }
  return std::make_unique<ShuffledWeights>(layer, key);
}

}  // namespace penumbra::protect
