// One residue convolution by oneDNN, cut into strips of output rows whose int32 sums stay in the
// second-level cache between the convolution and its reduction modulo the prime.
#ifndef PENUMBRA_ACCEL_ONEDNN_STRIP_CONV_H_
#define PENUMBRA_ACCEL_ONEDNN_STRIP_CONV_H_

#include <memory>
#include <vector>

#include "accel/onednn/residue_conv.h"
#include "accel/onednn/strip_kernel.h"

namespace penumbra::onednn {

class StripConv final : public ResidueConv {
 public:
  // `integer`: try the integer kernel first; the float kernel stands in where that is not exact.
  // `weights` (OHWI s8 per prime) and `pool` are borrowed for the life of this object.
  StripConv(const dnnl::engine& engine, const ConvGeometry& g, uint32_t primes,
            const int8_t* weights, bool integer, WorkerPool* pool);

  void Compile(uint32_t batch) override;
  bool Run(const uint8_t* x, uint32_t batch, RowRange rows, uint8_t* out_y) override;

 private:
  std::string Name() const override;
  void Plan(uint32_t batch, RowRange rows);
  bool CompileTasks();
  void RunTask(uint32_t k, const residues::PlacedStrip& task, const uint8_t* x, uint8_t* out_y,
               uint32_t thread);

  const dnnl::engine engine_;
  const ConvGeometry g_;
  const uint32_t primes_;
  const int8_t* weights_;
  bool integer_;  // kernel_ is an integer kernel
  WorkerPool* const pool_;
  std::unique_ptr<StripKernel> kernel_;
  std::vector<ThreadScratch> scratch_;  // one per thread of the pool
  std::vector<dnnl::memory> sums_;      // one per thread of the pool

  // The last plan: layers run with the same batch and rows again and again.
  uint32_t planned_batch_ = 0;
  RowRange planned_rows_{0, 0};
  std::vector<residues::PlacedStrip> tasks_;
};

}  // namespace penumbra::onednn

#endif  // PENUMBRA_ACCEL_ONEDNN_STRIP_CONV_H_
