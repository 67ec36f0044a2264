#include "protect/fingerprints/cornerstones.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <set>
#include <string>

#include "boundary/limits.h"
#include "crypto/wipe.h"
#include "kernels/dispatch.h"
#include "model/error.h"
#include "protect/fingerprints/affine.h"
#include "protect/plain/inference.h"

namespace penumbra::protect {
namespace {

// Roundings of n operations on terms of magnitude A add up to at most kLambda sqrt(n) u A but with probability
// 2 exp(-kLambda^2 / 2) (N. J. Higham and T. Mary, SIAM J. Sci. Comput. 41(5), 2019, theorem 2.4): 3e-14.
constexpr double kLambda = 8;
constexpr double kUnitRoundoff = std::numeric_limits<float>::epsilon() / 2;
// The expectation is rounded, too.
constexpr double kSides = 2;
// Under scales drawn inside: of what is sent, of factors, quotient and summands, of what comes back and of the reciprocal.
constexpr uint64_t kScaleRoundings = 6;

constexpr uint32_t kMaxPortBits = 12, kCornerstoneBits = 8;
static_assert(kMaxFloatPorts <= 1u << kMaxPortBits && kMaxCornerstones <= 1u << kCornerstoneBits);

[[noreturn]] void Refuse(const std::string& what, const std::string& hint) {
  throw model::ModelError(Status::kInvalidArgument, what, {}, hint);
}

// Uniform in (0, 1).
double Unit(SecretStream* stream) { return (stream->Below(1u << 24) + 0.5) * 0x1p-24; }

}  // namespace

// The operators of one segment as a graph of their own. Weights of linear layers stay where they are.
struct Cornerstones::Segment {
  LoweredGraph graph;
  std::vector<const LoweredOp*> originals;  // of each operator
  std::vector<ChannelMoments> moments;      // of each input

  std::vector<std::vector<float>> Run(const std::vector<std::vector<float>>& inputs) const {
    const auto linear = [this](size_t op, const LinearOp&, std::span<const float> x, std::span<float> out_y) {
      LinearFloat(std::get<LinearOp>(originals[op]->kind), x, out_y);
    };
    return Evaluator(graph, Kernels(DetectIsa())).Run(inputs, linear);
  }

