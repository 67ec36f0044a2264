// RNN, GRU and LSTM.
#include "model/ops/recurrent.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "model/ops/matrix.h"
#include "model/ops/ops.h"

namespace penumbra::model {
namespace {

std::vector<std::string> DefaultActivations(OpKind op) {
  if (op == OpKind::kLstm) return {"Sigmoid", "Tanh", "Tanh"};
  if (op == OpKind::kGru) return {"Sigmoid", "Tanh"};
  return {"Tanh"};
}

bool IsKnownActivation(const std::string& name) {
  return name == "Sigmoid" || name == "Tanh" || name == "Relu";
}

using Activation = float (*)(float);

Activation ActivationNamed(const std::string& name) {
  if (name == "Sigmoid") return [](float x) { return 1.0f / (1.0f + std::exp(-x)); };
  if (name == "Relu") return [](float x) { return std::max(x, 0.0f); };
  return [](float x) { return std::tanh(x); };
}

void InferActivations(InferContext& ctx, int64_t directions) {
  Node& node = ctx.node();
  const std::vector<std::string> own = DefaultActivations(node.op);
  std::vector<std::string> names;
  if (const auto found = node.attributes.find("activations"); found != node.attributes.end()) {
    const auto* given = std::get_if<std::vector<std::string>>(&found->second);
    ctx.Require(given != nullptr, "attribute 'activations' is not a list of names");
    names = *given;
  }
  if (names.empty()) {
    for (int64_t d = 0; d < directions; ++d) names.insert(names.end(), own.begin(), own.end());
  }
  ctx.Require(names.size() == own.size() * static_cast<size_t>(directions),
              "attribute 'activations' has the wrong length");
  for (const std::string& name : names) {
    if (!IsKnownActivation(name)) ctx.Unsupported("activation '" + name + "'");
  }
  node.attributes["activations"] = names;
}

void RefuseRareAttributes(InferContext& ctx) {
  const Node& node = ctx.node();
  for (const char* key : {"clip", "activation_alpha", "activation_beta"}) {
    if (node.Has(key)) ctx.Unsupported("attribute '" + std::string(key) + "'");
  }
  if (node.GetInt("input_forget") != 0) ctx.Unsupported("attribute 'input_forget'");
}

// Sequences that all have the full length need no list of lengths.
void DropSequenceLengths(InferContext& ctx, int64_t steps) {
  if (!ctx.HasInput(kSequenceLengths)) return;
  const std::vector<int64_t> lengths = *ctx.IntParameter(kSequenceLengths);
  if (!std::ranges::all_of(lengths, [steps](int64_t length) { return length == steps; }))
    ctx.Unsupported("sequences of different lengths");
  ctx.node().inputs[kSequenceLengths] = kNoValue;
}

void RequireShape(InferContext& ctx, size_t input, const Shape& shape) {
  ctx.Require(!ctx.HasInput(input) || ctx.InputShape(input) == shape,
              "input " + std::to_string(input) + " has not the shape " + ShapeText(shape));
}

void CheckInputs(InferContext& ctx, const RecurrentShape& s) {
  const int64_t rows = s.gates * s.hidden;
  const Shape state = s.batch_first ? Shape{s.batch, s.directions, s.hidden}
                                    : Shape{s.directions, s.batch, s.hidden};
  ctx.Require(s.hidden > 0, "the state has no elements");
  RequireShape(ctx, kInputWeights, {s.directions, rows, s.input});
  RequireShape(ctx, kRecurrentWeights, {s.directions, rows, s.hidden});
  RequireShape(ctx, kBias, {s.directions, 2 * rows});
  RequireShape(ctx, kInitialHidden, state);
  RequireShape(ctx, kInitialCell, state);
  RequireShape(ctx, kPeepholes, {s.directions, 3 * s.hidden});
  for (size_t i = 0; i < ctx.input_count(); ++i) {
    if (ctx.HasInput(i) && ctx.InputType(i) != DataType::kFloat32)
      ctx.Unsupported("elements that are not float");
  }
}

// One direction of one operator while it runs. States and gates are [batch][..].
class Cell {
 public:
  Cell(KernelContext& ctx, const RecurrentShape& shape, int64_t direction)
      : ctx_(ctx), s_(shape), direction_(direction), rows_(shape.gates * shape.hidden) {
    for (const std::string& name : ActivationsOf(ctx.node, direction))
      activations_.push_back(ActivationNamed(name));
    hidden_ = InitialState(kInitialHidden);
    cell_ = InitialState(kInitialCell);
  }

