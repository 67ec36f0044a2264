#include "protect/weights/scalar.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "protect/weights/scaling.h"

namespace penumbra::protect {
namespace {

constexpr char kCancels[] =
    "its input and output must have one scale, which would publish its weights as they are";
constexpr char kNoChannels[] = "it does not read and write whole pixels of channels";

bool IsReshape(const LoweredOp& op) { return std::holds_alternative<ReshapeOp>(op.kind); }

// Which tensors stand outside, scaled, and which of them share a scale. The graph is read by the
// constructor only.
class ScaleClasses {
 public:
  ScaleClasses(const LoweredGraph& graph, const std::vector<bool>& is_public, bool per_channel)
      : graph_(graph), public_(is_public), per_channel_(per_channel) {
    for (size_t op = 0; op < graph.ops.size(); ++op) {
      if (!public_[op]) continue;
      if (IsReshape(graph.ops[op]) || RuleOf(graph.ops[op]) == ScalingRule::kUnknown) {
        public_[op] = false;
      } else if (per_channel && !HasChannels(graph.ops[op])) {
        public_[op] = false;
        if (std::holds_alternative<LinearOp>(graph.ops[op].kind)) kept_[op] = kNoChannels;
      }
    }
    do Unite();
    while (PartCopies() || KeepCancelled());
    for (const LoweredTensor& t : graph.tensors) {
      factor_count_.push_back(per_channel ? t.channels() : 1);
    }
  }

  bool IsPublic(size_t op) const { return public_[op]; }
  bool IsScaled(TensorId id) const { return scaled_[id]; }
  TensorId ClassOf(TensorId id) const {
    while (parent_[id] != id) id = parent_[id];
    return id;
  }
  // Factors of the scale of a tensor.
  uint32_t FactorCount(TensorId id) const { return factor_count_[id]; }
  const std::map<size_t, std::string>& kept() const { return kept_; }

 private:
  bool HasChannels(const LoweredOp& op) const {
    const auto* linear = std::get_if<LinearOp>(&op.kind);
    return linear != nullptr && graph_.tensors[linear->x].channels() == linear->geometry.in_c &&
           graph_.tensors[linear->y].channels() == linear->geometry.out_c;
  }

  void Join(TensorId a, TensorId b) { parent_[ClassOf(a)] = ClassOf(b); }

  void Unite() {
    parent_.resize(graph_.tensors.size());
    std::iota(parent_.begin(), parent_.end(), TensorId{0});
    scaled_.assign(graph_.tensors.size(), false);
    for (size_t op = 0; op < graph_.ops.size(); ++op) {
      const TensorId y = OutputOf(graph_.ops[op]);
      const bool reshape = IsReshape(graph_.ops[op]);
      const std::vector<TensorId> inputs = InputsOf(graph_.ops[op]);
      if (reshape && per_channel_) continue;  // channels may be others behind it
      scaled_[y] = reshape ? scaled_[inputs.front()] : public_[op];
      const bool keeps = public_[op] && RuleOf(graph_.ops[op]) == ScalingRule::kKeeps;
      if (!reshape && !keeps) continue;
      for (const TensorId x : inputs) Join(x, y);
    }
    JoinCopies();
  }

  // A layer that runs several times (the steps of an unrolled recurrence) is published once if the
  // scales in front and behind are the same every time.
  void JoinCopies() {
    std::map<size_t, const LinearOp*> first_ones;
    for (size_t op = 0; op < graph_.ops.size(); ++op) {
      const auto* linear = std::get_if<LinearOp>(&graph_.ops[op].kind);
      if (linear == nullptr || !public_[op] || apart_.contains(LayerOf(op))) continue;
      const LinearOp* first = first_ones.try_emplace(LayerOf(op), linear).first->second;
      Join(linear->x, first->x);
      Join(linear->y, first->y);
    }
  }

  // The operator that this one is a copy of, or itself.
  size_t LayerOf(size_t op) const {
    const auto* linear = std::get_if<LinearOp>(&graph_.ops[op].kind);
    return linear == nullptr || linear->same_as == kNone ? op : linear->same_as;
  }

  bool Cancels(size_t op) const {
    return public_[op] && RuleOf(graph_.ops[op]) == ScalingRule::kChooses &&
           ClassOf(InputsOf(graph_.ops[op]).front()) == ClassOf(OutputOf(graph_.ops[op]));
  }

  // Better several scaled weights of a layer than none outside.
  bool PartCopies() {
    const size_t before = apart_.size();
    for (size_t op = 0; op < graph_.ops.size(); ++op) {
      if (Cancels(op) && std::holds_alternative<LinearOp>(graph_.ops[op].kind)) apart_.insert(LayerOf(op));
    }
    return apart_.size() != before;
  }

