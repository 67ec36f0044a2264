// Reductions, pooling and depthwise convolution, compiled once per instruction set.
#include "kernels/isa_entries.h"
#include "kernels/lane_math.h"
#include "kernels/reduce_lanes.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

constexpr size_t kLanes = 16;

// Calls visit(tap, pixel) for the taps of one output pixel in the order [kernel_h][kernel_w]; pixel
// points at the channels, or is null for padding.
template <typename T, typename Visit>
PENUMBRA_LANE void ForEachTap(const ConvGeometry& g, const RowTable& input, uint32_t out_row,
                              uint32_t out_column, const Visit& visit) {
  uint32_t tap = 0;
  for (uint32_t kh = 0; kh < g.kernel_h; ++kh) {
    const int64_t y = int64_t{out_row} * g.stride_h + int64_t{kh} * g.dilation_h - g.pad_top;
    const T* row = nullptr;
    const int64_t index = y - input.first_row;
    if (y >= 0 && y < int64_t{g.in_h} && index >= 0 && index < int64_t{input.row_count}) {
      row = static_cast<const T*>(input.rows[index]);
    }
    for (uint32_t kw = 0; kw < g.kernel_w; ++kw, ++tap) {
      const int64_t x = int64_t{out_column} * g.stride_w + int64_t{kw} * g.dilation_w - g.pad_left;
      const bool inside = row != nullptr && x >= 0 && x < int64_t{g.in_w};
      visit(tap, inside ? row + static_cast<size_t>(x) * g.in_c : nullptr);
    }
  }
}

// Channels are cut into blocks whose accumulators stay in registers across all taps.
constexpr uint32_t kChannelBlock = 64;

// u8 x s8 fits s16, where vectors are twice as dense.
template <typename Wide>
PENUMBRA_LANE Wide Product(uint8_t x, int8_t w) {
  return static_cast<Wide>(static_cast<int16_t>(x * w));
}
template <typename Wide>
PENUMBRA_LANE Wide Product(int16_t x, int16_t w) {
  return static_cast<Wide>(x * w);
}
// A limb word of kernels/field.h.
template <typename Wide>
PENUMBRA_LANE Wide Product(uint32_t x, int32_t w) {
  const auto low = static_cast<int16_t>(x & 0xffffu);
  const int32_t high = static_cast<int32_t>(x) >> 16;
  return static_cast<Wide>(int64_t{low + high * (1 << kFieldLimbBits)} * w);
}

// Inlined, so that whole blocks get a constant width.
template <typename In, typename Weight, typename Wide, typename Out, typename Finish>
PENUMBRA_LANE void DepthwisePixelBlock(const DepthwiseJob& job, uint32_t column, uint32_t c0,
                                       uint32_t width, const Finish& finish, Out* out) {
  const uint32_t channels = job.geometry->in_c;
  const auto* weights = static_cast<const Weight*>(job.weights);
  const auto padding = static_cast<Wide>(static_cast<In>(job.padding));
  Wide acc[kChannelBlock] = {};
  ForEachTap<In>(*job.geometry, job.input, job.out_row, column, [&](uint32_t tap, const In* pixel) {
    const Weight* w = weights + size_t{tap} * channels + c0;
    if (pixel == nullptr) {
      if (padding == 0) return;
      for (uint32_t c = 0; c < width; ++c) acc[c] += padding * static_cast<Wide>(w[c]);
      return;
    }
    const In* x = pixel + c0;
    for (uint32_t c = 0; c < width; ++c) acc[c] += Product<Wide>(x[c], w[c]);
  });
  for (uint32_t c = 0; c < width; ++c) out[c0 + c] = finish(acc[c]);
}

// Wide is unsigned: sums wrap modulo 2^32 or 2^64 by definition. finish: from a sum to an Out.
template <typename In, typename Weight, typename Wide, typename Out, typename Finish>
PENUMBRA_LANE void DepthwiseInteger(const DepthwiseJob& job, const Finish& finish) {
  const uint32_t channels = job.geometry->in_c;
  auto* out = static_cast<Out*>(job.out);
  for (uint32_t column = job.out_column_begin; column < job.out_column_end; ++column) {
    uint32_t c0 = 0;
    for (; c0 + kChannelBlock <= channels; c0 += kChannelBlock) {
      DepthwisePixelBlock<In, Weight, Wide>(job, column, c0, kChannelBlock, finish, out);
    }
    if (c0 < channels) DepthwisePixelBlock<In, Weight, Wide>(job, column, c0, channels - c0, finish, out);
    out += channels;
  }
}

PENUMBRA_LANE void DepthwiseFloatBlock(const DepthwiseJob& job, uint32_t column, uint32_t c0,
                                       uint32_t width, float* out) {
  const uint32_t channels = job.geometry->in_c;
  const auto* weights = static_cast<const float*>(job.weights);
  float acc[kChannelBlock] = {};
  ForEachTap<float>(*job.geometry, job.input, job.out_row, column,
                    [&](uint32_t tap, const float* pixel) {
                      if (pixel == nullptr) return;
                      const float* x = pixel + c0;
                      const float* w = weights + size_t{tap} * channels + c0;
                      for (uint32_t c = 0; c < width; ++c) acc[c] = Fma(x[c], w[c], acc[c]);
                    });
  for (uint32_t c = 0; c < width; ++c) out[c0 + c] = OneNan(acc[c]);
}

