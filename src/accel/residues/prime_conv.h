// One convolution modulo kFieldPrime by the kernels of kernels/field.h: residues split into 16-bit limbs, exact
// sums.
#ifndef PENUMBRA_ACCEL_RESIDUES_PRIME_CONV_H_
#define PENUMBRA_ACCEL_RESIDUES_PRIME_CONV_H_

#include <cstdint>
#include <memory>

#include "accel/residues/residue_conv.h"
#include "kernels/dispatch.h"

namespace penumbra::residues {

// `weights`: OHWI s32, centred; copied. `kernels` and `pool` are borrowed for the life of the result. Its Run() takes and makes u32
// residues, any representative: x [batch][in_h, in_w, in_c], out_y [batch][out_h, out_w, out_c].
std::unique_ptr<ResidueConv> MakePrimeConv(const KernelTable& kernels, const ConvGeometry& g, const int32_t* weights,
                                           WorkerPool* pool);

}  // namespace penumbra::residues

#endif  // PENUMBRA_ACCEL_RESIDUES_PRIME_CONV_H_
