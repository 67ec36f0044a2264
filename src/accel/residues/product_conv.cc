#include <algorithm>
#include <vector>

#include "accel/residues/aligned_bytes.h"
#include "accel/residues/kernel_conv.h"
#include "accel/residues/strips.h"
#include "accel/residues/window_matrix.h"
#include "kernels/im2row.h"

namespace penumbra::residues {
namespace {

// Bytes of input windows of one strip: they are read once per set of panels and stay in the
// second-level cache beside the panels.
constexpr size_t kStripSize = size_t{384} << 10;

// What one thread needs while it runs.
struct Scratch {
  AlignedBytes matrix;
  std::vector<const uint8_t*> rows;       // under one window
  std::vector<const void*> image_rows;  // of grouped layers
};

class ProductConv final : public ResidueConv {
 public:
  ProductConv(const KernelTable& kernels, const ConvGeometry& g, uint32_t primes, const int8_t* weights,
              WorkerPool* pool)
      : kernels_(kernels),
        g_(g),
        primes_(primes),
        depth_(static_cast<uint32_t>(FilterLength(g))),
        in_place_(Im2RowIsIdentity(g) && g.in_h == g.out_h && g.in_w == g.out_w && depth_ % 4 == 0),
        row_size_(Im2RowStrideSize(g, 1)),
        packed_size_(PackedSizeU8S8(OutChannelsPerGroup(g), depth_)),
        pool_(pool),
        scratch_(pool->threads()) {
    const uint32_t filters = OutChannelsPerGroup(g);
    packed_.Reserve(packed_size_ * g.groups * primes);
    for (uint32_t k = 0; k < primes; ++k) {
      for (uint32_t group = 0; group < g.groups; ++group, weights += size_t{depth_} * filters) {
        PackU8S8(weights, filters, depth_, Packed(k, group));
      }
    }
    for (Scratch& s : scratch_) {
      s.rows.resize(g.kernel_h);
      if (g.groups > 1) s.image_rows.resize(g.in_h);
    }
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
  // A strip, and which panels of its output channels (of grouped layers: which groups).
  struct Task {
    PlacedStrip place;
    uint32_t begin, end;
  };

  int8_t* Packed(uint32_t k, uint32_t group) const {
    return reinterpret_cast<int8_t*>(packed_.data()) + (size_t{k} * g_.groups + group) * packed_size_;
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
    const uint32_t panels = g_.groups > 1 ? g_.groups : DivideUp(g_.out_c, kPanelWidth);
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
    const size_t sample = size_t{k} * planned_batch_ + task.place.first_sample;
    const uint8_t* image = x + sample * g_.in_h * g_.in_w * g_.in_c;
    uint8_t* const out = out_y + (sample * g_.out_h + strip.rows.begin) * g_.out_w * g_.out_c;
    ResidueGemmJob job{};
    job.a = scratch->matrix.data();
    job.a_stride = row_size_;
    job.out_stride = g_.out_c;
    job.rows = static_cast<uint32_t>(PixelsOf(strip));
    job.k = depth_;
    job.prime = kPrimes[k];
    if (g_.groups > 1) return RunGroups(k, task, image, out, scratch, job);
    const uint32_t first = task.begin * kPanelWidth;
    if (in_place_) {
      job.a = image + size_t{strip.rows.begin} * g_.in_w * g_.in_c;
    } else {
      LayOut(strip, image, scratch);
    }
    job.b_packed = Packed(k, 0) + task.begin * PanelSizeU8S8(depth_);
    job.out = out + first;
    job.n = std::min(task.end * kPanelWidth, g_.out_c) - first;
    kernels_.residue_gemm(job);
  }

  void LayOut(const Strip& strip, const uint8_t* image, Scratch* scratch) const {
    const size_t size = PixelsOf(strip) / strip.samples * row_size_;
    for (uint32_t s = 0; s < strip.samples; ++s) {
      LayOutWindows(g_, image + s * size_t{g_.in_h} * g_.in_w * g_.in_c, strip.rows, row_size_, scratch->rows.data(),
                    scratch->matrix.data() + s * size);
    }
  }

  void RunGroups(uint32_t k, const Task& task, const uint8_t* images, uint8_t* out, Scratch* scratch,
                 ResidueGemmJob job) const {
    const Strip& strip = task.place.strip;
    const size_t size = PixelsOf(strip) / strip.samples * row_size_, in_row = size_t{g_.in_w} * g_.in_c;
    job.n = OutChannelsPerGroup(g_);
    for (uint32_t group = task.begin; group < task.end; ++group) {
      for (uint32_t s = 0; s < strip.samples; ++s) {
        for (uint32_t y = 0; y < g_.in_h; ++y) scratch->image_rows[y] = images + (size_t{s} * g_.in_h + y) * in_row;
        CopyWindows({&g_, {scratch->image_rows.data(), 0, g_.in_h}, 1, 0, group, strip.rows.begin,
                     scratch->matrix.data() + s * size, row_size_},
                    0, static_cast<uint32_t>(PixelsOf(strip) / strip.samples));
      }
      job.b_packed = Packed(k, group);
      job.out = out + group * job.n;
      kernels_.residue_gemm(job);
    }
  }

  const KernelTable& kernels_;
  const ConvGeometry g_;
  const uint32_t primes_, depth_;
  const bool in_place_;  // the input is the matrix
  const size_t row_size_, packed_size_;  // packed: of one group
  WorkerPool* const pool_;
  AlignedBytes packed_;           // all primes
  std::vector<Scratch> scratch_;  // one per thread of the pool

  // The last plan: layers run with the same batch and rows again and again.
  uint32_t planned_batch_ = 0;
  RowRange planned_rows_{0, 0};
  std::vector<Task> tasks_;
};

}  // namespace

std::unique_ptr<ResidueConv> MakeProductConv(const KernelTable& kernels, const ConvGeometry& g, uint32_t primes,
                                             const int8_t* weights, WorkerPool* pool) {
  return std::make_unique<ProductConv>(kernels, g, primes, weights, pool);
}

}  // namespace penumbra::residues
