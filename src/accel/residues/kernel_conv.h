// Residue convolutions by the kernels of the project (kernels/residue_gemm.h, residue_depthwise.h, winograd_conv.h).
#ifndef PENUMBRA_ACCEL_RESIDUES_KERNEL_CONV_H_
#define PENUMBRA_ACCEL_RESIDUES_KERNEL_CONV_H_

#include <memory>

#include "accel/residues/residue_conv.h"
#include "kernels/dispatch.h"

namespace penumbra::residues {

// *out_isa: of the fastest kernels, `best` or slower, that this processor runs and that pass the self test. False when even
// the scalar ones fail. May throw std::bad_alloc.
bool ProveKernels(Isa best, Isa* out_isa);

// Any geometry of a checked segment, by the method of the least estimated cost (method.h). isa: proven. `weights` (OHWI s8 per
// prime) are read once; `pool` is borrowed for the life of the result. May throw std::bad_alloc.
std::unique_ptr<ResidueConv> MakeKernelConv(Isa isa, const ConvGeometry& g, uint32_t primes, const int8_t* weights,
                                            WorkerPool* pool);

// Its parts. A matrix product over the input's windows: any geometry.
std::unique_ptr<ResidueConv> MakeProductConv(const KernelTable& kernels, const ConvGeometry& g, uint32_t primes,
                                             const int8_t* weights, WorkerPool* pool);
// groups == in_c == out_c.
std::unique_ptr<ResidueConv> MakeDepthwiseConv(const KernelTable& kernels, const ConvGeometry& g, uint32_t primes,
                                               const int8_t* weights, WorkerPool* pool);
// WinogradServes(g): tiles of out x out. Holds (out + 2)^2 / 9 times the weights.
std::unique_ptr<ResidueConv> MakeWinogradConv(const KernelTable& kernels, const ConvGeometry& g, uint32_t primes,
                                              const int8_t* weights, uint32_t out, WorkerPool* pool);

}  // namespace penumbra::residues

#endif  // PENUMBRA_ACCEL_RESIDUES_KERNEL_CONV_H_
