// What transforms share that write secret filters as residues. Private to weights/.
#ifndef PENUMBRA_PROTECT_WEIGHTS_RESIDUE_ROWS_H_
#define PENUMBRA_PROTECT_WEIGHTS_RESIDUE_ROWS_H_

#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "crypto/wipe.h"
#include "protect/weights/published_weights.h"
#include "ring/modulus.h"

namespace penumbra::protect {

// What residues and published weights of a layer are made of: bytes over the ring, words over the field.
template <typename Weight>
using ResidueOf = std::make_unsigned_t<Weight>;

template <typename Weight>
Weight Centre(uint32_t residue, uint32_t p) {
  return static_cast<Weight>(residue > (p - 1) / 2
                                 ? static_cast<int32_t>(residue) - static_cast<int32_t>(p)
                                 : static_cast<int32_t>(residue));
}

inline uint32_t SmallResidue(int32_t value, int32_t p) {
  const int32_t r = value % p;
  return static_cast<uint32_t>(r < 0 ? r + p : r);
}

template <typename T>
crypto::MutableBytes MutableBytesOf(std::vector<T>* values) {
  return {reinterpret_cast<uint8_t*>(values->data()), values->size() * sizeof(T)};
}

// Published rows of the ring and of the field by one public function of `Derived`:
//   template <typename Weight> void WriteRows(uint32_t prime_index, std::span<Weight> out_rows) const;
// out_rows: [m'][n] centred residues.
template <typename Derived>
class ResidueRows : public PublishedWeights {
 public:
  std::vector<int8_t> Rows(uint32_t prime_index) const override {
    return Write<int8_t>(prime_index);
  }
  std::vector<int32_t> FieldRows() const override { return Write<int32_t>(0); }

 protected:
  explicit ResidueRows(const IntegerLayer& layer) : layer_(layer) { geometry_ = layer.geometry; }

  const IntegerLayer& layer() const { return layer_; }
  uint64_t filter_length() const { return FilterLength(layer_.geometry); }
  uint32_t prime(uint32_t prime_index) const { return layer_.prime(prime_index); }

 private:
  template <typename Weight>
  std::vector<Weight> Write(uint32_t prime_index) const {
    std::vector<Weight> rows(geometry_.out_c * filter_length());
    static_cast<const Derived*>(this)->WriteRows(prime_index, std::span(rows));
    return rows;
  }

  IntegerLayer layer_;
};

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_WEIGHTS_RESIDUE_ROWS_H_
