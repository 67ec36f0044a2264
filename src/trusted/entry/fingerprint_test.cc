// Fingerprints through the only door: what travels, what is refused, and what an accelerator that picks its slots or its
// moments gains.
#include <cmath>
#include <limits>
#include <set>

#include "trusted/testing/entry_fixture.h"

namespace penumbra::trusted {
namespace {

using namespace testing;  // NOLINT: the tiny plan's names

constexpr size_t kCount = size_t{kRows} * kColumns;

class FingerprintTest : public EntryTest {
 protected:
  void LoadWithRate(uint32_t challenge_rate = kFullChallengeRate) {
    TinyBundleOptions options;
    options.change_plan = [challenge_rate](TinyPlan* p) {
      *p = MakeTinyFingerprintPlan();
      p->fingerprint.challenge_rate = challenge_rate;
    };
    Use(MakeTinyBundle(options));
    ASSERT_EQ(Load(), Status::kOk);
  }
  // What an inference of `x` gives.
  static std::vector<float> Wanted(const std::vector<float>& x) {
    std::vector<float> y(x.size());
    for (size_t i = 0; i < x.size(); ++i) y[i] = x[i] + 2 * x[i];
    return y;
  }
  // The slot of the first input port in the job that was last seen.
  std::vector<float> Sent(uint32_t slot) const {
    std::vector<float> x(kCount);
    std::memcpy(x.data(), exchange_.view.data() + slot * kCount * 4, kCount * 4);
    return x;
  }
  // The slot of the reply that becomes the output.
  std::span<uint8_t> Reply(uint32_t slot) const {
    return exchange_.view.subspan(kReplyOffset + kPortSize + slot * kCount * 4, kCount * 4);
  }
  static void AddTo(std::span<uint8_t> bytes, size_t element, float lie) {
    float value;
    std::memcpy(&value, bytes.data() + element * 4, 4);
    value += lie;
    std::memcpy(bytes.data() + element * 4, &value, 4);
  }
};

TEST_F(FingerprintTest, HideARequestAmongFreshCombinations) {
  LoadWithRate();
  const std::vector<float> x = MakeInput(1);
  std::vector<std::vector<float>> seen;
  std::vector<uint32_t> places(kSlots);
  constexpr int kRuns = 300;
  for (int run = 0; run < kRuns; ++run) {
    ASSERT_EQ(Infer(x), Status::kOk);
    ASSERT_EQ(Output(), Wanted(x));
    uint32_t requests = 0;
    for (uint32_t slot = 0; slot < kSlots; ++slot) {
      if (Sent(slot) == x) {
        ++requests;
        ++places[slot];
      } else {
        seen.push_back(Sent(slot));
      }
    }
    ASSERT_EQ(requests, 1u);
  }
  EXPECT_EQ(std::set(seen.begin(), seen.end()).size(), size_t{kRuns} * kFingerprints) << "a fingerprint came twice";
  // Five standard deviations of a third of 300.
  for (const uint32_t count : places) EXPECT_NEAR(count, kRuns / 3.0, 41);
}

// sum c = 1 and sum c^2 = 1 whatever is drawn, seen from outside: cornerstones are known here.
TEST_F(FingerprintTest, CoefficientsKeepMeanAndVariance) {
  LoadWithRate();
  const TinyPlan plan = MakeTinyFingerprintPlan();
  const auto cornerstone = [&plan](uint32_t i, uint32_t element) {
    float value;
    std::memcpy(&value, plan.chunks[i / 2].data() + (i % 2 * kCount / 2 + element) * 4, 4);  // tile 0 of port 0
    return double{value};
  };
  for (int run = 0; run < 20; ++run) {
    ASSERT_EQ(Infer(MakeInput(1)), Status::kOk);
    for (uint32_t slot = 0; slot < kSlots; ++slot) {
      const std::vector<float> x = Sent(slot);
      if (x == MakeInput(1)) continue;
      // Four unknowns, four elements: Gauss.
      double m[kCornerstones][kCornerstones + 1];
      for (uint32_t e = 0; e < kCornerstones; ++e) {
        for (uint32_t i = 0; i < kCornerstones; ++i) m[e][i] = cornerstone(i, e * 11);
        m[e][kCornerstones] = x[e * 11];
      }
      for (uint32_t i = 0; i < kCornerstones; ++i) {
        uint32_t pivot = i;
        for (uint32_t r = i; r < kCornerstones; ++r) pivot = std::fabs(m[r][i]) > std::fabs(m[pivot][i]) ? r : pivot;
        std::swap(m[i], m[pivot]);
        for (uint32_t r = 0; r < kCornerstones; ++r) {
          if (r == i) continue;
          const double factor = m[r][i] / m[i][i];
          for (uint32_t c = i; c <= kCornerstones; ++c) m[r][c] -= factor * m[i][c];
        }
      }
      double sum = 0, square = 0;
      for (uint32_t i = 0; i < kCornerstones; ++i) {
        const double c = m[i][kCornerstones] / m[i][i];
        sum += c;
        square += c * c;
      }
      EXPECT_NEAR(sum, 1, 1e-4);
      EXPECT_NEAR(square, 1, 1e-3);
    }
  }
}

// A lie in one slot: seen exactly when a fingerprint stands there.
TEST_F(FingerprintTest, ALieInOneSlotIsRefusedUnlessItHitsTheRequest) {
  const std::vector<float> x = MakeInput(2);
  uint32_t refused = 0;
  constexpr uint32_t kRuns = 60;
  for (uint32_t run = 0; run < kRuns; ++run) {
    LoadWithRate();
    const uint32_t slot = run % kSlots;
    host_->tamper = [&](const HostJob& job, std::span<uint8_t>) {
      if (job.kind == JobKind::kAccelerate) AddTo(Reply(slot), run * 2 % kCount, 0.01f);
    };
    const Status status = Infer(x);
    if (Sent(slot) == x) {
      EXPECT_EQ(status, Status::kOk);
      EXPECT_NE(Output(), Wanted(x));
    } else {
      ++refused;
      EXPECT_EQ(status, Status::kIntegrity);
      EXPECT_TRUE(OutputIsZero());
      EXPECT_EQ(last_.has_failure_log, 1u);
      EXPECT_EQ(Infer(x), Status::kPoisoned);
    }
  }
  EXPECT_GT(refused, kRuns / 3);
  EXPECT_LT(refused, kRuns);
}

TEST_F(FingerprintTest, ALieInEverySlotIsAlwaysRefused) {
  for (uint32_t run = 0; run < 20; ++run) {
    LoadWithRate();
    host_->tamper = [&](const HostJob& job, std::span<uint8_t>) {
      for (uint32_t slot = 0; slot < kSlots && job.kind == JobKind::kAccelerate; ++slot) AddTo(Reply(slot), 6 * run, -0.01f);
    };
    EXPECT_EQ(Infer(MakeInput(run)), Status::kIntegrity);
  }
}

TEST_F(FingerprintTest, ALieBelowTheToleranceIsNotSeen) {
  LoadWithRate();
  host_->tamper = [&](const HostJob& job, std::span<uint8_t>) {
    for (uint32_t slot = 0; slot < kSlots && job.kind == JobKind::kAccelerate; ++slot) AddTo(Reply(slot), 5, 2e-5f);
  };
  EXPECT_EQ(Infer(MakeInput(1)), Status::kOk);
}

// The same error in every slot: it does not say where the request stood.
TEST_F(FingerprintTest, WhatIsNotFiniteIsRefusedInEverySlot) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    for (uint32_t slot = 0; slot < kSlots; ++slot) {
      LoadWithRate();
      host_->tamper = [&](const HostJob& job, std::span<uint8_t>) {
        if (job.kind == JobKind::kAccelerate) std::memcpy(Reply(slot).data() + 100, &bad, 4);
      };
      EXPECT_EQ(Infer(MakeInput(1)), Status::kIntegrity);
      EXPECT_TRUE(OutputIsZero());
    }
  }
}

