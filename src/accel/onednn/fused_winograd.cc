#include <algorithm>
#include <vector>

#include "accel/onednn/aligned_bytes.h"
#include "accel/onednn/fused_conv.h"
#include "accel/onednn/strips.h"
#include "accel/onednn/vnni_kernels.h"
#include "accel/onednn/vnni_winograd.h"
#include "accel/onednn/winograd_weights.h"
#include "kernels/gemm_u8s8.h"

namespace penumbra::onednn {
namespace {

// Bytes of transformed input of one strip: read once per set of panels, in the second-level cache
// beside the products (2.3 kB per tile) and one position's panels.
constexpr size_t kStripSize = size_t{512} << 10;
// Keeps the positions of a tile, read and written together, out of the same cache sets.
constexpr size_t kSkew = 64;

class FusedWinograd final : public ResidueConv {
 public:
  FusedWinograd(const ConvGeometry& g, uint32_t primes, const int8_t* weights, WorkerPool* pool)
      : g_(g),
        primes_(primes),
        tile_size_((size_t{g.in_c} + kWinogradBlock - 1) / kWinogradBlock * kWinogradBlock),
        panels_(DivideUp(g.out_c, kPanelWidth)),
        sets_(DivideUp(panels_, kMaxTilePanels)),
        packed_size_(panels_ * kWinogradPositions * PanelSizeU8S8(g.in_c)),
        pool_(pool),
        zeros_(g.in_c),
        scratch_(pool->threads()) {
    packed_.Reserve(packed_size_ * primes);
    std::vector<int8_t> plain;
    for (uint32_t k = 0; k < primes; ++k) {
      for (uint32_t set = 0; set < sets_; ++set) Pack(k, set, weights, &plain);
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
  // A strip, its rows counted in rows of tiles from the first row asked for, and which sets of its
  // output channels.
  struct Task {
    PlacedStrip place;
    uint32_t set_begin, set_end;
  };
  struct Scratch {
    AlignedBytes inputs, products;
  };

  uint32_t FirstPanel(uint32_t set) const { return panels_ * set / sets_; }
  uint32_t FirstChannel(uint32_t set) const {
    return std::min(FirstPanel(set) * kPanelWidth, g_.out_c);
  }
  uint32_t TilesAcross() const { return DivideUp(g_.out_w, kWinogradOut); }
  uint32_t TilesOf(const Strip& strip) const {
    return (strip.rows.end - strip.rows.begin) * TilesAcross();
  }
  size_t InputPositionSize(uint32_t tiles) const { return tiles * tile_size_ + kSkew; }
  static size_t ProductPositionSize(uint32_t tiles) {
    return size_t{tiles} * kWinogradBlock + kSkew;
  }

  // Weights as they are read: [prime][set][position][panels].
  int8_t* Packed(uint32_t k, uint32_t set) const {
    return reinterpret_cast<int8_t*>(packed_.data()) + k * packed_size_ +
           FirstPanel(set) * kWinogradPositions * PanelSizeU8S8(g_.in_c);
  }

  void Pack(uint32_t k, uint32_t set, const int8_t* weights, std::vector<int8_t>* plain) const {
    const uint32_t begin = FirstChannel(set), end = FirstChannel(set + 1);
    const size_t filter = FilterLength(g_), position_size = size_t{end - begin} * g_.in_c;
    plain->resize(position_size * kWinogradPositions);
    for (uint32_t o = begin; o < end; ++o) {
      TransformFilter(weights + (size_t{k} * g_.out_c + o) * filter, g_.in_c, kPrimes[k],
                      position_size, plain->data() + size_t{o - begin} * g_.in_c);
    }
    int8_t* out = Packed(k, set);
    for (uint32_t q = 0; q < kWinogradPositions; ++q) {
      PackU8S8(plain->data() + q * position_size, end - begin, g_.in_c, out);
      out += PackedSizeU8S8(end - begin, g_.in_c);
    }
  }

  void Plan(uint32_t batch, RowRange rows) {
    if (batch == planned_batch_ && rows.begin == planned_rows_.begin &&
        rows.end == planned_rows_.end) {
      return;
    }
    planned_batch_ = 0;
    const uint32_t threads = pool_->threads();
    const uint32_t tile_rows = DivideUp(rows.end - rows.begin, kWinogradOut);
    const size_t row_size = size_t{TilesAcross()} * kWinogradPositions * tile_size_;
    const auto fitting = static_cast<uint32_t>(std::max<size_t>(1, kStripSize / row_size));
    const std::vector<PlacedStrip> strips = CutStrips(
        /*out_h=*/0, batch, {0, tile_rows}, fitting, tile_rows <= fitting ? 1 : threads);
    // As FusedGemm: too few strips for the threads.
    const uint32_t pieces = strips.size() < threads ? std::min(threads, sets_) : 1;
    tasks_.clear();
    uint32_t most = 0;
    for (const PlacedStrip& place : strips) {
      most = std::max(most, TilesOf(place.strip));
      for (uint32_t i = 0; i < pieces; ++i) {
        tasks_.push_back({place, sets_ * i / pieces, sets_ * (i + 1) / pieces});
      }
    }
    for (Scratch& s : scratch_) {
      s.inputs.Reserve(kWinogradPositions * InputPositionSize(most));
      s.products.Reserve(kWinogradPositions * ProductPositionSize(most));
    }
    planned_batch_ = batch;
    planned_rows_ = rows;
  }

  // First output row of row of tiles `row` of the plan.
  uint32_t OutRow(uint32_t row) const { return planned_rows_.begin + row * kWinogradOut; }

  void TransformInput(uint32_t k, const uint8_t* image, const Strip& strip, uint8_t* out) const {
    const RowRange exist = InputRowsOf(planned_rows_, g_.in_h, 3, 1, 1, g_.pad_top);
    WinogradInputJob job{};
    job.image = image;
    job.row_begin = exist.begin;
    job.row_end = exist.end;
    job.in_w = g_.in_w;
    job.channels = g_.in_c;
    job.left = -int64_t{g_.pad_left};
    job.tiles = TilesAcross();
    job.zeros = zeros_.data();
    job.position_size = InputPositionSize(TilesOf(strip));
    job.tile_size = tile_size_;
    job.prime = kPrimes[k];
    job.out = out;
    for (uint32_t row = strip.rows.begin; row < strip.rows.end; ++row) {
      job.top = int64_t{OutRow(row)} - g_.pad_top;
      WinogradInput(job);
      job.out += job.tiles * tile_size_;
    }
  }

  void TransformOutput(uint32_t k, uint32_t set, const uint8_t* products, const Strip& strip,
                       uint8_t* image) const {
    WinogradOutputJob job{};
    job.products = products;
    job.position_size = ProductPositionSize(TilesOf(strip));
    job.tiles = TilesAcross();
    job.columns = FirstChannel(set + 1) - FirstChannel(set);
    job.out_w = g_.out_w;
    job.out_c = g_.out_c;
    job.prime = kPrimes[k];
    for (uint32_t row = strip.rows.begin; row < strip.rows.end; ++row) {
      job.rows = std::min(kWinogradOut, planned_rows_.end - OutRow(row));
      job.out = image + size_t{OutRow(row)} * g_.out_w * g_.out_c + FirstChannel(set);
      WinogradOutput(job);
      job.products += size_t{job.tiles} * kWinogradBlock;
    }
  }

  void RunTask(uint32_t k, const Task& task, const uint8_t* x, uint8_t* out_y,
               Scratch* scratch) const {
    const Strip& strip = task.place.strip;
    const size_t sample = size_t{k} * planned_batch_ + task.place.first_sample;
    TransformInput(k, x + sample * g_.in_h * g_.in_w * g_.in_c, strip, scratch->inputs.data());
    const uint32_t tiles = TilesOf(strip);
    ResidueGemmJob job{};
    job.a_stride = tile_size_;
    job.out_stride = kWinogradBlock;
    job.rows = tiles;
    job.k = g_.in_c;
    job.prime = kPrimes[k];
    for (uint32_t set = task.set_begin; set < task.set_end; ++set) {
      job.n = FirstChannel(set + 1) - FirstChannel(set);
      job.b_packed = Packed(k, set);
      job.a = scratch->inputs.data();
      job.out = scratch->products.data();
      for (uint32_t q = 0; q < kWinogradPositions; ++q) {
        ResidueGemm(job);
        job.b_packed += PackedSizeU8S8(job.n, job.k);
        job.a += InputPositionSize(tiles);
        job.out += ProductPositionSize(tiles);
      }
      TransformOutput(k, set, scratch->products.data(), strip,
                      out_y + sample * g_.out_h * g_.out_w * g_.out_c);
    }
  }

  const ConvGeometry g_;
  const uint32_t primes_;
  const size_t tile_size_;  // bytes of one position of one tile
  const uint32_t panels_, sets_;
  const size_t packed_size_;
  WorkerPool* const pool_;
  AlignedBytes packed_;
  const std::vector<uint8_t> zeros_;
  std::vector<Scratch> scratch_;  // one per thread of the pool

  // The last plan: layers run with the same batch and rows again and again.
  uint32_t planned_batch_ = 0;
  RowRange planned_rows_{0, 0};
  std::vector<Task> tasks_;
};

}  // namespace

std::unique_ptr<ResidueConv> MakeFusedWinograd(const ConvGeometry& g, uint32_t primes,
                                               const int8_t* weights, WorkerPool* pool) {
  return std::make_unique<FusedWinograd>(g, primes, weights, pool);
}

}  // namespace penumbra::onednn
