#include <algorithm>
#include <vector>

#include "accel/residues/aligned_bytes.h"
#include "accel/residues/kernel_conv.h"
#include "accel/residues/method.h"
#include "accel/residues/strips.h"
#include "kernels/winograd_conv.h"

namespace penumbra::residues {
namespace {

class WinogradConv final : public ResidueConv {
 public:
  WinogradConv(const KernelTable& kernels, const ConvGeometry& g, uint32_t primes, const int8_t* weights,
               uint32_t out, WorkerPool* pool)
      : kernels_(kernels),
        g_(g),
        primes_(primes),
        out_(out),
        sets_(WinogradSets(g.out_c).count),
        packed_size_(WinogradPackedSize(out, g.out_c, g.in_c)),
        pool_(pool),
        scratch_(pool->threads()) {
    packed_.Reserve(packed_size_ * primes);
    for (uint32_t k = 0; k < primes; ++k) plans_.push_back(MakeWinogradPlan(out, kPrimes[k]));
    for (Scratch& s : scratch_) {
      s.rows.resize(g.in_h);
      s.workspace.Reserve(WinogradPackWorkspaceSize(out));
    }
    pool->ForEach(primes * sets_, [&](uint32_t index, uint32_t thread) {
      const uint32_t k = index / sets_, set = index % sets_;
      PackWinograd({&kernels_, &plans_[k], weights + k * FilterLength(g_) * g_.out_c, g_.out_c, g_.in_c,
                    reinterpret_cast<int8_t*>(scratch_[thread].workspace.data()), Packed(k)},
                   set, set + 1);
    });
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
    AlignedBytes workspace;
    std::vector<const void*> rows;
  };

  int8_t* Packed(uint32_t k) const { return reinterpret_cast<int8_t*>(packed_.data()) + k * packed_size_; }

  void Plan(uint32_t batch, RowRange rows) {
    if (batch == planned_batch_ && rows.begin == planned_rows_.begin &&
        rows.end == planned_rows_.end) {
      return;
    }
    planned_batch_ = 0;
    const uint32_t threads = pool_->threads();
    const uint32_t tile_rows = DivideUp(rows.end - rows.begin, out_), tiles_across = WinogradTiles(g_, out_, 1);
    const uint32_t fitting = WinogradStripRows(g_, out_, tile_rows);
    const std::vector<PlacedStrip> strips = CutStrips(
        /*out_h=*/0, batch, {0, tile_rows}, fitting, tile_rows <= fitting ? 1 : threads);
    // As ProductConv: too few strips for the threads.
    const uint32_t pieces = strips.size() < threads ? std::min(threads, sets_) : 1;
    tasks_.clear();
    uint32_t most = 0;
    for (const PlacedStrip& place : strips) {
      most = std::max(most, (place.strip.rows.end - place.strip.rows.begin) * tiles_across);
      for (uint32_t i = 0; i < pieces; ++i) {
        tasks_.push_back({place, sets_ * i / pieces, sets_ * (i + 1) / pieces});
      }
    }
    for (Scratch& s : scratch_) s.workspace.Reserve(WinogradStripSize(g_, out_, most));
    planned_batch_ = batch;
    planned_rows_ = rows;
  }

  void RunTask(uint32_t k, const Task& task, const uint8_t* x, uint8_t* out_y, Scratch* scratch) const {
    const Strip& strip = task.place.strip;
    const size_t sample = size_t{k} * planned_batch_ + task.place.first_sample, in_row = size_t{g_.in_w} * g_.in_c;
    // Rows that are not asked for are not read, though a tile may reach them.
    const RowRange exist = InputRowsOf(planned_rows_, g_.in_h, kWinogradTaps, 1, 1, g_.pad_top);
    for (uint32_t y = exist.begin; y < exist.end; ++y) {
      scratch->rows[y - exist.begin] = x + (sample * g_.in_h + y) * in_row;
    }
    const RowRange rows = {planned_rows_.begin + strip.rows.begin * out_,
                           std::min(planned_rows_.begin + strip.rows.end * out_, planned_rows_.end)};
    const WinogradImage image = {
        {scratch->rows.data(), static_cast<int32_t>(exist.begin), exist.end - exist.begin},
        out_y + (sample * g_.out_h + rows.begin) * g_.out_w * g_.out_c};
    ConvolveWinograd({&kernels_, &plans_[k], &g_, &image, 1, rows, Packed(k), g_.out_c, task.set_begin, task.set_end,
                      g_.out_c, scratch->workspace.data()});
  }

  const KernelTable& kernels_;
  const ConvGeometry g_;
  const uint32_t primes_, out_, sets_;
  const size_t packed_size_;
  WorkerPool* const pool_;
  std::vector<WinogradPlan> plans_;  // one per prime
  AlignedBytes packed_;
  std::vector<Scratch> scratch_;  // one per thread of the pool

  // The last plan: layers run with the same batch and rows again and again.
  uint32_t planned_batch_ = 0;
  RowRange planned_rows_{0, 0};
  std::vector<Task> tasks_;
};

}  // namespace

std::unique_ptr<ResidueConv> MakeWinogradConv(const KernelTable& kernels, const ConvGeometry& g, uint32_t primes,
                                              const int8_t* weights, uint32_t out, WorkerPool* pool) {
  return std::make_unique<WinogradConv>(kernels, g, primes, weights, out, pool);
}

}  // namespace penumbra::residues
