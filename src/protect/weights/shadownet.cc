#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>

#include "boundary/limits.h"
#include "crypto/wipe.h"
#include "model/error.h"
#include "protect/weights/published_weights.h"
#include "ring/modulus.h"

namespace penumbra::protect {
namespace {

// Streams of a layer's key.
constexpr uint64_t kOrderStream = 0;
constexpr uint64_t kScalarStream = 1;   // + prime
constexpr uint64_t kFilterStream = 16;  // + prime

// What residues and published weights of a layer are made of: bytes over the ring, words over the field.
template <typename Weight>
using ResidueOf = std::make_unsigned_t<Weight>;

template <typename Weight>
Weight Centre(uint32_t residue, uint32_t p) {
  return static_cast<Weight>(residue > (p - 1) / 2
                                 ? static_cast<int32_t>(residue) - static_cast<int32_t>(p)
                                 : static_cast<int32_t>(residue));
}

// scalar * r mod p for canonical residues r: by table for primes of a byte, which layers multiply by
// again and again.
template <typename Weight>
class Multiplier {
 public:
  Multiplier(uint32_t scalar, uint32_t p) : scalar_(scalar), p_(p) {
    if constexpr (sizeof(Weight) == 1) {
      for (uint32_t r = 0; r < p; ++r) table_[r] = static_cast<uint8_t>(scalar * r % p);
    }
  }
  uint32_t operator()(uint32_t r) const {
    if constexpr (sizeof(Weight) == 1) return table_[r];
    return static_cast<uint32_t>(uint64_t{scalar_} * r % p_);
  }

 private:
  uint32_t scalar_, p_;
  std::array<uint8_t, sizeof(Weight) == 1 ? 256 : 1> table_{};
};

template <typename T>
crypto::MutableBytes MutableBytesOf(std::vector<T>* values) {
  return {reinterpret_cast<uint8_t*>(values->data()), values->size() * sizeof(T)};
}

uint32_t SmallResidue(int32_t value, int32_t p) {
  const int32_t r = value % p;
  return static_cast<uint32_t>(r < 0 ? r + p : r);
}

// What all ShadowNet layers share: secret scalars, one per output channel and prime.
class ScaledWeights : public PublishedWeights {
 public:
  std::vector<int8_t> Rows(uint32_t prime_index) const override {
    std::vector<int8_t> rows(geometry_.out_c * filter_length());
    WriteRows(prime_index, std::span(rows));
    return rows;
  }
  std::vector<int32_t> FieldRows() const override {
    std::vector<int32_t> rows(geometry_.out_c * filter_length());
    WriteRows(0, std::span(rows));
    return rows;
  }

 protected:
  ScaledWeights(const IntegerLayer& layer, const SecretKey& key) : layer_(layer), key_(key) {
    const uint32_t m = layer.geometry.out_c;
    const std::vector<uint32_t> cofactor_inverse = CofactorInverses(layer);
    for (uint32_t k = 0; k < layer.prime_count; ++k) {
      SecretStream stream(key, kScalarStream + k);
      const uint32_t p = layer.prime(k);
      for (uint32_t i = 0; i < m; ++i) {
        const uint32_t scalar = 1 + stream.Below(p - 1);
        scalars_.push_back(scalar);
        tables_.lambda.push_back(static_cast<uint32_t>(
            uint64_t{ModularInverse(scalar, p)} * cofactor_inverse[k] % p));
      }
    }
  }
  ~ScaledWeights() override {
    crypto::Wipe(key_);
    crypto::Wipe(MutableBytesOf(&scalars_));
  }

  uint64_t filter_length() const { return FilterLength(layer_.geometry); }
  uint32_t prime(uint32_t prime_index) const { return layer_.prime(prime_index); }
  const SecretKey& key() const { return key_; }

  // All published rows of one prime. out_rows: [m'][n].
  virtual void WriteRows(uint32_t prime_index, std::span<int8_t> out_rows) const = 0;
  virtual void WriteRows(uint32_t prime_index, std::span<int32_t> out_rows) const = 0;

  // out = centred(scalar_i * w_i + mask), mask: [n] canonical residues, or null.
  template <typename Weight>
  void WriteRow(uint32_t prime_index, uint32_t i, const ResidueOf<Weight>* mask,
                Weight* out) const {
    const uint32_t p = prime(prime_index);
    const Multiplier<Weight> product(scalars_[size_t{prime_index} * layer_.geometry.out_c + i], p);
    const uint64_t n = filter_length();
    const int32_t* w = layer_.q.data() + i * n;
    for (uint64_t j = 0; j < n; ++j) {
      uint32_t sum = product(SmallResidue(w[j], static_cast<int32_t>(p)));
      if (mask != nullptr) sum += mask[j];
      out[j] = Centre<Weight>(sum >= p ? sum - p : sum, p);
    }
  }

