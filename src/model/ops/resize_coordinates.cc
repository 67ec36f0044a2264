#include "model/ops/resize_coordinates.h"

#include <algorithm>
#include <cmath>

namespace penumbra::model {

double AxisScale::ExactOut() const {
  const double exact = scale * static_cast<double>(in);
  // A scale that was itself computed from lengths is off by the rounding of one float.
  return std::fabs(exact - static_cast<double>(out)) < 1e-5 * exact ? static_cast<double>(out)
                                                                    : exact;
}

double SourceCoordinate(const std::string& mode, const AxisScale& axis, int64_t at) {
  const auto x = static_cast<double>(at);
  // Not 1 / scale: where that falls short of a whole number by a rounding, floor would lose a pixel.
  const double step = static_cast<double>(axis.in) / axis.ExactOut();
  const double half_pixel = (x + 0.5) * step - 0.5;
  if (mode == "asymmetric") return x * step;
  if (mode == "align_corners") {
    return axis.out == 1 ? 0.0 : x * static_cast<double>(axis.in - 1) / (axis.ExactOut() - 1);
  }
  if (mode == "pytorch_half_pixel") return axis.out > 1 ? half_pixel : 0.0;
  if (mode == "tf_half_pixel_for_nn") return half_pixel + 0.5;
  if (mode == "half_pixel_symmetric") {
    const double adjustment = static_cast<double>(axis.out) / axis.ExactOut();
    return static_cast<double>(axis.in) / 2 * (1 - adjustment) + half_pixel;
  }
  return half_pixel;
}

int64_t NearestIndex(const std::string& mode, double x, int64_t size) {
  double rounded = std::ceil(x - 0.5);  // round_prefer_floor
  if (mode == "floor") rounded = std::floor(x);
  if (mode == "ceil") rounded = std::ceil(x);
  if (mode == "round_prefer_ceil") rounded = std::floor(x + 0.5);
  return std::clamp<int64_t>(static_cast<int64_t>(rounded), 0, size - 1);
}

}  // namespace penumbra::model
