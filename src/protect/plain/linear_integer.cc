#include "protect/plain/linear_integer.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "model/error.h"
#include "protect/plain/blas_layer.h"
#include "protect/plain/windows.h"
#include "ring/modulus.h"

namespace penumbra::protect {
namespace {

// Integers up to here, and so all partial sums that stay below, are exact.
constexpr double kExactFloat = 0x1p24;
constexpr double kExactDouble = 0x1p53;

double LargestPartialSum(const ConvGeometry& g, const QuantizedLinear& quantized) {
  const double level =
      std::max(std::abs(double{1} * quantized.klo), std::abs(double{1} * quantized.khi));
  const size_t length = FilterLength(g);
  double largest = 0;
  for (size_t o = 0; o < g.out_c; ++o) {
    double sum = 0;
    for (size_t j = 0; j < length; ++j) sum += std::abs(double{1} * quantized.q[o * length + j]);
    largest = std::max(largest, sum);
  }
  return largest * level;
}

}  // namespace

int32_t QuantiseLevel(float x, float inv_step, int32_t klo, int32_t khi) {
  const float scaled = x * inv_step;
  if (!(scaled > static_cast<float>(klo))) return klo;
  if (scaled >= static_cast<float>(khi)) return khi;
  return static_cast<int32_t>(std::nearbyintf(scaled));
}

IntegerLinear::IntegerLinear(const ConvGeometry& geometry, const QuantizedLinear& quantized)
    : geometry_(geometry),
      inv_step_(quantized.inv_step),
      klo_(quantized.klo),
      khi_(quantized.khi),
      is_field_(quantized.is_field),
      scale_(quantized.scale),
      bias_(quantized.bias) {
  if (quantized.q.size() != FilterLength(geometry) * geometry.out_c ||
      scale_.size() != geometry.out_c || bias_.size() != geometry.out_c) {
    throw model::ModelError(Status::kInternal, "a quantised layer does not fit its geometry");
  }
  const double largest = LargestPartialSum(geometry, quantized);
  if (largest <= kExactFloat) {
    weights_ = std::vector<float>(quantized.q.begin(), quantized.q.end());
  } else if (largest <= kExactDouble) {
    weights_ = std::vector<double>(quantized.q.begin(), quantized.q.end());
  } else {
    weights_ = quantized.q;
  }
}

template <typename T>
std::vector<int64_t> IntegerLinear::BlasSums(std::span<const int32_t> levels,
                                             const std::vector<T>& weights) const {
  const std::vector<T> x(levels.begin(), levels.end());
  std::vector<T> y(size_t{geometry_.out_h} * geometry_.out_w * geometry_.out_c);
  MultiplyLayer<T>(geometry_, x.data(), weights.data(), y.data());
  std::vector<int64_t> sums(y.size());
  std::ranges::transform(y, sums.begin(), [](T sum) { return static_cast<int64_t>(sum); });
  return sums;
}

std::vector<int64_t> IntegerLinear::IntegerSums(std::span<const int32_t> levels,
                                                const std::vector<int32_t>& weights) const {
  const ConvGeometry& g = geometry_;
  const size_t length = FilterLength(g);
  const uint64_t pixels = uint64_t{g.out_h} * g.out_w;
  std::vector<int32_t> window(length);
  std::vector<int64_t> sums(pixels * g.out_c);
  for (uint64_t pixel = 0; pixel < pixels; ++pixel) {
    for (uint32_t o = 0; o < g.out_c; ++o) {
      const uint32_t group = o / OutChannelsPerGroup(g);
      if (o % OutChannelsPerGroup(g) == 0) {
        GatherWindows(g, group, levels.data(), pixel, pixel + 1, window.data());
      }
      int64_t sum = 0;
      for (size_t j = 0; j < length; ++j) sum += int64_t{weights[o * length + j]} * window[j];
      sums[pixel * g.out_c + o] = sum;
    }
  }
  return sums;
}

std::vector<int64_t> IntegerLinear::Sums(std::span<const int32_t> levels) const {
  if (const auto* narrow = std::get_if<std::vector<float>>(&weights_))
    return BlasSums(levels, *narrow);
  if (const auto* wide = std::get_if<std::vector<double>>(&weights_))
    return BlasSums(levels, *wide);
  return IntegerSums(levels, std::get<std::vector<int32_t>>(weights_));
}

void IntegerLinear::Apply(std::span<const float> x, std::span<float> out_y) const {
  std::vector<int32_t> levels(x.size());
  std::ranges::transform(x, levels.begin(),
                         [this](float v) { return QuantiseLevel(v, inv_step_, klo_, khi_); });
  const std::vector<int64_t> sums = Sums(levels);
  for (size_t i = 0; i < sums.size(); ++i) {
    const size_t channel = i % geometry_.out_c;
    const int64_t sum = is_field_ ? CentredResidue(sums[i], kFieldPrime) : sums[i];
    out_y[i] = std::fma(static_cast<float>(sum), scale_[channel], bias_[channel]);
  }
}

}  // namespace penumbra::protect
