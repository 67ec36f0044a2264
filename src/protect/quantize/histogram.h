// A histogram of values whose range is not known beforehand. Deterministic: the result depends only
// on the values counted, not on how they were cut into calls. Not thread-safe.
#ifndef PENUMBRA_PROTECT_QUANTIZE_HISTOGRAM_H_
#define PENUMBRA_PROTECT_QUANTIZE_HISTOGRAM_H_

#include <cstdint>
#include <span>
#include <vector>

namespace penumbra::protect {

inline constexpr size_t kHistogramBins = 4096;

class Histogram {
 public:
  // largest: no element is larger in magnitude.
  void Add(std::span<const float> x, float largest);
  double limit() const { return limit_; }  // a power of two; bins cover [-limit, limit)
  const std::vector<uint64_t>& counts() const { return counts_; }

 private:
  double limit_ = 0x1p-60;
  std::vector<uint64_t> counts_ = std::vector<uint64_t>(kHistogramBins, 0);
};

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_QUANTIZE_HISTOGRAM_H_
