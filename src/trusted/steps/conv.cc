// Convolutions computed inside: float32 (mlcapsule), u8 levels (enclave), s16 levels (ring layers kept inside).
#include <cstring>

#include "kernels/conv_layout.h"
#include "trusted/steps/machine.h"

namespace penumbra::trusted {
namespace {

struct ConvWork {
  const ConvInstr* instr;
  ConvTileLayout layout;
  const uint8_t* weights;  // the constant tile
  WindowJob window;  // of the group under way
  uint8_t* sums;     // results of one block: [pixels][channels of the group]
  uint8_t* partial;  // kS16: one piece's results
  uint32_t n, k;
};

void MultiplyF32(const Machine& machine, const ConvWork& w, WindowMatrix x, const uint8_t* panels, uint32_t pixels) {
  machine.kernels->gemm_f32({static_cast<const float*>(x.rows), x.stride_size / 4,
                             reinterpret_cast<const float*>(panels), reinterpret_cast<float*>(w.sums), w.n,
                             pixels, w.n, w.k, false});
}

void MultiplyU8(const Machine& machine, const ConvWork& w, WindowMatrix x, const uint8_t* panels, uint32_t channel,
                uint32_t pixels) {
  const auto* offset = reinterpret_cast<const int32_t*>(w.weights + w.layout.offset_at) + channel;
  auto* sums = reinterpret_cast<int32_t*>(w.sums);
  for (uint32_t p = 0; p < pixels; ++p) std::memcpy(sums + uint64_t{p} * w.n, offset, uint64_t{w.n} * 4);
  machine.kernels->gemm_u8s8({static_cast<const uint8_t*>(x.rows), x.stride_size,
                              reinterpret_cast<const int8_t*>(panels), sums, w.n, pixels, w.n, w.k, true});
}

void MultiplyS16(const Machine& machine, const ConvWork& w, WindowMatrix x, uint32_t group_in_tile, uint32_t pixels) {
  auto* sums = reinterpret_cast<int64_t*>(w.sums);
  auto* partial = reinterpret_cast<int64_t*>(w.partial);
  const uint64_t count = uint64_t{pixels} * w.n;
  for (uint32_t t = 0; t < w.instr->piece_count; ++t) {
    const uint8_t* panels = w.weights + t * w.layout.piece_size + group_in_tile * w.layout.group_size;
    machine.kernels->gemm_s16s16({static_cast<const int16_t*>(x.rows), x.stride_size / 2,
                                  reinterpret_cast<const int16_t*>(panels), t == 0 ? sums : partial, w.n, pixels,
                                  w.n, w.k, 1, false});
    for (uint64_t i = 0; t != 0 && i < count; ++i) sums[i] += partial[i] << (kS16PieceShift * t);
  }
}

// Sums of a block to the destination: dequantised, biased, float32. `channel` counts within the tile.
void Store(const Machine& machine, const ConvWork& w, uint32_t channel, uint32_t n, uint32_t pixels, float* out) {
  const uint32_t out_c = w.instr->geometry.out_c;
  const auto* bias = reinterpret_cast<const float*>(w.weights + w.layout.bias_at) + channel;
  const auto* scale = reinterpret_cast<const float*>(w.weights + w.layout.scale_at) + channel;
  const uint32_t sum_size = w.instr->mode == ConvMode::kS16 ? 8 : 4;
  if (n == out_c && w.instr->mode != ConvMode::kF32) {
    const AffineJob job{w.sums, scale, bias, pixels, n, out};
    return w.instr->mode == ConvMode::kS16 ? machine.kernels->affine_s64(job) : machine.kernels->affine_s32(job);
  }
  for (uint32_t p = 0; p < pixels; ++p) {
    const uint8_t* sums = w.sums + uint64_t{p} * n * sum_size;
    float* const y = out + uint64_t{p} * out_c;
    if (w.instr->mode == ConvMode::kF32) {
      constexpr auto kSame = static_cast<size_t>(Operand::kSame);
      machine.kernels->binary[static_cast<size_t>(Binary::kAdd)][kSame](reinterpret_cast<const float*>(sums),
                                                                        bias, n, y);
    } else {
      const AffineJob job{sums, scale, bias, 1, n, y};
      w.instr->mode == ConvMode::kS16 ? machine.kernels->affine_s64(job) : machine.kernels->affine_s32(job);
    }
  }
}

void RunGroup(const Machine& machine, ConvWork* w, uint32_t group_in_tile, RowRange rows, float* out) {
  const ConvInstr& c = *w->instr;
  const uint32_t channel = group_in_tile * w->layout.group_rows;
  const uint32_t total = (rows.end - rows.begin) * c.geometry.out_w;
  const uint32_t block = ConvBlockPixels(c.geometry, ConvElementSize(c.mode));
  const uint8_t* panels = w->weights + group_in_tile * w->layout.group_size;
  w->window.group = (c.oc_begin + channel) / OutChannelsPerGroup(c.geometry);
  w->n = w->layout.group_rows;
  for (uint32_t first = 0; first < total; first += block) {
    const uint32_t pixels = total - first < block ? total - first : block;
    const WindowMatrix x = MakeWindows(w->window, first, pixels);
    switch (c.mode) {
      case ConvMode::kF32: MultiplyF32(machine, *w, x, panels, pixels); break;
      case ConvMode::kU8: MultiplyU8(machine, *w, x, panels, channel, pixels); break;
      case ConvMode::kS16: MultiplyS16(machine, *w, x, group_in_tile, pixels); break;
    }
    Store(machine, *w, channel, w->n, pixels, out + uint64_t{first} * c.geometry.out_c + channel);
  }
}

void DepthwisePixels(const Machine& machine, const ConvWork& w, DepthwiseJob job) {
  const KernelTable& k = *machine.kernels;
  const uint64_t count = uint64_t{job.out_column_end - job.out_column_begin} * w.n;
  job.out = w.sums;
  if (w.instr->mode == ConvMode::kF32) return k.depthwise_f32(job);
  if (w.instr->mode == ConvMode::kU8) {
    k.depthwise_u8s8(job);
    const auto* offset = reinterpret_cast<const int32_t*>(w.weights + w.layout.offset_at);
    auto* sums = reinterpret_cast<int32_t*>(w.sums);
    for (uint64_t i = 0; i < count; i += w.n) {
      for (uint32_t c = 0; c < w.n; ++c) sums[i + c] += offset[c];
    }
    return;
  }
  k.depthwise_s16s16_s64(job);
  for (uint32_t t = 1; t < w.instr->piece_count; ++t) {
    job.weights = w.weights + t * w.layout.piece_size;
    job.out = w.partial;
    k.depthwise_s16s16_s64(job);
    auto* sums = reinterpret_cast<int64_t*>(w.sums);
    const auto* partial = reinterpret_cast<const int64_t*>(w.partial);
    for (uint64_t i = 0; i < count; ++i) sums[i] += partial[i] << (kS16PieceShift * t);
  }
}

void RunDepthwise(const Machine& machine, ConvWork* w, RowRange rows, float* out) {
  const ConvGeometry& g = w->instr->geometry;
  const uint32_t block = ConvBlockPixels(g, ConvElementSize(w->instr->mode));
  w->n = g.out_c;
  for (uint32_t row = rows.begin; row < rows.end; ++row) {
    for (uint32_t column = 0; column < g.out_w; column += block) {
      const uint32_t end = g.out_w - column < block ? g.out_w : column + block;
      DepthwiseJob job{};
      job.geometry = &g;
      job.input = w->window.input;
      job.weights = w->weights;
      job.padding = w->instr->pad_value;
      job.out_row = row;
      job.out_column_begin = column;
      job.out_column_end = end;
      DepthwisePixels(machine, *w, job);
      const uint64_t at = (uint64_t{row - rows.begin} * g.out_w + column) * g.out_c;
      Store(machine, *w, 0, g.out_c, end - column, out + at);
    }
  }
}

}  // namespace

Status RunConv(Machine* machine, const Instruction& i) {
  ConvInstr c{};
  if (!i.Only(&c)) return Status::kInternal;
  const ConvGeometry& g = c.geometry;
  const TensorRec& dst = machine->plan.tensors[c.dst];
  const uint32_t begin = c.dst_tile * dst.tile_rows;
  const RowRange rows{begin, begin + RowsOfTile(dst, c.dst_tile)};
  const uint32_t element_size = ConvElementSize(c.mode);
  const uint64_t pixels = ConvBlockPixels(g, element_size);
  ConvWork w{};
  w.instr = &c;
  w.layout = LayoutConvTile(c.mode, g, c.oc_begin, c.oc_end, c.piece_count);
  w.weights = machine->Tile(c.weights, c.weight_tile);
  uint8_t* const matrix = machine->scratch.data() + RowTableSize(g);
  const uint64_t stride = AlignUp(Im2RowStrideSize(g, element_size), kTileAlignment);
  w.window = {&c.geometry, MakeRowTable(*machine, c.src, g, rows), element_size, static_cast<uint32_t>(c.pad_value), 0,
              rows.begin, matrix, stride};
  w.k = static_cast<uint32_t>(FilterLength(g));
  w.sums = matrix + (IsDepthwise(g) ? 0 : pixels * stride);
  w.partial = w.sums + AlignUp(pixels * (c.oc_end - c.oc_begin) * 8, kTileAlignment);
  auto* out = reinterpret_cast<float*>(machine->Tile(c.dst, c.dst_tile)) + c.oc_begin;
  if (IsDepthwise(g)) {
    RunDepthwise(*machine, &w, rows, out);
    return Status::kOk;
  }
  for (uint32_t t = 0; t < w.layout.group_count; ++t) RunGroup(*machine, &w, t, rows, out);
  return Status::kOk;
}

}  // namespace penumbra::trusted
