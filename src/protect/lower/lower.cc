#include "protect/lower/lower.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/error.h"
#include "model/op_table.h"
#include "protect/lower/builder.h"
#include "protect/lower/node_lowering.h"
#include "protect/lower/shared_layers.h"

namespace penumbra::protect {
namespace {

using model::OpKind;
using model::ValueId;

struct LoweringRow {
  OpKind op;
  LowerFn* lower;
  std::string_view limits = {};
};

constexpr std::string_view kFloatOnly = "float32 only";
constexpr std::string_view kFiniteOnly = "finite operands";

// What the passes take apart, where they could not.
void RefuseWhole(const NodeLowering& n) {
  n.Unsupported("the passes do not take it apart: " + std::string(ProtectedLimits(n.node.op)));
}

constexpr std::string_view kSteps = "at most 4096 steps";

constexpr LoweringRow kLowerings[] = {
    {OpKind::kConv, LowerConv, "constant weights and bias"},
    {OpKind::kConvTranspose, LowerConvTranspose, "constant weights and bias"},
    {OpKind::kGemm, LowerGemm, kFloatOnly},
    {OpKind::kMatMul, LowerMatMul, kFloatOnly},
    {OpKind::kEinsum, RefuseWhole, "one or two inputs, no diagonals"},
    {OpKind::kRnn, RefuseWhole, kSteps},
    {OpKind::kGru, RefuseWhole, kSteps},
    {OpKind::kLstm, RefuseWhole, kSteps},
    {OpKind::kGelu, RefuseWhole},
    {OpKind::kBatchNormalization, LowerBatchNormalization, "constant parameters"},
    {OpKind::kAdd, LowerBinary, kFloatOnly},
    {OpKind::kSub, LowerBinary, kFloatOnly},
    {OpKind::kMul, LowerBinary, kFloatOnly},
    {OpKind::kDiv, LowerBinary, kFloatOnly},
    {OpKind::kPow, LowerBinary, kFloatOnly},
    {OpKind::kMin, LowerBinary},
    {OpKind::kMax, LowerBinary},
    {OpKind::kPRelu, LowerBinary, kFloatOnly},
    {OpKind::kSum, LowerBinary, kFloatOnly},
    {OpKind::kEqual, LowerComparison, kFiniteOnly},
    {OpKind::kLess, LowerComparison, kFiniteOnly},
    {OpKind::kLessOrEqual, LowerComparison, kFiniteOnly},
    {OpKind::kGreater, LowerComparison, kFiniteOnly},
    {OpKind::kGreaterOrEqual, LowerComparison, kFiniteOnly},
    {OpKind::kAnd, LowerLogical},
    {OpKind::kOr, LowerLogical},
    {OpKind::kNot, LowerLogical},
    {OpKind::kWhere, LowerWhere},
    {OpKind::kRelu, LowerUnary},
    {OpKind::kLeakyRelu, LowerUnary},
    {OpKind::kClip, LowerClip},
    {OpKind::kSigmoid, LowerUnary},
    {OpKind::kHardSigmoid, LowerUnary},
    {OpKind::kHardSwish, LowerUnary},
    {OpKind::kTanh, LowerUnary},
    {OpKind::kElu, LowerUnary},
    {OpKind::kSoftplus, LowerUnary},
    {OpKind::kExp, LowerUnary},
    {OpKind::kLog, LowerUnary},
    {OpKind::kSqrt, LowerUnary},
    {OpKind::kNeg, LowerUnary},
    {OpKind::kAbs, LowerUnary},
    {OpKind::kFloor, LowerUnary},
    {OpKind::kCeil, LowerUnary},
    {OpKind::kErf, LowerUnary},
    {OpKind::kReciprocal, LowerUnary},
    {OpKind::kCast, LowerCast, "no cast between integers that may change a value"},
    {OpKind::kIdentity, LowerIdentity},
    {OpKind::kDropout, LowerIdentity},
    {OpKind::kMaxPool, LowerPool},
    {OpKind::kAveragePool, LowerPool},
    {OpKind::kGlobalAveragePool, LowerReduce, kFloatOnly},
    {OpKind::kGlobalMaxPool, LowerReduce},
    {OpKind::kReduceMean, LowerReduce, kFloatOnly},
    {OpKind::kReduceSum, LowerReduce, kFloatOnly},
    {OpKind::kReduceMax, LowerReduce},
    {OpKind::kReduceMin, LowerReduce},
    {OpKind::kArgMax, LowerArgMax},
    {OpKind::kSoftmax, LowerSoftmax},
    {OpKind::kLogSoftmax, LowerSoftmax},
    {OpKind::kLayerNormalization, LowerLayerNormalization},
    {OpKind::kConcat, LowerConcat},
    {OpKind::kSplit, LowerSplit},
    {OpKind::kSlice, LowerSlice},
    {OpKind::kReshape, LowerReshape},
    {OpKind::kTranspose, LowerTranspose},
    {OpKind::kPad, LowerPad},
    {OpKind::kResize, LowerResize, "nearest, or linear along one or two spatial axes"},
    {OpKind::kGather, LowerGather, "constant indices"},
    {OpKind::kExpand, LowerExpand},
    {OpKind::kTile, LowerTile},
    {OpKind::kDepthToSpace, LowerDepthToSpace},
    {OpKind::kSpaceToDepth, LowerSpaceToDepth},
};

model::ErrorPlace PlaceOf(const model::Node& node) {
  return {.node = node.name, .op = std::string(model::Info(node.op).name), .opset = node.opset};
}

// Lowers what can be lowered and collects a complaint for every node that cannot.
class Lowering {
 public:
  explicit Lowering(const model::Graph& graph) : graph_(graph), builder_(graph) {}

