// RNN, GRU and LSTM step by step: the input's product with its weights for all steps at once, the
// state's product with the recurrent weights in every step, gates from element-wise operators.
#include <algorithm>
#include <string>
#include <vector>

#include "model/ops/recurrent.h"
#include "model/passes/node_maker.h"
#include "model/passes/passes.h"

namespace penumbra::model {
namespace {

// Longer sequences make programs that nobody wants to load.
constexpr int64_t kMaxSteps = 4096;

OpKind KindOf(const std::string& activation) {
  if (activation == "Sigmoid") return OpKind::kSigmoid;
  return activation == "Relu" ? OpKind::kRelu : OpKind::kTanh;
}

// Kernels of one direction of one node, as values of the graph; kNoValue where absent.
class Direction {
 public:
  Direction(const Node& node, const RecurrentShape& shape, int64_t direction, NodeMaker* maker)
      : node_(node), s_(shape), direction_(direction), maker_(*maker) {
    for (const std::string& name : ActivationsOf(node, direction))
      activations_.push_back(KindOf(name));
    const int64_t rows = s_.gates * s_.hidden;
    const bool resets_first = node.op == OpKind::kGru && node.GetInt("linear_before_reset") == 0;
    const ValueId recurrent = Own(kRecurrentWeights, {rows, s_.hidden});
    if (resets_first) {
      const auto parts = maker_.MakeSplit(recurrent, 0, {2 * s_.hidden, s_.hidden});
      recurrent_ = maker_.Transpose(parts[0], {1, 0});
      candidate_ = maker_.Transpose(parts[1], {1, 0});
    } else {
      recurrent_ = maker_.Transpose(recurrent, {1, 0});
    }
    if (node.Input(kBias) != kNoValue) {
      const auto halves = maker_.MakeSplit(Own(kBias, {2 * rows}), 0, {rows, rows});
      const bool apart = node.op == OpKind::kGru && !resets_first;
      input_bias_ = apart ? halves[0] : Add(halves[0], halves[1]);
      if (apart) recurrent_bias_ = halves[1];
    }
    if (node.Input(kPeepholes) != kNoValue) {
      peepholes_ =
          maker_.MakeSplit(Own(kPeepholes, {3 * s_.hidden}), 0, {s_.hidden, s_.hidden, s_.hidden});
    }
    hidden_ = Own(kInitialHidden, {s_.batch, s_.hidden});
    cell_ = Own(kInitialCell, {s_.batch, s_.hidden});
  }

  // `x` is [steps, batch, input]. Returns the hidden state after every step, in the sequence's
  // order.
  std::vector<ValueId> Run(ValueId x) {
    const int64_t rows = s_.gates * s_.hidden;
    const ValueId weights = maker_.Transpose(Own(kInputWeights, {rows, s_.input}), {1, 0});
    maker_.SetPart("/input");
    const ValueId all = Plus(maker_.Make(OpKind::kMatMul, {x, weights}), input_bias_);
    maker_.SetPart("/recurrent");
    const std::vector<ValueId> steps =
        maker_.MakeSplit(all, 0, std::vector<int64_t>(static_cast<size_t>(s_.steps), 1));
    std::vector<ValueId> states(steps.size());
    for (size_t i = 0; i < steps.size(); ++i) {
      const size_t step = IsReverse(node_, direction_) ? steps.size() - 1 - i : i;
      const ValueId gates = maker_.Reshape(steps[step], {s_.batch, rows});
      if (node_.op == OpKind::kLstm) {
        StepLstm(gates);
      } else if (node_.op == OpKind::kGru) {
        StepGru(gates);
      } else {
        hidden_ = Activate(0, Plus(gates, StateProduct(hidden_, recurrent_)));
      }
      states[step] = hidden_;
    }
    maker_.SetPart("");
    return states;
  }

  ValueId hidden() const { return hidden_; }
  ValueId cell() const { return cell_; }

 private:
  ValueId Add(ValueId a, ValueId b) { return maker_.Make(OpKind::kAdd, {a, b}); }
  ValueId Mul(ValueId a, ValueId b) { return maker_.Make(OpKind::kMul, {a, b}); }
  // a + b, where either may be absent.
  ValueId Plus(ValueId a, ValueId b) {
    if (a == kNoValue || b == kNoValue) return a == kNoValue ? b : a;
    return Add(a, b);
  }
  ValueId Activate(size_t which, ValueId x) { return maker_.Make(activations_[which], {x}); }
  // What this direction has of an input, under `shape`.
  ValueId Own(size_t input, const Shape& shape) {
    if (node_.Input(input) == kNoValue) return kNoValue;
    const bool state = input == kInitialHidden || input == kInitialCell;
    const int64_t axis = state && s_.batch_first ? 1 : 0;
    const std::vector<int64_t> ones(static_cast<size_t>(s_.directions), 1);
    const auto parts = maker_.MakeSplit(node_.inputs[input], axis, ones);
    return maker_.Reshape(parts[static_cast<size_t>(direction_)], shape);
  }
  ValueId StateProduct(ValueId state, ValueId weights) {
    return state == kNoValue ? kNoValue : maker_.Make(OpKind::kMatMul, {state, weights});
  }
  ValueId WithPeephole(ValueId gate, size_t which, ValueId cell) {
    if (peepholes_.empty() || cell == kNoValue) return gate;
    return Add(gate, Mul(cell, peepholes_[which]));
  }

