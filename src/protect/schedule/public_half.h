// The public half of a bundle: segments, and the blobs of weights that accelerators use in place.
#ifndef PENUMBRA_PROTECT_SCHEDULE_PUBLIC_HALF_H_
#define PENUMBRA_PROTECT_SCHEDULE_PUBLIC_HALF_H_

#include <cstdint>
#include <vector>

#include "boundary/bundle.h"
#include "protect/schedule/plan_parts.h"

namespace penumbra::protect {

struct PublicLayout {
  std::vector<uint8_t> tables;  // everything before the first blob, padded to it
  std::vector<BlobRec> blobs;
  uint64_t size;  // of the whole half
};

PublicLayout LayOutPublicHalf(const CompiledPlan& plan);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_PUBLIC_HALF_H_
