// Passes: each rewrites a graph without changing what it computes, and leaves it valid with all
// shapes known.
#ifndef PENUMBRA_MODEL_PASSES_PASSES_H_
#define PENUMBRA_MODEL_PASSES_PASSES_H_

#include <cstddef>
#include <string>
#include <vector>

#include "model/graph.h"

namespace penumbra::model {

// Runs the shape rule of one node (see OpInfo::infer). Throws ModelError naming the node.
void InferNode(Graph& graph, Node& node);
// All nodes in order. Idempotent.
void InferShapes(Graph& graph);

// If all outputs follow from constants, makes them constants and returns true; the node is then
// unused.
bool FoldNode(Graph& graph, const Node& node);
// The functions below return how many nodes they removed or changed.
size_t FoldConstants(Graph& graph);

// Identity, data movement that moves nothing (Reshape, Transpose, Slice, Pad, ... onto the same),
// and the first of two Reshapes in a row.
size_t RemoveIdentities(Graph& graph);
// BatchNormalization with constant parameters into a Mul and an Add per channel.
size_t DecomposeBatchNorm(Graph& graph);
// Per-channel constants added to, subtracted from or multiplied with the result of a Conv,
// ConvTranspose or Gemm into its weights and bias. After DecomposeBatchNorm this folds batch
// normalisation.
size_t FoldAffine(Graph& graph);
// Constant Pad of spatial axes into a following Conv, AveragePool or MaxPool, where exact.
size_t FoldPad(Graph& graph);
// ReduceMean and ReduceMax over exactly the spatial axes into global pools.
size_t ReplaceGlobalReductions(Graph& graph);
// (x - mean) / sqrt(variance + epsilon) over the last axes into LayerNormalization without scale
// and shift.
size_t RecogniseLayerNorm(Graph& graph);
// relu(x) + slope * -relu(-x) with a constant slope, as TensorFlow exports it, into PRelu.
size_t RecognisePRelu(Graph& graph);
// Scale and shift of LayerNormalization into Mul and Add.
size_t SplitLayerNorm(Graph& graph);
size_t DecomposeGelu(Graph& graph);
// Einsum of one or two inputs into Transpose, Reshape, ReduceSum and MatMul; diagonals stay.
size_t DecomposeEinsum(Graph& graph);
// RNN, GRU and LSTM into one MatMul for the inputs of all steps and one per step for the state.
size_t UnrollRecurrent(Graph& graph);

// All of them until nothing changes, then Graph::RemoveDead and Graph::Validate.
void Normalize(Graph& graph);

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_PASSES_PASSES_H_
