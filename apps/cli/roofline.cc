#include <algorithm>

#include "contenders.h"

namespace penumbra::cli {
namespace {

constexpr uint32_t kDensePixels = 4;  // a layer of at most as many is "dense" in a device profile

std::string KernelOf(const PublicSegment& segment) {
  const std::string& op = segment.operators.front();
  if (op.find("groups") != std::string::npos) return "depthwise";
  const bool pointwise = op.find(" 1x1") != std::string::npos;
  if (!pointwise) return "convolution";
  return segment.output[0] * segment.output[1] <= kDensePixels ? "dense" : "pointwise";
}

// Multiplications a second. A segment of many operators is bound by the fastest kind.
double RateOf(const PublicSegment& segment, const Json& device_profile) {
  const Json& rates =
      device_profile.at("multiplications_per_second").at(segment.prime_count == 0 ? "public_float32" : "public_residue");
  if (segment.operators.size() == 1) return rates.at(KernelOf(segment)).get<double>();
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
