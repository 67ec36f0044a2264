#include "protect/quantize/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "model/error.h"
#include "protect/plain/windows.h"

namespace penumbra::protect {
namespace {

constexpr uint64_t kFewObservations = 8;
// Of the mean square: what cancellation in float64 leaves of the variance of a constant.
constexpr double kCancellation = 1e-12;

}  // namespace

void ChannelMoments::Add(std::span<const float> x) {
  const size_t channels = sum_.size();
  for (size_t at = 0; at < x.size(); at += channels) {
    for (size_t c = 0; c < channels; ++c) {
      const double value = x[at + c];
      sum_[c] += value;
      square_[c] += value * value;
    }
  }
  count_ += x.size() / channels;
}

std::vector<double> ChannelMoments::Mean() const {
  std::vector<double> mean = sum_;
  for (double& m : mean) m /= static_cast<double>(count_);
  return mean;
}

std::vector<double> ChannelMoments::Variance() const {
  std::vector<double> variance(sum_.size());
  for (size_t c = 0; c < sum_.size(); ++c) {
    const double mean = count_ < kFewObservations ? 0.0 : sum_[c] / static_cast<double>(count_);
    const double square = square_[c] / static_cast<double>(count_);
    const double around = square - mean * mean;
    variance[c] = around > kCancellation * square ? around : 0.0;
  }
  return variance;
}

LayerAccumulator::LayerAccumulator(const ConvGeometry& geometry)
    : geometry_(geometry),
      input_(geometry.in_c),
      output_(geometry.out_c),
      tap_sum_(size_t{geometry.kernel_h} * geometry.kernel_w * geometry.in_c, 0),
      lo_(std::numeric_limits<float>::infinity()),
      hi_(-std::numeric_limits<float>::infinity()),
      output_lo_(geometry.out_c, std::numeric_limits<float>::infinity()),
      output_hi_(geometry.out_c, -std::numeric_limits<float>::infinity()) {}

void LayerAccumulator::Add(std::span<const float> x, std::span<const float> y) {
  ++sample_count_;
  float lo = x[0];
  float hi = x[0];
  for (float value : x) {
    lo = value < lo ? value : lo;
    hi = value > hi ? value : hi;
  }
  // A NaN anywhere else would slip through the comparisons above; the sums cannot miss it.
  input_.Add(x);
  output_.Add(y);
  const std::vector<double> mean = input_.Mean();
  finite_ = finite_ && std::isfinite(std::accumulate(mean.begin(), mean.end(), 0.0));
  if (!finite_) return;
  zero_count_ += static_cast<uint64_t>(std::ranges::count(x, 0.0f));
  lo_ = std::min(lo_, lo);
  hi_ = std::max(hi_, hi);
  for (size_t i = 0; i < y.size(); ++i) {
    const size_t channel = i % output_lo_.size();
    output_lo_[channel] = std::min(output_lo_[channel], y[i]);
    output_hi_[channel] = std::max(output_hi_[channel], y[i]);
  }
  histogram_.Add(x, std::max(std::fabs(lo), std::fabs(hi)));
  AddTaps(x);
}

// Sums along rows first, one per horizontal tap, then down the columns: the cost is that of reading
// the input kernel_w times instead of once per tap.
void LayerAccumulator::AddTaps(std::span<const float> x) {
  const ConvGeometry& g = geometry_;
  const size_t channels = g.in_c;
  std::vector<double> row_sums(size_t{g.in_h} * g.kernel_w * channels, 0);
  for (uint32_t row = 0; row < g.in_h; ++row) {
    for (uint32_t kx = 0; kx < g.kernel_w; ++kx) {
      double* sums = row_sums.data() + (size_t{row} * g.kernel_w + kx) * channels;
      for (uint32_t column = 0; column < g.out_w; ++column) {
        const int64_t source = SourceIndex(column, kx, g.stride_w, g.dilation_w, g.pad_left);
        if (source < 0 || source >= g.in_w) continue;
        const float* pixel =
            x.data() + (size_t{row} * g.in_w + static_cast<size_t>(source)) * channels;
        for (size_t c = 0; c < channels; ++c) sums[c] += pixel[c];
      }
    }
  }
  const size_t row_size = g.kernel_w * channels;
  for (uint32_t ky = 0; ky < g.kernel_h; ++ky) {
    for (uint32_t row = 0; row < g.out_h; ++row) {
      const int64_t source = SourceIndex(row, ky, g.stride_h, g.dilation_h, g.pad_top);
      if (source < 0 || source >= g.in_h) continue;
      const double* sums = row_sums.data() + static_cast<size_t>(source) * row_size;
      for (size_t i = 0; i < row_size; ++i) tap_sum_[ky * row_size + i] += sums[i];
    }
  }
}

LinearStatistics LayerAccumulator::Finish() const {
  if (sample_count_ == 0)
    throw model::ModelError(Status::kInvalidArgument, "no calibration samples");
  if (!finite_) {
    throw model::ModelError(Status::kNotFinite,
                            "a calibration sample makes a layer's input infinite or NaN");
  }
  LinearStatistics statistics;
  statistics.lo = std::min(lo_, 0.0f);
  statistics.hi = std::max(hi_, 0.0f);
  statistics.mean = input_.Mean();
  statistics.variance = input_.Variance();
  statistics.tap_mean = tap_sum_;
  const double windows = static_cast<double>(sample_count_) * geometry_.out_h * geometry_.out_w;
  for (double& mean : statistics.tap_mean) mean /= windows;
  const double inputs =
      static_cast<double>(sample_count_) * geometry_.in_h * geometry_.in_w * geometry_.in_c;
  statistics.zero_share = static_cast<double>(zero_count_) / inputs;
  const std::vector<double> variance = output_.Variance();
  statistics.output_variance = std::accumulate(variance.begin(), variance.end(), 0.0);
  statistics.output_lo = output_lo_;
  statistics.output_hi = output_hi_;
  statistics.histogram_limit = histogram_.limit();
  statistics.histogram = histogram_.counts();
  return statistics;
}

}  // namespace penumbra::protect