  void Run() {
    for (int64_t i = 0; i < s_.steps; ++i) {
      const int64_t step = IsReverse(ctx_.node, direction_) ? s_.steps - 1 - i : i;
      const std::vector<float> x = TakeStep(step);
      input_ = Gates(kInputWeights, x, s_.input, 0);
      if (ctx_.node.op == OpKind::kLstm) {
        StepLstm();
      } else if (ctx_.node.op == OpKind::kGru) {
        StepGru();
      } else {
        StepRnn();
      }
      for (int64_t b = 0; b < s_.batch; ++b) Store(0, SequenceOffset(step, b), hidden_, b);
    }
    for (int64_t b = 0; b < s_.batch; ++b) {
      Store(1, StateOffset(b), hidden_, b);
      if (ctx_.node.op == OpKind::kLstm) Store(2, StateOffset(b), cell_, b);
    }
  }

 private:
  int64_t SequenceOffset(int64_t step, int64_t b) const {
    const int64_t at = s_.batch_first ? (b * s_.steps + step) * s_.directions + direction_
                                      : (step * s_.directions + direction_) * s_.batch + b;
    return at * s_.hidden;
  }
  int64_t StateOffset(int64_t b) const {
    return (s_.batch_first ? b * s_.directions + direction_ : direction_ * s_.batch + b) *
           s_.hidden;
  }
  void Store(size_t output, int64_t offset, const std::vector<float>& state, int64_t b) {
    if (output >= ctx_.outputs.size() || ctx_.outputs[output].count() == 0) return;
    std::copy_n(state.begin() + b * s_.hidden, s_.hidden,
                ctx_.outputs[output].Floats().begin() + offset);
  }
  std::vector<float> InitialState(size_t input) const {
    std::vector<float> state(static_cast<size_t>(s_.batch * s_.hidden), 0.0f);
    for (int64_t b = 0; ctx_.Has(input) && b < s_.batch; ++b) {
      std::copy_n(ctx_.In(input).Floats().begin() + StateOffset(b), s_.hidden,
                  state.begin() + b * s_.hidden);
    }
    return state;
  }
  std::vector<float> TakeStep(int64_t step) const {
    std::vector<float> x(static_cast<size_t>(s_.batch * s_.input));
    for (int64_t b = 0; b < s_.batch; ++b) {
      const int64_t row = s_.batch_first ? b * s_.steps + step : step * s_.batch + b;
      std::copy_n(ctx_.In(kSequence).Floats().begin() + row * s_.input, s_.input,
                  x.begin() + b * s_.input);
    }
    return x;
  }
  // x times a weight matrix, plus its half of the bias.
  std::vector<float> Gates(size_t weights, const std::vector<float>& x, int64_t width,
                           int64_t bias_half) const {
    std::vector<float> gates(static_cast<size_t>(s_.batch * rows_), 0.0f);
    if (ctx_.Has(kBias)) {
      const auto bias = ctx_.In(kBias).Floats().begin() + (2 * direction_ + bias_half) * rows_;
      for (int64_t b = 0; b < s_.batch; ++b) std::copy_n(bias, rows_, gates.begin() + b * rows_);
    }
    MultiplyAdd({.rows = s_.batch, .inner = width, .columns = rows_, .b_transposed = true},
                x.data(), ctx_.In(weights).Floats().data() + direction_ * rows_ * width,
                gates.data());
    return gates;
  }
  float& At(std::vector<float>& gates, int64_t b, int64_t gate, int64_t j) const {
    return gates[static_cast<size_t>(b * rows_ + gate * s_.hidden + j)];
  }
  float Peephole(int64_t gate, int64_t j) const {
    if (!ctx_.Has(kPeepholes)) return 0.0f;
    const int64_t at = (direction_ * 3 + gate) * s_.hidden + j;
    return ctx_.In(kPeepholes).Floats()[static_cast<size_t>(at)];
  }
  void ForEachUnit(const std::function<void(int64_t b, int64_t j, size_t unit)>& body) const {
    for (int64_t b = 0; b < s_.batch; ++b) {
      for (int64_t j = 0; j < s_.hidden; ++j) body(b, j, static_cast<size_t>(b * s_.hidden + j));
    }
  }

  void StepRnn() {
    std::vector<float> recurrent = Gates(kRecurrentWeights, hidden_, s_.hidden, 1);
    ForEachUnit([&](int64_t b, int64_t j, size_t unit) {
      hidden_[unit] = activations_[0](At(input_, b, 0, j) + At(recurrent, b, 0, j));
    });
  }

  void StepGru() {
    std::vector<float> recurrent = Gates(kRecurrentWeights, hidden_, s_.hidden, 1);
    const bool linear_first = ctx_.node.GetInt("linear_before_reset") != 0;
    const auto gate = [&](int64_t b, int64_t which, int64_t j) {
      return activations_[0](At(input_, b, which, j) + At(recurrent, b, which, j));
    };
    if (!linear_first) {
      std::vector<float> reset = hidden_;
      ForEachUnit([&](int64_t b, int64_t j, size_t unit) { reset[unit] *= gate(b, 1, j); });
      std::vector<float> candidate = Gates(kRecurrentWeights, reset, s_.hidden, 1);
      ForEachUnit(
          [&](int64_t b, int64_t j, size_t) { At(recurrent, b, 2, j) = At(candidate, b, 2, j); });
    }
    ForEachUnit([&](int64_t b, int64_t j, size_t unit) {
      const float factor = linear_first ? gate(b, 1, j) : 1.0f;
      const float h = activations_[1](At(input_, b, 2, j) + factor * At(recurrent, b, 2, j));
      const float z = gate(b, 0, j);
      hidden_[unit] = (1.0f - z) * h + z * hidden_[unit];
    });
  }