  LoweredGraph Run() {
    for (const model::Node& node : graph_.nodes()) LowerNode(node);
    ThrowComplaints();
    AddPorts();
    DropUnused();
    MarkSharedLayers(&builder_.lowered());
    ValidateLowered(builder_.lowered());
    return std::move(builder_.lowered());
  }

 private:
  void LowerNode(const model::Node& node) {
    const auto lost = [this](ValueId id) { return lost_.contains(id); };
    if (std::ranges::any_of(node.inputs, lost)) return Lose(node);
    builder_.set_node_name(node.name);
    try {
      LowerFn* lower = FindLowering(node.op);
      const NodeLowering lowering{builder_, node};
      if (lower == nullptr) lowering.Unsupported("the operator has no protected form");
      lower(lowering);
    } catch (const model::ModelError& error) {
      complaints_.push_back(error.At(PlaceOf(node)));
      Lose(node);
    }
  }

  void Lose(const model::Node& node) { lost_.insert(node.outputs.begin(), node.outputs.end()); }

  void ThrowComplaints() const {
    if (complaints_.empty()) return;
    if (complaints_.size() == 1) throw complaints_.front();
    std::string all;
    for (const model::ModelError& complaint : complaints_) all += std::string("\n  ") + complaint.what();
    throw model::ModelError(Status::kUnsupported, std::to_string(complaints_.size()) +
                                                      " nodes cannot be protected:" + all);
  }

  LoweredPort PortOf(ValueId id, model::DataType type) {
    const model::Value& v = graph_.value(id);
    if (v.IsConstant()) builder_.In(id, IdentityPerm(LogicalDims(v.shape).size()));
    View view = builder_.Any(id);
    const LoweredTensor& tensor = builder_.lowered().tensors[view.tensor];
    if (tensor.origin != id || tensor.perm != view.perm) {
      // The tensor shows another value, or this one in another order: the port needs its own name.
      const TensorId y = builder_.AddTensorFor(id, view.perm);
      builder_.AddOp(ReshapeOp{view.tensor, y});
      view.tensor = y;
    }
    return {v.name, view.tensor, type, v.shape};
  }

