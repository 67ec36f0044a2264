#include <algorithm>
#include <vector>

#include "accel/onednn/aligned_bytes.h"
#include "accel/onednn/fused_conv.h"
#include "accel/onednn/strips.h"
#include "accel/onednn/vnni_kernels.h"
#include "accel/onednn/window_matrix.h"
#include "kernels/gemm_u8s8.h"
#include "kernels/im2row.h"

namespace penumbra::onednn {
namespace {

// Bytes of input windows of one strip: they are read once per set of panels and stay in the
// second-level cache beside the panels.
constexpr size_t kStripSize = size_t{384} << 10;

// What one thread needs while it runs.
struct Scratch {
  AlignedBytes matrix;
  std::vector<const uint8_t*> rows;
};

class FusedGemm final : public ResidueConv {
 public:
  FusedGemm(const ConvGeometry& g, uint32_t primes, const int8_t* weights, WorkerPool* pool)
      : g_(g),
        primes_(primes),
        depth_(static_cast<uint32_t>(FilterLength(g))),
        in_place_(Im2RowIsIdentity(g) && g.in_h == g.out_h && g.in_w == g.out_w && depth_ % 4 == 0),
        row_size_(Im2RowStrideSize(g, 1)),
        packed_size_(PackedSizeU8S8(g.out_c, depth_)),
        pool_(pool),
        scratch_(pool->threads()) {
    packed_.Reserve(packed_size_ * primes);
    for (uint32_t k = 0; k < primes; ++k) {
      PackU8S8(weights + k * size_t{depth_} * g.out_c, g.out_c, depth_, Packed(k));
    }
    for (Scratch& s : scratch_) s.rows.resize(g.kernel_h);
  }

  void Compile(uint32_t batch) override { Plan(batch, {0, g_.out_h}); }

  bool Run(const uint8_t* x, uint32_t batch, RowRange rows, uint8_t* out_y) override {
    Plan(batch, rows);
    const auto tasks = static_cast<uint32_t>(tasks_.size());
    return pool_->ForEach(tasks * primes_, [&](uint32_t index, uint32_t thread) {
      RunTask(index / tasks, tasks_[index % tasks], x, out_y, &scratch_[thread]);
    });
  }

 private:
  // A strip, and which panels of its output channels.
  struct Task {
    PlacedStrip place;
    uint32_t panel_begin, panel_end;
  };

  int8_t* Packed(uint32_t k) const {
    return reinterpret_cast<int8_t*>(packed_.data()) + k * packed_size_;
  }
  size_t PixelsOf(const Strip& strip) const {
    return size_t{strip.samples} * (strip.rows.end - strip.rows.begin) * g_.out_w;
  }

  void Plan(uint32_t batch, RowRange rows) {
    if (batch == planned_batch_ && rows.begin == planned_rows_.begin &&
        rows.end == planned_rows_.end) {
      return;
    }
    planned_batch_ = 0;
    const uint32_t threads = pool_->threads();
    const auto fitting =
        static_cast<uint32_t>(std::max<size_t>(1, kStripSize / (row_size_ * g_.out_w)));
    const bool small = rows.end - rows.begin <= fitting;
    const std::vector<PlacedStrip> strips =
        CutStrips(g_.out_h, batch, rows, fitting, small ? 1 : threads);
    // Too few strips for the threads: those share the output channels, so that each weight is still
    // read once.
    const uint32_t panels = DivideUp(g_.out_c, kPanelWidth);
    const uint32_t pieces = strips.size() < threads ? std::min(threads, panels) : 1;
    tasks_.clear();
    size_t largest = 0;
    for (const PlacedStrip& place : strips) {
      largest = std::max(largest, PixelsOf(place.strip) * row_size_);
      for (uint32_t i = 0; i < pieces; ++i) {
        tasks_.push_back({place, panels * i / pieces, panels * (i + 1) / pieces});
      }
    }
    for (Scratch& s : scratch_) s.matrix.Reserve(in_place_ ? 0 : largest + kWindowSlack);
    planned_batch_ = batch;
    planned_rows_ = rows;
  }

  void RunTask(uint32_t k, const Task& task, const uint8_t* x, uint8_t* out_y,
               Scratch* scratch) const {
    const Strip& strip = task.place.strip;
    const size_t in_size = size_t{g_.in_h} * g_.in_w * g_.in_c;
    const size_t sample = size_t{k} * planned_batch_ + task.place.first_sample;
    const uint8_t* image = x + sample * in_size;
    const uint32_t first = task.panel_begin * kPanelWidth;
    ResidueGemmJob job{};
    if (in_place_) {
      job.a = image + size_t{strip.rows.begin} * g_.in_w * g_.in_c;
    } else {
      const size_t size = PixelsOf(strip) / strip.samples * row_size_;
      for (uint32_t s = 0; s < strip.samples; ++s) {
        LayOutWindows(g_, image + s * in_size, strip.rows, row_size_, scratch->rows.data(),
                      scratch->matrix.data() + s * size);
      }
      job.a = scratch->matrix.data();
    }
    job.a_stride = row_size_;
    job.b_packed = Packed(k) + task.panel_begin * PanelSizeU8S8(depth_);
    job.out = out_y + (sample * g_.out_h + strip.rows.begin) * g_.out_w * g_.out_c + first;
    job.out_stride = g_.out_c;
    job.rows = static_cast<uint32_t>(PixelsOf(strip));
    job.n = std::min(task.panel_end * kPanelWidth, g_.out_c) - first;
    job.k = depth_;
    job.prime = kPrimes[k];
    ResidueGemm(job);
  }

  const ConvGeometry g_;
  const uint32_t primes_, depth_;
  const bool in_place_;  // the input is the matrix
  const size_t row_size_, packed_size_;
  WorkerPool* const pool_;
  AlignedBytes packed_;           // all primes
  std::vector<Scratch> scratch_;  // one per thread of the pool

  // The last plan: layers run with the same batch and rows again and again.
  uint32_t planned_batch_ = 0;
  RowRange planned_rows_{0, 0};
  std::vector<Task> tasks_;
};

}  // namespace

std::unique_ptr<ResidueConv> MakeFusedGemm(const ConvGeometry& g, uint32_t primes,
                                           const int8_t* weights, WorkerPool* pool) {
  return std::make_unique<FusedGemm>(g, primes, weights, pool);
}

}  // namespace penumbra::onednn
