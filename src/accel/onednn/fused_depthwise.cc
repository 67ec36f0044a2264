#include <algorithm>
#include <vector>

#include "accel/onednn/aligned_bytes.h"
#include "accel/onednn/fused_conv.h"
#include "accel/onednn/strips.h"
#include "accel/onednn/vnni_kernels.h"

namespace penumbra::onednn {
namespace {

// Bytes of output of one strip: small enough to share among threads, large enough that the input
// rows which neighbouring strips both read do not matter.
constexpr size_t kStripSize = size_t{128} << 10;

// What one thread needs while it runs.
struct Scratch {
  std::vector<const uint8_t*> rows, taps;
};

class FusedDepthwise final : public ResidueConv {
 public:
  FusedDepthwise(const ConvGeometry& g, uint32_t primes, const int8_t* weights, WorkerPool* pool)
      : g_(g),
        primes_(primes),
        packed_size_(DepthwisePackedSize(g.in_c, g.kernel_h, g.kernel_w)),
        pool_(pool),
        zeros_(g.in_c),
        scratch_(pool->threads()) {
    const size_t filters = FilterLength(g) * g.out_c;
    packed_.Reserve(packed_size_ * primes);
    for (uint32_t k = 0; k < primes; ++k) {
      PackResidueDepthwise(weights + k * filters, g.in_c, g.kernel_h, g.kernel_w, Packed(k));
    }
    for (Scratch& s : scratch_) {
      s.rows.resize(g.kernel_h);
      s.taps.resize(size_t{kQuad} * DepthwiseQuads(g.kernel_h, g.kernel_w));
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
               out_y + (plane * g_.out_h + begin) * row_size, &scratch_[thread]);
    });
  }

 private:
  int8_t* Packed(uint32_t k) const {
    return reinterpret_cast<int8_t*>(packed_.data()) + k * packed_size_;
  }

  void RunStrip(uint32_t k, const uint8_t* image, RowRange rows, uint8_t* out,
                Scratch* scratch) const {
    ResidueDepthwiseJob job{};
    job.rows = scratch->rows.data();
    job.zeros = zeros_.data();
    job.packed = Packed(k);
    job.pixels = g_.out_w;
    job.channels = g_.in_c;
    job.in_w = g_.in_w;
    job.kernel_h = g_.kernel_h;
    job.kernel_w = g_.kernel_w;
    job.stride_w = g_.stride_w;
    job.dilation_w = g_.dilation_w;
    job.pad_left = g_.pad_left;
    job.taps = scratch->taps.data();
    job.prime = kPrimes[k];
    for (uint32_t row = rows.begin; row < rows.end; ++row) {
      for (uint32_t tap = 0; tap < g_.kernel_h; ++tap) {
        const int64_t y = int64_t{row} * g_.stride_h + int64_t{tap} * g_.dilation_h - g_.pad_top;
        const bool inside = y >= 0 && y < int64_t{g_.in_h};
        scratch->rows[tap] =
            inside ? image + static_cast<size_t>(y) * g_.in_w * g_.in_c : nullptr;
      }
      job.out = out;
      ResidueDepthwise(job);
      out += size_t{g_.out_w} * g_.out_c;
    }
  }

  const ConvGeometry g_;
  const uint32_t primes_;
  const size_t packed_size_;
  WorkerPool* const pool_;
  AlignedBytes packed_;  // all primes
  const std::vector<uint8_t> zeros_;
  std::vector<Scratch> scratch_;  // one per thread of the pool
};

}  // namespace

std::unique_ptr<ResidueConv> MakeFusedDepthwise(const ConvGeometry& g, uint32_t primes,
                                                const int8_t* weights, WorkerPool* pool) {
  return std::make_unique<FusedDepthwise>(g, primes, weights, pool);
}

}  // namespace penumbra::onednn
