// Loop: the body once for every trip, while the trip count and the condition are constants.
#include <limits>
#include <utility>

#include "model/onnx/graph_builder.h"
#include "model/passes/passes.h"

namespace penumbra::model {
namespace {

// Inputs of a body: trip number and condition, then what is carried. Outputs: condition, carried,
// scanned.
constexpr int kBodyInputs = 2;

void CheckBody(const onnx::NodeProto& node, const onnx::GraphProto& body, int carried) {
  if (node.input_size() < kBodyInputs || body.input_size() != kBodyInputs + carried ||
      body.output_size() < 1 + carried || node.output_size() > body.output_size() - 1) {
    throw ModelError(Status::kMalformed, "the body of the loop has another number of values");
  }
}

}  // namespace

int64_t GraphBuilder::TripCount(ValueId id) const {
  if (id == kNoValue) return std::numeric_limits<int64_t>::max();
  const Tensor* count = graph_.value(id).constant.get();
  if (count == nullptr || count->type() != DataType::kInt64 || count->count() != 1)
    throw ModelError(Status::kUnsupported, "the trip count is not one constant", {}, kFixInputHint);
  return count->Data<int64_t>()[0];
}

bool GraphBuilder::ConstantCondition(ValueId id) const {
  if (id == kNoValue) return true;
  const Tensor* condition = graph_.value(id).constant.get();
  if (condition == nullptr || condition->type() != DataType::kBool || condition->count() != 1)
    throw ModelError(Status::kUnsupported, "the condition is not one constant", {}, kFixInputHint);
  return condition->Data<bool>()[0];
}

ValueId GraphBuilder::AddMade(Node node, const std::string& label) {
  const ValueId made = graph_.AddValue(label, DataType::kUndefined, {});
  node.name = label;
  node.outputs = {made};
  InferNode(graph_, node);
  if (!FoldNode(graph_, node)) graph_.AddNode(std::move(node));
  return made;
}

ValueId GraphBuilder::StackScans(const std::vector<ValueId>& scanned, const std::string& label) {
  if (scanned.empty()) throw ModelError(Status::kUnsupported, "a loop that collects nothing");
  Node concat{.op = OpKind::kConcat, .attributes = {{"axis", int64_t{0}}}};
  for (size_t trip = 0; trip < scanned.size(); ++trip) {
    const ValueId id = scanned[trip];
    if (lost_.contains(id)) return id;
    Shape shape = graph_.value(id).shape;
    shape.insert(shape.begin(), 1);
    concat.inputs.push_back(
        AddMade({.op = OpKind::kReshape, .inputs = {id}, .attributes = {{"shape", shape}}},
                label + "/" + std::to_string(trip)));
  }
  return AddMade(std::move(concat), label);
}

// One trip: `state` is what the body carries, replaced by its results; one value is appended to
// every list of `scans`. Returns the condition of the next trip.
bool GraphBuilder::RunTrip(const onnx::GraphProto& body, int64_t trip, Scope* inner,
                           std::vector<ValueId>* state, std::vector<std::vector<ValueId>>* scans) {
  const auto bind = [&](int input, ValueId id) { inner->names[body.input(input).name()] = id; };
  bind(0, graph_.AddConstant(inner->prefix + "trip", Tensor::Scalar<int64_t>(trip)));
  bind(1, graph_.AddConstant(inner->prefix + "condition", Tensor::Scalar<bool>(true)));
  const auto carried = static_cast<int>(state->size());
  for (int i = 0; i < carried; ++i) bind(kBodyInputs + i, (*state)[static_cast<size_t>(i)]);
  AddBody(body.node(), inner);
  std::vector<ValueId> results;
  for (const auto& output : body.output()) {
    results.push_back(inner->Find(output.name()));
    if (results.back() == kNoValue)
      throw ModelError(Status::kMalformed, "an output of the body is computed by no node");
  }
  state->assign(results.begin() + 1, results.begin() + 1 + carried);
  for (size_t i = 0; i < scans->size(); ++i)
    (*scans)[i].push_back(results[static_cast<size_t>(1 + carried) + i]);
  return lost_.contains(results[0]) ? false : ConstantCondition(results[0]);
}

void GraphBuilder::InlineLoop(const onnx::NodeProto& node, Scope* scope) {
  const auto* attribute = FindAttribute(node, "body");
  if (attribute == nullptr) throw ModelError(Status::kMalformed, "the loop has no body");
  const onnx::GraphProto& body = attribute->g();
  const int carried = node.input_size() - kBodyInputs;
  CheckBody(node, body, carried);
  const std::string label = scope->prefix + NodeLabel(node);
  const int64_t trips = TripCount(scope->Find(node.input(0)));
  bool running = ConstantCondition(scope->Find(node.input(1)));
  std::vector<ValueId> state;
  for (int i = 0; i < carried; ++i) state.push_back(scope->Find(node.input(kBodyInputs + i)));
  std::vector<std::vector<ValueId>> scans(static_cast<size_t>(body.output_size() - 1 - carried));
  Scope shared{.outer = scope,
               .prefix = label + "/",
               .opset = scope->opset,
               .depth = scope->depth + 1,
               .call = scope->call};
  AddInitializers(body, &shared);
  for (int64_t trip = 0; running && trip < trips; ++trip) {
    CountNode(shared);
    Scope inner{.outer = &shared,
                .prefix = label + "/" + std::to_string(trip) + "/",
                .opset = scope->opset,
                .depth = scope->depth + 1,
                .call = scope->call};
    running = RunTrip(body, trip, &inner, &state, &scans);
  }
  for (int i = 0; i < node.output_size(); ++i) {
    if (node.output(i).empty()) continue;
    const auto at = static_cast<size_t>(i);
    const ValueId result =
        at < state.size() ? state[at] : StackScans(scans[at - state.size()], label);
    if (result == kNoValue) throw ModelError(Status::kMalformed, "the loop carries nothing there");
    Alias(result, scope->names.at(node.output(i)), NodeLabel(node));
  }
}

}  // namespace penumbra::model
