// Cornerstones: what they are matched to, that combinations pass, that lies of a size do not, and what is refused.
#include "protect/fingerprints/cornerstones.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "model/error.h"
#include "protect/fingerprints/affine.h"
#include "protect/plain/inference.h"
#include "protect/schedule/checker.h"
#include "protect/schedule/schedule.h"

namespace penumbra::protect {
namespace {

constexpr uint32_t kSide = 8, kIn = 3, kOut = 5;

ConvGeometry Conv(uint32_t in, uint32_t out) {
  return {kSide, kSide, in, kSide, kSide, out, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1};
}

std::vector<float> Noise(std::mt19937* random, uint64_t count) {
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& v : values) v = normal(*random);
  return values;
}

// image -> conv -> conv -> add of the first one's output and the input of a third; a ReLU behind it.
LoweredGraph Graph() {
  std::mt19937 random(3);
  LoweredGraph graph;
  const auto tensor = [&graph](const char* name, uint32_t channels) {
    graph.tensors.push_back({name, model::kNoValue, {1, kSide, kSide, channels}, {0, 2, 3, 1}});
  };
  tensor("image", kIn);
  tensor("first", kOut);
  tensor("second", kOut);
  tensor("sum", kOut);
  tensor("relu", kOut);
  const auto conv = [&random](TensorId x, TensorId y, uint32_t in, uint32_t out) {
    return LinearOp{x, y, Conv(in, out), Noise(&random, uint64_t{9} * in * out), Noise(&random, out)};
  };
  graph.ops.push_back({"first", conv(0, 1, kIn, kOut)});
  graph.ops.push_back({"second", conv(1, 2, kOut, kOut)});
  ElementwiseOp sum{};
  sum.x = 2;
  sum.y = 3;
  sum.fn = PassFn::kAdd;
  sum.operand_kind = PassOperand::kTensor;
  sum.operand = 1;
  graph.ops.push_back({"sum", sum});
  ElementwiseOp relu{};
  relu.x = 3;
  relu.y = 4;
  relu.fn = PassFn::kRelu;
  graph.ops.push_back({"relu", relu});
  graph.inputs = {{"image", 0, model::DataType::kFloat32, {1, kIn, kSide, kSide}}};
  graph.outputs = {{"relu", 4, model::DataType::kFloat32, {1, kOut, kSide, kSide}}};
  return graph;
}

struct Made {
  LoweredGraph graph = Graph();
  FloatPlan floats;
  std::map<TensorId, ChannelMoments> moments;
  std::unique_ptr<Cornerstones> cornerstones;

  explicit Made(const FingerprintOptions& options, bool relu_outside = false) {
    floats = PlanFloatSegments(graph, {true, true, true, relu_outside});
    moments = ObserveInputs(graph, floats, {});
    cornerstones = std::make_unique<Cornerstones>(graph, floats, moments, options, SecretKey{7});
  }
};

std::vector<float> ValuesOf(const Made& made, uint32_t port, uint32_t i) {
  const auto values = made.cornerstones->plan().values(0, port, i);
  return {values.begin(), values.end()};
}

TEST(Cornerstones, HaveTheMomentsOfWhatTheSegmentReads) {
  const Made made({});
  ASSERT_EQ(made.floats.segments.size(), 1u);
  const ChannelMoments& moments = made.moments.at(0);
  for (uint32_t c = 0; c < kIn; ++c) {
    double sum = 0, square = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < 16; ++i) {
      const std::vector<float> x = ValuesOf(made, 0, i);
      for (size_t e = c; e < x.size(); e += kIn, ++count) {
        sum += x[e];
        square += double{x[e]} * x[e];
      }
    }
    const double mean = sum / count, deviation = std::sqrt(square / count - mean * mean);
    // Five standard errors of 1024 draws.
    EXPECT_NEAR(mean, moments.mean[c], 5 * moments.deviation[c] / std::sqrt(count));
    EXPECT_NEAR(deviation, moments.deviation[c], 5 * moments.deviation[c] / std::sqrt(2.0 * count));
  }
}

TEST(Cornerstones, OutputsAreWhatTheSegmentComputes) {
  const Made made({});
  for (const uint32_t i : {0u, 7u, 15u}) {
    LoweredGraph affine = made.graph;
    affine.ops.pop_back();
    affine.outputs.front().tensor = 3;
    const std::vector<float> wanted = RunFloat(affine, {ValuesOf(made, 0, i)})[0];
    const std::vector<float> got = ValuesOf(made, 1, i);
    ASSERT_EQ(got.size(), wanted.size());
    for (size_t e = 0; e < got.size(); ++e) {
      ASSERT_NEAR(got[e], wanted[e], made.cornerstones->plan().tolerances[0][0]);
    }
  }
}

