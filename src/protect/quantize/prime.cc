// The papers' fixed-point rule for the one prime field.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "boundary/limits.h"
#include "model/error.h"
#include "protect/plain/linear_integer.h"
#include "protect/quantize/quantize.h"
#include "protect/quantize/rows.h"
#include "ring/field.h"

namespace penumbra::protect {
namespace {

constexpr double kInputScale = 1 << kFieldInputBits;
constexpr double kOutputScale = 1 << kFieldOutputBits;

int32_t FixedPoint(double value) { return static_cast<int32_t>(std::nearbyint(kInputScale * value)); }

// Largest |W x| that the calibration samples made, of the largest that decodes.
double FieldShare(const LinearOp& op, const LinearStatistics& statistics) {
  double largest = 0;
  for (size_t c = 0; c < op.bias.size(); ++c) {
    const double bias = op.bias[c];
    largest = std::max({largest, std::fabs(statistics.output_lo.at(c) - bias),
                        std::fabs(statistics.output_hi.at(c) - bias)});
  }
  return largest * kOutputScale / kFieldHalf;
}

void SetFieldLevels(const LinearStatistics& statistics, QuantizedLinear* out) {
  out->inv_step = static_cast<float>(kInputScale);
  const double largest = std::max(std::fabs(statistics.lo), std::fabs(statistics.hi));
  if (largest * kInputScale >= kLevelLimit - 1) {
    throw model::ModelError(Status::kUnsupported,
                            "inputs up to " + std::to_string(largest) + " leave the papers' fixed point", {},
                            "use --arithmetic ring, which scales every layer");
  }
  out->klo = QuantiseLevel(statistics.lo, out->inv_step, 1 - kLevelLimit, kLevelLimit - 1);
  out->khi = QuantiseLevel(statistics.hi, out->inv_step, 1 - kLevelLimit, kLevelLimit - 1);
  if (out->klo == out->khi) ++out->khi;
}

void FillWeights(const LinearOp& op, QuantizedLinear* out) {
  out->q.reserve(op.weights.size());
  for (const float w : op.weights) {
    if (std::fabs(w) * kInputScale >= kFieldHalf) {
      throw model::ModelError(Status::kUnsupported,
                              "a weight of " + std::to_string(w) + " leaves the papers' fixed point", {},
                              "use --arithmetic ring, which scales every layer");
    }
    out->q.push_back(FixedPoint(w));
  }
  for (const float b : op.bias) {
    out->scale.push_back(static_cast<float>(1 / kOutputScale));
    out->bias.push_back(static_cast<float>(std::nearbyint(kOutputScale * b) / kOutputScale));
  }
}

// Sets bound and offset of every row; false when a row's sums may leave the field.
bool ProveRows(const LinearOp& op, QuantizedLinear* out) {
  const size_t length = FilterLength(op.geometry);
  bool proved = true;
  for (size_t row = 0; row < op.bias.size(); ++row) {
    const RowSums sums = SumRow(out->q.data() + row * length, length);
    RowWindow window;
    proved = IsOk(ProveFieldRow(sums, {out->klo, out->khi}, &window)) && proved;
    out->bound.push_back({static_cast<uint64_t>(sums.positive), static_cast<uint64_t>(-sums.negative)});
    out->offset.push_back(-kFieldHalf);
  }
  return proved;
}

QuantizedLinear FixedPointLayer(const LinearOp& op, const LinearStatistics& statistics) {
  QuantizedLinear out;
  out.prime_count = 1;
  SetFieldLevels(statistics, &out);
  FillWeights(op, &out);
  out.field_share = FieldShare(op, statistics);
  const std::vector<double> gains(op.bias.size(), kInputScale);
  out.predicted_noise_db =
      SignalToNoise(statistics, PredictedNoise(FactsOf(op, statistics), 1 / kInputScale, gains));
  return out;
}

}  // namespace

QuantizedLinear QuantizePrime(const LinearOp& op, const LinearStatistics& statistics,
                              const PrimeOptions& options) {
  QuantizedLinear out = FixedPointLayer(op, statistics);
  out.is_field = true;
  out.may_wrap = !ProveRows(op, &out);
  if (!out.may_wrap || options.allow_unproved_bound) return out;
  char share[32];
  std::snprintf(share, sizeof(share), "%.1f%%", 100 * out.field_share);
  throw model::ModelError(
      Status::kBoundUnproved,
      "sums of this layer may leave the papers' field: no proof that |y| stays below 80 (the "
      "calibration samples reach " + std::string(share) + " of that)",
      {}, "use --arithmetic ring, which excludes it, or accept it with --allow-unproved-bound");
}

QuantizedLinear QuantizePrimeTrusted(const LinearOp& op, const LinearStatistics& statistics) {
  QuantizedLinear out = FixedPointLayer(op, statistics);
  ProveRows(op, &out);
  if (out.klo < -kMaxLevelMagnitude || out.khi > kMaxLevelMagnitude) {
    throw model::ModelError(Status::kUnsupported,
                            "a trusted layer's inputs do not fit 16 bits in the papers' fixed point", {},
                            "make the layer public, or use --arithmetic ring");
  }
  return out;
}

}  // namespace penumbra::protect