// Whoever answers rightly until the first look at the reply and lies from then on gains nothing: each tile of all slots is
// copied in at once.
TEST_F(FingerprintTest, AReplyThatChangesBetweenTilesIsRefused) {
  const std::vector<float> x = MakeInput(3);
  for (uint32_t read_count = 1; read_count <= 4; ++read_count) {
    LoadWithRate();
    uint32_t reads = 0;
    bool replied = false;
    host_->tamper = [&](const HostJob& job, std::span<uint8_t>) {
      replied = replied || job.kind == JobKind::kAccelerate;
      if (!replied || job.kind != JobKind::kRead || ++reads != read_count) return;
      for (uint32_t slot = 0; slot < kSlots; ++slot) {
        for (size_t e = 0; e < kCount; ++e) AddTo(Reply(slot), e, 1);
      }
    };
    // Two groups of cornerstones a tile: the second tile is copied in before the third read.
    if (read_count <= 2) {
      EXPECT_EQ(Infer(x), Status::kIntegrity) << read_count;
    } else {
      EXPECT_EQ(Infer(x), Status::kOk) << read_count;
      EXPECT_EQ(Output(), Wanted(x)) << read_count;
    }
  }
}

// Each of two tiles is compared with probability q: lies in all slots of both are refused with 1 - (1 - q)^2. A tile that is
// not compared costs no transfer.
TEST_F(FingerprintTest, TheChallengeRateIsKept) {
  constexpr uint32_t kRuns = 160;
  uint32_t refused = 0;
  for (uint32_t run = 0; run < kRuns; ++run) {
    LoadWithRate(kFullChallengeRate / 4);
    host_->tamper = [&](const HostJob& job, std::span<uint8_t>) {
      for (uint32_t slot = 0; slot < kSlots && job.kind == JobKind::kAccelerate; ++slot) {
        AddTo(Reply(slot), 1, 1);
        AddTo(Reply(slot), kCount - 1, 1);
      }
    };
    refused += Infer(MakeInput(run)) == Status::kIntegrity;
  }
  EXPECT_NEAR(refused, kRuns * 0.4375, 32);  // five standard deviations
  LoadWithRate(1);
  host_->seen.clear();
  ASSERT_EQ(Infer(MakeInput(1)), Status::kOk);
  uint32_t read_count = 0;
  for (const HostJob& job : host_->seen) read_count += job.kind == JobKind::kRead;
  EXPECT_EQ(read_count, 2 * 2 * kGroups);  // what is sent; a reply is compared once in 2^16
}

}  // namespace
}  // namespace penumbra::trusted
