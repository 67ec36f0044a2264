#include "accel/residues/prime_conv.h"

#include <algorithm>
#include <vector>

#include "kernels/conv_layout.h"
#include "kernels/dispatch.h"

namespace penumbra::residues {
namespace {

// Bytes of the windows of one strip: what stays in the second-level cache beside the sums.
constexpr size_t kWindowsSize = size_t{512} << 10;

uint32_t StripHeight(const ConvGeometry& g) {
  const uint64_t row_size = uint64_t{g.out_w} * FilterLength(g) * sizeof(uint32_t);
  return static_cast<uint32_t>(std::clamp<uint64_t>(kWindowsSize / row_size, 1, g.out_h));
}

class PrimeConv final : public ResidueConv {
 public:
  PrimeConv(const KernelTable& kernels, const ConvGeometry& g, const int32_t* weights, WorkerPool* pool);

  void Compile(uint32_t batch) override { words_.resize(batch * InputCount()); }
  bool Run(const uint8_t* x, uint32_t batch, RowRange rows, uint8_t* out_y) override;

 private:
  std::string Name() const override {
    return depthwise_ ? "depthwise by 16-bit limbs" : "matrix product by 16-bit limbs";
  }

  struct Scratch {
    std::vector<const void*> rows;
    std::vector<uint32_t> matrix;
    std::vector<int64_t> sums;
  };

  size_t InputCount() const { return size_t{g_.in_h} * g_.in_w * g_.in_c; }
  void PackWeights(const int32_t* weights);
  void RunStrip(const uint32_t* words, RowRange rows, Scratch* scratch, uint32_t* out_y) const;
  void MultiplyGroup(uint32_t group, const RowTable& input, RowRange rows, Scratch* scratch,
                     uint32_t* out_y) const;
  void ConvolveDepthwise(const RowTable& input, RowRange rows, Scratch* scratch,
                         uint32_t* out_y) const;

