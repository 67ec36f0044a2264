#include "protect/schedule/pad_program.h"

#include <algorithm>
#include <numeric>

#include "boundary/limits.h"
#include "kernels/conv_layout.h"
#include "kernels/scratch.h"
#include "model/error.h"
#include "protect/schedule/conv_weights.h"
#include "protect/schedule/nodes.h"

namespace penumbra::protect {
namespace {

constexpr uint64_t kResidueTileTarget = 128 * 1024;  // of one pad
constexpr uint64_t kLargestResidueTile = 256 * 1024;  // of all pads of a program

// What a byte of weights costs: packing it, bringing it in (two copies and its authentication).
constexpr uint64_t kPackCost = 1, kFetchCost = 2;

class LayerPads {
 public:
  LayerPads(const LoweredGraph& lowered, const LinearPlan& linear, const PublicSlices& slices,
            uint32_t pad_count, CompiledPlan* plan, std::vector<Step>* out_steps)
      : lowered_(lowered),
        linear_(linear),
        slices_(slices),
        pad_count_(pad_count),
        plan_(*plan),
        steps_(*out_steps),
        layer_(plan->layers[linear.layer]),
        published_(linear.published->geometry()),
        pad_(plan->tensors[layer_.pad]) {}

  void Build(uint64_t arena_size) {
    AddResidueTensors();
    AddProductTensor();
    for (const ChannelRun run : slices_.runs) {
      Need(LayoutPadConv(published_, ResidueSize(layer_), run.end - run.begin, pad_count_).size);
    }
    generated_.assign(layer_.prime_count,
                      std::vector<bool>(TileCount(plan_.tensors[residues_.front()])));
    const uint32_t count = TileCount(pad_);
    const uint32_t group = ChooseGroup(arena_size);
    for (uint32_t first = 0; first < count; first += group) {
      const RowRange tiles{first, std::min(count, first + group)};
      for (uint32_t prime = 0; prime < layer_.prime_count; ++prime) Convolve(prime, tiles);
      for (uint32_t tile = tiles.begin; tile < tiles.end; ++tile) Finish(tile);
    }
  }

 private:
  uint32_t Add(const TensorRec& rec) {
    plan_.tensors.push_back(rec);
    return static_cast<uint32_t>(plan_.tensors.size() - 1);
  }
  void CheckTile(uint64_t size) const { RequirePiece(lowered_, linear_, size, "to make pads"); }
  void Need(uint64_t scratch_size) {
    plan_.scratch_size = std::max(plan_.scratch_size, scratch_size);
  }

  // r, one tensor per prime, in the row grid of the mask; tiles hold whole rows of the image.
  void AddResidueTensors() {
    const uint64_t image_row = uint64_t{published_.in_w} * published_.in_c;
    const uint64_t quantum = image_row / std::gcd(image_row, uint64_t{layer_.mask_row_elems});
    const uint32_t row_size = pad_count_ * layer_.mask_row_elems * ResidueSize(layer_);
    const uint64_t target = std::min(pad_count_ * kResidueTileTarget, kLargestResidueTile);
    const uint64_t wanted = std::max(quantum, target / row_size / quantum * quantum);
    const auto tile_rows = static_cast<uint32_t>(std::min<uint64_t>(wanted, layer_.mask_rows));
    CheckTile(uint64_t{tile_rows} * row_size);
    for (uint32_t k = 0; k < layer_.prime_count; ++k) {
      residues_.push_back(
          Add({PlanType::kU8, TensorKind::kActivation, layer_.mask_rows, row_size, tile_rows, 0}));
    }
    Need(PadRandomScratchSize(layer_));
  }

  void AddProductTensor() {
    const uint64_t row =
        uint64_t{pad_count_} * MaskedElementSize(layer_) * published_.out_w * published_.out_c;
    CheckTile(row * pad_.tile_rows);
    product_ = Add({PlanType::kU8, TensorKind::kActivation, pad_.rows, static_cast<uint32_t>(row),
                    pad_.tile_rows, 0});
  }

  void Draw(uint32_t prime, uint32_t tile) {
    if (generated_[prime][tile]) return;
    generated_[prime][tile] = true;
    Step step;
    step.op = linear_.op;
    step.words = Instruction(Opcode::kPadRandom, {linear_.layer, prime, residues_[prime], tile});
    step.writes.push_back({{residues_[prime], tile}, true});
    steps_.push_back(std::move(step));
  }

  // Tiles of r that the rows of output tile `tile` read.
  RowRange ResidueTiles(uint32_t tile) const {
    const uint32_t begin = tile * pad_.tile_rows;
    const ConvGeometry& g = published_;
    const RowRange rows = InputRowsOf({begin, begin + RowsOfTile(pad_, tile)}, g.in_h, g.kernel_h,
                                      g.stride_h, g.dilation_h, g.pad_top);
    if (rows.begin >= rows.end) return {0, 0};
    const uint64_t image_row = uint64_t{pad_count_} * g.in_w * g.in_c * ResidueSize(layer_);
    const TensorRec& r = plan_.tensors[residues_.front()];
    const uint64_t tile_elems = uint64_t{r.tile_rows} * r.row_elems;
    return {static_cast<uint32_t>(rows.begin * image_row / tile_elems),
            static_cast<uint32_t>((rows.end * image_row - 1) / tile_elems + 1)};
  }

