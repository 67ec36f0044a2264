#include "protect/placement/chain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "model/error.h"
#include "protect/placement/float_chain.h"
#include "protect/placement/layer_times.h"
#include "protect/plain/test_support.h"

namespace penumbra::protect {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

// A chain whose times are whole numbers of ticks: what its slower sides and switches take is 20000.
Chain RandomChain(std::mt19937* random, size_t count) {
  const auto draw = [random](uint32_t below) { return static_cast<double>((*random)() % below); };
  Chain chain;
  double longest = 0;
  for (size_t i = 0; i < count; ++i) {
    chain.trusted.push_back(draw(300));
    chain.published.push_back((*random)() % 8 == 0 ? kNever : draw(200));
    chain.damage.push_back(draw(1000) / 1000);
    longest += std::isfinite(chain.published[i]) ? std::max(chain.trusted[i], chain.published[i]) : chain.trusted[i];
  }
  for (size_t i = 0; i <= count; ++i) chain.switching.push_back(draw(60));
  for (const double s : chain.switching) longest += s;
  // A first stage that is as long on both sides and must stay inside changes no decision.
  chain.trusted.insert(chain.trusted.begin(), 20000 - longest);
  chain.published.insert(chain.published.begin(), kNever);
  chain.damage.insert(chain.damage.begin(), 0);
  chain.switching.insert(chain.switching.begin(), 0);
  return chain;
}

std::vector<ChainChoice> Everything(const Chain& chain) {
  std::vector<ChainChoice> choices;
  for (uint32_t bits = 0; bits < (1u << chain.size()); ++bits) {
    std::vector<bool> is_public;
    for (size_t i = 0; i < chain.size(); ++i) is_public.push_back(((bits >> i) & 1) != 0);
    choices.push_back(Evaluate(chain, is_public));
  }
  return choices;
}

TEST(Chain, CostsAreAddedUp) {
  const Chain chain{.trusted = {10, 20, 30}, .published = {1, 2, 3}, .switching = {100, 200, 400, 800}, .damage = {.1, .2, .4}};
  EXPECT_EQ(Evaluate(chain, {false, false, false}).seconds, 60);
  EXPECT_EQ(Evaluate(chain, {true, true, true}).seconds, 6 + 100 + 800);
  const ChainChoice choice = Evaluate(chain, {true, false, true});
  EXPECT_EQ(choice.seconds, 1 + 20 + 3 + 100 + 200 + 400 + 800);
  EXPECT_DOUBLE_EQ(choice.damage, .5);
}

TEST(Chain, FastestIsFastestOfAll) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    const Chain chain = RandomChain(&random, round % 9);
    double least = kNever;
    for (const ChainChoice& choice : Everything(chain)) least = std::min(least, choice.seconds);
    EXPECT_EQ(FastestChoice(chain).seconds, least);
  }
}

TEST(Chain, LeastDamageIsThatOfAllWithinTheDeadline) {
  std::mt19937 random(2);
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    const Chain chain = RandomChain(&random, round % 9);
    const std::vector<ChainChoice> all = Everything(chain);
    std::vector<double> deadlines;
    for (const ChainChoice& choice : all) {
      if (std::isfinite(choice.seconds)) deadlines.push_back(choice.seconds);
    }
    std::ranges::sort(deadlines);
    const size_t stride = std::max<size_t>(1, deadlines.size() / 16);
    for (size_t i = 0; i < deadlines.size(); i += stride) {
      const double deadline = deadlines[i];
      double least = kNever, fastest = kNever;
      for (const ChainChoice& choice : all) {
        if (choice.seconds > deadline || choice.damage > least) continue;
        fastest = choice.damage < least ? choice.seconds : std::min(fastest, choice.seconds);
        least = choice.damage;
      }
      const ChainChoice choice = LeastDamageChoice(chain, deadline);
      EXPECT_LE(choice.seconds, deadline);
      EXPECT_DOUBLE_EQ(choice.damage, least);
      if (choice.damage == least) {
        EXPECT_EQ(choice.seconds, fastest);
      }
    }
  }
}

TEST(Chain, AnyTimesKeepTheDeadline) {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> uniform(0, 1e-3);
  for (int round = 0; round < 50; ++round) {
    Chain chain;
    for (int i = 0; i < 12; ++i) {
      chain.trusted.push_back(uniform(random));
      chain.published.push_back(uniform(random) / 2);
      chain.damage.push_back(uniform(random));
    }
    for (int i = 0; i < 13; ++i) chain.switching.push_back(uniform(random) / 10);
    const std::vector<ChainChoice> all = Everything(chain);
    const double fastest = FastestChoice(chain).seconds;
    for (const double factor : {1.01, 1.2, 1.7, 9.0}) {
      const ChainChoice choice = LeastDamageChoice(chain, fastest * factor);
      EXPECT_LE(choice.seconds, fastest * factor);
      // Ticks are rounded up, 1 of 20000 for each of 25 parts at most.
      for (const ChainChoice& other : all) {
        if (other.seconds > fastest * factor * 0.98) continue;
        EXPECT_LE(choice.damage, other.damage + 1e-12);
      }
    }
  }
}

