// What both quantisers do row by row. Pure functions, any thread.
#ifndef PENUMBRA_PROTECT_QUANTIZE_ROWS_H_
#define PENUMBRA_PROTECT_QUANTIZE_ROWS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "protect/lower/lowered.h"

namespace penumbra::protect {

// Per row i of a layer, everything the noise formulas need.
struct RowFacts {
  std::vector<double> abs_sum;     // sum_j |w_ij|
  std::vector<double> square_sum;  // sum_j w_ij^2
  std::vector<double> largest;     // max_j |w_ij|
  std::vector<double> spread;      // V_i = k2 * sum of the variances of the row's input channels
  double rounded_share = 1;        // of the inputs: not exactly 0, so their levels have an error
};
RowFacts FactsOf(const LinearOp& op, const LinearStatistics& statistics);

// Predicted variance of the output error, summed over the rows: rounding of levels of size `step`,
// and of weights scaled by gain[i] (q = round(gain * w)). Rows of zeros make none.
double PredictedNoise(const RowFacts& facts, double step, const std::vector<double>& gain);
double SignalToNoise(const LinearStatistics& statistics, double noise);  // dB

// Largest gain in (0, cap] with sum_j |round(gain * w_j)| <= budget; 0 when there is none.
double LargestGain(std::span<const float> weights, double abs_sum, double cap, double budget);

struct Range {
  float lo, hi;

  double width() const { return double{hi} - lo; }
};
// A calibrated range, a sixteenth of it wider: an input a little beyond what calibration met is not clamped, which
// costs half a decibel. An end at zero stays, for a rectified input cannot leave it there.
Range Widened(const Range& calibrated);

// Sets inv_step and levels of `quantized` for real inputs in [lo, hi]. Always klo < khi.
void SetLevels(float lo, float hi, double step, QuantizedLinear* quantized);

// Given levels and gains (one per row), fills q, offset, scale, bias and bound. Throws
// model::ModelError(kBoundUnproved) when a row's window leaves the limits of ring/bound.h.
void FillRows(const LinearOp& op, const LinearStatistics& statistics,
              const std::vector<double>& gain, QuantizedLinear* quantized);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_QUANTIZE_ROWS_H_
