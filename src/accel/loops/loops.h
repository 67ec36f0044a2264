// The operators of boundary/segment.h as plain loops: the meaning of each operator, not its speed.
// All functions trust their arguments: call them only on nodes that passed CheckSegment.
#ifndef PENUMBRA_ACCEL_LOOPS_LOOPS_H_
#define PENUMBRA_ACCEL_LOOPS_LOOPS_H_

#include <cstdint>

#include "accel/device.h"

namespace penumbra::loops {

// One sample of one prime. x: [in_h, in_w, in_c] u8 residues; w: OHWI s8 centred residues;
// out_y: [out_h, out_w, out_c] canonical residues of `prime`, rows `rows` only. Padding counts 0.
void ConvResidue(const ConvGeometry& g, uint16_t prime, RowRange rows, const uint8_t* x,
                 const int8_t* w, uint8_t* out_y);

// One sample modulo kFieldPrime. x: [in_h, in_w, in_c] canonical residues; w: OHWI s32 centred residues; out_y as
// ConvResidue.
void ConvPrime(const ConvGeometry& g, RowRange rows, const uint32_t* x, const int32_t* w,
               uint32_t* out_y);

// One sample. x, out_y: [h, w, c] float32; w: OHWI; bias: [out_c] or nullptr.
void ConvFloat(const ConvGeometry& g, const float* x, const float* w, const float* bias,
               float* out_y);

// One sample of any other operator. in[i] has shape shapes[i]; out_y has shape `shape`; all [h, w,
// c].
void Apply(const SegmentNode& node, const SegmentTensor* shapes, const float* const* in,
           const SegmentTensor& shape, float* out_y);

}  // namespace penumbra::loops

#endif  // PENUMBRA_ACCEL_LOOPS_LOOPS_H_
