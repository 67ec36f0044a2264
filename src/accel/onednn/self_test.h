// Start-up check that residue convolutions are exact on this machine.
#ifndef PENUMBRA_ACCEL_ONEDNN_SELF_TEST_H_
#define PENUMBRA_ACCEL_ONEDNN_SELF_TEST_H_

#include "accel/onednn/residue_conv.h"

namespace penumbra::onednn {

// Whether processor and library together claim exact u8 x s8 dot products; plain AVX2 and AVX-512 saturate pairs of products
// at 16 bits.
bool ClaimsExactIntegers();

// Runs convolutions whose sums are the largest, and the oddest near the largest, that residues can
// make, and compares every sum. False if a single one is wrong.
bool ResiduesAreExact(const ResidueEngine& engine);

}  // namespace penumbra::onednn

#endif  // PENUMBRA_ACCEL_ONEDNN_SELF_TEST_H_
