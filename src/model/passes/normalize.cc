#include "model/passes/passes.h"

namespace penumbra::model {

void Normalize(Graph& graph) {
  size_t changed = 1;
  while (changed > 0) {
    changed = RecogniseLayerNorm(graph) + SplitLayerNorm(graph) + DecomposeGelu(graph) +
              DecomposeEinsum(graph) + UnrollRecurrent(graph) + RecognisePRelu(graph);
    changed += FoldConstants(graph) + RemoveIdentities(graph) + ReplaceGlobalReductions(graph) +
               DecomposeBatchNorm(graph) + FoldAffine(graph) + FoldPad(graph);
    graph.RemoveDead();
  }
  graph.Validate();
}

}  // namespace penumbra::model