  void StepLstm() {
    std::vector<float> recurrent = Gates(kRecurrentWeights, hidden_, s_.hidden, 1);
    const auto sum = [&](int64_t b, int64_t gate, int64_t j) {
      return At(input_, b, gate, j) + At(recurrent, b, gate, j);
    };
    ForEachUnit([&](int64_t b, int64_t j, size_t unit) {
      float& c = cell_[unit];
      const float i = activations_[0](sum(b, 0, j) + Peephole(0, j) * c);
      const float f = activations_[0](sum(b, 2, j) + Peephole(2, j) * c);
      c = f * c + i * activations_[1](sum(b, 3, j));
      const float o = activations_[0](sum(b, 1, j) + Peephole(1, j) * c);
      hidden_[unit] = o * activations_[2](c);
    });
  }

  KernelContext& ctx_;
  const RecurrentShape& s_;
  int64_t direction_, rows_;
  std::vector<Activation> activations_;
  std::vector<float> hidden_, cell_, input_;
};

}  // namespace

int64_t GateCount(OpKind op) { return op == OpKind::kLstm ? 4 : op == OpKind::kGru ? 3 : 1; }

RecurrentShape ShapeOfRecurrent(const Node& node, const Shape& x, const Shape& r) {
  const bool batch_first = node.GetInt("layout") != 0;
  return {.steps = x.at(batch_first ? 1 : 0),
          .batch = x.at(batch_first ? 0 : 1),
          .input = x.at(2),
          .hidden = r.at(2),
          .directions = r.at(0),
          .gates = GateCount(node.op),
          .batch_first = batch_first};
}

bool IsReverse(const Node& node, int64_t direction) {
  return direction == 1 || node.GetString("direction") == "reverse";
}

std::vector<std::string> ActivationsOf(const Node& node, int64_t direction) {
  const auto all = std::get<std::vector<std::string>>(node.attributes.at("activations"));
  const auto each = static_cast<int64_t>(DefaultActivations(node.op).size());
  return {all.begin() + direction * each, all.begin() + (direction + 1) * each};
}

void InferRecurrent(InferContext& ctx) {
  Node& node = ctx.node();
  RefuseRareAttributes(ctx);
  ctx.Require(ctx.InputRank(kSequence) == 3 && ctx.InputRank(kInputWeights) == 3 &&
                  ctx.InputRank(kRecurrentWeights) == 3,
              "X, W or R has not three axes");
  const std::string direction = node.GetString("direction", "forward");
  ctx.Require(direction == "forward" || direction == "reverse" || direction == "bidirectional",
              "attribute 'direction' is '" + direction + "'");
  node.attributes["direction"] = direction;
  node.attributes["layout"] = int64_t{node.GetInt("layout") != 0};
  node.attributes["linear_before_reset"] = int64_t{node.GetInt("linear_before_reset") != 0};
  const RecurrentShape s =
      ShapeOfRecurrent(node, ctx.InputShape(kSequence), ctx.InputShape(kRecurrentWeights));
  ctx.Require(s.directions == (direction == "bidirectional" ? 2 : 1),
              "W and R do not have the directions of attribute 'direction'");
  ctx.Require(node.GetInt("hidden_size", s.hidden) == s.hidden,
              "R does not have the size of attribute 'hidden_size'");
  node.attributes["hidden_size"] = s.hidden;
  InferActivations(ctx, s.directions);
  DropSequenceLengths(ctx, s.steps);
  CheckInputs(ctx, s);
  ctx.SetOutput(0, DataType::kFloat32,
                s.batch_first ? Shape{s.batch, s.steps, s.directions, s.hidden}
                              : Shape{s.steps, s.directions, s.batch, s.hidden});
  for (size_t i = 1; i < (node.op == OpKind::kLstm ? 3u : 2u); ++i) {
    ctx.SetOutput(i, DataType::kFloat32,
                  s.batch_first ? Shape{s.batch, s.directions, s.hidden}
                                : Shape{s.directions, s.batch, s.hidden});
  }
}

void RunRecurrent(KernelContext& ctx) {
  const RecurrentShape s =
      ShapeOfRecurrent(ctx.node, ctx.In(kSequence).shape(), ctx.In(kRecurrentWeights).shape());
  for (int64_t d = 0; d < s.directions; ++d) Cell(ctx, s, d).Run();
}

}  // namespace penumbra::model