TEST(Chain, AnImpossibleDeadlineNamesTheSmallest) {
  std::mt19937 random(4);
  for (int round = 0; round < 30; ++round) {
    Chain chain = RandomChain(&random, 6);
    for (auto* times : {&chain.trusted, &chain.published, &chain.switching}) {
      for (double& t : *times) t *= 1.7e-6;
    }
    const double fastest = FastestChoice(chain).seconds;
    try {
      (void)LeastDamageChoice(chain, fastest * 0.999);
      ADD_FAILURE() << fastest;
    } catch (const model::ModelError& e) {
      EXPECT_EQ(e.status(), Status::kInvalidArgument);
      const std::string text = e.what();
      const double named = std::stod(text.substr(text.find("meets is ") + 9)) / 1e3;
      const double rounding = 1 + 1e-9;
      EXPECT_GE(named * rounding, fastest);
      EXPECT_LE(named, fastest * 1.001 + 1e-6);
      EXPECT_LE(LeastDamageChoice(chain, named).seconds, named * rounding);
    }
  }
}

constexpr uint64_t kRoomy = uint64_t{1} << 40;  // bytes of secure memory

DeviceProfile MadeUp(double inside, double outside) {
  DeviceProfile profile;
  const PerKernel in{inside, inside, inside, inside}, out{outside, outside, outside, outside};
  profile.trusted_float32 = profile.trusted_int8 = profile.trusted_int16 = profile.pad = in;
  profile.public_float32 = profile.public_residue = out;
  profile.check_rate = inside;
  profile.memory_rate = profile.weight_rate = profile.pad_rate = profile.crossing_rate = 1e10;
  profile.hand_off = 1e-5;
  return profile;
}

// Convolutions with a residual addition over all of them.
LoweredGraph Residual() {
  TestGraph t;
  const ValueId x = t.Input({1, 16, 16, 16});
  ValueId y = x;
  for (int i = 0; i < 4; ++i) {
    y = t.Node(OpKind::kConv, {y, t.Weights({16, 16, 3, 3})},
               {{"kernel_shape", std::vector<int64_t>{3, 3}},
                {"strides", std::vector<int64_t>{1, 1}},
                {"dilations", std::vector<int64_t>{1, 1}},
                {"pads", std::vector<int64_t>{1, 1, 1, 1}}});
    y = t.Node(OpKind::kRelu, {y});
  }
  t.Output(t.Node(OpKind::kAdd, {x, y}));
  model::Normalize(t.graph);
  return Lower(t.graph);
}

TEST(FloatChain, SwitchesMoveWhatLives) {
  const LoweredGraph graph = Residual();
  const DeviceProfile profile = MadeUp(1e9, 1e9);
  const Chain chain = FloatChain(graph, profile, std::vector<bool>(graph.ops.size(), true), {}, kRoomy);
  ASSERT_EQ(chain.size(), 4u);
  const double tensor = 16 * 16 * 16 * sizeof(float);
  EXPECT_DOUBLE_EQ(chain.switching[0], 5e-6 + tensor / 1e10);          // the input
  EXPECT_DOUBLE_EQ(chain.switching[2], 5e-6 + 2 * tensor / 1e10);      // the input, for the sum, and a result
  EXPECT_DOUBLE_EQ(chain.switching[4], 5e-6 + tensor / 1e10);          // the output
  EXPECT_DOUBLE_EQ(chain.published[0], MacCount(std::get<LinearOp>(graph.ops[0].kind).geometry) / 1e9 + 2 * tensor / 1e10);
}

TEST(FloatChain, WhatDoesNotFitIsSpilledInside) {
  const LoweredGraph graph = Residual();
  const std::vector<bool> can_leave(graph.ops.size(), true);
  const DeviceProfile profile = MadeUp(1e9, 1e9);
  const uint64_t tensor = 16 * 16 * 16 * sizeof(float);
  const Chain roomy = FloatChain(graph, profile, can_leave, {}, 2 * tensor), tight = FloatChain(graph, profile, can_leave, {}, tensor);
  const double spilled = SpillSeconds(profile, static_cast<double>(tensor));
  EXPECT_DOUBLE_EQ(tight.trusted[0], roomy.trusted[0]);             // only the input stands before it
  EXPECT_DOUBLE_EQ(tight.trusted[2], roomy.trusted[2] + spilled);   // the input, for the sum, and a result
  EXPECT_EQ(tight.published, roomy.published);
}

