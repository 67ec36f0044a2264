#include "protect/weights/profile.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <span>

#include "model/error.h"
#include "protect/plain/inference.h"

namespace penumbra::protect {
namespace {

// Rounding of sums in different orders stays far below; a wrong rule does not.
constexpr float kTolerance = 1e-4f;

// Neither is a power of two, so that both round.
const Scale kProbeIn = {2.7f};
const Scale kProbeOut = {0.31f};

// A graph of one operator. Weights of a linear layer stay where they are.
struct Single {
  LoweredGraph graph;
  const LinearOp* linear = nullptr;
};

Single Alone(const LoweredGraph& graph, const LoweredOp& op) {
  Single single;
  if (const auto* linear = std::get_if<LinearOp>(&op.kind)) {
    single.linear = linear;
    single.graph.ops.push_back({op.name, LinearOp{linear->x, linear->y, linear->geometry, {}, {}}});
  } else {
    single.graph.ops.push_back(op);
  }
  LoweredOp& copy = single.graph.ops.front();
  const auto add = [&](TensorId id) {
    single.graph.tensors.push_back(graph.tensors[id]);
    return static_cast<TensorId>(single.graph.tensors.size() - 1);
  };
  std::vector<TensorId> number(graph.tensors.size(), kNone);
  for (const TensorId id : InputsOf(op)) {
    if (number[id] != kNone) continue;
    number[id] = add(id);
    single.graph.inputs.push_back({{}, number[id], model::DataType::kFloat32, {}});
  }
  RenameInputs([&](TensorId id) { return number[id]; }, &copy);
  const TensorId y = add(OutputOf(op));
  std::visit([y](auto& kind) { kind.y = y; }, copy.kind);
  single.graph.outputs.push_back({{}, y, model::DataType::kFloat32, {}});
  return single;
}

std::vector<float> Run(const Single& single, const std::vector<std::vector<float>>& inputs) {
  const auto linear = [&single](size_t, const LinearOp&, std::span<const float> x,
                                std::span<float> out_y) { LinearFloat(*single.linear, x, out_y); };
  return Evaluator(single.graph, Kernels(DetectIsa())).Run(inputs, linear).front();
}

// Of each tensor: it holds integers, which a scale and its inverse could round. They come from
// ports and ArgMax, and spread both ways through operators that only move and select.
std::vector<bool> IntegerTensors(const LoweredGraph& graph) {
  std::vector<bool> whole(graph.tensors.size(), false);
  for (const auto* ports : {&graph.inputs, &graph.outputs}) {
    for (const LoweredPort& port : *ports) {
      if (port.type != model::DataType::kFloat32) whole[port.tensor] = true;
    }
  }
  for (const LoweredOp& op : graph.ops) {
    if (std::holds_alternative<ArgMaxOp>(op.kind)) whole[OutputOf(op)] = true;
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (const LoweredOp& op : graph.ops) {
      if (RuleOf(op) != ScalingRule::kKeeps) continue;
      std::vector<TensorId> ids = InputsOf(op);
      ids.push_back(OutputOf(op));
      const auto is_whole = [&](TensorId id) { return whole[id]; };
      if (std::ranges::none_of(ids, is_whole) || std::ranges::all_of(ids, is_whole)) continue;
      for (const TensorId id : ids) whole[id] = true;
      changed = true;
    }
  }
  return whole;
}

bool IsAssociative(const LoweredGraph& graph, const LoweredOp& op) {
  const ScalingRule rule = RuleOf(op);
  if (rule == ScalingRule::kUnknown || std::holds_alternative<ReshapeOp>(op.kind)) return false;
  const Scale& out = rule == ScalingRule::kKeeps ? kProbeIn : kProbeOut;
  return ConfirmScaling(graph, op, ScaleOperator(op, kProbeIn, out), kProbeIn, out);
}

}  // namespace

bool ConfirmScaling(const LoweredGraph& graph, const LoweredOp& op, const LoweredOp& scaled,
                    const Scale& in, const Scale& out) {
  const Single original = Alone(graph, op);
  std::mt19937 random(static_cast<uint32_t>(OutputOf(op)));
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> inputs;
  for (const LoweredPort& port : original.graph.inputs) {
    std::vector<float>& values = inputs.emplace_back(original.graph.tensors[port.tensor].count());
    for (float& v : values) v = normal(random);
  }
  std::vector<float> wanted = Run(original, inputs);
  for (std::vector<float>& values : inputs) ApplyScale(in, values);
  const std::vector<float> got = Run(Alone(graph, scaled), inputs);
  ApplyScale(out, wanted);
  float largest = 0;
  float error = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!std::isfinite(got[i]) || !std::isfinite(wanted[i])) return false;
    largest = std::max(largest, std::abs(wanted[i]));
    error = std::max(error, std::abs(got[i] - wanted[i]));
  }
  return error <= kTolerance * largest;
}

std::vector<bool> ProfileOperators(const LoweredGraph& graph) {
  const std::vector<bool> whole = IntegerTensors(graph);
  std::vector<bool> associative;
  associative.reserve(graph.ops.size());
  for (const LoweredOp& op : graph.ops) {
    associative.push_back(!whole[OutputOf(op)] && IsAssociative(graph, op));
  }
  return associative;
}

}  // namespace penumbra::protect
