// Start-up check of the chosen kernels: a processor or hypervisor that computes a single sum wrong
// is refused (PERFORMANCE: "refuse it if a single sum is wrong").
#ifndef PENUMBRA_KERNELS_SELF_TEST_H_
#define PENUMBRA_KERNELS_SELF_TEST_H_

#include <cstddef>

#include "boundary/status.h"
#include "kernels/dispatch.h"

namespace penumbra {

inline constexpr size_t kSelfTestScratchSize = 256 * 1024;

// Compares every entry of `table` with the scalar table on worst-case inputs, bit by bit.
// scratch: kSelfTestScratchSize bytes, 64-byte aligned. Errors: kSelfTestFailed. A few milliseconds.
Status SelfTestKernels(const KernelTable& table, void* scratch);

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_SELF_TEST_H_