  bool KeepCancelled() {
    bool changed = false;
    for (size_t op = 0; op < graph_.ops.size(); ++op) {
      if (!Cancels(op)) continue;
      public_[op] = false;
      kept_[op] = kCancels;
      changed = true;
    }
    return changed;
  }

  const LoweredGraph& graph_;
  std::vector<bool> public_;
  const bool per_channel_;
  std::vector<TensorId> parent_;
  std::vector<bool> scaled_;
  std::vector<uint32_t> factor_count_;
  std::map<size_t, std::string> kept_;
  std::set<size_t> apart_;  // layers whose copies have scales of their own
};

// Writes the graph anew, with multiplications where tensors go out and come in.
class Rewriter {
 public:
  Rewriter(LoweredGraph graph, const ScaleClasses& classes, double range, const SecretKey& key)
      : classes_(classes), range_(range), stream_(key, 0) {
    out_.graph = std::move(graph);
  }

  ScaledGraph Rewrite() {
    std::vector<LoweredOp> ops = std::exchange(out_.graph.ops, {});
    for (size_t op = 0; op < ops.size(); ++op) {
      const bool is_public = classes_.IsPublic(op);
      if (is_public) ops[op] = ScaleOperator(ops[op], ScaleOf(InputsOf(ops[op]).front()),
                                             ScaleOf(OutputOf(ops[op])));
      if (is_public || !IsReshape(ops[op]) || !classes_.IsScaled(OutputOf(ops[op]))) {
        RenameInputs([&](TensorId id) { return is_public ? Outside(id) : Inside(id); }, &ops[op]);
      }
      const auto kept = classes_.kept().find(op);
      if (kept != classes_.kept().end()) out_.kept[out_.graph.ops.size()] = kept->second;
      out_.Add(std::move(ops[op]), is_public);
    }
    for (LoweredPort& port : out_.graph.outputs) port.tensor = Inside(port.tensor);
    return std::move(out_);
  }

 private:
  const Scale& ScaleOf(TensorId id) {
    Scale& scale = scales_[classes_.ClassOf(id)];
    while (scale.size() < classes_.FactorCount(id)) scale.push_back(stream_.LogUniform(range_));
    return scale;
  }

  // `id` times `scale`, computed inside.
  TensorId Times(TensorId id, Scale scale, const char* what) {
    ElementwiseOp op{};
    op.x = id;
    op.fn = PassFn::kMul;
    if (scale.size() == 1) {
      op.operand_kind = PassOperand::kScalar;
      op.a = scale.front();
    } else {
      op.operand_kind = PassOperand::kChannel;
      op.period = static_cast<uint32_t>(scale.size());
      op.constants = std::move(scale);
    }
    LoweredTensor copy = out_.graph.tensors[id];
    copy.origin = model::kNoValue;
    out_.graph.tensors.push_back(std::move(copy));
    op.y = static_cast<TensorId>(out_.graph.tensors.size() - 1);
    out_.Add({out_.graph.tensors[id].name + what, std::move(op)}, false);
    return OutputOf(out_.graph.ops.back());
  }

  TensorId Outside(TensorId id) {
    if (classes_.IsScaled(id)) return id;
    const auto [entry, is_first] = outside_.try_emplace(id);
    if (is_first) entry->second = Times(id, ScaleOf(id), " (scaled)");
    return entry->second;
  }

  TensorId Inside(TensorId id) {
    if (!classes_.IsScaled(id)) return id;
    const auto [entry, is_first] = inside_.try_emplace(id);
    if (is_first) {
      Scale inverse = ScaleOf(id);
      for (float& factor : inverse) factor = 1 / factor;
      entry->second = Times(id, std::move(inverse), " (restored)");
    }
    return entry->second;
  }

  const ScaleClasses& classes_;
  const double range_;
  SecretStream stream_;
  std::map<TensorId, Scale> scales_;  // of each class
  std::map<TensorId, TensorId> outside_, inside_;
  ScaledGraph out_;
};

ScaledGraph ScaleGraph(LoweredGraph graph, const std::vector<bool>& is_public, double range,
                       bool per_channel, const SecretKey& key) {
  // Classes are about the graph as it came; its operators move on while it is written anew.
  const ScaleClasses classes(graph, is_public, per_channel);
  return Rewriter(std::move(graph), classes, range, key).Rewrite();
}

}  // namespace

ScaledGraph ScaleTensors(LoweredGraph graph, const std::vector<bool>& is_public, double range,
                         const SecretKey& key) {
  return ScaleGraph(std::move(graph), is_public, range, false, key);
}

ScaledGraph ScaleChannels(LoweredGraph graph, const std::vector<bool>& is_public, double range,
                          const SecretKey& key) {
  return ScaleGraph(std::move(graph), is_public, range, true, key);
}

}  // namespace penumbra::protect
