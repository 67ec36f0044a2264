// A quantised linear layer as plain integer arithmetic, without any ring: what the protected
// pipeline must reproduce bit for bit (docs/arithmetic.md):
//   k = clamp(rne(x * inv_step), klo, khi) in float32, Y = sum q k exactly, y = fma(float(Y),
//   scale, bias)
// Of a layer over the papers' field Y is the centred residue of the sum, which is the sum itself unless it wraps.
#ifndef PENUMBRA_PROTECT_PLAIN_LINEAR_INTEGER_H_
#define PENUMBRA_PROTECT_PLAIN_LINEAR_INTEGER_H_

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "protect/lower/lowered.h"

namespace penumbra::protect {

// Level of one input; NaN becomes klo.
int32_t QuantiseLevel(float x, float inv_step, int32_t klo, int32_t khi);

// Immutable after construction; any number of threads.
class IntegerLinear {
 public:
  // Copies what it needs. Throws model::ModelError(kInternal) when q does not fit the geometry.
  IntegerLinear(const ConvGeometry& geometry, const QuantizedLinear& quantized);

  // x: [in_h][in_w][in_c]; y: [out_h][out_w][out_c].
  void Apply(std::span<const float> x, std::span<float> out_y) const;
  // The exact sums Y of given levels, same shapes.
  std::vector<int64_t> Sums(std::span<const int32_t> levels) const;

 private:
  template <typename T>
  std::vector<int64_t> BlasSums(std::span<const int32_t> levels,
                                const std::vector<T>& weights) const;
  std::vector<int64_t> IntegerSums(std::span<const int32_t> levels,
                                   const std::vector<int32_t>& weights) const;

  ConvGeometry geometry_;
  float inv_step_;
  int32_t klo_, khi_;
  bool is_field_;
  std::vector<float> scale_, bias_;
  // q in the narrowest type in which every partial sum of clamped levels is exact in any order.
  std::variant<std::vector<float>, std::vector<double>, std::vector<int32_t>> weights_;
};

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_PLAIN_LINEAR_INTEGER_H_