  void StepLstm(ValueId gates) {
    const int64_t h = s_.hidden;
    const ValueId sum = Plus(gates, StateProduct(hidden_, recurrent_));
    ValueId i, o, f, c;
    if (peepholes_.empty()) {
      const auto parts = maker_.MakeSplit(sum, 1, {3 * h, h});
      const auto opened = maker_.MakeSplit(Activate(0, parts[0]), 1, {h, h, h});
      i = opened[0], o = opened[1], f = opened[2], c = parts[1];
    } else {
      const auto parts = maker_.MakeSplit(sum, 1, {h, h, h, h});
      i = Activate(0, WithPeephole(parts[0], 0, cell_));
      f = Activate(0, WithPeephole(parts[2], 2, cell_));
      o = parts[1], c = parts[3];
    }
    const ValueId entering = Mul(i, Activate(1, c));
    cell_ = cell_ == kNoValue ? entering : Add(Mul(f, cell_), entering);
    if (!peepholes_.empty()) o = Activate(0, WithPeephole(o, 1, cell_));
    hidden_ = Mul(o, Activate(2, cell_));
  }

  void StepGru(ValueId gates) {
    const int64_t h = s_.hidden;
    const auto input = maker_.MakeSplit(gates, 1, {2 * h, h});
    ValueId open = input[0], candidate = input[1], recurrent = kNoValue;
    if (candidate_ != kNoValue) {
      open = Plus(open, StateProduct(hidden_, recurrent_));
    } else {
      const ValueId product = Plus(StateProduct(hidden_, recurrent_), recurrent_bias_);
      if (product != kNoValue) {
        const int64_t axis = std::ssize(maker_.ShapeOf(product)) - 1;
        const auto parts = maker_.MakeSplit(product, axis, {2 * h, h});
        open = Add(open, parts[0]);
        recurrent = parts[1];
      }
    }
    const auto opened = maker_.MakeSplit(Activate(0, open), 1, {h, h});
    const ValueId z = opened[0], r = opened[1];
    if (candidate_ != kNoValue && hidden_ != kNoValue)
      recurrent = StateProduct(Mul(r, hidden_), candidate_);
    else if (recurrent != kNoValue)
      recurrent = Mul(r, recurrent);
    const ValueId fresh = Activate(1, Plus(candidate, recurrent));
    // (1 - z) fresh + z hidden
    const ValueId change = hidden_ == kNoValue ? maker_.Make(OpKind::kNeg, {fresh})
                                               : maker_.Make(OpKind::kSub, {hidden_, fresh});
    hidden_ = Add(fresh, Mul(z, change));
  }

  const Node& node_;
  const RecurrentShape& s_;
  int64_t direction_;
  NodeMaker& maker_;
  std::vector<OpKind> activations_;
  ValueId recurrent_ = kNoValue, candidate_ = kNoValue;
  ValueId input_bias_ = kNoValue, recurrent_bias_ = kNoValue;
  std::vector<ValueId> peepholes_;
  ValueId hidden_ = kNoValue, cell_ = kNoValue;
};

class Unrolled {
 public:
  Unrolled(const Node& node, const RecurrentShape& shape, NodeMaker* maker)
      : node_(node), s_(shape), maker_(*maker) {}

  void Run() {
    const ValueId x = s_.batch_first ? maker_.Transpose(node_.inputs[kSequence], {1, 0, 2})
                                     : node_.inputs[kSequence];
    std::vector<std::vector<ValueId>> states;
    std::vector<ValueId> hidden, cells;
    for (int64_t d = 0; d < s_.directions; ++d) {
      Direction direction(node_, s_, d, &maker_);
      states.push_back(direction.Run(x));
      hidden.push_back(direction.hidden());
      cells.push_back(direction.cell());
    }
    std::vector<ValueId> sequence;
    for (size_t step = 0; step < static_cast<size_t>(s_.steps); ++step) {
      for (const std::vector<ValueId>& own : states) sequence.push_back(own[step]);
    }
    Finish(0, Stack(sequence, {s_.steps, s_.directions, s_.batch, s_.hidden}), {2, 0, 1, 3});
    Finish(1, Stack(hidden, {s_.directions, s_.batch, s_.hidden}), {1, 0, 2});
    if (node_.op == OpKind::kLstm)
      Finish(2, Stack(cells, {s_.directions, s_.batch, s_.hidden}), {1, 0, 2});
  }

 private:
  ValueId Stack(const std::vector<ValueId>& states, const Shape& shape) {
    std::vector<ValueId> parts;
    for (const ValueId state : states)
      parts.push_back(maker_.Reshape(state, {1, s_.batch, s_.hidden}));
    return maker_.Reshape(maker_.Make(OpKind::kConcat, parts, {{"axis", int64_t{0}}}), shape);
  }
  void Finish(size_t output, ValueId made, const std::vector<int64_t>& batch_first) {
    if (output >= node_.outputs.size() || node_.outputs[output] == kNoValue) return;
    maker_.Finish(s_.batch_first ? maker_.Transpose(made, batch_first) : made,
                  node_.outputs[output]);
  }

  const Node& node_;
  const RecurrentShape& s_;
  NodeMaker& maker_;
};

}  // namespace

size_t UnrollRecurrent(Graph& graph) {
  return ReplaceNodes(graph, [&graph](const Node& node, NodeMaker* maker) {
    if (node.op != OpKind::kRnn && node.op != OpKind::kGru && node.op != OpKind::kLstm)
      return false;
    const RecurrentShape shape =
        ShapeOfRecurrent(node, graph.value(node.inputs[kSequence]).shape,
                         graph.value(node.inputs[kRecurrentWeights]).shape);
    if (shape.steps == 0 || shape.batch == 0 || shape.input == 0) return false;
    if (shape.steps * shape.directions > kMaxSteps) return false;
    Unrolled(node, shape, maker).Run();
    return true;
  });
}

}  // namespace penumbra::model
