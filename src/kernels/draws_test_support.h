// The generator of tools/reference/field_vectors.py, for inputs that golden vectors do not store.
#ifndef PENUMBRA_KERNELS_DRAWS_TEST_SUPPORT_H_
#define PENUMBRA_KERNELS_DRAWS_TEST_SUPPORT_H_

#include <cstdint>
#include <vector>

#include "boundary/geometry.h"

namespace penumbra {

class Draws {
 public:
  explicit Draws(uint64_t seed) : state_(seed) {}
  uint32_t Word() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(state_ >> 32);
  }
  std::vector<uint32_t> Words(size_t count) {
    std::vector<uint32_t> words(count);
    for (uint32_t& word : words) word = Word();
    return words;
  }
  std::vector<uint32_t> Residues(size_t count) {
    std::vector<uint32_t> residues = Words(count);
    for (uint32_t& r : residues) r %= kFieldPrime;
    return residues;
  }

 private:
  uint64_t state_;
};

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_DRAWS_TEST_SUPPORT_H_
