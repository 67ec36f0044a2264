// Exact integer sums of one strip of a residue convolution: the part that differs between
// processors.
#ifndef PENUMBRA_ACCEL_ONEDNN_STRIP_KERNEL_H_
#define PENUMBRA_ACCEL_ONEDNN_STRIP_KERNEL_H_

#include <cstdint>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <span>

#include "accel/residues/strips.h"
#include "boundary/geometry.h"
#include "boundary/status.h"

namespace penumbra::onednn {

using residues::Strip;

// Float32 represents every integer up to 2^24: filters this long have exact float32 sums.
inline constexpr uint64_t kMaxFloatFilterLength = ((uint64_t{1} << 24) - 1) / (255 * 125);

// Scratch of one thread; grows during Compile, never during Run.
struct ThreadScratch {
  dnnl::stream stream;
  dnnl::memory primitive;            // oneDNN's own scratchpad
  dnnl::memory source, destination;  // float copies of a strip's ends
};

class StripKernel {
 public:
  virtual ~StripKernel() = default;

  // Makes ready to run strips of this shape. Not thread-safe. False when this kernel cannot do it
  // exactly (then it can do no strip of this convolution).
  virtual bool Compile(const Strip& strip, std::span<ThreadScratch> scratch) = 0;

  // x: [samples, in_h, in_w, in_c] residues of prime number k, whole images.
  // out_sums: [samples, rows, out_w, out_c] int32. Thread-safe given one scratch per thread.
  virtual void Run(uint32_t k, const uint8_t* x, const Strip& strip, ThreadScratch* scratch,
                   int32_t* out_sums) const = 0;
};

// u8 x s8 products accumulated in int32 by VNNI or AMX.
// weights: one OHWI array of centred s8 per prime, one after the other; copied.
std::unique_ptr<StripKernel> MakeIntegerKernel(const dnnl::engine& engine, const ConvGeometry& g,
                                               uint32_t primes, const int8_t* weights);

// float32 convolutions over at most kMaxFloatFilterLength terms each, added up in int32.
std::unique_ptr<StripKernel> MakeFloatKernel(const dnnl::engine& engine, const ConvGeometry& g,
                                             uint32_t primes, const int8_t* weights);

// Enlarges `memory` to at least `size` bytes; the contents are lost when it grows.
void Reserve(const dnnl::engine& engine, size_t size, dnnl::memory* memory);

// Descriptor of plain OHWI weights, in oneDNN's (g)oihw order of dimensions.
dnnl::memory::dims WeightDims(const ConvGeometry& g);
dnnl::memory::desc PlainWeights(const ConvGeometry& g, dnnl::memory::data_type type);

}  // namespace penumbra::onednn

#endif  // PENUMBRA_ACCEL_ONEDNN_STRIP_KERNEL_H_
