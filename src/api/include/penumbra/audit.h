// What a bundle gives away about the weights it hides.
#ifndef PENUMBRA_AUDIT_H_
#define PENUMBRA_AUDIT_H_

#include <cstdint>
#include <filesystem>
#include <vector>

#include "penumbra/export.h"

namespace penumbra {

// One layer of a bundle whose weights ShadowNet's transform hides, as everybody sees it.
struct HiddenFilters {
  uint32_t segment = 0;    // of BundleInfo::segments
  uint32_t published = 0;  // filters, random ones included
  uint32_t groups = 1;     // of the convolution
  double scalar_bits = 0;  // log2 of how many values one secret scalar can have, all primes together
  bool channelwise = false;  // a depthwise layer: in a secret order and scaled, without random filters
  bool attempted = false;    // false: filters are too short to be told from chance (fewer than nine weights), or there is one prime
  // Pairs of rows that give a filter exactly, up to sign and a factor that all its weights share. Within about one in a hundred of the
  // number of filters: some are missed, and two filters behind one random filter may look like one more.
  uint32_t recovered = 0;
  double milliseconds = 0;   // on one core
};

// Attacks every residue layer of the bundle as if preset shadownet had made it, with what everybody has: no key, no query, no public
// model (docs/schemes.md, "What is known to break"). Of weights that no such transform hides it finds nothing worth telling. Layers modulo
// the papers' prime are left out. The signature is not checked. Throws Error.
PENUMBRA_API std::vector<HiddenFilters> RecoverHiddenFilters(const std::filesystem::path& bundle);

}  // namespace penumbra

#endif  // PENUMBRA_AUDIT_H_
