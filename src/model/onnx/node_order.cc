#include "model/onnx/node_order.h"

#include <functional>
#include <map>
#include <queue>
#include <set>

#include "model/error.h"

namespace penumbra::model {
namespace {

// Names a node reads, those its subgraphs take from outside included.
void CollectReads(const NodeList& nodes, std::set<std::string>* out_reads) {
  for (const auto& node : nodes) {
    out_reads->insert(node.input().begin(), node.input().end());
    for (const auto& attribute : node.attribute()) CollectReads(attribute.g().node(), out_reads);
  }
}

std::set<std::string> ReadsOf(const onnx::NodeProto& node,
                              const std::map<std::string, int>& producers) {
  std::set<std::string> reads(node.input().begin(), node.input().end());
  reads.erase("");
  // A subgraph mixes its own names with outer ones; only the outer ones order this graph.
  std::set<std::string> inner;
  for (const auto& attribute : node.attribute()) {
    CollectReads(attribute.g().node(), &inner);
    for (const auto& output : attribute.g().output()) inner.insert(output.name());
  }
  for (const std::string& name : inner) {
    if (producers.contains(name)) reads.insert(name);
  }
  return reads;
}

}  // namespace

std::string NodeLabel(const onnx::NodeProto& node) {
  if (!node.name().empty()) return node.name();
  return node.output_size() > 0 ? node.output(0) : "";
}

std::vector<int> OrderNodes(const NodeList& nodes,
                            const std::function<bool(const std::string&)>& is_known) {
  std::map<std::string, int> producers;
  for (int i = 0; i < nodes.size(); ++i) {
    for (const std::string& name : nodes[i].output()) {
      if (name.empty()) continue;
      if (is_known(name) || !producers.emplace(name, i).second) {
        throw ModelError(Status::kMalformed, "value '" + name + "' is defined twice",
                         {.node = NodeLabel(nodes[i]), .op = nodes[i].op_type()});
      }
    }
  }
  std::vector<int> missing(nodes.size(), 0);
  std::vector<std::vector<int>> readers(nodes.size());
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (int i = 0; i < nodes.size(); ++i) {
    for (const std::string& name : ReadsOf(nodes[i], producers)) {
      if (const auto found = producers.find(name); found != producers.end()) {
        readers[found->second].push_back(i);
        ++missing[i];
      } else if (!is_known(name)) {
        throw ModelError(Status::kMalformed, "value '" + name + "' is read but nothing defines it",
                         {.node = NodeLabel(nodes[i]), .op = nodes[i].op_type()},
                         "an initialiser may have been lost when the model was exported");
      }
    }
    if (missing[i] == 0) ready.push(i);
  }
  std::vector<int> order;
  while (!ready.empty()) {
    const int next = ready.top();
    ready.pop();
    order.push_back(next);
    for (int reader : readers[next]) {
      if (--missing[reader] == 0) ready.push(reader);
    }
  }
  for (int i = 0; i < nodes.size(); ++i) {
    if (missing[i] == 0) continue;
    throw ModelError(Status::kMalformed, "the nodes form a cycle",
                     {.node = NodeLabel(nodes[i]), .op = nodes[i].op_type()});
  }
  return order;
}

}  // namespace penumbra::model
