// Partitions drawn inside: the statistics of the lots, and the proof on a plan that draws one, and on every way to break it.
#include "trusted/plan/partition.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "trusted/testing/prove_fixture.h"

namespace penumbra::trusted {
namespace {

using namespace testing;  // NOLINT: the tiny plan's names

// Lots of `count` operators, every third of which keeps its scale.
std::vector<SegmentLot> Draw(uint8_t key_byte, uint32_t count, float theta, float range = kScaleRange) {
  crypto::Keystream stream;
  const uint8_t key[32] = {key_byte};
  EXPECT_EQ(stream.Init(key), Status::kOk);
  std::vector<FloatSegmentRec> segments(count);
  for (uint32_t s = 0; s < count; s += 3) segments[s].flags = kSegmentKeepsScale;
  std::vector<SegmentLot> lots(count, {-1, -1});
  Plan plan{};
  plan.header.theta = theta;
  plan.header.scale_range = range;
  plan.float_segments = segments;
  plan.lots = lots;
  EXPECT_EQ(DrawPartition(&stream, &plan), Status::kOk);
  return lots;
}

uint32_t PublicCount(const std::vector<SegmentLot>& lots) {
  uint32_t count = 0;
  for (const SegmentLot& lot : lots) count += lot.is_public() ? 1 : 0;
  return count;
}

TEST(Partition, ThetaIsTheProbability) {
  constexpr uint32_t kCount = 10000;
  EXPECT_EQ(PublicCount(Draw(1, kCount, 0)), 0u);
  EXPECT_EQ(PublicCount(Draw(1, kCount, 1)), kCount);
  for (const float theta : {0.1f, 0.5f, 0.8f}) {
    // Five standard deviations of the binomial.
    const double sigma = std::sqrt(kCount * theta * (1 - theta));
    EXPECT_NEAR(PublicCount(Draw(1, kCount, theta)), kCount * theta, 5 * sigma);
  }
}

TEST(Partition, EachOperatorAndEachLoadHaveLotsOfTheirOwn) {
  constexpr uint32_t kCount = 64, kLoads = 250;
  std::vector<uint32_t> times(kCount);
  std::set<std::vector<bool>> seen;
  std::set<float> scales;
  for (uint32_t load = 0; load < kLoads; ++load) {
    std::vector<bool> is_public;
    for (const SegmentLot& lot : Draw(static_cast<uint8_t>(load), kCount, 0.8f)) {
      times[is_public.size()] += lot.is_public() ? 1 : 0;
      is_public.push_back(lot.is_public());
      scales.insert(lot.output_scale);
    }
    seen.insert(is_public);
  }
  EXPECT_EQ(seen.size(), kLoads);
  EXPECT_GT(scales.size(), kLoads * kCount * 7 / 10);
  const double sigma = std::sqrt(kLoads * 0.8 * 0.2);
  for (const uint32_t count : times) EXPECT_NEAR(count, kLoads * 0.8, 5 * sigma);
}

// Quarters of the range's logarithm hold a quarter of the scales each, whatever octaves it covers.
TEST(Partition, ScalesAreLogUniformInTheirRange) {
  constexpr uint32_t kCount = 20000;
  for (const float range : {kMinDrawnScaleRange, 3.0f, 8.0f, kMaxDrawnScaleRange}) {
    uint32_t quarters[4] = {};
    double product = 0, square = 0;  // of the logarithms of the two scales of an operator
    for (const SegmentLot& lot : Draw(7, kCount, 1, range)) {
      for (const float scale : {lot.input_scale, lot.output_scale}) {
        ASSERT_GE(scale * range, 1);
        ASSERT_LE(scale, range);
        ASSERT_NE(scale, 1);
      }
      const double place = std::log(lot.output_scale) / std::log(range);
      ++quarters[std::min(3, static_cast<int>((place + 1) * 2))];
    }
    for (const uint32_t count : quarters) EXPECT_NEAR(count, kCount / 4.0, 5 * std::sqrt(kCount * 3 / 16.0)) << range;
    const std::vector<SegmentLot> lots = Draw(8, kCount, 1, range);
    for (uint32_t s = 0; s < kCount; ++s) {
      const bool keeps = s % 3 == 0;
      ASSERT_EQ(lots[s].input_scale == lots[s].output_scale, keeps);
      if (keeps) continue;
      product += std::log(lots[s].input_scale) * std::log(lots[s].output_scale);
      square += std::log(lots[s].output_scale) * std::log(lots[s].output_scale);
    }
    EXPECT_LT(std::fabs(product / square), 0.05) << "the scales of an operator depend on each other";
  }
}

TEST_F(ProveTest, APartitionIsAcceptedWhateverIsDrawn) {
  TinyPlan plan = MakeTinyPartitionPlan();
  for (const float theta : {0.0f, 0.5f, 1.0f}) {
    plan.header.theta = theta;
    for (lot_ = 0; lot_ < 16; ++lot_) EXPECT_EQ(Check(plan), Status::kOk) << theta;
  }
}

TEST_F(ProveTest, HostilePartitionsAreRefused) {
  TinyPlan honest = MakeTinyPartitionPlan();
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  for (const float theta : {0.0f, 1.0f}) {
    honest.header.theta = theta;
    ExpectRefused(honest, {
        [](TinyPlan* p) { p->header.theta = -0x1p-20f; },
        [](TinyPlan* p) { p->header.theta = 1.0001f; },
        [](TinyPlan* p) { p->header.theta = kNaN; },
        [](TinyPlan* p) { p->header.scale_range = 0; },  // both ways stay
        [](TinyPlan* p) { p->header.scale_range = 1.99f; },
        [](TinyPlan* p) { p->header.scale_range = -8; },
        [](TinyPlan* p) { p->header.scale_range = 256.1f; },
        [](TinyPlan* p) { p->header.scale_range = std::numeric_limits<float>::infinity(); },
        [](TinyPlan* p) { p->header.scale_range = kNaN; },
        [](TinyPlan* p) { p->float_segments.clear(), p->float_ports.clear(), p->infer.clear(), p->prepare.clear(); },
        [](TinyPlan* p) { p->float_segments[0].flags = 2; },
        [](TinyPlan* p) { p->float_segments[0].segment = 1; },
        [](TinyPlan* p) { p->infer.pop_back(); },
    });
  }
  TinyPlan plain = MakeTinyFloatPlan();
  ExpectRefused(plain, {
      [](TinyPlan* p) { p->header.theta = 0.5f; },
      [](TinyPlan* p) { p->float_segments[0].flags = kSegmentKeepsScale; },
      [](TinyPlan* p) { Emit(&p->infer, Opcode::kWay, {0, 1, 0}); },
  });
}

// Words of ways: of another operator, of the other way, too few, too many, beyond the program.
TEST_F(ProveTest, OperandsOfWaysAreChecked) {
  TinyPlan honest = MakeTinyPartitionPlan();
  honest.header.theta = 0.5f;
  for (auto program : {&TinyPlan::infer, &TinyPlan::prepare}) {
    for (const size_t at : InstructionStarts(honest.*program)) {
      if (static_cast<Opcode>((honest.*program)[at] & 0xffff) != Opcode::kWay) continue;
      for (size_t operand = 1; operand <= 3; ++operand) {
        for (const uint32_t delta : {1u, 2u, 0xffffff00u}) {
          TinyPlan p = honest;
          (p.*program)[at + operand] += delta;
          uint32_t refused = 0;  // of the draws; in some both ways may be right
          for (lot_ = 0; lot_ < 32; ++lot_) refused += Check(p) == Status::kPlanRejected ? 1 : 0;
          EXPECT_GT(refused, 0u) << "word " << at << " operand " << operand << " plus " << delta;
        }
      }
    }
  }
}

// What the lot keeps inside neither leaves nor comes back; constants leave while loading only.
TEST_F(ProveTest, OnlyPublicOperatorsAreSentAndEmitted) {
  TinyPlan inside = MakeTinyPartitionPlan(), outside = inside;
  inside.header.theta = 0;
  outside.header.theta = 1;
  constexpr uint32_t kConstants = 3;
  const auto emit = [](std::vector<uint32_t>* w, const std::vector<uint32_t>& operands) {
    Emit(w, Opcode::kFetch, {kConstants, 0, 8192});
    Emit(w, Opcode::kEmit, operands);
    Emit(w, Opcode::kFree, {kConstants, 0});
  };
  const std::vector<uint32_t> honest = {0, 0, kConstants, 0, 0};
  TinyPlan allowed = outside;
  emit(&allowed.prepare, honest);
  EXPECT_EQ(Check(allowed), Status::kOk);
  ExpectRefused(inside, {[&](TinyPlan* p) { emit(&p->prepare, honest); },
                         [](TinyPlan* p) { Emit(&p->infer, Opcode::kFloatJob, {0}); }});
  ExpectRefused(outside, {
      [&](TinyPlan* p) { emit(&p->infer, honest); },
      [&](TinyPlan* p) { emit(&p->prepare, {2, 0, kConstants, 0, 0}); },
      [&](TinyPlan* p) { emit(&p->prepare, {0, 3, kConstants, 0, 0}); },
      [&](TinyPlan* p) { emit(&p->prepare, {0, 0, kConstants, 1, 0}); },  // not there
      [&](TinyPlan* p) { emit(&p->prepare, {0, 0, kIn, 0, 0}); },
      [&](TinyPlan* p) { emit(&p->prepare, {0, 0, 99, 0, 0}); },
      [&](TinyPlan* p) { emit(&p->prepare, {0, 0, kConstants, 0}); },
      [&](TinyPlan* p) { p->chunk_sizes[2] = 62; },  // no whole floats
  });
}

}  // namespace
}  // namespace penumbra::trusted
