// What accelerators that choose their slots get away with, counted.
#ifndef PENUMBRA_TESTS_MALICE_FINGERPRINT_TRIALS_H_
#define PENUMBRA_TESTS_MALICE_FINGERPRINT_TRIALS_H_

#include <cstdint>

#include "fingerprint_victim.h"

namespace penumbra::malice {

// Trials of `lies` lies, each about one slot drawn at random in one of the next jobs.
struct OddsCount {
  uint32_t trials = 0, refused = 0;
  double predicted = 0;  // probability: 1 - (1 - odds)^lies
};
// one_in > 1: every job lies with probability 1 / one_in, and a trial ends after `jobs` jobs; then the prediction is
// 1 - (1 - odds / one_in)^jobs, and `lies` is of no account.
OddsCount CountRefusals(FingerprintVictim* victim, uint32_t trials, uint32_t lies, uint64_t seed);
OddsCount CountRefusalsNowAndThen(FingerprintVictim* victim, uint32_t trials, uint32_t one_in, uint32_t jobs,
                                  uint64_t seed);

// Inferences, one lie in each at most, under one strategy.
struct StrategyCount {
  uint32_t right = 0, wrong = 0, refused = 0;
  uint64_t lies = 0;
};
StrategyCount CountStrategy(FingerprintVictim* victim, malicious::Strategy strategy, uint32_t inferences, uint64_t seed);

// Lets the device learn fingerprints from `inferences` inferences of one input.
void Learn(FingerprintVictim* victim, uint32_t inferences);

}  // namespace penumbra::malice

#endif  // PENUMBRA_TESTS_MALICE_FINGERPRINT_TRIALS_H_
