#include "model/graph.h"

#include <algorithm>
#include <set>
#include <utility>

#include "model/error.h"

namespace penumbra::model {
namespace {

template <typename T>
T GetAttribute(const Node& node, const std::string& key, const T& fallback) {
  const auto found = node.attributes.find(key);
  if (found == node.attributes.end()) return fallback;
  if (const T* held = std::get_if<T>(&found->second)) return *held;
  throw ModelError(Status::kMalformed, "attribute '" + key + "' has an unexpected type",
                   {.node = node.name});
}

[[noreturn]] void Broken(const std::string& what) {
  throw ModelError(Status::kInternal, "graph invariant broken: " + what);
}

template <typename T>
void AddOnce(std::vector<T>* list, T item) {
  if (list->empty() || list->back() != item) list->push_back(item);
}

}  // namespace

int64_t Node::GetInt(const std::string& key, int64_t fallback) const {
  return GetAttribute<int64_t>(*this, key, fallback);
}

float Node::GetFloat(const std::string& key, float fallback) const {
  return GetAttribute<float>(*this, key, fallback);
}

std::string Node::GetString(const std::string& key, const std::string& fallback) const {
  return GetAttribute<std::string>(*this, key, fallback);
}

std::vector<int64_t> Node::GetInts(const std::string& key,
                                   const std::vector<int64_t>& fallback) const {
  return GetAttribute<std::vector<int64_t>>(*this, key, fallback);
}

std::vector<float> Node::GetFloats(const std::string& key,
                                   const std::vector<float>& fallback) const {
  return GetAttribute<std::vector<float>>(*this, key, fallback);
}

std::string Graph::UniqueName(const std::string& wanted) const {
  std::string candidate = wanted.empty() ? "value" : wanted;
  for (int suffix = 1; by_name_.contains(candidate); ++suffix) {
    candidate = wanted + "." + std::to_string(suffix);
  }
  return candidate;
}

ValueId Graph::AddValue(const std::string& value_name, DataType type, Shape shape) {
  const auto id = static_cast<ValueId>(values_.size());
  values_.push_back({UniqueName(value_name), type, std::move(shape), nullptr});
  by_name_[values_.back().name] = id;
  return id;
}

ValueId Graph::AddConstant(const std::string& value_name, Tensor tensor) {
  const ValueId id = AddValue(value_name, tensor.type(), tensor.shape());
  SetConstant(id, std::move(tensor));
  return id;
}

void Graph::SetConstant(ValueId id, Tensor tensor) {
  Value& v = value(id);
  v.type = tensor.type();
  v.shape = tensor.shape();
  v.constant = std::make_shared<const Tensor>(std::move(tensor));
}

ValueId Graph::FindValue(const std::string& value_name) const {
  const auto found = by_name_.find(value_name);
  return found == by_name_.end() ? kNoValue : found->second;
}

NodeIndex Graph::AddNode(Node node) {
  nodes_.push_back(std::move(node));
  return static_cast<NodeIndex>(nodes_.size()) - 1;
}

void Graph::InsertNode(NodeIndex before, Node node) {
  nodes_.insert(nodes_.begin() + before, std::move(node));
}

void Graph::RemoveNodes(const std::vector<bool>& removed) {
  std::vector<Node> kept;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (!removed.at(i)) kept.push_back(std::move(nodes_[i]));
  }
  nodes_ = std::move(kept);
}

NodeIndex Graph::Producer(ValueId id) const {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (std::ranges::count(nodes_[i].outputs, id) > 0) return static_cast<NodeIndex>(i);
  }
  return kNoNode;
}

std::vector<NodeIndex> Graph::Consumers(ValueId id) const {
  std::vector<NodeIndex> readers;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (std::ranges::count(nodes_[i].inputs, id) > 0) readers.push_back(static_cast<NodeIndex>(i));
  }
  return readers;
}

std::vector<NodeIndex> Graph::AllProducers() const {
  std::vector<NodeIndex> producers(values_.size(), kNoNode);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    for (ValueId id : nodes_[i].outputs) {
      if (id != kNoValue) producers.at(static_cast<size_t>(id)) = static_cast<NodeIndex>(i);
    }
  }
  return producers;
}

