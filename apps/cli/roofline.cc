#include <algorithm>

#include "contenders.h"

namespace penumbra::cli {
namespace {

// Multiplications a second. A segment of many operators is bound by the fastest kind.
double RateOf(const PublicSegment& segment, const Json& device_profile) {
  const Json& rates =
      device_profile.at("multiplications_per_second").at(segment.prime_count == 0 ? "public_float32" : "public_residue");
  if (!segment.kernel_kind.empty()) return rates.at(segment.kernel_kind).get<double>();
  double fastest = 0;
  for (const auto& [kernel, rate] : rates.items()) fastest = std::max(fastest, rate.get<double>());
  return fastest;
}

}  // namespace

double Roofline(const PublicSegment& segment, const Json& device_profile) {
  const double compute = static_cast<double>(segment.multiply_count) / RateOf(segment, device_profile);
  const double memory = static_cast<double>(segment.weight_size + segment.crossing_bytes) /
                        device_profile.at("memory_bytes_per_second").get<double>();
  return 1e3 * std::max(compute, memory);
}

}  // namespace penumbra::cli
