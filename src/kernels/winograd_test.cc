#include "kernels/winograd_conv.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "kernels/isa_test_support.h"
#include "kernels/test_support.h"
#include "ring/modulus.h"

namespace penumbra {
namespace {

int32_t Coefficient(const WinogradTransform& t, uint32_t row, uint32_t line) { return t.rows[row][line]; }

// output row k, input j, tap t: the sum over positions is 1 where j = k + t and 0 elsewhere. That is the convolution.
TEST(WinogradPlan, InterpolatesExactlyForEveryPrimeAndTile) {
  for (const uint16_t prime : kPrimes) {
    for (uint32_t out = kWinogradMinOut; out <= kWinogradMaxOut; ++out) {
      const WinogradPlan plan = MakeWinogradPlan(out, prime);
      for (uint32_t k = 0; k < out; ++k) {
        for (uint32_t j = 0; j < plan.in; ++j) {
          for (uint32_t t = 0; t < kWinogradTaps; ++t) {
            int64_t sum = 0;
            for (uint32_t i = 0; i < plan.in; ++i) {
              sum += int64_t{Coefficient(plan.output, k, i)} * Coefficient(plan.input, i, j) *
                     Coefficient(plan.filter, i, t);
            }
            ASSERT_EQ(Residue(sum, prime), j == k + t ? 1u : 0u) << prime << " F" << out;
          }
        }
      }
    }
  }
}

TEST(WinogradPlan, RowsOfOppositePointsShareTheirHalves) {
  for (const uint16_t prime : kPrimes) {
    for (uint32_t out = kWinogradMinOut; out <= kWinogradMaxOut; ++out) {
      const WinogradPlan plan = MakeWinogradPlan(out, prime);
      for (uint32_t i = 0; i + 2 < plan.in; i += 2) {
        for (uint32_t line = 0; line < plan.in; ++line) {
          const int32_t sign = line % 2 == 0 ? 1 : -1;
          EXPECT_EQ(Coefficient(plan.input, i, line), sign * Coefficient(plan.input, i + 1, line)) << prime << " F" << out;
        }
        for (uint32_t k = 0; k < out; ++k) {
          const int32_t sign = k % 2 == 0 ? 1 : -1;
          EXPECT_EQ(Coefficient(plan.output, k, i), sign * Coefficient(plan.output, k, i + 1)) << prime << " F" << out;
        }
      }
    }
  }
}

// What 16-bit words of the kernels rely on.
TEST(WinogradPlan, SumsOfRowsFitWords) {
  for (const uint16_t prime : kPrimes) {
    for (uint32_t out = kWinogradMinOut; out <= kWinogradMaxOut; ++out) {
      const WinogradPlan plan = MakeWinogradPlan(out, prime);
      const uint32_t paired = (plan.in - 1) / 2 * 2;  // columns of `output` of opposite points, summed up before
      for (uint32_t row = 0; row < plan.in; ++row) {
        int32_t sums[2][2] = {};  // [input, output][positive, negative]
        for (uint32_t line = 0; line < plan.in; ++line) {
          const int32_t input = Coefficient(plan.input, row, line);
          sums[0][input < 0] += std::abs(input);
          if (row >= out || (line < paired && line % 2 == 1)) continue;
          const int32_t output = Coefficient(plan.output, row, line);
          sums[1][output < 0] += std::abs(output);
        }
        for (const auto& sum : sums) {
          EXPECT_LE(sum[0], kWinogradRowSum) << prime << " F" << out << " row " << row;
          EXPECT_LE(sum[1], kWinogradRowSum) << prime << " F" << out << " row " << row;
        }
      }
    }
  }
}

struct Case {
  ConvGeometry geometry;
  uint32_t images, out, begin, end;
  uint16_t prime;
  bool edge;  // inputs 254 and 255, weights near one end
};

// Memory that must not be written behind its end.
template <typename T>
class Guarded {
 public:
  explicit Guarded(size_t count) : data_(count + 64, T{0x5a}) {}
  T* data() { return data_.data(); }
  bool Intact() const {
    return std::all_of(data_.end() - 64, data_.end(), [](T v) { return v == T{0x5a}; });
  }

