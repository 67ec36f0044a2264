// One convolution modulo kFieldPrime by the kernels of kernels/field.h: residues split into 16-bit limbs, exact
// sums. oneDNN has no exact product of 24-bit numbers; its 8-bit convolutions would take nine of them.
#ifndef PENUMBRA_ACCEL_ONEDNN_PRIME_CONV_H_
#define PENUMBRA_ACCEL_ONEDNN_PRIME_CONV_H_

#include <cstdint>
#include <memory>

#include "accel/onednn/residue_conv.h"

namespace penumbra::onednn {

// `weights`: OHWI s32, centred; copied. `pool` is borrowed for the life of the result. Its Run() takes and makes u32
// residues, any representative: x [batch][in_h, in_w, in_c], out_y [batch][out_h, out_w, out_c].
std::unique_ptr<ResidueConv> MakePrimeConv(const ConvGeometry& g, const int32_t* weights, WorkerPool* pool);

}  // namespace penumbra::onednn

#endif  // PENUMBRA_ACCEL_ONEDNN_PRIME_CONV_H_
