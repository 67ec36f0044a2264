// One residue convolution, by whichever kernels suit its geometry and the processor.
#ifndef PENUMBRA_ACCEL_ONEDNN_RESIDUE_CONV_H_
#define PENUMBRA_ACCEL_ONEDNN_RESIDUE_CONV_H_

#include <cstdint>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>

#include "accel/onednn/worker_pool.h"
#include "boundary/geometry.h"

namespace penumbra::onednn {

// How residues are computed, fastest first; each falls back on the next where it cannot serve.
enum class Arithmetic {
  kFused,    // our own AVX-512 VNNI kernels with the reduction in registers
  kInteger,  // oneDNN's u8 x s8 -> s32, then the reduction
  kFloat,    // oneDNN's float32 over short sums, then the reduction
};

class ResidueConv {
 public:
  virtual ~ResidueConv() = default;

  // Makes ready for whole images of `batch` samples. Throws dnnl::error or std::bad_alloc.
  virtual void Compile(uint32_t batch) = 0;

  // x: [prime][batch][in_h, in_w, in_c], out_y: [prime][batch][out_h, out_w, out_c] residues.
  // Shapes not seen before are compiled first. One call at a time. False if a strip failed.
  virtual bool Run(const uint8_t* x, uint32_t batch, RowRange rows, uint8_t* out_y) = 0;
};

// `weights` (OHWI s8 per prime) and `pool` are borrowed for the life of the result. May throw
// std::bad_alloc.
std::unique_ptr<ResidueConv> MakeResidueConv(const dnnl::engine& engine, const ConvGeometry& g,
                                             uint32_t primes, const int8_t* weights,
                                             Arithmetic arithmetic, WorkerPool* pool);

}  // namespace penumbra::onednn

#endif  // PENUMBRA_ACCEL_ONEDNN_RESIDUE_CONV_H_