 private:
  std::vector<T> data_;
};

class Winograd : public ::testing::TestWithParam<Isa> {
 protected:
  void Expect(const Case& c, TestRandom* random) {
    const ConvGeometry& g = c.geometry;
    const size_t in_row = size_t{g.in_w} * g.in_c, out_size = size_t{c.end - c.begin} * g.out_w * g.out_c;
    const auto x = random->Integers<uint8_t>(c.images * g.in_h * in_row, c.edge ? 254 : 0, 255);
    const auto w = random->Integers<int8_t>(size_t{9} * g.in_c * g.out_c, c.edge ? 124 : -125, 125);
    Guarded<uint8_t> y(c.images * out_size);
    Run(c, x, w, &y);
    ASSERT_TRUE(y.Intact());
    for (size_t i = 0; i < c.images * out_size; ++i) {
      const auto pixel = static_cast<uint32_t>(i % out_size / g.out_c);
      const int64_t sum = Sum(g, x.data() + i / out_size * g.in_h * in_row, w, c.begin + pixel / g.out_w,
                              pixel % g.out_w, static_cast<uint32_t>(i % g.out_c));
      ASSERT_EQ(y.data()[i], Residue(sum, c.prime)) << "F" << c.out << " pixel " << pixel << " channel " << i % g.out_c;
    }
  }

 private:
  static int64_t Sum(const ConvGeometry& g, const uint8_t* x, const std::vector<int8_t>& w, uint32_t oy, uint32_t ox,
                     uint32_t oc) {
    int64_t sum = 0;
    for (uint32_t tap = 0; tap < 9; ++tap) {
      const int64_t iy = int64_t{oy} + tap / 3 - g.pad_top, ix = int64_t{ox} + tap % 3 - g.pad_left;
      if (iy < 0 || iy >= g.in_h || ix < 0 || ix >= g.in_w) continue;
      const uint8_t* pixel = x + (static_cast<size_t>(iy) * g.in_w + static_cast<size_t>(ix)) * g.in_c;
      for (uint32_t c = 0; c < g.in_c; ++c) sum += int64_t{pixel[c]} * w[(size_t{oc} * 9 + tap) * g.in_c + c];
    }
    return sum;
  }