TEST(Chain, WhatIsFixedCountsForEveryChoiceAndEveryDeadline) {
  Chain chain{.trusted = {2, 2}, .published = {1, 1}, .switching = {0, 0, 0}, .damage = {1, 1}};
  chain.fixed = 5;
  EXPECT_DOUBLE_EQ(Evaluate(chain, {false, true}).seconds, 8);
  EXPECT_DOUBLE_EQ(FastestChoice(chain).seconds, 7);
  EXPECT_DOUBLE_EQ(LeastDamageChoice(chain, 8).damage, 1);
  EXPECT_DOUBLE_EQ(LeastDamageChoice(chain, 9).damage, 0);
  EXPECT_THROW(RequireFeasible(chain, 6.9), model::ModelError);
  EXPECT_THROW(RequireFeasible(chain, 4), model::ModelError);
}

TEST(FloatChain, SlowInsideMeansAllOutsideAndEqualMeansInside) {
  const LoweredGraph graph = Residual();
  const std::vector<bool> can_leave(graph.ops.size(), true);
  const auto fastest = [&](double inside, double outside) {
    return FastestChoice(FloatChain(graph, MadeUp(inside, outside), can_leave, {}, kRoomy)).is_public;
  };
  EXPECT_EQ(fastest(1e9, 1e12), std::vector<bool>(4, true));
  EXPECT_EQ(fastest(1e10, 1e10), std::vector<bool>(4, false));
}

// A faster device is never predicted to be slower, and more work never to be faster.
TEST(LayerTimes, PredictionsAreMonotone) {
  const ConvGeometry g{16, 16, 16, 16, 16, 24, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  const ResidueLayer layer{.published = g, .prime_count = 3, .pad_size = 18432, .check_macs = 5000000};
  DeviceProfile profile = MadeUp(1e9, 1e10);
  profile.idle_share = 0.5;
  const double inside = InsideSeconds(profile, g, InsideForm::kInt16, 1);
  const double outside = OutsideSeconds(profile, layer);
  EXPECT_LT(inside, InsideSeconds(profile, g, InsideForm::kInt16, 2));
  ResidueLayer more = layer;
  more.prime_count = 4;
  EXPECT_LT(outside, OutsideSeconds(profile, more));
  more = layer;
  more.pad_size *= 2;
  EXPECT_LT(outside, OutsideSeconds(profile, more));
  more.pad_size = 0;
  EXPECT_GT(outside, OutsideSeconds(profile, more));
  more = layer;
  more.check_macs = 0;
  EXPECT_GT(outside, OutsideSeconds(profile, more));
  for (double DeviceProfile::*rate : {&DeviceProfile::check_rate, &DeviceProfile::pad_rate}) {
    DeviceProfile faster = profile;
    faster.*rate *= 2;
    EXPECT_GT(outside, OutsideSeconds(faster, layer));
    EXPECT_EQ(inside, InsideSeconds(faster, g, InsideForm::kInt16, 1));
  }
  for (double DeviceProfile::*cost : {&DeviceProfile::hand_off, &DeviceProfile::residue_byte, &DeviceProfile::check_byte,
                                      &DeviceProfile::check_layer, &DeviceProfile::pad_layer}) {
    DeviceProfile slower = profile;
    slower.*cost += 1e-6;
    EXPECT_LT(outside, OutsideSeconds(slower, layer));
  }
  DeviceProfile idle = profile;
  idle.idle_share = 1;
  EXPECT_GT(outside, OutsideSeconds(idle, layer));
  idle.pad_stock = 0;
  EXPECT_LT(outside, OutsideSeconds(idle, layer));
}

TEST(FloatChain, WhatCannotLeaveStaysInside) {
  const LoweredGraph graph = Residual();
  std::vector<bool> can_leave(graph.ops.size(), true);
  const std::vector<uint32_t> stage = StagesOf(graph);
  for (size_t op = 0; op < graph.ops.size(); ++op) {
    if (IsLinear(graph.ops[op]) && stage[op] == 2) can_leave[op] = false;
  }
  const ChainChoice choice = FastestChoice(FloatChain(graph, MadeUp(1e9, 1e12), can_leave, {}, kRoomy));
  EXPECT_EQ(choice.is_public, (std::vector<bool>{true, true, false, true}));
  const Placement placement = PlaceStages(graph, choice.is_public, can_leave);
  for (size_t op = 0; op < placement.size(); ++op) {
    EXPECT_EQ(placement[op] == Side::kPublic, stage[op] != 2) << op;
  }
}

}  // namespace
}  // namespace penumbra::protect
