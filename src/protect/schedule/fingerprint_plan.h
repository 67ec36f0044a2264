// What the scheduler has to know of fingerprints (docs/integrity.md); weights/cornerstones.h makes it.
#ifndef PENUMBRA_PROTECT_SCHEDULE_FINGERPRINT_PLAN_H_
#define PENUMBRA_PROTECT_SCHEDULE_FINGERPRINT_PLAN_H_

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "boundary/plan.h"

namespace penumbra::protect {

struct FingerprintPlan {
  uint32_t count = 1;  // in every job of a float segment
  FingerprintRec record{};
  std::vector<std::vector<float>> tolerances;  // of each segment: of each output
  // The cornerstone of a port of a segment, inputs first: the whole tensor, row-major. Called when the bundle is written,
  // segment after segment; the span is valid until the next call.
  std::function<std::span<const float>(uint32_t segment, uint32_t port, uint32_t cornerstone)> values;
};

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_FINGERPRINT_PLAN_H_
