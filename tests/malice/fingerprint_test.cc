// Fingerprints against accelerators that choose their slots: what is detected as often as predicted, and what is not.
// `fingerprint_run` counts more.
#include <gtest/gtest.h>

#include <cmath>

#include "fingerprint_trials.h"

namespace penumbra::malice {
namespace {

using malicious::Strategy;

void ExpectAsPredicted(const OddsCount& count) {
  const double expected = count.trials * count.predicted;
  EXPECT_NEAR(count.refused, expected, 5 * std::sqrt(expected * (1 - count.predicted)) + 1e-9);
}

struct OddsCase {
  uint32_t fingerprints, lies;
  double rate;
};

class FingerprintOdds : public testing::TestWithParam<OddsCase> {};

TEST_P(FingerprintOdds, AreThePredictedOnes) {
  FingerprintVictim victim({.count = GetParam().fingerprints, .challenge_rate = GetParam().rate});
  ExpectAsPredicted(CountRefusals(&victim, 200, GetParam().lies, 1));
}

INSTANTIATE_TEST_SUITE_P(Cases, FingerprintOdds,
                         testing::Values(OddsCase{1, 1, 1}, OddsCase{1, 3, 1}, OddsCase{3, 1, 1}, OddsCase{1, 2, 0.25},
                                         OddsCase{7, 2, 0.5}));

TEST(Fingerprints, ErrorsNowAndThenAreFoundAsOftenAsPredicted) {
  FingerprintVictim victim({});
  ExpectAsPredicted(CountRefusalsNowAndThen(&victim, 100, 10, 20, 5));
}

TEST(Fingerprints, LiesInEverySlotAreAlwaysFound) {
  FingerprintVictim victim({});
  const StrategyCount count = CountStrategy(&victim, Strategy::kEverySlot, 50, 1);
  EXPECT_EQ(count.wrong, 0u);
  EXPECT_EQ(count.refused, count.lies);
  EXPECT_GT(count.lies, 10u);
}

TEST(Fingerprints, HonestAcceleratorsAreNeverRefused) {
  FingerprintVictim victim({.count = 2});
  EXPECT_EQ(CountStrategy(&victim, Strategy::kHonest, 200, 1).right, 200u);
}

// A partition drawn inside: other scales after every refusal, the same odds.
TEST(Fingerprints, OfPartitionsDrawnInside) {
  FingerprintVictim victim({.count = 2}, /*partition_inside=*/true);
  EXPECT_EQ(CountStrategy(&victim, Strategy::kHonest, 200, 1).right, 200u);
  const StrategyCount count = CountStrategy(&victim, Strategy::kEverySlot, 50, 1);
  EXPECT_EQ(count.wrong, 0u);
  EXPECT_EQ(count.refused, count.lies);
  EXPECT_GT(count.lies, 10u);
  ExpectAsPredicted(CountRefusals(&victim, 200, 1, 1));
}

// The straw man: what was seen before is a fingerprint. Against oblivious ones the same look says nothing.
TEST(Fingerprints, FixedOnesAreRecognised) {
  FingerprintVictim fixed({.fixed = true}), oblivious({});
  const StrategyCount known = CountStrategy(&fixed, Strategy::kUnseen, 50, 1);
  EXPECT_EQ(known.refused, 0u);
  EXPECT_GT(known.wrong, 10u);
  const StrategyCount unknown = CountStrategy(&oblivious, Strategy::kUnseen, 50, 1);
  EXPECT_EQ(unknown.lies, 0u);
  EXPECT_EQ(unknown.right, 50u);
}

// Limits that remain (docs/integrity.md): neither is refused, and results are wrong.
TEST(Fingerprints, ZerosAndContinuityGiveThemAway) {
  for (const Strategy strategy : {Strategy::kZeros, Strategy::kContinuity}) {
    SCOPED_TRACE(malicious::StrategyName(strategy));
    FingerprintVictim victim({});
    const StrategyCount count = CountStrategy(&victim, strategy, 50, 1);
    EXPECT_EQ(count.refused, 0u);
    EXPECT_GT(count.wrong, 10u);
  }
}

// The subspace attack needs to see as many fingerprints as there are cornerstones; those of other ones say nothing.
TEST(Fingerprints, TheirSpanGivesThemAwayUntilCornerstonesChange) {
  constexpr uint32_t kCornerstones = 8;
  FingerprintVictim victim({.cornerstone_count = kCornerstones});
  Learn(&victim, kCornerstones - 1);
  EXPECT_LE(CountStrategy(&victim, Strategy::kOutsideSpan, 40, 1).lies, 2u);  // one may lie close to the span by chance
  Learn(&victim, 1);
  const StrategyCount known = CountStrategy(&victim, Strategy::kOutsideSpan, 40, 1);
  EXPECT_EQ(known.refused, 0u);
  EXPECT_GT(known.wrong, 10u);
  victim.Refresh();
  const StrategyCount refreshed = CountStrategy(&victim, Strategy::kOutsideSpan, 40, 1);
  EXPECT_EQ(refreshed.wrong, 0u);
  EXPECT_EQ(refreshed.right, 40u);
}

}  // namespace
}  // namespace penumbra::malice
