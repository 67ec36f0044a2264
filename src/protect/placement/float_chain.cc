#include "protect/placement/float_chain.h"

#include <algorithm>
#include <limits>

#include "protect/placement/layer_times.h"

namespace penumbra::protect {
namespace {

// Two changes of sides are one job of the accelerator.
double SwitchSeconds(const DeviceProfile& profile, double bytes) {
  return profile.hand_off / 2 + bytes / profile.crossing_rate;
}

double SizeOf(const LoweredGraph& graph, TensorId id) {
  return static_cast<double>(graph.tensors[id].count() * sizeof(float));
}

// Bytes that stand in memory between stages: entry i, before stage i; the last one is the outputs.
std::vector<double> LiveSizes(const LoweredGraph& graph, const std::vector<uint32_t>& stage_of, size_t stage_count) {
  constexpr size_t kNever = std::numeric_limits<size_t>::max();
  const std::vector<TensorId> root = ReshapeRoots(graph);
  std::vector<size_t> made(graph.tensors.size(), 0), read(graph.tensors.size(), kNever);
  for (size_t op = 0; op < graph.ops.size(); ++op) {
    const TensorId y = OutputOf(graph.ops[op]);
    if (root[y] == y) made[y] = stage_of[op] + size_t{1};  // the first cut it can cross
    for (const TensorId id : InputsOf(graph.ops[op])) {
      size_t& last = read[root[id]];
      last = last == kNever ? stage_of[op] : std::max<size_t>(last, stage_of[op]);
    }
  }
  for (const LoweredPort& port : graph.outputs) read[root[port.tensor]] = stage_count;
  std::vector<double> live(stage_count + 1);
  for (TensorId id = 0; id < graph.tensors.size(); ++id) {
    if (root[id] != id || read[id] == kNever) continue;
    for (size_t cut = made[id]; cut <= read[id]; ++cut) live[cut] += SizeOf(graph, id);
  }
  return live;
}

// Reads its inputs and writes its output.
double PassSeconds(const LoweredGraph& graph, const DeviceProfile& profile, const LoweredOp& op) {
  if (std::holds_alternative<ReshapeOp>(op.kind)) return 0;
  double bytes = SizeOf(graph, OutputOf(op));
  for (const TensorId id : InputsOf(op)) bytes += SizeOf(graph, id);
  return bytes / profile.memory_rate;
}

// An operator of a public stage that cannot leave goes back inside for a moment.
double ReturnSeconds(const LoweredGraph& graph, const DeviceProfile& profile, const LoweredOp& op) {
  double seconds = SwitchSeconds(profile, SizeOf(graph, OutputOf(op)));
  for (const TensorId id : InputsOf(op)) seconds += SizeOf(graph, id) / profile.crossing_rate;
  return seconds + profile.hand_off / 2;
}

}  // namespace

std::vector<uint32_t> StagesOf(const LoweredGraph& graph) {
  std::vector<uint32_t> stages;
  uint32_t linear_count = 0;
  for (const LoweredOp& op : graph.ops) {
    linear_count += IsLinear(op) ? 1 : 0;
    stages.push_back(std::max(linear_count, 1u) - 1);
  }
  return stages;
}

Chain FloatChain(const LoweredGraph& graph, const DeviceProfile& profile, const std::vector<bool>& can_leave,
                 const std::vector<double>& damage, uint64_t secure_memory) {
  const std::vector<uint32_t> stage_of = StagesOf(graph);
  const size_t count = stage_of.empty() ? 0 : stage_of.back() + size_t{1};
  Chain chain{.trusted = std::vector<double>(count), .published = std::vector<double>(count), .switching = {}, .damage = {}};
  chain.fixed = profile.inference;
  if (!damage.empty()) chain.damage.resize(count);
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const LoweredOp& op = graph.ops[i];
    double& inside = chain.trusted[stage_of[i]];
    double& outside = chain.published[stage_of[i]];
    if (const auto* linear = std::get_if<LinearOp>(&op.kind)) {
      inside += InsideSeconds(profile, linear->geometry, InsideForm::kFloat32, 1);
      outside += can_leave[i] ? OutsideSeconds(profile, linear->geometry) : std::numeric_limits<double>::infinity();
    } else {
      const double pass = PassSeconds(graph, profile, op);
      inside += pass;
      outside += pass + (can_leave[i] || pass == 0 ? 0 : ReturnSeconds(graph, profile, op));
    }
    if (!damage.empty()) chain.damage[stage_of[i]] += damage[i];
  }
  const std::vector<double> live = LiveSizes(graph, stage_of, count);
  for (const double bytes : live) chain.switching.push_back(SwitchSeconds(profile, bytes));
  for (size_t stage = 0; stage < count; ++stage) {
    chain.trusted[stage] += SpillSeconds(profile, std::max(live[stage] - static_cast<double>(secure_memory), 0.0));
  }
  return chain;
}

Placement PlaceStages(const LoweredGraph& graph, const std::vector<bool>& stage_is_public,
                      const std::vector<bool>& can_leave) {
  const std::vector<uint32_t> stage_of = StagesOf(graph);
  Placement placement = PlaceAllTrusted(graph);
  for (size_t op = 0; op < graph.ops.size(); ++op) {
    if (stage_is_public[stage_of[op]] && can_leave[op]) placement[op] = Side::kPublic;
  }
  return placement;
}

}  // namespace penumbra::protect
