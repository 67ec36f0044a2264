#include <algorithm>
#include <cmath>

#include "boundary/limits.h"
#include "model/error.h"
#include "protect/weights/published_weights.h"
#include "protect/weights/scaled_rows.h"

namespace penumbra::protect {
namespace {

// Streams of a layer's key.
constexpr uint64_t kOrderStream = 0;
constexpr uint64_t kScalarStream = 1;   // + prime
constexpr uint64_t kFilterStream = 16;  // + prime

// Every filter hidden behind one of t random filters, rows of a group in a secret order.
class MixedWeights final : public ScaledRows<MixedWeights> {
 public:
  MixedWeights(const IntegerLayer& layer, double ratio, const SecretKey& key)
      : ScaledRows(layer, key, kScalarStream),
        key_(key),
        groups_(layer.geometry.groups),
        group_m_(OutChannelsPerGroup(layer.geometry)),
        group_published_(ShadowNetFilterCount(group_m_, ratio)) {
    const uint64_t published = uint64_t{groups_} * group_published_;
    if (published >= kNoPartner) {
      throw model::ModelError(Status::kUnsupported,
                              "a layer would publish more filters than restore tables can index",
                              {}, "lower the ratio, or keep this layer trusted (--layers)");
    }
    geometry_.out_c = static_cast<uint32_t>(published);
    DrawOrder();
  }
  ~MixedWeights() override { crypto::Wipe(key_); }

  template <typename Weight>
  void WriteRows(uint32_t prime_index, std::span<Weight> out_rows) const {
    const uint64_t n = filter_length();
    const uint32_t t = group_published_ - group_m_;
    std::vector<ResidueOf<Weight>> filters(t * n);
    const crypto::ScopedWipe wipe(MutableBytesOf(&filters));
    SecretStream stream(key_, kFilterStream + prime_index);
    const uint32_t p = prime(prime_index);
    for (uint32_t g = 0; g < groups_; ++g) {
      stream.FillResidues(p, std::span(filters));
      for (uint32_t f = 0; f < t; ++f) {
        Weight* out = out_rows.data() + position_[g * group_published_ + group_m_ + f] * n;
        for (uint64_t j = 0; j < n; ++j) out[j] = Centre<Weight>(filters[f * n + j], p);
      }
      for (uint32_t i = g * group_m_; i < (g + 1) * group_m_; ++i) {
        WriteRow(prime_index, i, filters.data() + partner_[i] * n,
                 out_rows.data() + tables_.a[i] * n);
      }
    }
  }

 private:
  void DrawOrder() {
    SecretStream stream(key_, kOrderStream);
    for (uint32_t g = 0; g < groups_; ++g) {
      const std::vector<uint16_t> order = stream.Permutation(group_published_);
      const uint32_t base = g * group_published_;
      for (const uint16_t place : order) position_.push_back(base + place);
      for (uint32_t i = 0; i < group_m_; ++i) {
        const uint32_t partner = stream.Below(group_published_ - group_m_);
        partner_.push_back(partner);
        tables_.a.push_back(static_cast<uint16_t>(position_[base + i]));
        tables_.b.push_back(static_cast<uint16_t>(position_[base + group_m_ + partner]));
      }
    }
  }

  SecretKey key_;
  uint32_t groups_, group_m_, group_published_;
  std::vector<uint32_t> position_;  // [groups][m']: published row of filters, then of random ones
  std::vector<uint32_t> partner_;   // [m]: random filter within the group
};

}  // namespace

uint32_t ShadowNetFilterCount(uint32_t m, double ratio) {
  return std::max(m + 1, static_cast<uint32_t>(std::floor(ratio * m)));
}

std::unique_ptr<PublishedWeights> MakeShadowNetWeights(const IntegerLayer& layer, double ratio,
                                                       const SecretKey& key) {
  if (IsChannelwise(layer.geometry)) return MakeShuffledWeights(layer, key);
  return std::make_unique<MixedWeights>(layer, ratio, key);
}

}  // namespace penumbra::protect
