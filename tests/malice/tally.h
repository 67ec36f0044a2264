// Counts of effects, and what they prove.
#ifndef PENUMBRA_TESTS_MALICE_TALLY_H_
#define PENUMBRA_TESTS_MALICE_TALLY_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "victim.h"

namespace penumbra::malice {

struct Tally {
  std::array<uint64_t, kEffectCount> effects{};
  uint64_t wrong_count = 0;           // wrong replies, whatever became of them
  uint64_t accepted_wrong_count = 0;  // of these, accepted
  std::map<Status, uint64_t> errors;
  std::string first_problem;  // of a lie that got through where it must not, or kBroken

  void Add(const Verdict& verdict, malicious::Lie lie, bool is_checked, uint64_t seed);
  void Add(const Tally& other);
  uint64_t count(Effect effect) const { return effects[static_cast<size_t>(effect)]; }
};

// Upper end of the exact (Clopper-Pearson) one-sided confidence interval of a probability of which
// `trial_count` independent trials, at least one, saw no case: 1 - (1 - confidence)^(1 /
// trial_count).
double UpperBoundOfNone(uint64_t trial_count, double confidence);

// Probability with which the check of the model's layers accepts a wrong reply: the largest p^-k
// over layers with k projections and their primes p. 1: no layer is checked.
double PredictedError(const protect::CompiledModel& model);

// Mean over the primes of a layer with one projection: what a change of one random residue passes
// with.
double PredictedWeakError(const protect::CompiledModel& model);

}  // namespace penumbra::malice

#endif  // PENUMBRA_TESTS_MALICE_TALLY_H_