  // The graph of MagnitudeOf() each operator.
  std::vector<std::vector<float>> RunMagnitudes(const std::vector<std::vector<float>>& inputs) const {
    LoweredGraph magnitudes = graph;
    for (size_t op = 0; op < originals.size(); ++op) {
      if (!std::holds_alternative<LinearOp>(graph.ops[op].kind)) magnitudes.ops[op] = MagnitudeOf(graph.ops[op]);
    }
    const auto linear = [this](size_t op, const LinearOp&, std::span<const float> x, std::span<float> out_y) {
      LinearFloat(std::get<LinearOp>(MagnitudeOf(*originals[op]).kind), x, out_y);
    };
    return Evaluator(magnitudes, Kernels(DetectIsa())).Run(inputs, linear);
  }
};

FingerprintRec CheckedRecord(const FingerprintOptions& options) {
  if (options.fixed && options.count != 1) {
    Refuse("fixed fingerprints are all the same: one in each job is enough", "leave --fingerprints away");
  }
  if (!options.fixed &&
      (options.cornerstone_count < kLeastCornerstones || options.cornerstone_count > kMaxCornerstones)) {
    Refuse(std::to_string(options.cornerstone_count) + " cornerstones make no secret fingerprints: " +
               std::to_string(kLeastCornerstones) + " to " + std::to_string(kMaxCornerstones) + " do",
           "choose --cornerstones in this range");
  }
  if (options.count == 0 || options.count > kMaxFingerprints) {
    Refuse(std::to_string(options.count) + " fingerprints in every job are not possible: 1 to " +
               std::to_string(kMaxFingerprints) + " are",
           "choose --fingerprints in this range");
  }
  if (!(options.challenge_rate > 0 && options.challenge_rate <= 1)) {
    Refuse("a challenge rate of " + std::to_string(options.challenge_rate) + " is not in (0, 1]",
           "choose --challenge-rate in this range");
  }
  const double rate = std::round(options.challenge_rate * kFullChallengeRate);
  return {options.fixed ? 1 : options.cornerstone_count, std::max(1u, static_cast<uint32_t>(rate))};
}

Cornerstones::Cornerstones(const LoweredGraph& graph, const FloatPlan& floats,
                           const std::map<TensorId, ChannelMoments>& moments,
                           const FingerprintOptions& options, const SecretKey& key)
    : graph_(graph), key_(key), scale_roundings_(floats.is_drawn ? kScaleRoundings : 0) {
  plan_.count = options.count;
  plan_.record = CheckedRecord(options);
  plan_.values = [this](uint32_t segment, uint32_t port, uint32_t i) { return Values(segment, port, i); };
  for (uint32_t s = 0; s < floats.segments.size(); ++s) {
    const FloatSegment& segment = floats.segments[s];
    auto own = std::make_unique<Segment>();
    own->graph.tensors = graph.tensors;
    std::set<TensorId> known(segment.inputs.begin(), segment.inputs.end());
    for (size_t op = 0; op < graph.ops.size(); ++op) {
      const auto* reshape = std::get_if<ReshapeOp>(&graph.ops[op].kind);
      const bool is_view = reshape != nullptr && known.contains(reshape->x) && !known.contains(reshape->y);
      if (floats.segment_of[op] != s && !is_view) continue;
      known.insert(OutputOf(graph.ops[op]));
      own->originals.push_back(&graph.ops[op]);
      const auto* linear = std::get_if<LinearOp>(&graph.ops[op].kind);
      own->graph.ops.push_back(linear == nullptr
                                   ? graph.ops[op]
                                   : LoweredOp{graph.ops[op].name, LinearOp{linear->x, linear->y, linear->geometry, {}, {}}});
    }
    for (const TensorId id : segment.inputs) {
      own->graph.inputs.push_back({graph.tensors[id].name, id, model::DataType::kFloat32, {}});
      own->moments.push_back(moments.at(id));
      size_ += graph.tensors[id].count() * sizeof(float) * plan_.record.cornerstone_count;
    }
    for (const TensorId id : segment.outputs) {
      own->graph.outputs.push_back({graph.tensors[id].name, id, model::DataType::kFloat32, {}});
      size_ += graph.tensors[id].count() * sizeof(float) * plan_.record.cornerstone_count;
    }
    segments_.push_back(std::move(own));
    plan_.tolerances.push_back(TolerancesOf(s));
    ConfirmAffine(s);
  }
}

Cornerstones::~Cornerstones() {
  crypto::Wipe(key_);
  for (std::vector<float>& values : held_.values) {
    crypto::Wipe({reinterpret_cast<uint8_t*>(values.data()), values.size() * sizeof(float)});
  }
}

// Normal, by the method of Box and Muller.
std::vector<float> Cornerstones::Draw(uint32_t segment, uint32_t port, uint32_t cornerstone) const {
  const ChannelMoments& moments = segments_[segment]->moments[port];
  SecretStream stream(key_, (uint64_t{segment} << kMaxPortBits | port) << kCornerstoneBits | cornerstone);
  std::vector<float> x(graph_.tensors[segments_[segment]->graph.inputs[port].tensor].count());
  double second = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    double normal = second;
    if (i % 2 == 0) {
      const double radius = std::sqrt(-2 * std::log(Unit(&stream)));
      const double angle = 2 * std::numbers::pi * Unit(&stream);
      normal = radius * std::cos(angle);
      second = radius * std::sin(angle);
    }
    const size_t channel = i % moments.mean.size();
    x[i] = static_cast<float>(moments.mean[channel] + moments.deviation[channel] * normal);
  }
  return x;
}

