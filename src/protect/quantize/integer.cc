// Ordinary 8- and 16-bit layers for the all-trusted preset.
#include <algorithm>
#include <cmath>

#include "model/error.h"
#include "protect/quantize/quantize.h"
#include "protect/quantize/rows.h"

namespace penumbra::protect {
namespace {

constexpr int kClipCandidates = 50;
constexpr double kClipStride = 0.016;  // candidates shrink the range down to about a fifth

// Mean squared error of inputs quantised to `levels` steps over `range`, from their histogram:
// rounding inside, the distance to the range outside.
double RangeError(const LinearStatistics& statistics, Range range, double levels) {
  const double step = (double{range.hi} - range.lo) / levels;
  const double bin =
      2 * statistics.histogram_limit / static_cast<double>(statistics.histogram.size());
  double error = 0;
  for (size_t i = 0; i < statistics.histogram.size(); ++i) {
    if (statistics.histogram[i] == 0) continue;
    const double centre = -statistics.histogram_limit + (static_cast<double>(i) + 0.5) * bin;
    const double outside = std::max({0.0, range.lo - centre, centre - range.hi});
    const double each = outside > 0 ? outside * outside : step * step / 12;
    error += each * static_cast<double>(statistics.histogram[i]);
  }
  return error;
}

Range ClippedRange(const LinearStatistics& statistics, double levels) {
  Range best{statistics.lo, statistics.hi};
  if (statistics.histogram.empty() || !(best.lo < best.hi)) return best;
  double least = RangeError(statistics, best, levels);
  for (int i = 1; i < kClipCandidates; ++i) {
    const auto factor = static_cast<float>(1 - kClipStride * i);
    const Range range{statistics.lo * factor, statistics.hi * factor};
    const double error = RangeError(statistics, range, levels);
    if (error < least) {
      least = error;
      best = range;
    }
  }
  return best;
}

void SetByteLevels(const LinearStatistics& statistics, bool clip, QuantizedLinear* quantized) {
  constexpr int32_t kLevels = 255;
  const Range range = Widened(clip ? ClippedRange(statistics, kLevels) : Range{statistics.lo, statistics.hi});
  const double largest = std::max(std::fabs(range.lo), std::fabs(range.hi));
  double step = (double{range.hi} - range.lo) / kLevels;
  // Beyond s16 a level could not be stored; constant and dead inputs get one level.
  step = std::max(step, largest / kMaxLevelMagnitude);
  if (range.hi == range.lo) step = largest > 0 ? largest : 1.0;
  SetLevels(range.lo, range.hi, step, quantized);
  quantized->khi = std::min(quantized->khi, quantized->klo + kLevels);
}

void SetWideLevels(const LinearStatistics& statistics, QuantizedLinear* quantized) {
  const Range range = Widened({statistics.lo, statistics.hi});
  const double largest = std::max(std::fabs(range.lo), std::fabs(range.hi));
  SetLevels(range.lo, range.hi, largest > 0 ? largest / kMaxLevelMagnitude : 1.0, quantized);
}

QuantizedLinear Quantize(const LinearOp& op, const LinearStatistics& statistics, uint32_t bits,
                         bool clip_by_error) {
  QuantizedLinear quantized;
  if (bits == 8) {
    SetByteLevels(statistics, clip_by_error, &quantized);
  } else {
    SetWideLevels(statistics, &quantized);
  }
  const double cap = bits == 8 ? 127 : 32767;
  const RowFacts facts = FactsOf(op, statistics);
  std::vector<double> gains;
  for (double largest : facts.largest) gains.push_back(largest > 0 ? cap / largest : 0.0);
  FillRows(op, statistics, gains, &quantized);
  const double noise = PredictedNoise(facts, 1.0 / quantized.inv_step, gains);
  quantized.predicted_noise_db = SignalToNoise(statistics, noise);
  return quantized;
}

}  // namespace

QuantizedLinear QuantizeInteger(const LinearOp& op, const LinearStatistics& statistics,
                                const IntegerOptions& options) {
  if (options.bits != 0 && options.bits != 8 && options.bits != 16) {
    throw model::ModelError(Status::kInvalidArgument, "integer layers have 8 or 16 bits");
  }
  if (options.bits == 16) return Quantize(op, statistics, 16, options.clip_by_error);
  QuantizedLinear bytes = Quantize(op, statistics, 8, options.clip_by_error);
  if (options.bits == 8 || bytes.predicted_noise_db >= kLeastNoiseDb) return bytes;
  return Quantize(op, statistics, 16, options.clip_by_error);
}

}  // namespace penumbra::protect
