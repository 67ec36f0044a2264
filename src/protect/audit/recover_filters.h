// The structural attack on ShadowNet's weights (docs/schemes.md, "What is known to break"): filters from the published rows
// alone, without a key, a query or a public model.
//
// Published rows that share a random filter differ by lambda w, lambda an unknown unit modulo the product M of the layer's
// primes, w the secret integers, which are small against M (or sums would wrap). Three elements of the difference span a
// lattice of determinant M^2 in which (w_0, w_1, w_2) is unusually short; its multiplier, applied to all elements, gives the
// filter up to sign and a factor that all its weights share. Of two rows that share nothing no multiplier is small everywhere,
// and of two filters behind one random filter (lambda w - lambda' w') none as small as weights are whose sums do not wrap.
// Of a depthwise layer every row is lambda w itself.
#ifndef PENUMBRA_PROTECT_AUDIT_RECOVER_FILTERS_H_
#define PENUMBRA_PROTECT_AUDIT_RECOVER_FILTERS_H_

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "boundary/geometry.h"

namespace penumbra::protect {

// What everybody sees of a layer over the ring; borrowed.
struct PublishedRows {
  ConvGeometry geometry;         // out_c rows
  uint32_t prime_count;          // 1..kMaxPrimes
  std::span<const int8_t> rows;  // [prime_count][out_c][kernel_h][kernel_w][in_c/groups] centred residues
};

struct RecoveredFilter {
  uint32_t row, partner;         // published rows; partner == row: depthwise
  std::vector<int32_t> weights;  // [kernel_h][kernel_w][in_c/groups], up to sign and a common factor
};

// Whether a filter could be told from chance: it has enough weights, and the layer more than one prime.
bool CanTellFilters(const PublishedRows& published);

// Calls `found` for every filter, one for each pair of rows that gives one. Rows must be of the size that the geometry says.
void RecoverFilters(const PublishedRows& published, const std::function<void(const RecoveredFilter&)>& found);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_AUDIT_RECOVER_FILTERS_H_
