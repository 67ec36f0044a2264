// Bytes of a public layer: its sealed tables and its published weights.
#ifndef PENUMBRA_PROTECT_SCHEDULE_LAYER_TABLES_H_
#define PENUMBRA_PROTECT_SCHEDULE_LAYER_TABLES_H_

#include <cstdint>
#include <cstring>
#include <vector>

#include "protect/schedule/linear_plan.h"
#include "protect/schedule/plan_parts.h"

namespace penumbra::protect {

template <typename T>
std::vector<uint8_t> BytesOf(const std::vector<T>& values) {
  std::vector<uint8_t> bytes(values.size() * sizeof(T));
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

// RestoreParams and BoundRow[m] of boundary/plan.h.
std::vector<uint8_t> RestoreParamsTile(const QuantizedLinear& quantized,
                                       const RestoreTables& tables);
std::vector<uint8_t> RowBoundsTile(const QuantizedLinear& quantized);

// One residue convolution; all primes' weights are blob `blob`, one part per prime.
PublicSegment ResidueSegment(const LinearPlan& plan, uint32_t blob);
PublicBlob ResidueBlob(const LinearPlan& plan);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_LAYER_TABLES_H_
