// Streaming statistics of one linear layer: what it reads and what it writes over the calibration
// samples (docs/arithmetic.md steps 1, 2 and 6). Sums in float64. Not thread-safe.
#ifndef PENUMBRA_PROTECT_QUANTIZE_STATISTICS_H_
#define PENUMBRA_PROTECT_QUANTIZE_STATISTICS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "protect/lower/lowered.h"
#include "protect/quantize/histogram.h"

namespace penumbra::protect {

// First and second moments per channel of a channel-last tensor.
class ChannelMoments {
 public:
  explicit ChannelMoments(size_t channels) : sum_(channels, 0), square_(channels, 0) {}
  void Add(std::span<const float> x);
  std::vector<double> Mean() const;
  // Around the mean; with fewer than eight observations around zero, as the mean is then not to be
  // trusted.
  std::vector<double> Variance() const;

 private:
  std::vector<double> sum_, square_;
  uint64_t count_ = 0;  // pixels
};

class LayerAccumulator {
 public:
  explicit LayerAccumulator(const ConvGeometry& geometry);
  // One sample: x [in_h][in_w][in_c], y [out_h][out_w][out_c].
  void Add(std::span<const float> x, std::span<const float> y);
  // Throws model::ModelError(kInvalidArgument) when no sample was added, kNotFinite when one was
  // not finite.
  LinearStatistics Finish() const;

 private:
  void AddTaps(std::span<const float> x);

  ConvGeometry geometry_;
  ChannelMoments input_, output_;
  std::vector<double> tap_sum_;  // [kernel_h][kernel_w][in_c]
  float lo_, hi_;
  std::vector<float> output_lo_, output_hi_;  // [out_c]
  uint64_t zero_count_ = 0;
  bool finite_ = true;
  uint64_t sample_count_ = 0;
  Histogram histogram_;
};

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_QUANTIZE_STATISTICS_H_
