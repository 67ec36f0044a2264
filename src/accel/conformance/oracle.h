// What segments mean, computed independently of every backend: in 64-bit integers and in double.
#ifndef PENUMBRA_ACCEL_CONFORMANCE_ORACLE_H_
#define PENUMBRA_ACCEL_CONFORMANCE_ORACLE_H_

#include <vector>

#include "accel/conformance/test_segment.h"

namespace penumbra::conformance {

// The integer convolution of one sample of one prime at one output. x: [in_h, in_w, in_c];
// w: OHWI of that prime.
int64_t ResidueSum(const ConvGeometry& g, const uint8_t* x, const int8_t* w, uint32_t oy,
                   uint32_t ox, uint32_t oc);

// The same modulo kFieldPrime, canonical, for any u32 residues.
uint32_t PrimeResidue(const ConvGeometry& g, const uint32_t* x, const int32_t* w, uint32_t oy,
                      uint32_t ox, uint32_t oc);

// Values of all tensors of a float segment for one sample; inputs[i] is sample i of the i-th input.
std::vector<std::vector<double>> FloatValues(const TestSegment& s,
                                             const std::vector<const float*>& inputs);

}  // namespace penumbra::conformance

#endif  // PENUMBRA_ACCEL_CONFORMANCE_ORACLE_H_
