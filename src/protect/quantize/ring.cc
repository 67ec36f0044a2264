// docs/arithmetic.md, "From floats to integers": the step and the row scales that use a ring's window best.
#include <algorithm>
#include <cmath>
#include <string>

#include "model/error.h"
#include "protect/quantize/quantize.h"
#include "protect/quantize/rows.h"
#include "ring/bound.h"

namespace penumbra::protect {
namespace {

constexpr uint32_t kDefaultPrimes = 3;
constexpr uint32_t kEconomyPrimes = 2;
constexpr double kEconomyNoiseDb = 33;
// A prime is worth 24 dB; one that adds less than this meets a cap, not the window.
constexpr double kLeastGainDb = 0.5;
// Levels of an input whose channels are constant, each at its own value: the formula asks for none.
constexpr double kConstantLevels = 1023;

struct Choice {
  uint32_t prime_count;
  double step;
  double noise_db;
};

double WindowOf(uint32_t prime_count) { return static_cast<double>(Modulus(prime_count) - 1); }

double WeightCap(const RingOptions& options) {
  return options.bits_w == 0 ? kMaxWeightMagnitude
                             : std::ldexp(1.0, static_cast<int>(options.bits_w) - 1) - 1;
}

// The step D of step 3, before limits.
double BalancedStep(const RowFacts& facts, double range, double window) {
  double weighted = 0;  // sum_i V_i l_i^2
  double squares = 0;   // sum_ij w_ij^2
  for (size_t row = 0; row < facts.abs_sum.size(); ++row) {
    const double l = range * facts.abs_sum[row];
    weighted += facts.spread[row] * l * l;
    squares += facts.square_sum[row];
  }
  return squares > 0 ? std::sqrt(std::sqrt(weighted / squares) / window) : 0.0;
}

double StepOf(const RowFacts& facts, const Range& ends, double window, const RingOptions& options) {
  const double range = ends.width();
  const double largest = std::max(std::fabs(ends.lo), std::fabs(ends.hi));
  if (largest == 0) return 1;      // dead input
  if (range == 0) return largest;  // constant input: one level
  double step = BalancedStep(facts, range, window);
  if (step == 0) step = range / kConstantLevels;
  if (options.bits_x != 0)
    step = std::max(step, range / (std::ldexp(1.0, static_cast<int>(options.bits_x)) - 1));
  return std::max(step, largest / kMaxLevelMagnitude);
}

// Gains that the window would allow if rounding did not matter.
std::vector<double> ExpectedGains(const RowFacts& facts, double levels, double window, double cap) {
  std::vector<double> gains;
  for (size_t row = 0; row < facts.abs_sum.size(); ++row) {
    const double by_window = window / (levels * facts.abs_sum[row]);
    gains.push_back(facts.abs_sum[row] == 0 ? 0.0 : std::min(by_window, cap / facts.largest[row]));
  }
  return gains;
}

Choice Predict(const RowFacts& facts, const LinearStatistics& statistics, uint32_t prime_count,
               const RingOptions& options) {
  const double window = WindowOf(prime_count);
  const Range range = Widened({statistics.lo, statistics.hi});
  const double step = StepOf(facts, range, window, options);
  const double levels = std::max(1.0, range.width() / step);
  const double noise =
      PredictedNoise(facts, step, ExpectedGains(facts, levels, window, WeightCap(options)));
  return {prime_count, step, SignalToNoise(statistics, noise)};
}

Choice Choose(const RowFacts& facts, const LinearStatistics& statistics,
              const RingOptions& options) {
  if (options.prime_count != 0) return Predict(facts, statistics, options.prime_count, options);
  if (options.economy) {
    const Choice cheap = Predict(facts, statistics, kEconomyPrimes, options);
    if (cheap.noise_db > kEconomyNoiseDb) return cheap;
  }
  const bool capped = options.bits_w != 0 || options.bits_x != 0;
  Choice choice = Predict(facts, statistics, kDefaultPrimes, options);
  while (choice.noise_db < kLeastNoiseDb && choice.prime_count < kMaxPrimes) {
    const Choice next = Predict(facts, statistics, choice.prime_count + 1, options);
    // The caller's caps, not the window, limit this layer: that is what was asked for.
    if (capped && next.noise_db < choice.noise_db + kLeastGainDb) return choice;
    choice = next;
  }
  if (choice.noise_db < kLeastNoiseDb) {
    throw model::ModelError(Status::kBoundUnproved,
                            std::to_string(kMaxPrimes) + " primes leave an error of " +
                                std::to_string(static_cast<int>(choice.noise_db)) +
                                " dB below the signal",
                            {}, "keep this layer inside, or check the calibration samples");
  }
  return choice;
}

void CheckOptions(const RingOptions& options) {
  const auto bad_bits = [](uint32_t bits) { return bits == 1 || bits > 30; };
  if (options.prime_count > kMaxPrimes || bad_bits(options.bits_w) || bad_bits(options.bits_x)) {
    throw model::ModelError(Status::kInvalidArgument, "quantisation options out of range", {},
                            "use 1 to 6 primes and 2 to 30 bits");
  }
}

}  // namespace

QuantizedLinear QuantizeRing(const LinearOp& op, const LinearStatistics& statistics,
                             const RingOptions& options) {
  CheckOptions(options);
  const RowFacts facts = FactsOf(op, statistics);
  const Choice choice = Choose(facts, statistics, options);
  QuantizedLinear quantized;
  quantized.prime_count = choice.prime_count;
  const Range range = Widened({statistics.lo, statistics.hi});
  SetLevels(range.lo, range.hi, choice.step, &quantized);
  const double levels = static_cast<double>(quantized.khi) - quantized.klo;
  const double budget = std::floor(WindowOf(choice.prime_count) / levels);
  const size_t length = FilterLength(op.geometry);
  std::vector<double> gains;
  for (size_t row = 0; row < facts.abs_sum.size(); ++row) {
    const double cap = facts.abs_sum[row] == 0 ? 0.0 : WeightCap(options) / facts.largest[row];
    const std::span<const float> weights = std::span(op.weights).subspan(row * length, length);
    gains.push_back(cap == 0 ? 0.0 : LargestGain(weights, facts.abs_sum[row], cap, budget));
  }
  FillRows(op, statistics, gains, &quantized);
  const double noise = PredictedNoise(facts, 1.0 / quantized.inv_step, gains);
  quantized.predicted_noise_db = SignalToNoise(statistics, noise);
  return quantized;
}

}  // namespace penumbra::protect
