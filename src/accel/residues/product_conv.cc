#include <algorithm>
#include <vector>

#include "accel/residues/aligned_bytes.h"
#include "accel/residues/kernel_conv.h"
#include "accel/residues/method.h"
#include "accel/residues/strip_task_conv.h"
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

class ProductConv final : public StripTaskConv {
 public:
  ProductConv(const KernelTable& kernels, const ConvGeometry& g, uint32_t primes, const int8_t* weights,
              WorkerPool* pool)
      : StripTaskConv(g.out_h, primes, g.groups > 1 ? g.groups : DivideUp(g.out_c, kPanelWidth), pool),
        kernels_(kernels),
        g_(g),
        depth_(static_cast<uint32_t>(FilterLength(g))),
        in_place_(Im2RowIsIdentity(g) && g.in_h == g.out_h && g.in_w == g.out_w && depth_ % 4 == 0),
        row_size_(Im2RowStrideSize(g, 1)),
        packed_size_(PackedSizeU8S8(OutChannelsPerGroup(g), depth_)),
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

 private:
  std::string Name() const override { return kProductName; }

  int8_t* Packed(uint32_t k, uint32_t group) const {
    return reinterpret_cast<int8_t*>(packed_.data()) + (size_t{k} * g_.groups + group) * packed_size_;
  }
  size_t PixelsOf(const Strip& strip) const {
    return size_t{strip.samples} * (strip.rows.end - strip.rows.begin) * g_.out_w;
  }

  std::vector<PlacedStrip> Cut(uint32_t batch, RowRange rows) override {
    const auto fitting =
        static_cast<uint32_t>(std::max<size_t>(1, kStripSize / (row_size_ * g_.out_w)));
    const bool small = rows.end - rows.begin <= fitting;
    std::vector<PlacedStrip> strips = CutStrips(g_.out_h, batch, rows, fitting, small ? 1 : threads());
    size_t largest = 0;
    for (const PlacedStrip& place : strips) {
      largest = std::max(largest, PixelsOf(place.strip) * row_size_);
    }
    for (Scratch& s : scratch_) s.matrix.Reserve(in_place_ ? 0 : largest + kWindowSlack);
    return strips;
  }

  // Parts are panels of output channels, of grouped layers groups.
  void RunTask(uint32_t k, const Task& task, const uint8_t* x, uint8_t* out_y,
               uint32_t thread) override {
    Scratch* const scratch = &scratch_[thread];
    const Strip& strip = task.place.strip;
    const size_t sample = size_t{k} * batch() + task.place.first_sample;
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
  const uint32_t depth_;
  const bool in_place_;  // the input is the matrix
  const size_t row_size_, packed_size_;  // packed: of one group
  AlignedBytes packed_;           // all primes
  std::vector<Scratch> scratch_;  // one per thread of the pool
};

}  // namespace

std::unique_ptr<ResidueConv> MakeProductConv(const KernelTable& kernels, const ConvGeometry& g, uint32_t primes,
                                             const int8_t* weights, WorkerPool* pool) {
  return std::make_unique<ProductConv>(kernels, g, primes, weights, pool);
}

}  // namespace penumbra::residues
