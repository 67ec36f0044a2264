#include "protect/quantize/rows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "model/error.h"
#include "protect/plain/linear_integer.h"
#include "protect/quantize/quantize.h"
#include "ring/bound.h"

namespace penumbra::protect {
namespace {

constexpr double kRoundingVariance = 1.0 / 12.0;  // of a uniform error of one unit
constexpr int kMaxBisections = 64;

// Round half to even by the usual trick: exact for |x| < 2^51 and, unlike a call, vectorised.
inline double Rounded(double x) {
  constexpr double kShift = 0x1.8p52;
  return (x + kShift) - kShift;
}

double RoundedSum(std::span<const float> weights, double gain) {
  double sum = 0;
  for (float w : weights) sum += std::fabs(Rounded(gain * w));
  return sum;
}

std::span<const float> RowOf(const LinearOp& op, size_t row) {
  const size_t length = FilterLength(op.geometry);
  return std::span(op.weights).subspan(row * length, length);
}

// sum_j (w_j - q_j * unit) * mean_j over the taps of one row.
double BiasCorrection(const LinearOp& op, const std::vector<double>& tap_mean, size_t row,
                      const int32_t* q, double unit) {
  const ConvGeometry& g = op.geometry;
  const size_t channels = InChannelsPerGroup(g);
  const size_t first = row / OutChannelsPerGroup(g) * channels;
  const std::span<const float> weights = RowOf(op, row);
  double correction = 0;
  for (size_t tap = 0; tap < size_t{g.kernel_h} * g.kernel_w; ++tap) {
    const double* mean = tap_mean.data() + tap * g.in_c + first;
    for (size_t c = 0; c < channels; ++c) {
      const size_t j = tap * channels + c;
      correction += (weights[j] - q[j] * unit) * mean[c];
    }
  }
  return correction;
}

}  // namespace

RowFacts FactsOf(const LinearOp& op, const LinearStatistics& statistics) {
  const ConvGeometry& g = op.geometry;
  const size_t channels = InChannelsPerGroup(g);
  RowFacts facts;
  facts.rounded_share = 1 - statistics.zero_share;
  for (size_t row = 0; row < g.out_c; ++row) {
    double abs_sum = 0;
    double square_sum = 0;
    double largest = 0;
    for (float w : RowOf(op, row)) {
      const double magnitude = std::fabs(w);
      abs_sum += magnitude;
      square_sum += magnitude * magnitude;
      largest = std::max(largest, magnitude);
    }
    double variance = 0;
    const size_t first = row / OutChannelsPerGroup(g) * channels;
    for (size_t c = first; c < first + channels; ++c) variance += statistics.variance.at(c);
    facts.abs_sum.push_back(abs_sum);
    facts.square_sum.push_back(square_sum);
    facts.largest.push_back(largest);
    facts.spread.push_back(variance * g.kernel_h * g.kernel_w);
  }
  return facts;
}

double PredictedNoise(const RowFacts& facts, double step, const std::vector<double>& gain) {
  double noise = 0;
  for (size_t row = 0; row < gain.size(); ++row) {
    if (facts.abs_sum[row] == 0) continue;
    const double of_levels = step * step * facts.square_sum[row] * facts.rounded_share;
    const double of_weights = gain[row] > 0 ? facts.spread[row] / (gain[row] * gain[row])
                                            : facts.square_sum[row] * facts.spread[row];
    noise += kRoundingVariance * (of_levels + of_weights);
  }
  return noise;
}

double SignalToNoise(const LinearStatistics& statistics, double noise) {
  if (noise <= 0 || statistics.output_variance <= 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(statistics.output_variance / noise);
}

double LargestGain(std::span<const float> weights, double abs_sum, double cap, double budget) {
  if (RoundedSum(weights, cap) <= budget) return cap;
  // Every weight rounds by at most one half.
  const double slack = 0.5 * static_cast<double>(weights.size());
  double low = std::max(0.0, (budget - slack) / abs_sum);
  double high = std::min(cap, (budget + slack + 1) / abs_sum);
  for (int i = 0; i < kMaxBisections; ++i) {
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) break;
    const double sum = RoundedSum(weights, middle);
    (sum <= budget ? low : high) = middle;
    if (sum == budget) break;  // a larger gain can only leave the window
  }
  return low;
}

Range Widened(const Range& calibrated) {
  constexpr double kHeadroom = 0.0625;
  const auto more = static_cast<float>(kHeadroom * calibrated.width());
  return {calibrated.lo < 0 ? calibrated.lo - more : calibrated.lo,
          calibrated.hi > 0 ? calibrated.hi + more : calibrated.hi};
}

void SetLevels(float lo, float hi, double step, QuantizedLinear* quantized) {
  quantized->inv_step = static_cast<float>(1.0 / step);
  quantized->klo = QuantiseLevel(lo, quantized->inv_step, -kMaxLevelMagnitude, kMaxLevelMagnitude);
  quantized->khi = QuantiseLevel(hi, quantized->inv_step, -kMaxLevelMagnitude, kMaxLevelMagnitude);
  if (quantized->klo < quantized->khi) return;
  quantized->khi < kMaxLevelMagnitude ? ++quantized->khi : --quantized->klo;
}

void FillRows(const LinearOp& op, const LinearStatistics& statistics,
              const std::vector<double>& gain, QuantizedLinear* quantized) {
  QuantizedLinear& out = *quantized;
  const size_t length = FilterLength(op.geometry);
  out.q.resize(op.weights.size());
  for (size_t row = 0; row < gain.size(); ++row) {
    int32_t* q = out.q.data() + row * length;
    const std::span<const float> weights = RowOf(op, row);
    for (size_t j = 0; j < length; ++j)
      q[j] = static_cast<int32_t>(Rounded(gain[row] * weights[j]));
    const RowSums sums = SumRow(q, length);
    RowWindow window;
    const LevelRange levels{out.klo, out.khi};
    const Status status = out.prime_count > 0 ? ProveRow(sums, levels, out.prime_count, &window)
                                              : ComputeRowWindow(sums, levels, &window);
    if (!IsOk(status)) {
      throw model::ModelError(
          Status::kBoundUnproved,
          "sums of output channel " + std::to_string(row) + " may leave the ring", {},
          "allow more primes for this layer");
    }
    // q k stands for gain * w * x * inv_step.
    const double unit = gain[row] > 0 ? 1.0 / (gain[row] * out.inv_step) : 0.0;
    out.scale.push_back(static_cast<float>(unit));
    const double effective = static_cast<double>(out.scale.back()) * out.inv_step;
    const double correction = BiasCorrection(op, statistics.tap_mean, row, q, effective);
    out.bias.push_back(static_cast<float>(op.bias[row] + correction));
    out.offset.push_back(window.begin);
    out.bound.push_back(
        {static_cast<uint64_t>(sums.positive), static_cast<uint64_t>(-sums.negative)});
  }
}

}  // namespace penumbra::protect