std::vector<std::vector<float>> Cornerstones::DrawInputs(uint32_t segment, uint32_t cornerstone) const {
  std::vector<std::vector<float>> inputs;
  for (uint32_t port = 0; port < segments_[segment]->moments.size(); ++port) {
    inputs.push_back(Draw(segment, port, cornerstone));
  }
  return inputs;
}

// Elements of a fingerprint have the magnitude sqrt(sum_i X_i^2 / K), coefficients being what they are; what the segment
// makes of it bounds the terms that are added up.
std::vector<float> Cornerstones::TolerancesOf(uint32_t segment) const {
  const uint32_t k = plan_.record.cornerstone_count;
  std::vector<std::vector<float>> squares;
  for (uint32_t i = 0; i < k; ++i) {
    const std::vector<std::vector<float>> inputs = DrawInputs(segment, i);
    squares.resize(inputs.size());
    for (size_t p = 0; p < inputs.size(); ++p) {
      squares[p].resize(inputs[p].size());
      for (size_t e = 0; e < inputs[p].size(); ++e) squares[p][e] += inputs[p][e] * inputs[p][e];
    }
  }
  for (std::vector<float>& port : squares) {
    for (float& value : port) value = std::sqrt(value / static_cast<float>(k));
  }
  uint64_t roundings = k + scale_roundings_;
  for (const LoweredOp* op : segments_[segment]->originals) roundings += RoundingCount(graph_, *op);
  std::vector<float> tolerances;
  for (const std::vector<float>& magnitudes : segments_[segment]->RunMagnitudes(squares)) {
    const double largest = *std::ranges::max_element(magnitudes);
    tolerances.push_back(static_cast<float>(kSides * kLambda * kUnitRoundoff *
                                            std::sqrt(static_cast<double>(roundings)) * largest));
  }
  return tolerances;
}

// The table of operators, confirmed by running them: F(2 X_0 - X_1) = 2 Y_0 - Y_1.
void Cornerstones::ConfirmAffine(uint32_t segment) const {
  std::vector<std::vector<float>> x = DrawInputs(segment, 0);
  const std::vector<std::vector<float>> other = DrawInputs(segment, 1);
  std::vector<std::vector<float>> wanted = segments_[segment]->Run(x);
  const std::vector<std::vector<float>> other_y = segments_[segment]->Run(other);
  const auto extrapolate = [](const std::vector<std::vector<float>>& b, std::vector<std::vector<float>>* a) {
    for (size_t p = 0; p < b.size(); ++p) {
      for (size_t e = 0; e < b[p].size(); ++e) (*a)[p][e] = 2 * (*a)[p][e] - b[p][e];
    }
  };
  extrapolate(other, &x);
  extrapolate(other_y, &wanted);
  const std::vector<std::vector<float>> got = segments_[segment]->Run(x);
  for (size_t p = 0; p < got.size(); ++p) {
    // The coefficients of fingerprints have sum c^2 = 1; these are larger.
    const float tolerance = 4 * plan_.tolerances[segment][p];
    for (size_t e = 0; e < got[p].size(); ++e) {
      if (std::fabs(got[p][e] - wanted[p][e]) <= tolerance) continue;
      throw model::ModelError(Status::kUnsupported,
                              "the operators from this one on, which the accelerator computes together, are not additive: "
                              "fingerprints cannot check them",
                              {.node = segments_[segment]->originals.front()->name},
                              "keep it inside (--layers), or use --integrity none");
    }
  }
}

std::span<const float> Cornerstones::Values(uint32_t segment, uint32_t port, uint32_t cornerstone) {
  const Segment& own = *segments_[segment];
  if (held_.segment != segment || held_.port != port) {
    held_ = {segment, port, {}};
    for (uint32_t i = 0; i < plan_.record.cornerstone_count; ++i) {
      const auto inputs = static_cast<uint32_t>(own.moments.size());
      held_.values.push_back(port < inputs ? Draw(segment, port, i)
                                           : std::move(own.Run(DrawInputs(segment, i))[port - inputs]));
    }
  }
  return held_.values[cornerstone];
}

}  // namespace penumbra::protect
