// Rows scaled by secret scalars, one per output channel and prime. Private to weights/.
#ifndef PENUMBRA_PROTECT_WEIGHTS_SCALED_ROWS_H_
#define PENUMBRA_PROTECT_WEIGHTS_SCALED_ROWS_H_

#include <array>

#include "protect/weights/residue_rows.h"

namespace penumbra::protect {

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

template <typename Derived>
class ScaledRows : public ResidueRows<Derived> {
 protected:
  // Scalars from stream `stream` + prime of the layer's key.
  ScaledRows(const IntegerLayer& layer, const SecretKey& key, uint64_t stream)
      : ResidueRows<Derived>(layer) {
    const std::vector<uint32_t> cofactor_inverse = CofactorInverses(layer);
    for (uint32_t k = 0; k < layer.prime_count; ++k) {
      SecretStream draws(key, stream + k);
      const uint32_t p = layer.prime(k);
      for (uint32_t i = 0; i < layer.geometry.out_c; ++i) {
        const uint32_t scalar = 1 + draws.Below(p - 1);
        scalars_.push_back(scalar);
        this->tables_.lambda.push_back(static_cast<uint32_t>(
            uint64_t{ModularInverse(scalar, p)} * cofactor_inverse[k] % p));
      }
    }
  }
  ~ScaledRows() override { crypto::Wipe(MutableBytesOf(&scalars_)); }

  // out = centred(scalar_i * w_i + mask), mask: [n] canonical residues, or null.
  template <typename Weight>
  void WriteRow(uint32_t prime_index, uint32_t i, const ResidueOf<Weight>* mask,
                Weight* out) const {
    const uint32_t p = this->prime(prime_index);
    const IntegerLayer& layer = this->layer();
    const Multiplier<Weight> product(scalars_[size_t{prime_index} * layer.geometry.out_c + i], p);
    const uint64_t n = this->filter_length();
    const int32_t* w = layer.q.data() + i * n;
    for (uint64_t j = 0; j < n; ++j) {
      uint32_t sum = product(SmallResidue(w[j], static_cast<int32_t>(p)));
      if (mask != nullptr) sum += mask[j];
      out[j] = Centre<Weight>(sum >= p ? sum - p : sum, p);
    }
  }

 private:
  std::vector<uint32_t> scalars_;  // [prime_count][m]
};

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_WEIGHTS_SCALED_ROWS_H_