std::vector<std::vector<NodeIndex>> Graph::AllConsumers() const {
  std::vector<std::vector<NodeIndex>> consumers(values_.size());
  for (size_t i = 0; i < nodes_.size(); ++i) {
    for (ValueId id : nodes_[i].inputs) {
      if (id != kNoValue)
        AddOnce(&consumers.at(static_cast<size_t>(id)), static_cast<NodeIndex>(i));
    }
  }
  return consumers;
}

bool Graph::IsOutput(ValueId id) const { return std::ranges::count(outputs, id) > 0; }

bool Graph::CanReplace(ValueId from, ValueId to) const {
  if (!IsOutput(from)) return true;
  return !IsOutput(to) && !value(to).IsConstant() && std::ranges::count(inputs, to) == 0;
}

void Graph::ReplaceUses(ValueId from, ValueId to) {
  if (!CanReplace(from, to)) Broken("'" + value(to).name + "' cannot take the place of an output");
  for (Node& node : nodes_) std::ranges::replace(node.inputs, from, to);
  if (!IsOutput(from)) return;
  std::ranges::replace(outputs, from, to);
  std::swap(value(from).name, value(to).name);
  by_name_[value(from).name] = from;
  by_name_[value(to).name] = to;
}

size_t Graph::RemoveDead() {
  std::vector<bool> read(values_.size(), false);
  for (ValueId id : outputs) read.at(static_cast<size_t>(id)) = true;
  std::vector<bool> removed(nodes_.size(), false);
  size_t removed_count = 0;
  for (size_t i = nodes_.size(); i-- > 0;) {
    const bool live = std::ranges::any_of(nodes_[i].outputs, [&](ValueId id) {
      return id != kNoValue && read[static_cast<size_t>(id)];
    });
    removed[i] = !live;
    removed_count += removed[i];
    if (!live) continue;
    for (ValueId id : nodes_[i].inputs) {
      if (id != kNoValue) read.at(static_cast<size_t>(id)) = true;
    }
  }
  RemoveNodes(removed);
  for (size_t i = 0; i < values_.size(); ++i) {
    if (!read[i]) values_[i].constant.reset();
  }
  return removed_count;
}

void Graph::ValidateValues() const {
  for (const Value& v : values_) {
    if (v.name.empty()) Broken("a value has no name");
    if (!v.constant) continue;
    if (v.constant->type() != v.type || v.constant->shape() != v.shape) {
      Broken("constant '" + v.name + "' does not match its value");
    }
  }
}

void Graph::Validate() const {
  ValidateValues();
  std::vector<bool> known(values_.size(), false);
  const auto check_id = [this](ValueId id) {
    if (id < 0 || static_cast<size_t>(id) >= values_.size()) Broken("value id out of range");
  };
  for (size_t i = 0; i < values_.size(); ++i) known[i] = values_[i].IsConstant();
  for (ValueId id : inputs) {
    check_id(id);
    if (known[static_cast<size_t>(id)]) Broken("input '" + value(id).name + "' defined twice");
    known[static_cast<size_t>(id)] = true;
  }
  for (const Node& node : nodes_) {
    for (ValueId id : node.inputs) {
      if (id == kNoValue) continue;
      check_id(id);
      if (!known[static_cast<size_t>(id)])
        Broken("'" + value(id).name + "' read before it is computed");
    }
    for (ValueId id : node.outputs) {
      if (id == kNoValue) continue;
      check_id(id);
      const Value& v = value(id);
      if (known[static_cast<size_t>(id)]) Broken("'" + v.name + "' computed twice");
      if (v.type == DataType::kUndefined) Broken("'" + v.name + "' has no type");
      ElementCount(v.shape);
      known[static_cast<size_t>(id)] = true;
    }
  }
  for (ValueId id : outputs) {
    check_id(id);
    if (!known[static_cast<size_t>(id)])
      Broken("output '" + value(id).name + "' is never computed");
  }
}

}  // namespace penumbra::model