// Joins sixteen lanes pairwise: j with j + 8, then 4, 2, 1.
template <typename Join>
PENUMBRA_LANE float JoinLanes(float* lanes, const Join& join) {
  for (size_t w = kLanes / 2; w != 0; w /= 2) {
    for (size_t j = 0; j < w; ++j) lanes[j] = join(lanes[j], lanes[j + w]);
  }
  return OneNan(lanes[0]);
}

template <typename Join>
PENUMBRA_LANE float ReduceLanes(const float* x, size_t count, float start, const Join& join) {
  float lanes[kLanes];
  for (size_t j = 0; j < kLanes; ++j) lanes[j] = start;
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (size_t j = 0; j < kLanes; ++j) lanes[j] = join(lanes[j], x[i + j]);
  }
  for (size_t j = 0; i + j < count; ++j) lanes[j] = join(lanes[j], x[i + j]);
  return JoinLanes(lanes, join);
}

// NaN if either is.
PENUMBRA_LANE float Larger(float a, float b) { return a != a ? a : Max(a, b); }

template <bool kMaximum>
void Pool(const PoolJob& job) {
  const ConvGeometry& g = *job.geometry;
  float* out = job.out;
  for (uint32_t column = job.out_column_begin; column < job.out_column_end; ++column) {
    const float start = kMaximum ? -kInfinity : 0.0f;
    for (uint32_t c = 0; c < g.in_c; ++c) out[c] = start;
    uint32_t inside = 0;
    ForEachTap<float>(g, job.input, job.out_row, column, [&](uint32_t, const float* pixel) {
      if (pixel == nullptr) return;
      ++inside;
      PENUMBRA_INDEPENDENT
      for (uint32_t c = 0; c < g.in_c; ++c) {
        out[c] = kMaximum ? Larger(out[c], pixel[c]) : out[c] + pixel[c];
      }
    });
    const uint32_t divisor = job.count_padding ? g.kernel_h * g.kernel_w : inside;
    const float count = kMaximum || divisor == 0 ? 1.0f : static_cast<float>(divisor);
    PENUMBRA_INDEPENDENT
    for (uint32_t c = 0; c < g.in_c; ++c) out[c] = OneNan(kMaximum ? out[c] : out[c] / count);
    out += g.in_c;
  }
}

}  // namespace

void DepthwiseU8S8(const DepthwiseJob& job) {
  DepthwiseInteger<uint8_t, int8_t, uint32_t, int32_t>(job, [](uint32_t sum) { return static_cast<int32_t>(sum); });
}
void DepthwiseS16S32(const DepthwiseJob& job) {
  DepthwiseInteger<int16_t, int16_t, uint32_t, int32_t>(job, [](uint32_t sum) { return static_cast<int32_t>(sum); });
}
void DepthwiseS16S64(const DepthwiseJob& job) {
  DepthwiseInteger<int16_t, int16_t, uint64_t, int64_t>(job, [](uint64_t sum) { return static_cast<int64_t>(sum); });
}
void DepthwiseField(const DepthwiseJob& job) {
  DepthwiseInteger<uint32_t, int32_t, uint64_t, int64_t>(job, [](uint64_t sum) { return static_cast<int64_t>(sum); });
}
void ResidueDepthwise(const DepthwiseJob& job, uint16_t prime) {
  const Reducer r = MakeReducer(prime);
  DepthwiseInteger<uint8_t, int8_t, uint32_t, uint8_t>(
      job, [&r](uint32_t sum) { return static_cast<uint8_t>(ReduceLane(static_cast<int32_t>(sum), r)); });
}

void DepthwiseF32(const DepthwiseJob& job) {
  const uint32_t channels = job.geometry->in_c;
  auto* out = static_cast<float*>(job.out);
  for (uint32_t column = job.out_column_begin; column < job.out_column_end; ++column) {
    uint32_t c0 = 0;
    for (; c0 + kChannelBlock <= channels; c0 += kChannelBlock) {
      DepthwiseFloatBlock(job, column, c0, kChannelBlock, out);
    }
    if (c0 < channels) DepthwiseFloatBlock(job, column, c0, channels - c0, out);
    out += channels;
  }
}

float Sum(const float* x, size_t count) {
  return ReduceLanes(x, count, 0.0f, [](float a, float b) { return a + b; });
}

float Maximum(const float* x, size_t count) {
  return ReduceLanes(x, count, -kInfinity, [](float a, float b) { return Larger(a, b); });
}

void Softmax(const float* x, size_t count, float* out_y) {
  const float largest = Maximum(x, count);
  PENUMBRA_INDEPENDENT
  for (size_t i = 0; i < count; ++i) out_y[i] = Exp(x[i] - largest);
  const float sum = Sum(out_y, count);
  PENUMBRA_INDEPENDENT
  for (size_t i = 0; i < count; ++i) out_y[i] = OneNan(out_y[i] / sum);
}

void MaxPool(const PoolJob& job) { Pool<true>(job); }
void AveragePool(const PoolJob& job) { Pool<false>(job); }

}  // namespace penumbra::PENUMBRA_ISA
