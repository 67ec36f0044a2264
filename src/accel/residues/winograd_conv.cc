#include <algorithm>
#include <vector>

#include "accel/residues/aligned_bytes.h"
#include "accel/residues/kernel_conv.h"
#include "accel/residues/method.h"
#include "accel/residues/strip_task_conv.h"
#include "kernels/winograd_conv.h"

namespace penumbra::residues {
namespace {

class WinogradConv final : public StripTaskConv {
 public:
  WinogradConv(const KernelTable& kernels, const ConvGeometry& g, uint32_t primes, const int8_t* weights,
               uint32_t out, WorkerPool* pool)
      : StripTaskConv(g.out_h, primes, WinogradSets(g.out_c).count, pool),
        kernels_(kernels),
        g_(g),
        out_(out),
        packed_size_(WinogradPackedSize(out, g.out_c, g.in_c)),
        scratch_(pool->threads()) {
    packed_.Reserve(packed_size_ * primes);
    for (uint32_t k = 0; k < primes; ++k) plans_.push_back(MakeWinogradPlan(out, kPrimes[k]));
    for (Scratch& s : scratch_) {
      s.rows.resize(g.in_h);
      s.workspace.Reserve(WinogradPackWorkspaceSize(out));
    }
    const uint32_t sets = WinogradSets(g.out_c).count;
    pool->ForEach(primes * sets, [&](uint32_t index, uint32_t thread) {
      const uint32_t k = index / sets, set = index % sets;
      PackWinograd({&kernels_, &plans_[k], weights + k * FilterLength(g_) * g_.out_c, g_.out_c, g_.in_c,
                    reinterpret_cast<int8_t*>(scratch_[thread].workspace.data()), Packed(k)},
                   set, set + 1);
    });
  }

 private:
  struct Scratch {
    AlignedBytes workspace;
    std::vector<const void*> rows;
  };

  int8_t* Packed(uint32_t k) const { return reinterpret_cast<int8_t*>(packed_.data()) + k * packed_size_; }

  std::string Name() const override { return WinogradName(out_); }

  // Rows of these strips are rows of tiles, counted from the first row asked for.
  std::vector<PlacedStrip> Cut(uint32_t batch, RowRange rows) override {
    const uint32_t tile_rows = DivideUp(rows.end - rows.begin, out_), tiles_across = WinogradTiles(g_, out_, 1);
    const uint32_t fitting = WinogradStripRows(g_, out_, tile_rows);
    std::vector<PlacedStrip> strips = CutStrips(
        /*out_h=*/0, batch, {0, tile_rows}, fitting, tile_rows <= fitting ? 1 : threads());
    uint32_t most = 0;
    for (const PlacedStrip& place : strips) {
      most = std::max(most, (place.strip.rows.end - place.strip.rows.begin) * tiles_across);
    }
    for (Scratch& s : scratch_) s.workspace.Reserve(WinogradStripSize(g_, out_, most));
    return strips;
  }

  // Parts are sets of output channels.
  void RunTask(uint32_t k, const Task& task, const uint8_t* x, uint8_t* out_y, uint32_t thread) override {
    Scratch* const scratch = &scratch_[thread];
    const Strip& strip = task.place.strip;
    const size_t sample = size_t{k} * batch() + task.place.first_sample, in_row = size_t{g_.in_w} * g_.in_c;
    // Rows that are not asked for are not read, though a tile may reach them.
    const RowRange exist = InputRowsOf(rows(), g_.in_h, kWinogradTaps, 1, 1, g_.pad_top);
    for (uint32_t y = exist.begin; y < exist.end; ++y) {
      scratch->rows[y - exist.begin] = x + (sample * g_.in_h + y) * in_row;
    }
    const RowRange part = {rows().begin + strip.rows.begin * out_,
                           std::min(rows().begin + strip.rows.end * out_, rows().end)};
    const WinogradImage image = {
        {scratch->rows.data(), static_cast<int32_t>(exist.begin), exist.end - exist.begin},
        out_y + (sample * g_.out_h + part.begin) * g_.out_w * g_.out_c};
    ConvolveWinograd({&kernels_, &plans_[k], &g_, &image, 1, part, Packed(k), g_.out_c, task.begin, task.end,
                      g_.out_c, scratch->workspace.data()});
  }

  const KernelTable& kernels_;
  const ConvGeometry g_;
  const uint32_t out_;
  const size_t packed_size_;
  std::vector<WinogradPlan> plans_;  // one per prime
  AlignedBytes packed_;
  std::vector<Scratch> scratch_;  // one per thread of the pool
};

}  // namespace

std::unique_ptr<ResidueConv> MakeWinogradConv(const KernelTable& kernels, const ConvGeometry& g, uint32_t primes,
                                              const int8_t* weights, uint32_t out, WorkerPool* pool) {
  return std::make_unique<WinogradConv>(kernels, g, primes, weights, out, pool);
}

}  // namespace penumbra::residues