  void AddPorts() {
    LoweredGraph& lowered = builder_.lowered();
    for (size_t i = 0; i < graph_.inputs.size(); ++i)
      lowered.inputs.push_back(PortOf(graph_.inputs[i], graph_.InputType(i)));
    for (size_t i = 0; i < graph_.outputs.size(); ++i)
      lowered.outputs.push_back(PortOf(graph_.outputs[i], graph_.OutputType(i)));
  }

  // Operators and tensors nobody reads: copies made for a layer that was folded, unused parts of a
  // Split.
  void DropUnused() {
    LoweredGraph& lowered = builder_.lowered();
    std::vector<bool> used(lowered.tensors.size(), false);
    for (const LoweredPort& port : lowered.inputs) used[port.tensor] = true;
    for (const LoweredPort& port : lowered.outputs) used[port.tensor] = true;
    std::vector<LoweredOp> kept;
    for (size_t i = lowered.ops.size(); i-- > 0;) {
      LoweredOp& op = lowered.ops[i];
      if (!used[OutputOf(op)]) continue;
      for (TensorId id : InputsOf(op)) used[id] = true;
      kept.push_back(std::move(op));
    }
    std::ranges::reverse(kept);
    lowered.ops = std::move(kept);
    Renumber(used);
  }

  void Renumber(const std::vector<bool>& used);

  const model::Graph& graph_;
  Builder builder_;
  std::set<ValueId> lost_;
  std::vector<model::ModelError> complaints_;
};

void RenumberOp(const std::vector<TensorId>& number, LoweredOp* op) {
  const auto change = [&number](TensorId& id) {
    if (id != kNone) id = number[id];
  };
  std::visit(
      [&](auto& kind) {
        using Kind = std::decay_t<decltype(kind)>;
        change(kind.y);
        if constexpr (std::is_same_v<Kind, CopyOp>) {
          for (CopyBox& box : kind.boxes) change(box.src);
        } else if constexpr (std::is_same_v<Kind, MatMulOp>) {
          change(kind.a);
          change(kind.b);
        } else {
          change(kind.x);
        }
        if constexpr (std::is_same_v<Kind, ElementwiseOp>) change(kind.operand);
      },
      op->kind);
}

void Lowering::Renumber(const std::vector<bool>& used) {
  LoweredGraph& lowered = builder_.lowered();
  std::vector<TensorId> number(used.size(), kNone);
  std::vector<LoweredTensor> kept;
  for (size_t i = 0; i < used.size(); ++i) {
    if (!used[i]) continue;
    number[i] = static_cast<TensorId>(kept.size());
    kept.push_back(std::move(lowered.tensors[i]));
  }
  lowered.tensors = std::move(kept);
  for (LoweredOp& op : lowered.ops) RenumberOp(number, &op);
  for (LoweredPort& port : lowered.inputs) port.tensor = number[port.tensor];
  for (LoweredPort& port : lowered.outputs) port.tensor = number[port.tensor];
}

}  // namespace

void NodeLowering::Unsupported(const std::string& reason, const std::string& hint) const {
  throw model::ModelError(Status::kUnsupported, reason, PlaceOf(node), hint);
}

LowerFn* FindLowering(OpKind op) {
  const auto row = std::ranges::find(kLowerings, op, &LoweringRow::op);
  return row == std::end(kLowerings) ? nullptr : row->lower;
}

std::string_view ProtectedLimits(OpKind op) {
  // Operators without a kernel never reach lowering: they become others or constants on import.
  if (model::Info(op).kernel == nullptr) return {};
  const auto row = std::ranges::find(kLowerings, op, &LoweringRow::op);
  return row == std::end(kLowerings) ? "refused unless its inputs are constant" : row->limits;
}

LoweredGraph Lower(const model::Graph& graph) { return Lowering(graph).Run(); }

}  // namespace penumbra::protect
