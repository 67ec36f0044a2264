// The float32 reference interpreter: the oracle that every other way of running a model is compared
// with.
#ifndef PENUMBRA_MODEL_INTERPRETER_H_
#define PENUMBRA_MODEL_INTERPRETER_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "model/graph.h"

namespace penumbra::model {

struct InterpreterOptions {
  int threads = 1;  // of the matrix product; process-wide while a run lasts
};

// Runs one node on given inputs (null for absent ones). Throws ModelError naming the node.
std::vector<Tensor> RunNode(const Graph& graph, const Node& node,
                            const std::vector<const Tensor*>& inputs);

// Several threads may run one interpreter at once.
class Interpreter {
 public:
  // Called for every graph input and every value a node produces, in execution order.
  using Observer = std::function<void(ValueId, const Tensor&)>;

  // `graph` outlives the interpreter and does not change.
  explicit Interpreter(const Graph& graph, InterpreterOptions options = {});

  // Names, types and shapes of `inputs` must be exactly those of the graph's inputs, otherwise
  // ModelError with kWrongName, kWrongType or kWrongShape. Returns the graph's outputs by name.
  // Intermediate tensors are freed after their last use.
  std::map<std::string, Tensor> Run(const std::map<std::string, Tensor>& inputs,
                                    const Observer& observer = nullptr) const;

 private:
  struct Frame;
  void BindInputs(const std::map<std::string, Tensor>& inputs, Frame* frame) const;
  void Step(NodeIndex index, Frame* frame) const;

  const Graph& graph_;
  InterpreterOptions options_;
  std::vector<NodeIndex>
      last_use_;  // per value: the node after which it is free; kNoNode: never read
};

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_INTERPRETER_H_
