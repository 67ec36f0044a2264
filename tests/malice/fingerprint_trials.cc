#include "fingerprint_trials.h"

#include <cmath>

namespace penumbra::malice {
namespace {

using malicious::Strategy;

constexpr uint32_t kInputs = 7;
constexpr uint32_t kWarmUp = 3;  // honest inferences, so that there is something to remember

}  // namespace

OddsCount CountRefusals(FingerprintVictim* victim, uint32_t trials, uint32_t lies, uint64_t seed) {
  OddsCount count{trials, 0, 1 - std::pow(1 - victim->Odds(), lies)};
  malicious::AttentiveDevice& device = victim->device();
  for (uint32_t t = 0; t < trials; ++t) {
    device.Give({.strategy = Strategy::kOneSlot, .seed = seed + t, .lie_limit = lies});
    bool refused = false;
    for (uint32_t i = 0; !refused && device.lie_count() < lies; ++i) refused = victim->Run(i % kInputs) == Answer::kRefused;
    count.refused += refused;
  }
  return count;
}

OddsCount CountRefusalsNowAndThen(FingerprintVictim* victim, uint32_t trials, uint32_t one_in, uint32_t jobs,
                                  uint64_t seed) {
  OddsCount count{trials, 0, 1 - std::pow(1 - victim->Odds() / one_in, jobs)};
  malicious::AttentiveDevice& device = victim->device();
  for (uint32_t t = 0; t < trials; ++t) {
    device.Give({.strategy = Strategy::kOneSlot, .seed = seed + t, .one_in = one_in});
    bool refused = false;
    for (uint32_t i = 0; !refused && device.job_count() < jobs; ++i) refused = victim->Run(i % kInputs) == Answer::kRefused;
    // The last inference may run past the limit; a refusal there does not count.
    count.refused += refused && device.job_count() <= jobs;
  }
  return count;
}

StrategyCount CountStrategy(FingerprintVictim* victim, Strategy strategy, uint32_t inferences, uint64_t seed) {
  StrategyCount count;
  malicious::AttentiveDevice& device = victim->device();
  // A limit of 0 lets the device look without lying.
  device.Give({.strategy = strategy, .seed = seed, .lie_limit = 0});
  for (uint32_t i = 0; i < kWarmUp; ++i) victim->Run(1000 + i);
  for (uint32_t i = 0; i < inferences; ++i) {
    device.Give({.strategy = strategy, .seed = seed + i, .one_in = victim->segment_count(), .lie_limit = 1});
    const Answer answer = victim->Run(i);
    count.right += answer == Answer::kRight;
    count.wrong += answer == Answer::kWrong;
    count.refused += answer == Answer::kRefused;
    count.lies += device.lie_count();
  }
  return count;
}

void Learn(FingerprintVictim* victim, uint32_t inferences) {
  victim->device().Give({});
  victim->device().Learn(true);
  for (uint32_t i = 0; i < inferences; ++i) victim->Run(0);
  victim->device().Learn(false);
}

}  // namespace penumbra::malice
