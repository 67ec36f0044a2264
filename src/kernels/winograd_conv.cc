#include "kernels/winograd_conv.h"

namespace penumbra {

namespace {

// Filters [first, first + count) of one panel, all their channels; panels of one position follow one another.
void PackPanel(const WinogradPackJob& job, uint32_t first, uint32_t count, size_t position_size, int8_t* out) {
  const size_t filter_size = size_t{kWinogradTaps} * kWinogradTaps * job.depth;
  for (uint32_t channel = 0; channel < job.depth; channel += kWinogradBlock) {
    const uint32_t rest = job.depth - channel, channels = rest < kWinogradBlock ? rest : kWinogradBlock;
    constexpr size_t kPlainSize = size_t{kPanelWidth} * kWinogradBlock;
    for (uint32_t j = 0; j < count; ++j) {
      job.kernels->winograd_filter({job.plan, job.weights + (first + j) * filter_size + channel, job.depth, channels,
                                    job.workspace + size_t{j} * channels, kPlainSize});
    }
    for (uint32_t q = 0; q < WinogradPositions(job.plan->out); ++q) {
      PackU8S8(job.workspace + q * kPlainSize, count, channels,
               out + q * position_size + PanelSizeU8S8(channel));
    }
  }
}

// Inputs of a strip and products of one set of its outputs.
struct Strip {
  const WinogradStripJob* job;
  uint32_t tile_rows, tiles_across, tiles;  // tile_rows of one image, tiles of all
  size_t tile_size;
  uint8_t *inputs, *products;

  size_t InputPositionSize() const { return tiles * tile_size + kWinogradSkew; }
  size_t ProductPositionSize() const { return size_t{tiles} * kWinogradBlock + kWinogradSkew; }
};

Strip MakeStrip(const WinogradStripJob& job) {
  const uint32_t out = job.plan->out;
  Strip s{};
  s.job = &job;
  s.tile_rows = (job.rows.end - job.rows.begin + out - 1) / out;
  s.tiles_across = (job.geometry->out_w + out - 1) / out;
  s.tiles = s.tile_rows * s.tiles_across * job.image_count;
  s.tile_size = WinogradTileSize(*job.geometry);
  s.inputs = job.workspace;
  s.products = job.workspace + WinogradPositions(out) * s.InputPositionSize();
  return s;
}

void TransformInputs(const Strip& s) {
  const WinogradStripJob& job = *s.job;
  const ConvGeometry& g = *job.geometry;
  const uint8_t* rows[kWinogradMaxIn];
  WinogradInputJob input{job.plan, rows, g.in_w, g.in_c, -int64_t{g.pad_left}, s.tiles_across,
                         s.inputs, s.InputPositionSize(), s.tile_size};
  for (uint32_t image = 0; image < job.image_count; ++image) {
    const RowTable& table = job.images[image].input;
    for (uint32_t row = 0; row < s.tile_rows; ++row, input.out += s.tiles_across * s.tile_size) {
      for (uint32_t i = 0; i < job.plan->in; ++i) {
        const int64_t y = int64_t{job.rows.begin} + int64_t{row} * job.plan->out + i - g.pad_top;
        const int64_t index = y - table.first_row;
        const bool exists = y >= 0 && y < int64_t{g.in_h} && index >= 0 && index < int64_t{table.row_count};
        rows[i] = exists ? static_cast<const uint8_t*>(table.rows[index]) : nullptr;
      }
      job.kernels->winograd_input(input);
    }
  }
}

void TransformOutputs(const Strip& s, uint32_t channel, uint32_t columns) {
  const WinogradStripJob& job = *s.job;
  WinogradOutputJob output{job.plan, s.products, s.ProductPositionSize(), s.tiles_across, columns,
                           nullptr, job.out_stride, 0, job.geometry->out_w};
  for (uint32_t image = 0; image < job.image_count; ++image) {
    for (uint32_t row = 0; row < s.tile_rows; ++row) {
      const uint32_t begin = row * job.plan->out, rest = job.rows.end - job.rows.begin - begin;
      output.rows = rest < job.plan->out ? rest : job.plan->out;
      output.out = job.images[image].out + size_t{begin} * output.out_w * job.out_stride + channel;
      job.kernels->winograd_output(output);
      output.products += size_t{s.tiles_across} * kWinogradBlock;
    }
  }
}

}  // namespace

void PackWinograd(const WinogradPackJob& job, uint32_t set_begin, uint32_t set_end) {
  const WinogradSets sets(job.n);
  const size_t panel_size = PanelSizeU8S8(job.depth);
  for (uint32_t set = set_begin; set < set_end; ++set) {
    const uint32_t begin = sets.FirstPanel(set), end = sets.FirstPanel(set + 1);
    const size_t position_size = (end - begin) * panel_size;
    int8_t* out = job.out_packed + begin * WinogradPositions(job.plan->out) * panel_size;
    for (uint32_t panel = begin; panel < end; ++panel) {
      const uint32_t first = panel * kPanelWidth, rest = job.n - first;
      PackPanel(job, first, rest < kPanelWidth ? rest : kPanelWidth, position_size, out + (panel - begin) * panel_size);
    }
  }
}

void ConvolveWinograd(const WinogradStripJob& job) {
  const Strip s = MakeStrip(job);
  TransformInputs(s);
  const WinogradSets sets(job.n);
  const size_t panel_size = PanelSizeU8S8(job.geometry->in_c);
  const uint32_t positions = WinogradPositions(job.plan->out);
  for (uint32_t set = job.set_begin; set < job.set_end; ++set) {
    const uint32_t first = sets.FirstChannel(set), n = sets.FirstChannel(set + 1) - first;
    ResidueGemmJob gemm{s.inputs, s.tile_size, job.packed + sets.FirstPanel(set) * positions * panel_size,
                        s.products, kWinogradBlock, s.tiles, n, job.geometry->in_c, job.plan->prime};
    for (uint32_t q = 0; q < positions; ++q) {
      job.kernels->residue_gemm(gemm);
      gemm.a += s.InputPositionSize();
      gemm.b_packed += PackedSizeU8S8(n, job.geometry->in_c);
      gemm.out += s.ProductPositionSize();
    }
    TransformOutputs(s, first, n);
  }
}

}  // namespace penumbra