  // In two calls when there are several sets of outputs.
  void Run(const Case& c, const std::vector<uint8_t>& x, const std::vector<int8_t>& w, Guarded<uint8_t>* out_y) {
    const ConvGeometry& g = c.geometry;
    const KernelTable& kernels = Kernels(GetParam());
    const WinogradPlan plan = MakeWinogradPlan(c.out, c.prime);
    const WinogradSets sets(g.out_c);
    Guarded<int8_t> packed(WinogradPackedSize(c.out, g.out_c, g.in_c)), workspace(WinogradPackWorkspaceSize(c.out));
    PackWinograd({&kernels, &plan, w.data(), g.out_c, g.in_c, workspace.data(), packed.data()}, 0, sets.count);
    ASSERT_TRUE(packed.Intact() && workspace.Intact());
    const RowRange in = InputRowsOf({c.begin, c.end}, g.in_h, 3, 1, 1, g.pad_top);
    std::vector<const void*> rows(c.images * size_t{g.in_h});
    std::vector<WinogradImage> images;
    const size_t in_row = size_t{g.in_w} * g.in_c;
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = x.data() + i * in_row;
    for (uint32_t i = 0; i < c.images; ++i) {
      images.push_back({{rows.data() + size_t{i} * g.in_h + in.begin, static_cast<int32_t>(in.begin), in.end - in.begin},
                        out_y->data() + size_t{i} * (c.end - c.begin) * g.out_w * g.out_c});
    }
    Guarded<uint8_t> strip(WinogradStripSize(g, c.out, c.images * WinogradTiles(g, c.out, c.end - c.begin)));
    WinogradStripJob job{&kernels, &plan, &g, images.data(), c.images, {c.begin, c.end}, packed.data(), g.out_c,
                         0, 1, g.out_c, strip.data()};
    ConvolveWinograd(job);
    job.set_begin = 1;
    job.set_end = sets.count;
    ConvolveWinograd(job);
    ASSERT_TRUE(strip.Intact());
  }
};

// Ragged tiles and channels, images of one pixel, padding on any side, parts of the rows, several images, every tile.
TEST_P(Winograd, MatchesTheConvolution) {
  TestRandom random(3);
  for (int i = 0; i < 60; ++i) {
    const auto draw = [&](int64_t low, int64_t high) { return static_cast<uint32_t>(random.Between(low, high)); };
    ConvGeometry g{draw(1, 17), draw(1, 17), draw(1, 80), 0, 0, draw(1, 90), 3, 3, 1, 1, 1, 1, draw(1, 2), draw(1, 2),
                   draw(1, 2), draw(1, 2), 1};
    if (i % 7 == 0 && g.in_h > 2 && g.in_w > 2) g.pad_top = g.pad_left = g.pad_bottom = g.pad_right = 0;
    g.out_h = g.in_h + g.pad_top + g.pad_bottom - 2;
    g.out_w = g.in_w + g.pad_left + g.pad_right - 2;
    const uint32_t begin = i % 2 == 0 ? 0 : draw(0, g.out_h - 1);
    const uint32_t end = i % 2 == 0 ? g.out_h : draw(begin + 1, g.out_h);
    Expect({g, draw(1, 3), draw(kWinogradMinOut, kWinogradMaxOut), begin, end, kPrimes[draw(0, 7)], i % 3 == 0}, &random);
    if (HasFatalFailure()) return;
  }
}

// The bytes that drive the sums of the input transform to their ends, in either dimension.
TEST_P(Winograd, InputTransformAtItsEnds) {
  constexpr uint32_t kChannels = 64;
  for (const uint16_t prime : kPrimes) {
    for (uint32_t out = kWinogradMinOut; out <= kWinogradMaxOut; ++out) {
      const WinogradPlan plan = MakeWinogradPlan(out, prime);
      std::vector<uint8_t> x(size_t{plan.in} * plan.in * kChannels), got(x.size());
      std::vector<const uint8_t*> rows;
      for (uint32_t i = 0; i < plan.in; ++i) rows.push_back(x.data() + size_t{i} * plan.in * kChannels);
      for (uint32_t target = 0; target < 4 * plan.in; ++target) {
        const bool across = target % 2 == 0, positive = target / 2 % 2 == 0;
        for (uint32_t q = 0; q < plan.in * plan.in; ++q) {
          const uint32_t line = across ? q % plan.in : q / plan.in;
          const bool high = (Coefficient(plan.input, target / 4, line) > 0) == positive;
          std::fill_n(x.begin() + q * kChannels, kChannels, static_cast<uint8_t>(high ? 255 : 0));
        }
        Kernels(GetParam()).winograd_input(
            {&plan, rows.data(), plan.in, kChannels, 0, 1, got.data(), kChannels, kChannels});
        for (uint32_t q = 0; q < plan.in * plan.in; ++q) {
          int64_t sum = 0;
          for (uint32_t at = 0; at < plan.in * plan.in; ++at) {
            sum += int64_t{Coefficient(plan.input, q / plan.in, at / plan.in)} *
                   Coefficient(plan.input, q % plan.in, at % plan.in) * x[at * kChannels];
          }
          ASSERT_EQ(got[q * kChannels + 63] % prime, Residue(sum, prime)) << prime << " F" << out << " " << target;
        }
      }
    }
  }
}

// The bytes that drive the sums of the output transform to their ends, in either dimension.
TEST_P(Winograd, OutputTransformAtItsEnds) {
  for (const uint16_t prime : kPrimes) {
    for (uint32_t out = kWinogradMinOut; out <= kWinogradMaxOut; ++out) {
      const WinogradPlan plan = MakeWinogradPlan(out, prime);
      const uint32_t positions = plan.in * plan.in;
      std::vector<uint8_t> products(size_t{positions} * 64), got(size_t{out} * out * 64);
      for (uint32_t target = 0; target < 2 * out; ++target) {
        const auto factor = [&](uint32_t pixel, uint32_t q) {
          return int64_t{Coefficient(plan.output, pixel / out, q / plan.in)} *
                 Coefficient(plan.output, pixel % out, q % plan.in);
        };
        const uint32_t aimed = target / 2 * out + (target * 3) % out;
        for (uint32_t q = 0; q < positions; ++q) {
          const bool high = (factor(aimed, q) > 0) == (target % 2 == 0);
          std::fill_n(products.begin() + q * 64, 64, static_cast<uint8_t>(high ? 255 : 0));
        }
        Kernels(GetParam()).winograd_output({&plan, products.data(), 64, 1, 64, got.data(), 64, out, out});
        for (uint32_t pixel = 0; pixel < out * out; ++pixel) {
          int64_t sum = 0;
          for (uint32_t q = 0; q < positions; ++q) sum += factor(pixel, q) * products[q * 64];
          ASSERT_EQ(got[pixel * 64 + 63], Residue(sum, prime)) << prime << " F" << out << " " << target;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, Winograd, ::testing::ValuesIn(SupportedIsas()), IsaTestName);

}  // namespace
}  // namespace penumbra
