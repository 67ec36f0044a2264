// A few hundred lies of every kind against every scheme. `malice_run` tells many more.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tally.h"
#include "victim.h"

namespace penumbra::malice {
namespace {

using malicious::Lie;

// Bytes that change while they are read are a data race on purpose, and ThreadSanitizer says so
// unless the reader is another process.
#ifdef __SANITIZE_THREAD__
constexpr bool kMayRaceInside = false;
#else
constexpr bool kMayRaceInside = true;
#endif

uint32_t TrialCount(Lie lie, CarrierKind carrier) {
  if (lie == Lie::kNever) return 2;  // each costs the time limit
  if (carrier == CarrierKind::kProcess) return 5;
  return malicious::IsConcurrent(lie) ? 200 : 60;
}

class Malice : public testing::TestWithParam<SchemeCase> {};

void TellEveryLie(const SchemeCase& scheme, const e2e::Place& place) {
  SCOPED_TRACE(e2e::PlaceName(place));
  Victim victim(scheme, place);
  for (const Lie lie : malicious::Lies()) {
    const bool races_inside = malicious::IsConcurrent(lie) && place.carrier == CarrierKind::kDirect;
    if (races_inside && !kMayRaceInside) continue;
    SCOPED_TRACE(malicious::LieName(lie));
    Tally tally;
    for (uint64_t seed = 0; seed < TrialCount(lie, place.carrier); ++seed) {
      tally.Add(victim.Try(lie, seed), lie, scheme.is_checked, seed);
    }
    EXPECT_EQ(tally.first_problem, "");
    // Where there is nothing to tell, the line above says nothing.
    const bool nothing_to_tell =
        lie == Lie::kHonest || (lie == Lie::kOtherLayer && victim.job_count() == 1);
    EXPECT_EQ(tally.count(Effect::kUntold) == TrialCount(lie, place.carrier), nothing_to_tell);
  }
}

TEST_P(Malice, DirectCarrier) { TellEveryLie(GetParam(), {}); }
TEST_P(Malice, ProcessCarrier) { TellEveryLie(GetParam(), {.carrier = CarrierKind::kProcess}); }

// One lie among the jobs of three requests: whoever gets a result gets the right one.
TEST_P(Malice, RequestsInFlight) {
  Victim victim(GetParam(), {});
  for (const Lie lie : {Lie::kOtherRequest, Lie::kChangeElement, Lie::kOtherRepresentative}) {
    SCOPED_TRACE(malicious::LieName(lie));
    Tally tally;
    for (uint64_t seed = 0; seed < 50; ++seed) {
      tally.Add(victim.TryInFlight(lie, seed), lie, GetParam().is_checked, seed);
    }
    EXPECT_EQ(tally.first_problem, "");
    EXPECT_LT(tally.count(Effect::kUntold), 25u);
  }
}

TEST_P(Malice, ErrorsNowAndThen) {
  Victim victim(GetParam(), {});
  Tally tally;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    tally.Add(victim.TryNowAndThen(/*one_in=*/40, /*limit=*/1000, seed), Lie::kChangeElement,
              GetParam().is_checked, seed);
  }
  EXPECT_EQ(tally.first_problem, "");
  EXPECT_EQ(tally.count(Effect::kUntold), 0u);
}

INSTANTIATE_TEST_SUITE_P(Schemes, Malice, testing::ValuesIn(SchemeCases()),
                         [](const auto& param_info) {
                           std::string name = param_info.param.name;
                           std::erase_if(name, [](char c) { return c == '-'; });
                           return name;
                         });

// Without a check some wrong replies change the result: the lies are worth refusing.
TEST(Malice, LiesGetThroughWhereNothingChecks) {
  for (const SchemeCase& scheme : SchemeCases()) {
    if (scheme.is_checked || scheme.is_sampled) continue;
    SCOPED_TRACE(scheme.name);
    Victim victim(scheme, {});
    Tally tally;
    for (uint64_t seed = 0; seed < 50; ++seed) {
      tally.Add(victim.Try(Lie::kReplaceTile, seed), Lie::kReplaceTile, false, seed);
    }
    EXPECT_GT(tally.count(Effect::kGotThrough), 40u);
  }
}

// Lies that change every slot of a batch hit its fingerprints.
TEST(Malice, FingerprintsCatchLiesAboutEverySlot) {
  const auto soter = std::ranges::find_if(SchemeCases(), &SchemeCase::is_sampled);
  ASSERT_NE(soter, SchemeCases().end());
  Victim victim(*soter, {});
  for (const Lie lie : {Lie::kReplaceTile, Lie::kAddConstant, Lie::kZeros}) {
    SCOPED_TRACE(malicious::LieName(lie));
    Tally tally;
    for (uint64_t seed = 0; seed < 30; ++seed) tally.Add(victim.Try(lie, seed), lie, true, seed);
    EXPECT_EQ(tally.first_problem, "");
    EXPECT_EQ(tally.count(Effect::kRefused), 30u);
  }
}

// The predicted error is the measured one, where it is large enough to be measured.
TEST(Malice, AWeakCheckErrsAsOftenAsPredicted) {
  constexpr uint32_t kTrials = 3000;
  Victim victim(WeakScheme(), {});
  ASSERT_GT(PredictedError(victim.model()), 1 / 256.0);
  Tally tally;
  for (uint64_t seed = 0; seed < kTrials; ++seed) {
    tally.Add(victim.Try(Lie::kChangeElement, seed), Lie::kChangeElement, false, seed);
  }
  EXPECT_EQ(tally.wrong_count, kTrials);
  EXPECT_EQ(tally.first_problem, "");
  const double expected = kTrials * PredictedWeakError(victim.model());
  EXPECT_NEAR(static_cast<double>(tally.accepted_wrong_count), expected, 6 * std::sqrt(expected));
  EXPECT_GT(tally.accepted_wrong_count, 0u);
}

TEST(Tally, UpperBoundIsExact) {
  // P(no case in n trials) at the bound is exactly 5%.
  for (const uint64_t n : {1u, 10u, 1'000'000u}) {
    const double p = UpperBoundOfNone(n, 0.95);
    EXPECT_NEAR(std::exp(static_cast<double>(n) * std::log1p(-p)), 0.05, 1e-12);
  }
  EXPECT_DOUBLE_EQ(UpperBoundOfNone(1, 0.95), 0.95);
}

}  // namespace
}  // namespace penumbra::malice
