// Conversion between element types that is defined for every value.
#ifndef PENUMBRA_MODEL_OPS_SATURATING_CAST_H_
#define PENUMBRA_MODEL_OPS_SATURATING_CAST_H_

#include <cmath>
#include <limits>
#include <type_traits>

namespace penumbra::model {

// Floating point to integer: towards zero, the nearest limit when out of range, 0 for NaN (C++
// leaves these undefined). To bool: whether not zero. Otherwise as static_cast, integers wrap.
template <typename To, typename From>
To SaturatingCast(From x) {
  if constexpr (std::is_same_v<To, bool>) {
    return x != From{0};
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    if (std::isnan(x)) return 0;
    // 2^digits is the first value past the end, exact in floating point where max() may not be.
    const From end = std::ldexp(From{1}, std::numeric_limits<To>::digits);
    if (x >= end) return std::numeric_limits<To>::max();
    if (x <= static_cast<From>(std::numeric_limits<To>::min()))
      return std::numeric_limits<To>::min();
    return static_cast<To>(x);
  } else {
    return static_cast<To>(x);
  }
}

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_OPS_SATURATING_CAST_H_
