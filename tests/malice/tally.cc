#include "tally.h"

#include <algorithm>
#include <cmath>

namespace penumbra::malice {
namespace {

// What must not happen whatever the scheme, or must not under one that checks; empty: all is well.
std::string ProblemOf(const Verdict& verdict, malicious::Lie lie, bool is_checked) {
  if (verdict.effect == Effect::kBroken) return verdict.problem;
  const bool hangs = lie == malicious::Lie::kNever && verdict.effect != Effect::kUntold;
  if (hangs && verdict.status != Status::kTimeout) return "a hang did not end in P208";
  const bool harmless = !verdict.wrong && !malicious::IsConcurrent(lie) && !hangs;
  if (harmless && verdict.effect != Effect::kAccepted && verdict.effect != Effect::kUntold) {
    return "a right reply was not accepted";
  }
  if (!is_checked || hangs) return {};
  if (verdict.effect == Effect::kNoEffect || verdict.effect == Effect::kGotThrough) {
    return "a wrong reply was accepted";
  }
  return verdict.effect == Effect::kOtherError ? "a wrong reply ended in another error" : "";
}

}  // namespace

void Tally::Add(const Verdict& verdict, malicious::Lie lie, bool is_checked, uint64_t seed) {
  ++effects[static_cast<size_t>(verdict.effect)];
  if (!IsOk(verdict.status)) ++errors[verdict.status];
  wrong_count += verdict.wrong;
  accepted_wrong_count += verdict.effect == Effect::kGotThrough ||
                          (verdict.wrong && verdict.effect == Effect::kNoEffect);
  const std::string problem = ProblemOf(verdict, lie, is_checked);
  if (problem.empty() || !first_problem.empty()) return;
  first_problem = std::string(malicious::LieName(lie)) + ", seed " + std::to_string(seed) + ", P" +
                  std::to_string(static_cast<uint32_t>(verdict.status)) + ": " + problem;
}

void Tally::Add(const Tally& other) {
  for (size_t i = 0; i < effects.size(); ++i) effects[i] += other.effects[i];
  wrong_count += other.wrong_count;
  accepted_wrong_count += other.accepted_wrong_count;
  for (const auto& [status, count] : other.errors) errors[status] += count;
  if (first_problem.empty()) first_problem = other.first_problem;
}

double UpperBoundOfNone(uint64_t trial_count, double confidence) {
  return -std::expm1(std::log1p(-confidence) / static_cast<double>(trial_count));
}

double PredictedError(const protect::CompiledModel& model) {
  double largest = 0;
  for (const LayerRec& layer : model.plan().layers) {
    largest = std::max(largest, std::pow(SmallestPrime(layer),
                                         -static_cast<double>(layer.projection_count)));
  }
  return largest;
}

double PredictedWeakError(const protect::CompiledModel& model) {
  double sum = 0;
  uint32_t planes = 0;
  for (const LayerRec& layer : model.plan().layers) {
    for (uint32_t k = 0; k < layer.prime_count; ++k) sum += 1.0 / PrimeOf(layer, k);
    planes += layer.prime_count;
  }
  return sum / planes;
}

}  // namespace penumbra::malice