  uint64_t AlignedTile(uint32_t tensor, uint32_t tile) const {
    return AlignUp(TileSize(plan_, {tensor, tile}), kTileAlignment);
  }

  // Bytes that `group` tiles of output rows and what they read take at once, weights apart: L'(r) of
  // them all, r of one prime, and of every other prime what the next group reads, too.
  uint64_t GroupSize(uint32_t group) const {
    const uint32_t count = TileCount(pad_);
    uint64_t drawn = 0, shared = 0;
    for (uint32_t first = 0; first < count; first += group) {
      const uint32_t begin = ResidueTiles(first).begin;
      const uint32_t end = ResidueTiles(std::min(count, first + group) - 1).end;
      drawn = std::max<uint64_t>(drawn, end - begin);
      if (first + group >= count) break;
      const uint32_t next = ResidueTiles(first + group).begin;
      if (next < end) shared = std::max<uint64_t>(shared, end - next);
    }
    return group * AlignedTile(product_, 0) + AlignedTile(layer_.pad, 0) +
           AlignedTile(layer_.params, 0) +
           (drawn + (layer_.prime_count - 1) * shared) * AlignedTile(residues_.front(), 0);
  }

  // How many tiles of output rows share a pass over the weights: few passes, weights that stay.
  uint32_t ChooseGroup(uint64_t arena_size) const {
    const uint32_t count = TileCount(pad_);
    uint64_t all = 0, largest = 0;
    for (uint32_t t = 0; t < TileCount(plan_.tensors[slices_.tensor]); ++t) {
      const uint64_t size = AlignedTile(slices_.tensor, t);
      all += size;
      largest = std::max(largest, size);
    }
    uint32_t best = 1;
    uint64_t best_cost = ~uint64_t{0};
    for (uint32_t group = 1; group <= count; ++group) {
      const uint64_t size = GroupSize(group);
      if (size + largest > arena_size) break;
      const uint64_t passes = (count + group - 1) / group;
      const uint64_t cost =
          all * (passes * kPackCost + (size + all <= arena_size ? 1 : passes) * kFetchCost);
      if (cost >= best_cost) continue;
      best = group;
      best_cost = cost;
    }
    return best;
  }

  void Convolve(uint32_t prime, RowRange tiles) {
    for (uint32_t tile = tiles.begin; tile < tiles.end; ++tile) {
      const RowRange sources = ResidueTiles(tile);
      for (uint32_t s = sources.begin; s < sources.end; ++s) Draw(prime, s);
    }
    for (size_t run = 0; run < slices_.runs.size(); ++run) {
      for (uint32_t tile = tiles.begin; tile < tiles.end; ++tile) ConvolveRun(prime, run, tile);
    }
  }

  void ConvolveRun(uint32_t prime, size_t run, uint32_t tile) {
    const uint32_t slice = slices_.Tile(prime, run);
    const ChannelRun channels = slices_.runs[run];
    const PadConvInstr instr{linear_.layer, prime, residues_[prime], slices_.tensor, slice,
                             channels.begin, channels.end, product_, tile};
    Step step;
    step.op = linear_.op;
    step.words = RecordInstruction(Opcode::kPadConv, instr);
    const RowRange sources = ResidueTiles(tile);
    for (uint32_t s = sources.begin; s < sources.end; ++s)
      step.reads.push_back({residues_[prime], s});
    step.reads.push_back({slices_.tensor, slice});
    const bool last = prime + 1 == layer_.prime_count && run + 1 == slices_.runs.size();
    step.writes.push_back({{product_, tile}, last});
    steps_.push_back(std::move(step));
  }

  void Finish(uint32_t tile) {
    for (uint32_t pad = 0; pad < pad_count_; ++pad) {
      Step step;
      step.op = linear_.op;
      step.words = Instruction(Opcode::kPadFinish, {linear_.layer, tile, product_, pad});
      step.reads = {{product_, tile}, {layer_.params, 0}};
      step.writes.push_back({{layer_.pad, tile}, true});
      steps_.push_back(std::move(step));
    }
  }

  const LoweredGraph& lowered_;
  const LinearPlan& linear_;
  const PublicSlices& slices_;
  const uint32_t pad_count_;
  CompiledPlan& plan_;
  std::vector<Step>& steps_;
  const LayerRec layer_;  // copies: the tables grow meanwhile
  const ConvGeometry published_;
  const TensorRec pad_;
  std::vector<uint32_t> residues_;  // tensor of r, of each prime
  uint32_t product_ = kNoTensor;    // tensor of L'(r)
  std::vector<std::vector<bool>> generated_;
};

}  // namespace

std::vector<Step> BuildPadProgram(const LoweredGraph& lowered,
                                  const std::vector<LinearPlan>& linears,
                                  const std::vector<PublicSlices>& slices, uint32_t pad_count,
                                  uint64_t arena_size, CompiledPlan* plan) {
  std::vector<Step> steps;
  for (size_t l = 0; l < linears.size(); ++l) {
    if (!linears[l].is_public() || !linears[l].masked) continue;
    LayerPads(lowered, linears[l], slices[l], pad_count, plan, &steps).Build(arena_size);
  }
  return steps;
}

}  // namespace penumbra::protect
