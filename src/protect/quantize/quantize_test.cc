// The rules of docs/arithmetic.md on random layers.
#include "protect/quantize/quantize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>

#include "model/error.h"
#include "protect/plain/inference.h"
#include "protect/quantize/statistics.h"
#include "ring/bound.h"
#include "ring/residue.h"

namespace penumbra::protect {
namespace {

struct Layer {
  LinearOp op;
  std::vector<float> x;
  LinearStatistics statistics;
};

ConvGeometry Convolution(uint32_t size, uint32_t in_c, uint32_t out_c, uint32_t groups) {
  ConvGeometry g{};
  g.in_h = g.in_w = g.out_h = g.out_w = size;
  g.in_c = in_c;
  g.out_c = out_c;
  g.kernel_h = g.kernel_w = 3;
  g.stride_h = g.stride_w = g.dilation_h = g.dilation_w = 1;
  g.pad_top = g.pad_left = g.pad_bottom = g.pad_right = 1;
  g.groups = groups;
  return g;
}

ConvGeometry Dense(uint32_t rows, uint32_t in_c, uint32_t out_c) {
  ConvGeometry g = Convolution(1, in_c, out_c, 1);
  g.in_h = g.out_h = rows;
  g.kernel_h = g.kernel_w = 1;
  g.pad_top = g.pad_left = g.pad_bottom = g.pad_right = 0;
  return g;
}

void Measure(Layer* layer) {
  const ConvGeometry& g = layer->op.geometry;
  std::vector<float> y(size_t{g.out_h} * g.out_w * g.out_c);
  LinearFloat(layer->op, layer->x, y);
  LayerAccumulator accumulator(g);
  accumulator.Add(layer->x, y);
  layer->statistics = accumulator.Finish();
}

// Weights of very different sizes from row to row; inputs uniform in [low, high].
Layer RandomLayer(const ConvGeometry& g, float low, float high, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<float> uniform(low, high);
  Layer layer;
  layer.op.geometry = g;
  for (uint32_t o = 0; o < g.out_c; ++o) {
    const float size = std::exp(normal(random));
    for (uint64_t j = 0; j < FilterLength(g); ++j)
      layer.op.weights.push_back(size * normal(random));
    layer.op.bias.push_back(normal(random));
  }
  for (size_t i = 0; i < size_t{g.in_h} * g.in_w * g.in_c; ++i) layer.x.push_back(uniform(random));
  Measure(&layer);
  return layer;
}

std::vector<Layer> RandomLayers() {
  return {RandomLayer(Convolution(12, 8, 16, 1), -1, 3),
          RandomLayer(Convolution(12, 16, 16, 16), 0, 6),
          RandomLayer(Convolution(9, 12, 6, 3), -2, 0.5), RandomLayer(Dense(20, 300, 10), 5, 6),
          RandomLayer(Dense(64, 7, 3), -0.01f, 0.01f)};
}

// Sum of one row whose inputs stand at the end of their range that makes it largest or smallest.
int64_t ExtremeSum(const QuantizedLinear& quantized, size_t row, size_t length, bool largest) {
  int64_t sum = 0;
  for (size_t j = row * length; j < (row + 1) * length; ++j) {
    const int64_t q = quantized.q[j];
    sum += q * ((q > 0) == largest ? quantized.khi : quantized.klo);
  }
  return sum;
}

double RelativeError(const Layer& layer, const QuantizedLinear& quantized) {
  const ConvGeometry& g = layer.op.geometry;
  std::vector<float> exact(size_t{g.out_h} * g.out_w * g.out_c);
  std::vector<float> rounded(exact.size());
  LinearFloat(layer.op, layer.x, exact);
  IntegerLinear(g, quantized).Apply(layer.x, rounded);
  double noise = 0;
  for (size_t i = 0; i < exact.size(); ++i) noise += std::pow(double{rounded[i]} - exact[i], 2);
  noise /= static_cast<double>(g.out_h) * g.out_w;
  return 10 * std::log10(layer.statistics.output_variance / noise);
}

TEST(QuantizeRing, WorstCaseInputsOfEveryRowDecode) {
  for (uint32_t primes = 2; primes <= kMaxPrimes; ++primes) {
    for (const Layer& layer : RandomLayers()) {
      const QuantizedLinear quantized =
          QuantizeRing(layer.op, layer.statistics, {.prime_count = primes});
      const CrtConstants crt = MakeCrtConstants(primes);
      const size_t length = FilterLength(layer.op.geometry);
      for (size_t row = 0; row < layer.op.geometry.out_c; ++row) {
        for (bool largest : {false, true}) {
          const int64_t sum = ExtremeSum(quantized, row, length, largest);
          uint8_t residues[kMaxPrimes];
          EncodeResidues(sum, primes, residues);
          EXPECT_EQ(DecodeResidues(residues, crt, quantized.offset[row]), sum);
        }
      }
    }
  }
}

TEST(QuantizeRing, WindowsAreFilled) {
  for (const Layer& layer : RandomLayers()) {
    const QuantizedLinear quantized = QuantizeRing(layer.op, layer.statistics, {.prime_count = 3});
    for (const BoundRow& row : quantized.bound) {
      const uint64_t used =
          (row.positive + row.negative) * static_cast<uint64_t>(quantized.khi - quantized.klo);
      EXPECT_LE(used, Modulus(3) - 1);
      EXPECT_GE(used, Modulus(3) * 97 / 100);
    }
  }
}

TEST(QuantizeRing, PredictionMatchesMeasurement) {
  for (const Layer& layer : RandomLayers()) {
    for (uint32_t primes : {2u, 3u, 4u}) {
      const QuantizedLinear quantized =
          QuantizeRing(layer.op, layer.statistics, {.prime_count = primes});
      EXPECT_NEAR(quantized.predicted_noise_db, RelativeError(layer, quantized), 2.0);
    }
  }
}

TEST(QuantizeRing, ZeroPaddingIsALevel) {
  const Layer layer = RandomLayer(Convolution(8, 4, 4, 1), 2, 3);
  const QuantizedLinear quantized = QuantizeRing(layer.op, layer.statistics);
  EXPECT_LE(quantized.klo, 0);
  EXPECT_GE(quantized.khi, 0);
}

TEST(QuantizeRing, PrimesFollowThePrediction) {
  const Layer wide = RandomLayer(Dense(16, 40000, 4), -1, 1);
  const QuantizedLinear more = QuantizeRing(wide.op, wide.statistics);
  EXPECT_GT(more.prime_count, 3u);
  EXPECT_GE(more.predicted_noise_db, 29.5);
  const Layer narrow = RandomLayer(Convolution(12, 16, 16, 16), -1, 1);
  EXPECT_EQ(QuantizeRing(narrow.op, narrow.statistics).prime_count, 3u);
  EXPECT_EQ(QuantizeRing(narrow.op, narrow.statistics, {.economy = true}).prime_count, 2u);
}

TEST(QuantizeRing, CapsAreObeyed) {
  for (const Layer& layer : RandomLayers()) {
    const QuantizedLinear quantized =
        QuantizeRing(layer.op, layer.statistics, {.bits_w = 8, .bits_x = 8});
    // Rounding both ends of a range may add one level.
    EXPECT_LE(quantized.khi - quantized.klo, 256);
    for (int32_t q : quantized.q) EXPECT_LE(std::abs(q), 127);
  }
}

TEST(QuantizeRing, BiasCorrectionCentresTheError) {
  const Layer layer = RandomLayer(Convolution(16, 8, 8, 1), 0, 4);
  const QuantizedLinear quantized = QuantizeRing(layer.op, layer.statistics, {.prime_count = 2});
  std::vector<float> exact(size_t{16} * 16 * 8);
  std::vector<float> rounded(exact.size());
  LinearFloat(layer.op, layer.x, exact);
  IntegerLinear(layer.op.geometry, quantized).Apply(layer.x, rounded);
  QuantizedLinear uncorrected = quantized;
  uncorrected.bias = layer.op.bias;
  std::vector<float> plain(exact.size());
  IntegerLinear(layer.op.geometry, uncorrected).Apply(layer.x, plain);
  double with = 0;
  double without = 0;
  for (size_t c = 0; c < 8; ++c) {
    double mean_with = 0;
    double mean_without = 0;
    for (size_t i = c; i < exact.size(); i += 8) {
      mean_with += rounded[i] - exact[i];
      mean_without += plain[i] - exact[i];
    }
    with += mean_with * mean_with;
    without += mean_without * mean_without;
  }
  EXPECT_LT(with, 0.1 * without);
}

TEST(QuantizeRing, DeadAndConstantInputsAndZeroRows) {
  for (float value : {0.0f, 3.5f, -2.0f}) {
    Layer layer = RandomLayer(Dense(16, 20, 6), value, value + 1);
    std::ranges::fill(layer.x, value);
    std::fill_n(layer.op.weights.begin() + 20, 20, 0.0f);
    Measure(&layer);
    const QuantizedLinear quantized = QuantizeRing(layer.op, layer.statistics);
    EXPECT_LT(quantized.klo, quantized.khi);
    std::vector<float> exact(16 * 6);
    std::vector<float> rounded(exact.size());
    LinearFloat(layer.op, layer.x, exact);
    IntegerLinear(layer.op.geometry, quantized).Apply(layer.x, rounded);
    for (size_t i = 0; i < exact.size(); ++i) EXPECT_NEAR(rounded[i], exact[i], 1e-2);
    EXPECT_EQ(rounded[1], layer.op.bias[1]);
  }
}

TEST(QuantizeRing, HopelessLayersAreRefused) {
  Layer layer = RandomLayer(Dense(64, 50, 5), -1, 1);
  // One outlier of 10^9 takes all levels; the signal is far below the first one.
  layer.statistics.hi = 1e9f;
  try {
    (void)QuantizeRing(layer.op, layer.statistics);
    FAIL() << "must be refused";
  } catch (const model::ModelError& error) {
    EXPECT_EQ(error.status(), Status::kBoundUnproved);
  }
  EXPECT_THROW((void)QuantizeRing(layer.op, layer.statistics, {.prime_count = 7}),
               model::ModelError);
  EXPECT_THROW((void)QuantizeRing(layer.op, layer.statistics, {.bits_w = 1}), model::ModelError);
}

TEST(QuantizeInteger, EightAndSixteenBits) {
  for (const Layer& layer : RandomLayers()) {
    const QuantizedLinear byte = QuantizeInteger(layer.op, layer.statistics, {.bits = 8});
    const QuantizedLinear wide = QuantizeInteger(layer.op, layer.statistics, {.bits = 16});
    EXPECT_EQ(byte.prime_count, 0u);
    EXPECT_LE(byte.khi - byte.klo, 255);
    EXPECT_LT(byte.klo, byte.khi);
    for (int32_t q : byte.q) EXPECT_LE(std::abs(q), 127);
    for (int32_t q : wide.q) EXPECT_LE(std::abs(q), 32767);
    EXPECT_GT(RelativeError(layer, byte), 28);
    EXPECT_GT(RelativeError(layer, wide), 55);
    EXPECT_NEAR(byte.predicted_noise_db, RelativeError(layer, byte), 3.0);
  }
}

// Where a mean far from 0 eats the levels, 8 bits cannot tell the inputs apart.
TEST(QuantizeInteger, NoisyLayersGetSixteenBits) {
  const Layer quiet = RandomLayer(Dense(40, 60, 10), -1, 1);
  EXPECT_LE(QuantizeInteger(quiet.op, quiet.statistics).khi, 255);
  const Layer noisy = RandomLayer(Dense(40, 60, 10), 50, 51);
  EXPECT_LT(QuantizeInteger(noisy.op, noisy.statistics, {.bits = 8}).predicted_noise_db, kLeastNoiseDb);
  const QuantizedLinear wide = QuantizeInteger(noisy.op, noisy.statistics);
  EXPECT_GT(wide.khi, 255);
  EXPECT_GT(RelativeError(noisy, wide), kLeastNoiseDb);
}

TEST(Quantize, InputsALittleBeyondTheRangeAreNotClamped) {
  const Layer layer = RandomLayer(Dense(40, 60, 10), -1, 1);
  const auto reaches = [&](const QuantizedLinear& quantized, float x) {
    return std::lround(x * quantized.inv_step) <= quantized.khi;
  };
  for (const QuantizedLinear& quantized :
       {QuantizeRing(layer.op, layer.statistics), QuantizeInteger(layer.op, layer.statistics, {.bits = 16})}) {
    EXPECT_TRUE(reaches(quantized, layer.statistics.hi * 1.1f));
    EXPECT_FALSE(reaches(quantized, layer.statistics.hi * 1.2f));
  }
  const Layer rectified = RandomLayer(Dense(40, 60, 10), 0, 1);
  EXPECT_EQ(QuantizeRing(rectified.op, rectified.statistics).klo, 0);
}

TEST(QuantizeInteger, RareOutliersAreClipped) {
  Layer layer = RandomLayer(Dense(400, 50, 5), -1, 1);
  layer.x[7] = 12;
  Measure(&layer);
  const QuantizedLinear clipped = QuantizeInteger(layer.op, layer.statistics);
  const QuantizedLinear full =
      QuantizeInteger(layer.op, layer.statistics, {.clip_by_error = false});
  EXPECT_GT(clipped.inv_step, full.inv_step);
  EXPECT_EQ(full.khi - full.klo, 255);
}

TEST(Statistics, TapMeansCountThePadding) {
  Layer layer = RandomLayer(Convolution(3, 1, 1, 1), 1, 1);
  std::ranges::fill(layer.x, 1.0f);
  Measure(&layer);
  const std::vector<double> expected = {4, 6, 4, 6, 9, 6, 4, 6, 4};
  for (size_t t = 0; t < 9; ++t) EXPECT_DOUBLE_EQ(layer.statistics.tap_mean[t], expected[t] / 9);
}

TEST(Statistics, TheHistogramCountsEverythingWhateverTheOrder) {
  const std::vector<float> small = {0.1f, -0.2f, 0.3f};
  const std::vector<float> large = {100.0f, -50.0f};
  Histogram forward;
  forward.Add(small, 0.3f);
  forward.Add(large, 100.0f);
  Histogram backward;
  backward.Add(large, 100.0f);
  backward.Add(small, 0.3f);
  EXPECT_EQ(forward.limit(), 128);
  EXPECT_EQ(forward.counts(), backward.counts());
}

TEST(IntegerLinear, EveryWidthGivesTheExactSums) {
  const Layer layer = RandomLayer(Convolution(6, 4, 6, 2), -3, 3);
  for (int64_t size : {int64_t{100}, int64_t{1} << 20, kMaxWeightMagnitude * int64_t{1}}) {
    QuantizedLinear quantized = QuantizeRing(layer.op, layer.statistics);
    std::mt19937 random(5);
    std::uniform_int_distribution<int32_t> uniform(static_cast<int32_t>(-size),
                                                   static_cast<int32_t>(size));
    for (int32_t& q : quantized.q) q = uniform(random);
    quantized.klo = size == 100 ? -7 : -32767;
    quantized.khi = 32767;
    if (size == 100) quantized.khi = 9;
    std::vector<int32_t> levels;
    std::uniform_int_distribution<int32_t> level(quantized.klo, quantized.khi);
    for (size_t i = 0; i < layer.x.size(); ++i) levels.push_back(level(random));
    const std::vector<int64_t> sums = IntegerLinear(layer.op.geometry, quantized).Sums(levels);
    // Output channel 4 (second group) at row 0, column 5, written out.
    int64_t expected = 0;
    for (int ky = 1; ky < 3; ++ky) {
      for (int kx = 0; kx < 2; ++kx) {
        for (int c = 0; c < 2; ++c) {
          const int64_t k = levels[static_cast<size_t>(((ky - 1) * 6 + 4 + kx) * 4 + 2 + c)];
          expected += k * quantized.q[static_cast<size_t>(4 * 18 + (ky * 3 + kx) * 2 + c)];
        }
      }
    }
    EXPECT_EQ(sums[5 * 6 + 4], expected);
  }
}

}  // namespace
}  // namespace penumbra::protect