 private:
  IntegerLayer layer_;
  SecretKey key_;
  std::vector<uint32_t> scalars_;  // [prime_count][m]
};

// Every filter hidden behind one of t random filters, rows of a group in a secret order.
class MixedWeights final : public ScaledWeights {
 public:
  MixedWeights(const IntegerLayer& layer, double ratio, const SecretKey& key)
      : ScaledWeights(layer, key),
        groups_(layer.geometry.groups),
        group_m_(OutChannelsPerGroup(layer.geometry)),
        group_published_(ShadowNetFilterCount(group_m_, ratio)) {
    geometry_ = layer.geometry;
    const uint64_t published = uint64_t{groups_} * group_published_;
    if (published >= kNoPartner) {
      throw model::ModelError(Status::kUnsupported,
                              "a layer would publish more filters than restore tables can index",
                              {}, "lower the ratio, or keep this layer trusted (--layers)");
    }
    geometry_.out_c = static_cast<uint32_t>(published);
    DrawOrder();
  }

 protected:
  void WriteRows(uint32_t prime_index, std::span<int8_t> out_rows) const override {
    Mix(prime_index, out_rows);
  }
  void WriteRows(uint32_t prime_index, std::span<int32_t> out_rows) const override {
    Mix(prime_index, out_rows);
  }

 private:
  template <typename Weight>
  void Mix(uint32_t prime_index, std::span<Weight> rows) const {
    const uint64_t n = filter_length();
    const uint32_t t = group_published_ - group_m_;
    std::vector<ResidueOf<Weight>> filters(t * n);
    const crypto::ScopedWipe wipe(MutableBytesOf(&filters));
    SecretStream stream(key(), kFilterStream + prime_index);
    const uint32_t p = prime(prime_index);
    for (uint32_t g = 0; g < groups_; ++g) {
      stream.FillResidues(p, std::span(filters));
      for (uint32_t f = 0; f < t; ++f) {
        Weight* out = rows.data() + position_[g * group_published_ + group_m_ + f] * n;
        for (uint64_t j = 0; j < n; ++j) out[j] = Centre<Weight>(filters[f * n + j], p);
      }
      for (uint32_t i = g * group_m_; i < (g + 1) * group_m_; ++i) {
        WriteRow(prime_index, i, filters.data() + partner_[i] * n, rows.data() + tables_.a[i] * n);
      }
    }
  }

  void DrawOrder() {
    SecretStream stream(key(), kOrderStream);
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

  uint32_t groups_, group_m_, group_published_;
  std::vector<uint32_t> position_;  // [groups][m']: published row of filters, then of random ones
  std::vector<uint32_t> partner_;   // [m]: random filter within the group
};

// Depthwise: channels permuted and scaled; the input must be permuted alike.
class ShuffledWeights final : public ScaledWeights {
 public:
  ShuffledWeights(const IntegerLayer& layer, const SecretKey& key) : ScaledWeights(layer, key) {
    geometry_ = layer.geometry;
    const uint32_t m = geometry_.out_c;
    SecretStream stream(key, kOrderStream);
    tables_.a = stream.Permutation(m);
    tables_.b.assign(m, kNoPartner);
    input_perm_.resize(m);
    for (uint32_t i = 0; i < m; ++i) input_perm_[tables_.a[i]] = static_cast<uint16_t>(i);
  }

 protected:
  void WriteRows(uint32_t prime_index, std::span<int8_t> out_rows) const override {
    Shuffle(prime_index, out_rows);
  }
  void WriteRows(uint32_t prime_index, std::span<int32_t> out_rows) const override {
    Shuffle(prime_index, out_rows);
  }

 private:
  template <typename Weight>
  void Shuffle(uint32_t prime_index, std::span<Weight> rows) const {
    const uint64_t n = filter_length();
    for (uint32_t i = 0; i < geometry_.out_c; ++i) {
      WriteRow<Weight>(prime_index, i, nullptr, rows.data() + tables_.a[i] * n);
    }
  }
};

bool IsDepthwise(const ConvGeometry& g) {
  return g.groups > 1 && g.groups == g.in_c && g.groups == g.out_c;
}

}  // namespace

uint32_t ShadowNetFilterCount(uint32_t m, double ratio) {
  return std::max(m + 1, static_cast<uint32_t>(std::floor(ratio * m)));
}

std::unique_ptr<PublishedWeights> MakeShadowNetWeights(const IntegerLayer& layer, double ratio,
                                                       const SecretKey& key) {
  if (!IsDepthwise(layer.geometry)) return std::make_unique<MixedWeights>(layer, ratio, key);
  if (layer.geometry.out_c >= kNoPartner) {
    throw model::ModelError(Status::kUnsupported,
                            "a depthwise layer has more channels than restore tables can index", {},
                            "keep this layer inside the trusted half (--layers)");
  }
  return std::make_unique<ShuffledWeights>(layer, key);
}

}  // namespace penumbra::protect
