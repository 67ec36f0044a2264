// im2row, depthwise convolution, pooling and reductions against their definitions.
#include <gtest/gtest.h>

#include "kernels/test_support.h"

namespace penumbra {
namespace {

// Convolution windows with strides, dilation, padding, groups; {in, out, kernel, stride, dilation,
// pad t l b r, groups}.
const ConvGeometry kGeometries[] = {
    {5, 7, 3, 5, 7, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1},
    {9, 8, 8, 4, 4, 6, 3, 2, 2, 2, 1, 1, 0, 1, 1, 0, 2},
    {6, 11, 70, 6, 9, 70, 1, 3, 1, 1, 1, 1, 0, 0, 0, 0, 70},
    {10, 10, 6, 6, 6, 6, 3, 3, 1, 1, 2, 2, 0, 0, 0, 0, 3},
    {4, 4, 130, 4, 4, 130, 5, 5, 1, 1, 1, 1, 2, 2, 2, 2, 130},
    {1, 20, 5, 1, 10, 3, 1, 4, 1, 2, 1, 1, 0, 1, 0, 1, 1},
};

// Padding is `padding`, inside the image the value.
template <typename T>
T At(const ConvGeometry& g, const std::vector<T>& x, int64_t y, int64_t column, uint32_t c,
     T padding) {
  if (y < 0 || y >= int64_t{g.in_h} || column < 0 || column >= int64_t{g.in_w}) return padding;
  return x[(static_cast<size_t>(y) * g.in_w + static_cast<size_t>(column)) * g.in_c + c];
}

int64_t TapRow(const ConvGeometry& g, uint32_t out_row, uint32_t kh) {
  return int64_t{out_row} * g.stride_h + int64_t{kh} * g.dilation_h - g.pad_top;
}
int64_t TapColumn(const ConvGeometry& g, uint32_t out_column, uint32_t kw) {
  return int64_t{out_column} * g.stride_w + int64_t{kw} * g.dilation_w - g.pad_left;
}

template <typename T>
std::vector<const void*> RowPointers(const ConvGeometry& g, const std::vector<T>& x) {
  std::vector<const void*> rows(g.in_h);
  for (uint32_t y = 0; y < g.in_h; ++y) rows[y] = x.data() + size_t{y} * g.in_w * g.in_c;
  return rows;
}

template <typename T>
void CheckIm2Row(T padding) {
  TestRandom random(1);
  for (const ConvGeometry& g : kGeometries) {
    const auto x = random.Integers<T>(size_t{g.in_h} * g.in_w * g.in_c, 0, 100);
    const auto rows = RowPointers(g, x);
    const uint32_t begin = g.out_w / 3;
    const size_t stride = Im2RowStrideSize(g, sizeof(T));
    std::vector<uint8_t> matrix((g.out_w - begin) * stride);
    for (uint32_t group = 0; group < g.groups; ++group) {
      for (uint32_t out_row = 0; out_row < g.out_h; ++out_row) {
        std::fill(matrix.begin(), matrix.end(), uint8_t{0xee});
        uint32_t pattern = 0;
        std::memcpy(&pattern, &padding, sizeof(T));
        Im2Row({&g, {rows.data(), 0, g.in_h}, sizeof(T), pattern, group, out_row, begin, g.out_w,
                matrix.data(), stride});
        const uint32_t per_group = InChannelsPerGroup(g);
        for (uint32_t column = begin; column < g.out_w; ++column) {
          const uint8_t* cells = matrix.data() + (column - begin) * stride;
          for (uint32_t j = 0; j < FilterLength(g); ++j, cells += sizeof(T)) {
            const uint32_t tap = j / per_group;
            T got;
            std::memcpy(&got, cells, sizeof(T));
            ASSERT_EQ(got, At<T>(g, x, TapRow(g, out_row, tap / g.kernel_w),
                                 TapColumn(g, column, tap % g.kernel_w),
                                 group * per_group + j % per_group, padding));
          }
          for (size_t tail = FilterLength(g) * sizeof(T); tail < stride; ++tail) {
            ASSERT_EQ(matrix[(column - begin) * stride + tail], 0);
          }
        }
      }
    }
  }
}

TEST(Im2Row, EqualsDefinition) {
  CheckIm2Row<uint8_t>(0);
  CheckIm2Row<uint8_t>(37);
  CheckIm2Row<int16_t>(-5);
  CheckIm2Row<float>(0.0f);
  CheckIm2Row<float>(2.5f);
}

TEST(Im2Row, NullAndMissingRowsArePadding) {
  const ConvGeometry g = {4, 2, 1, 4, 2, 1, 3, 1, 1, 1, 1, 1, 1, 0, 1, 0, 1};
  const uint8_t row1[] = {1, 2};
  const uint8_t row2[] = {3, 4};
  const void* rows[] = {row1, row2, nullptr};  // image rows 1, 2 and a padding row 3
  uint8_t matrix[8];
  Im2Row({&g, {rows, 1, 3}, 1, 0, 0, 2, 0, 2, matrix, 4});
  const uint8_t expected[] = {1, 3, 0, 0, 2, 4, 0, 0};
  EXPECT_EQ(std::memcmp(matrix, expected, sizeof(expected)), 0);
}

// Runs over several rows, copied or in place, are the rows that Im2Row makes one by one.
TEST(MakeWindows, EqualsIm2RowHoweverTheRowsStand) {
  TestRandom random(8);
  std::vector<ConvGeometry> geometries(std::begin(kGeometries), std::end(kGeometries));
  geometries.push_back({5, 6, 8, 5, 6, 4, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1});
  geometries.push_back({5, 6, 7, 5, 6, 4, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1});
  for (const ConvGeometry& g : geometries) {
    const auto x = random.Integers<uint8_t>(size_t{g.in_h} * g.in_w * g.in_c, 0, 255);
    auto rows = RowPointers(g, x);
    const size_t row_size = size_t{g.in_w} * g.in_c, stride = Im2RowStrideSize(g, 1);
    const std::vector<uint8_t> moved(x.begin() + 2 * row_size * (g.in_h > 2), x.begin() + row_size * (g.in_h > 2 ? 3 : 1));
    for (const bool gap : {false, true}) {
      if (gap) rows[g.in_h > 2 ? 2 : 0] = moved.data();
      std::vector<uint8_t> expected(size_t{g.out_h} * g.out_w * stride), matrix(expected.size());
      for (uint32_t y = 0; y < g.out_h; ++y) {
        Im2Row({&g, {rows.data(), 0, g.in_h}, 1, 9, g.groups - 1, y, 0, g.out_w,
                expected.data() + size_t{y} * g.out_w * stride, stride});
      }
      const WindowJob job = {&g, {rows.data(), 0, g.in_h}, 1, 9, g.groups - 1, 0, matrix.data(), stride};
      for (uint32_t first = 0; first < g.out_h * g.out_w; first += 3) {
        const uint32_t count = std::min(g.out_h * g.out_w - first, 2 * g.out_w + 1);
        const WindowMatrix out = MakeWindows(job, first, count);
        for (uint32_t p = 0; p < count; ++p) {
          ASSERT_EQ(std::memcmp(static_cast<const uint8_t*>(out.rows) + p * out.stride_size,
                                expected.data() + (first + p) * stride, FilterLength(g)),
                    0)
              << "pixel " << first << " + " << p << (gap ? ", a row elsewhere" : "");
        }
      }
    }
  }
}

TEST(MakeWindows, CopiesNothingWhereTheInputIsTheMatrix) {
  const ConvGeometry g = {4, 4, 8, 4, 4, 4, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1};
  const std::vector<uint8_t> x(size_t{4} * 4 * 8);
  const auto rows = RowPointers(g, x);
  const WindowMatrix out = MakeWindows({&g, {rows.data(), 0, 4}, 1, 0, 0, 1, nullptr, 8}, 3, 7);
  EXPECT_EQ(out.rows, x.data() + size_t{7} * 8);
  EXPECT_EQ(out.stride_size, 8u);
}

TEST(Im2Row, IdentityOnlyWhereTheInputIsTheMatrix) {
  EXPECT_TRUE(Im2RowIsIdentity({5, 5, 8, 5, 5, 4, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1}));
  EXPECT_FALSE(Im2RowIsIdentity({5, 5, 8, 3, 3, 4, 1, 1, 2, 2, 1, 1, 0, 0, 0, 0, 1}));
  EXPECT_FALSE(Im2RowIsIdentity({5, 5, 8, 5, 5, 4, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 2}));
  for (const ConvGeometry& g : kGeometries) EXPECT_FALSE(Im2RowIsIdentity(g));
}

template <typename In, typename Weight, typename Out>
void CheckDepthwise(void (*KernelTable::*kernel)(const DepthwiseJob&), int64_t limit,
                    int32_t padding) {
  TestRandom random(2);
  for (const ConvGeometry& g : kGeometries) {
    if (g.groups != g.in_c) continue;
    const int64_t low = std::is_signed_v<In> ? -limit : 0;
    const auto x = random.Integers<In>(size_t{g.in_h} * g.in_w * g.in_c, low, limit);
    const uint32_t taps = g.kernel_h * g.kernel_w;
    const auto weights = random.Integers<Weight>(size_t{g.in_c} * taps, -limit / 2, limit / 2);
    std::vector<Weight> packed(weights.size());
    PackDepthwise(weights.data(), g.in_c, taps, sizeof(Weight), packed.data());
    const auto rows = RowPointers(g, x);
    for (const Isa isa : SupportedIsas()) {
      for (uint32_t out_row = 0; out_row < g.out_h; ++out_row) {
        std::vector<Out> out(size_t{g.out_w} * g.in_c);
        (Kernels(isa).*kernel)({&g, {rows.data(), 0, g.in_h}, packed.data(), padding, out_row, 0,
                                g.out_w, out.data()});
        for (size_t i = 0; i < out.size(); ++i) {
          const auto column = static_cast<uint32_t>(i / g.in_c);
          const auto c = static_cast<uint32_t>(i % g.in_c);
          int64_t sum = 0;
          for (uint32_t tap = 0; tap < taps; ++tap) {
            sum += int64_t{At<In>(g, x, TapRow(g, out_row, tap / g.kernel_w),
                                  TapColumn(g, column, tap % g.kernel_w), c,
                                  static_cast<In>(padding))} *
                   weights[c * taps + tap];
          }
          ASSERT_EQ(int64_t{out[i]}, sum) << IsaName(isa);
        }
      }
    }
  }
}

TEST(Depthwise, IntegersEqualDefinition) {
  for (const int32_t padding : {0, 91}) {
    CheckDepthwise<uint8_t, int8_t, int32_t>(&KernelTable::depthwise_u8s8, 255, padding);
    CheckDepthwise<int16_t, int16_t, int32_t>(&KernelTable::depthwise_s16s16_s32, 5100, padding);
    CheckDepthwise<int16_t, int16_t, int64_t>(&KernelTable::depthwise_s16s16_s64, 32767, padding);
  }
}

// All taps at the ends of their range, up to a kernel of more taps than the vector code takes.
TEST(Depthwise, WordsAtTheEndsOfTheirRange) {
  for (const uint32_t size : {1u, 3u, 5u, 6u}) {
    const ConvGeometry g = {size, size + 2, 37, 1, 3, 37, size, size, 1, 1, 1, 1, 0, 0, 0, 0, 37};
    for (const int16_t x : {INT16_MIN, INT16_MAX}) {
      for (const int16_t w : {INT16_MIN, -1, 15, INT16_MAX}) {
        const std::vector<int16_t> input(size_t{g.in_h} * g.in_w * g.in_c, x), weights(size_t{size} * size * g.in_c, w);
        const auto rows = RowPointers(g, input);
        for (const Isa isa : SupportedIsas()) {
          std::vector<int64_t> out(size_t{g.out_w} * g.out_c);
          Kernels(isa).depthwise_s16s16_s64({&g, {rows.data(), 0, g.in_h}, weights.data(), 0, 0, 0, g.out_w, out.data()});
          for (const int64_t sum : out) ASSERT_EQ(sum, int64_t{size} * size * x * w) << IsaName(isa);
        }
      }
    }
  }
}

TEST(Depthwise, FloatFollowsTheTapOrder) {
  TestRandom random(3);
  for (const ConvGeometry& g : kGeometries) {
    if (g.groups != g.in_c) continue;
    const auto x = random.Floats(size_t{g.in_h} * g.in_w * g.in_c, 2.0f);
    const uint32_t taps = g.kernel_h * g.kernel_w;
    const auto w = random.Floats(size_t{taps} * g.in_c, 1.0f);
    const auto rows = RowPointers(g, x);
    for (uint32_t out_row = 0; out_row < g.out_h; ++out_row) {
      std::vector<float> expected(size_t{g.out_w} * g.in_c, 0.0f);
      for (size_t i = 0; i < expected.size(); ++i) {
        const auto column = static_cast<uint32_t>(i / g.in_c);
        const auto c = static_cast<uint32_t>(i % g.in_c);
        const float nan = std::numeric_limits<float>::quiet_NaN();
        for (uint32_t tap = 0; tap < taps; ++tap) {
          const float v = At<float>(g, x, TapRow(g, out_row, tap / g.kernel_w),
                                    TapColumn(g, column, tap % g.kernel_w), c, nan);
          if (v == v) expected[i] = std::fmaf(v, w[tap * g.in_c + c], expected[i]);
        }
      }
      for (const Isa isa : SupportedIsas()) {
        std::vector<float> out(expected.size());
        Kernels(isa).depthwise_f32({&g, {rows.data(), 0, g.in_h}, w.data(), 0, out_row, 0, g.out_w,
                                    out.data()});
        EXPECT_TRUE(SameBits(out, expected)) << IsaName(isa);
      }
    }
  }
}

TEST(Pool, EqualsDefinition) {
  TestRandom random(4);
  for (const ConvGeometry& g : kGeometries) {
    if (g.groups != g.in_c) continue;
    const auto x = random.Floats(size_t{g.in_h} * g.in_w * g.in_c, 2.0f);
    const auto rows = RowPointers(g, x);
    const float inf = std::numeric_limits<float>::infinity();
    for (uint32_t out_row = 0; out_row < g.out_h; ++out_row) {
      for (const bool count_padding : {false, true}) {
        std::vector<float> largest(size_t{g.out_w} * g.in_c, -inf);
        std::vector<float> average(largest.size());
        for (size_t i = 0; i < largest.size(); ++i) {
          float sum = 0.0f;
          uint32_t inside = 0;
          for (uint32_t tap = 0; tap < g.kernel_h * g.kernel_w; ++tap) {
            const float v = At<float>(
                g, x, TapRow(g, out_row, tap / g.kernel_w),
                TapColumn(g, static_cast<uint32_t>(i / g.in_c), tap % g.kernel_w),
                static_cast<uint32_t>(i % g.in_c), inf);
            if (v == inf) continue;
            ++inside;
            sum += v;
            largest[i] = std::fmax(largest[i], v);
          }
          average[i] = sum / static_cast<float>(count_padding ? g.kernel_h * g.kernel_w : inside);
        }
        for (const Isa isa : SupportedIsas()) {
          std::vector<float> out(largest.size());
          const PoolJob job = {&g, {rows.data(), 0, g.in_h}, out_row, 0, g.out_w, count_padding,
                               out.data()};
          Kernels(isa).max_pool(job);
          EXPECT_TRUE(SameBits(out, largest)) << IsaName(isa);
          Kernels(isa).average_pool(job);
          EXPECT_TRUE(SameBits(out, average)) << IsaName(isa);
        }
      }
    }
  }
}

// The order of elementwise.h, word for word.
template <typename Join>
float NaiveReduce(const std::vector<float>& x, float start, Join join) {
  float lanes[16];
  for (float& lane : lanes) lane = start;
  for (size_t i = 0; i < x.size(); ++i) lanes[i % 16] = join(lanes[i % 16], x[i]);
  for (size_t w = 8; w != 0; w /= 2) {
    for (size_t j = 0; j < w; ++j) lanes[j] = join(lanes[j], lanes[j + w]);
  }
  return lanes[0];
}

TEST(Reduce, FollowsTheWrittenOrder) {
  TestRandom random(5);
  for (const size_t count : {0, 1, 15, 16, 17, 100, 1000, 4096}) {
    const auto x = random.Floats(count, 100.0f);
    const float sum = NaiveReduce(x, 0.0f, [](float a, float b) { return a + b; });
    const float largest = NaiveReduce(x, -std::numeric_limits<float>::infinity(),
                                      [](float a, float b) { return a > b ? a : b; });
    for (const Isa isa : SupportedIsas()) {
      EXPECT_EQ(Kernels(isa).sum(x.data(), count), sum) << IsaName(isa);
      EXPECT_EQ(Kernels(isa).maximum(x.data(), count), largest) << IsaName(isa);
    }
  }
}

TEST(Reduce, SoftmaxIsCloseAndTheSameEverywhere) {
  TestRandom random(6);
  for (const size_t count : {1, 2, 10, 33, 1000}) {
    const auto x = random.Floats(count, 20.0f);
    double sum = 0.0;
    for (const float v : x) sum += std::exp(static_cast<double>(v));
    std::vector<float> expected(count);
    Kernels(Isa::kScalar).softmax(x.data(), count, expected.data());
    for (size_t i = 0; i < count; ++i) {
      const double exact = std::exp(static_cast<double>(x[i])) / sum;
      EXPECT_NEAR(expected[i], exact, 4e-6 * exact + 1e-40);
    }
    for (const Isa isa : SupportedIsas()) {
      std::vector<float> y(count);
      Kernels(isa).softmax(x.data(), count, y.data());
      EXPECT_TRUE(SameBits(y, expected)) << IsaName(isa);
    }
  }
}

TEST(Reduce, NanIsNotLost) {
  std::vector<float> x(40, 1.0f);
  x[23] = std::numeric_limits<float>::quiet_NaN();
  for (const Isa isa : SupportedIsas()) {
    EXPECT_TRUE(std::isnan(Kernels(isa).maximum(x.data(), x.size()))) << IsaName(isa);
    EXPECT_TRUE(std::isnan(Kernels(isa).sum(x.data(), x.size()))) << IsaName(isa);
  }
}

}  // namespace
}  // namespace penumbra
