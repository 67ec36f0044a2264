#include "protect/quantize/histogram.h"

namespace penumbra::protect {

void Histogram::Add(std::span<const float> x, float largest) {
  static constexpr size_t kHalf = kHistogramBins / 2;
  while (static_cast<double>(largest) >= limit_) {
    std::vector<uint64_t> merged(kHistogramBins, 0);
    for (size_t i = 0; i < kHistogramBins; ++i) merged[kHalf / 2 + i / 2] += counts_[i];
    counts_ = std::move(merged);
    limit_ *= 2;
  }
  // Powers of two: the product is exact and so is the bin.
  const double per_unit = kHalf / limit_;
  for (float value : x) {
    ++counts_[static_cast<size_t>(static_cast<double>(value) * per_unit +
                                  static_cast<double>(kHalf))];
  }
}

}  // namespace penumbra::protect
