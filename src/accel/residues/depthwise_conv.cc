#include <algorithm>
#include <vector>

#include "accel/residues/kernel_conv.h"
#include "accel/residues/strips.h"

namespace penumbra::residues {
namespace {

// Bytes of output of one strip: small enough to share among threads, large enough that the input
// rows which neighbouring strips both read do not matter.
constexpr size_t kStripSize = size_t{128} << 10;

class DepthwiseConv final : public ResidueConv {
 public:
  DepthwiseConv(const KernelTable& kernels, const ConvGeometry& g, uint32_t primes, const int8_t* weights,
                WorkerPool* pool)
      : kernels_(kernels),
        g_(g),
        primes_(primes),
        pool_(pool),
        packed_(primes * FilterLength(g) * g.out_c),
        rows_(pool->threads(), std::vector<const void*>(g.in_h)) {
    const size_t filters = FilterLength(g) * g.out_c;
    for (uint32_t k = 0; k < primes; ++k) {
      PackDepthwise(weights + k * filters, g.out_c, static_cast<uint32_t>(FilterLength(g)), 1,
                    packed_.data() + k * filters);
    }
  }

  void Compile(uint32_t) override {}

  bool Run(const uint8_t* x, uint32_t batch, RowRange rows, uint8_t* out_y) override {
    const size_t row_size = size_t{g_.out_w} * g_.out_c;
    const auto height = static_cast<uint32_t>(std::max<size_t>(1, kStripSize / row_size));
    const uint32_t strips = DivideUp(rows.end - rows.begin, height);
    const size_t in_size = size_t{g_.in_h} * g_.in_w * g_.in_c;
    return pool_->ForEach(primes_ * batch * strips, [&](uint32_t index, uint32_t thread) {
      const size_t plane = index / strips;  // [prime][batch]
      const uint32_t begin = rows.begin + index % strips * height;
      const RowRange part = {begin, std::min(begin + height, rows.end)};
      RunStrip(static_cast<uint32_t>(plane / batch), x + plane * in_size, part,
               out_y + (plane * g_.out_h + begin) * row_size, rows_[thread].data());
    });
  }

 private:
  std::string Name() const override { return "depthwise, one filter per channel"; }

  void RunStrip(uint32_t k, const uint8_t* image, RowRange rows, uint8_t* out, const void** scratch) const {
    for (uint32_t y = 0; y < g_.in_h; ++y) scratch[y] = image + size_t{y} * g_.in_w * g_.in_c;
    const int8_t* weights = packed_.data() + k * FilterLength(g_) * g_.out_c;
    DepthwiseJob job{&g_, {scratch, 0, g_.in_h}, weights, 0, rows.begin, 0, g_.out_w, out};
    for (; job.out_row < rows.end; ++job.out_row, out += size_t{g_.out_w} * g_.out_c) {
      job.out = out;
      kernels_.residue_depthwise(job, kPrimes[k]);
    }
  }

  const KernelTable& kernels_;
  const ConvGeometry g_;
  const uint32_t primes_;
  WorkerPool* const pool_;
  std::vector<int8_t> packed_;                      // all primes
  std::vector<std::vector<const void*>> rows_;  // one per thread of the pool
};

}  // namespace

std::unique_ptr<ResidueConv> MakeDepthwiseConv(const KernelTable& kernels, const ConvGeometry& g, uint32_t primes,
                                               const int8_t* weights, WorkerPool* pool) {
  return std::make_unique<DepthwiseConv>(kernels, g, primes, weights, pool);
}

}  // namespace penumbra::residues