// Any affine combination passes far below the tolerance, which is far below the outputs themselves.
TEST(Cornerstones, TheToleranceHasRoomForRoundingOnly) {
  const Made made({});
  const float tolerance = made.cornerstones->plan().tolerances[0][0];
  std::mt19937 random(9);
  LoweredGraph affine = made.graph;
  affine.ops.pop_back();
  affine.outputs.front().tensor = 3;
  float largest = 0, output = 0;
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<float> c = Noise(&random, 16);
    const float mean = std::accumulate(c.begin(), c.end(), 0.0f) / 16;
    float square = 0;
    for (float& v : c) v -= mean;
    for (const float v : c) square += v * v;
    for (float& v : c) v = v * std::sqrt((1 - 1.0f / 16) / square) + 1.0f / 16;
    std::vector<float> x(uint64_t{kSide} * kSide * kIn), wanted(uint64_t{kSide} * kSide * kOut);
    for (uint32_t i = 0; i < 16; ++i) {
      const std::vector<float> xi = ValuesOf(made, 0, i);
      for (size_t e = 0; e < x.size(); ++e) x[e] += c[i] * xi[e];
    }
    for (uint32_t i = 0; i < 16; ++i) {
      const std::vector<float> yi = ValuesOf(made, 1, i);
      for (size_t e = 0; e < wanted.size(); ++e) wanted[e] += c[i] * yi[e];
    }
    const std::vector<float> y = RunFloat(affine, {x})[0];
    for (size_t e = 0; e < y.size(); ++e) {
      largest = std::max(largest, std::fabs(y[e] - wanted[e]));
      output = std::max(output, std::fabs(y[e]));
    }
  }
  EXPECT_LT(largest, tolerance / 3);
  EXPECT_LT(tolerance, output / 1000);
}

TEST(Cornerstones, ASegmentThatIsNotAffineIsRefused) {
  try {
    const Made made({}, /*relu_outside=*/true);
    FAIL();
  } catch (const model::ModelError& error) {
    EXPECT_EQ(error.status(), Status::kUnsupported);
    EXPECT_NE(std::string(error.what()).find("first"), std::string::npos) << error.what();
  }
}

TEST(Cornerstones, FixedOnesAreOne) {
  const Made made({.fixed = true});
  EXPECT_EQ(made.cornerstones->plan().record.cornerstone_count, 1u);
  EXPECT_EQ(made.cornerstones->size(), uint64_t{kSide} * kSide * (kIn + kOut) * 4);
}

TEST(Cornerstones, KeysDecide) {
  const Made made({});
  const Cornerstones other(made.graph, made.floats, made.moments, {}, SecretKey{8});
  EXPECT_NE(ValuesOf(made, 0, 0), std::vector<float>(other.plan().values(0, 0, 0).begin(), other.plan().values(0, 0, 0).end()));
  EXPECT_NE(ValuesOf(made, 0, 0), ValuesOf(made, 0, 1));
}

// The compiler's own checker, as the trusted half, misses nothing that belongs to a fingerprint.
TEST(Cornerstones, ScheduledPlansAreChecked) {
  const Made made({.count = 2});
  const LinearPlan linears[] = {{0, &std::get<LinearOp>(made.graph.ops[0].kind)},
                                {1, &std::get<LinearOp>(made.graph.ops[1].kind)}};
  ScheduleOptions options;
  options.float_public = {true, true, true, false};
  options.fingerprints = &made.cornerstones->plan();
  ScheduleReport report;
  const CompiledPlan plan = Schedule(made.graph, {linears[0], linears[1]}, options, &report);
  EXPECT_EQ(CheckPlan(plan), "");
  EXPECT_EQ(plan.fingerprint_count, 2u);
  uint64_t size = 0;
  for (const ConstantTile& tile : plan.constants) {
    EXPECT_EQ(tile.make().size(), tile.size);
    size += tile.size;
  }
  EXPECT_EQ(size, made.cornerstones->size());
  uint32_t tried = 0;
  const std::vector<uint32_t>& words = plan.infer_program;
  for (size_t at = 0; at < words.size(); at += 1 + (words[at] >> 16)) {
    const auto opcode = static_cast<Opcode>(words[at] & 0xffff);
    if (opcode < Opcode::kFloatSend || opcode > Opcode::kCompare) continue;
    CompiledPlan broken = plan;
    const auto begin = broken.infer_program.begin() + static_cast<std::ptrdiff_t>(at);
    broken.infer_program.erase(begin, begin + 1 + (words[at] >> 16));
    EXPECT_NE(CheckPlan(broken), "") << "word " << at;
    ++tried;
  }
  EXPECT_EQ(tried, 6u);  // one tile each way, one group: combine, send, job, receive, combine, compare
}

TEST(Cornerstones, OptionsOutOfRangeAreNamed) {
  const auto refused = [](const FingerprintOptions& options, const char* word) {
    try {
      CheckedRecord(options);
      FAIL() << word;
    } catch (const model::ModelError& error) {
      EXPECT_EQ(error.status(), Status::kInvalidArgument);
      EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what();
    }
  };
  refused({.cornerstone_count = 0}, "cornerstones");
  refused({.cornerstone_count = 3}, "cornerstones");
  refused({.cornerstone_count = 65}, "cornerstones");
  refused({.count = 0}, "fingerprints");
  refused({.count = 8}, "fingerprints");
  refused({.challenge_rate = 0}, "rate");
  refused({.challenge_rate = 1.5}, "rate");
  refused({.challenge_rate = -0.5}, "rate");
  refused({.challenge_rate = std::nan("")}, "rate");
  refused({.count = 2, .fixed = true}, "fixed");
  EXPECT_EQ(CheckedRecord({}).challenge_rate, kFullChallengeRate);
  EXPECT_EQ(CheckedRecord({.challenge_rate = 0.25}).challenge_rate, kFullChallengeRate / 4);
  EXPECT_EQ(CheckedRecord({.challenge_rate = 1e-9}).challenge_rate, 1u);
}

}  // namespace
}  // namespace penumbra::protect