  const KernelTable& kernels_;
  const ConvGeometry g_;
  const bool depthwise_;
  WorkerPool* const pool_;
  uint32_t strip_height_;
  std::vector<int16_t> packed_;     // one packed matrix per group
  std::vector<int32_t> tap_major_;  // depthwise
  std::vector<uint32_t> words_;     // limbs of the input
  std::vector<Scratch> scratch_;    // one per thread of the pool
};

PrimeConv::PrimeConv(const KernelTable& kernels, const ConvGeometry& g, const int32_t* weights, WorkerPool* pool)
    : kernels_(kernels),
      g_(g),
      depthwise_(IsDepthwise(g)),
      pool_(pool),
      strip_height_(StripHeight(g)),
      scratch_(pool->threads()) {
  PackWeights(weights);
  const size_t pixels = size_t{strip_height_} * g.out_w;
  for (Scratch& s : scratch_) {
    s.rows.resize(g.in_h);
    if (!depthwise_) s.matrix.resize(pixels * FilterLength(g));
    s.sums.resize(depthwise_ ? size_t{g.out_w} * g.out_c
                             : pixels * kFieldFilters * OutChannelsPerGroup(g));
  }
}

void PrimeConv::PackWeights(const int32_t* weights) {
  const auto length = static_cast<uint32_t>(FilterLength(g_));
  if (depthwise_) {
    tap_major_.resize(size_t{g_.out_c} * length);
    PackDepthwise(weights, g_.out_c, length, sizeof(int32_t), tap_major_.data());
    return;
  }
  const uint32_t filters = OutChannelsPerGroup(g_);
  const size_t group_size = PackedSizeField(filters, length) / sizeof(int16_t);
  packed_.resize(g_.groups * group_size);
  for (uint32_t group = 0; group < g_.groups; ++group) {
    PackField(weights + size_t{group} * filters * length, filters, length,
              packed_.data() + group * group_size);
  }
}

bool PrimeConv::Run(const uint8_t* x_bytes, uint32_t batch, RowRange rows, uint8_t* out_bytes) {
  const auto* x = reinterpret_cast<const uint32_t*>(x_bytes);
  auto* out_y = reinterpret_cast<uint32_t*>(out_bytes);
  const size_t in_row = size_t{g_.in_w} * g_.in_c, in_size = InputCount();
  const RowRange in = InputRowsOf(rows, g_.in_h, g_.kernel_h, g_.stride_h, g_.dilation_h, g_.pad_top);
  const uint32_t in_rows = in.end - in.begin;
  Compile(batch);
  const bool split = pool_->ForEach(batch * in_rows, [&](uint32_t index, uint32_t) {
    const size_t at = index / in_rows * in_size + (in.begin + index % in_rows) * in_row;
    kernels_.field_split(x + at, in_row, words_.data() + at);
  });
  const uint32_t strips = (rows.end - rows.begin + strip_height_ - 1) / strip_height_;
  return split && pool_->ForEach(batch * strips, [&](uint32_t index, uint32_t thread) {
    const uint32_t begin = rows.begin + index % strips * strip_height_;
    const size_t sample = index / strips;
    RunStrip(words_.data() + sample * in_size, {begin, std::min(begin + strip_height_, rows.end)},
             &scratch_[thread], out_y + sample * g_.out_h * g_.out_w * g_.out_c);
  });
}

void PrimeConv::RunStrip(const uint32_t* words, RowRange rows, Scratch* scratch,
                         uint32_t* out_y) const {
  for (uint32_t y = 0; y < g_.in_h; ++y) scratch->rows[y] = words + size_t{y} * g_.in_w * g_.in_c;
  const RowTable input{scratch->rows.data(), 0, g_.in_h};
  uint32_t* const out = out_y + size_t{rows.begin} * g_.out_w * g_.out_c;
  if (depthwise_) return ConvolveDepthwise(input, rows, scratch, out);
  for (uint32_t group = 0; group < g_.groups; ++group) {
    MultiplyGroup(group, input, rows, scratch, out);
  }
}

void PrimeConv::MultiplyGroup(uint32_t group, const RowTable& input, RowRange rows,
                              Scratch* scratch, uint32_t* out_y) const {
  const auto length = static_cast<uint32_t>(FilterLength(g_));
  const uint32_t pixels = (rows.end - rows.begin) * g_.out_w;
  const uint32_t filters = OutChannelsPerGroup(g_);
  const uint32_t* windows = scratch->matrix.data();
  if (Im2RowIsIdentity(g_)) {
    windows = static_cast<const uint32_t*>(input.rows[rows.begin]);
  } else {
    for (uint32_t row = rows.begin; row < rows.end; ++row) {
      uint32_t* const out = scratch->matrix.data() + size_t{row - rows.begin} * g_.out_w * length;
      Im2Row({&g_, input, sizeof(uint32_t), 0, group, row, 0, g_.out_w, out, length * sizeof(uint32_t)});
    }
  }
  const size_t group_size = PackedSizeField(filters, length) / sizeof(int16_t);
  const uint32_t columns = kFieldFilters * filters;
  kernels_.gemm_s16s16({reinterpret_cast<const int16_t*>(windows), 2 * size_t{length},
                        packed_.data() + group * group_size, scratch->sums.data(), columns, pixels,
                        columns, 2 * length, kFieldSafePairs, false});
  for (uint32_t pixel = 0; pixel < pixels; ++pixel) {
    kernels_.field_reduce({scratch->sums.data() + size_t{pixel} * columns, true, filters,
                           out_y + size_t{pixel} * g_.out_c + group * filters});
  }
}

void PrimeConv::ConvolveDepthwise(const RowTable& input, RowRange rows, Scratch* scratch,
                                  uint32_t* out_y) const {
  const size_t row_size = size_t{g_.out_w} * g_.out_c;
  for (uint32_t row = rows.begin; row < rows.end; ++row, out_y += row_size) {
    kernels_.depthwise_field(
        {&g_, input, tap_major_.data(), 0, row, 0, g_.out_w, scratch->sums.data()});
    kernels_.field_reduce({scratch->sums.data(), false, row_size, out_y});
  }
}

}  // namespace

std::unique_ptr<ResidueConv> MakePrimeConv(const KernelTable& kernels, const ConvGeometry& g, const int32_t* weights,
                                           WorkerPool* pool) {
  return std::make_unique<PrimeConv>(kernels, g, weights, pool);
}

}  // namespace penumbra::residues
