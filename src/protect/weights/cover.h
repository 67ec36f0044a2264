// Parts of the GroupCover transform. Private to weights/.
#ifndef PENUMBRA_PROTECT_WEIGHTS_COVER_H_
#define PENUMBRA_PROTECT_WEIGHTS_COVER_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "boundary/geometry.h"
#include "protect/weights/secret_stream.h"

namespace penumbra::protect {

// Row-major; only the first `size` rows and columns count, the others are 0.
struct CoverMatrix {
  std::array<uint32_t, kCoverSize * kCoverSize> entry{};

  uint32_t& At(uint32_t row, uint32_t column) { return entry[row * kCoverSize + column]; }
  uint32_t At(uint32_t row, uint32_t column) const { return entry[row * kCoverSize + column]; }
};

// The inverse modulo a prime p < 2^31 of a matrix of canonical residues, by Gauss and Jordan; nothing when
// it is singular.
std::optional<CoverMatrix> InverseModulo(CoverMatrix matrix, uint32_t size, uint32_t p);

struct CoverPair {
  CoverMatrix matrix, inverse;
};
// Uniform over the invertible matrices of this size modulo p: singular draws are drawn again.
CoverPair DrawCover(SecretStream* stream, uint32_t size, uint32_t p);

// An order of the filters [begin, end) of `q`, [filter][length], such that every run of kCoverSize filters is a
// cover: the first one is the next in the secret order of `stream`, each other one has the least sum of cosines with
// those before it. Filters longer than 256 weights are compared by 256 evenly spaced ones.
std::vector<uint16_t> DissimilarOrder(std::span<const int32_t> q, uint64_t length, uint32_t begin,
                                      uint32_t end, SecretStream* stream);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_WEIGHTS_COVER_H_
