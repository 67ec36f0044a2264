// One residue convolution, by whichever kernels suit its geometry and the processor.
#ifndef PENUMBRA_ACCEL_ONEDNN_RESIDUE_CONV_H_
#define PENUMBRA_ACCEL_ONEDNN_RESIDUE_CONV_H_

#include <cstdint>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>

#include "accel/residues/residue_conv.h"
#include "boundary/geometry.h"
#include "kernels/dispatch.h"

namespace penumbra::onednn {

using residues::ResidueConv;
using residues::WorkerPool;

// How residues are computed, fastest first; each falls back on the next where it cannot serve.
enum class Arithmetic {
  kFused,    // our own kernels (accel/residues), oneDNN's integers where these are exact and faster
  kInteger,  // oneDNN's u8 x s8 -> s32, then the reduction
  kFloat,    // oneDNN's float32 over short sums, then the reduction
};

// What all convolutions of a device share.
struct ResidueEngine {
  dnnl::engine dnnl;
  Isa isa;  // of the proven kernels
  Arithmetic arithmetic;
};

// `weights` (OHWI s8 per prime) and `pool` are borrowed for the life of the result. May throw
// std::bad_alloc.
std::unique_ptr<ResidueConv> MakeResidueConv(const ResidueEngine& engine, const ConvGeometry& g,
                                             uint32_t primes, const int8_t* weights, WorkerPool* pool);

}  // namespace penumbra::onednn

#endif  // PENUMBRA_ACCEL_ONEDNN_RESIDUE_CONV_H_
