// Lowering of single nodes, one function per family of operators. Each reads the views of its
// inputs, appends lowered operators and defines the views of its outputs. Errors:
// model::ModelError.
#ifndef PENUMBRA_PROTECT_LOWER_NODE_LOWERING_H_
#define PENUMBRA_PROTECT_LOWER_NODE_LOWERING_H_

#include <string>
#include <vector>

#include "model/graph.h"
#include "protect/lower/builder.h"

namespace penumbra::protect {

struct NodeLowering {
  Builder& builder;
  const model::Node& node;

  model::ValueId in(size_t i) const { return node.inputs.at(i); }
  model::ValueId out(size_t i = 0) const { return node.outputs.at(i); }
  Dims InDims(size_t i) const { return LogicalDims(builder.model().value(in(i)).shape); }
  Dims OutDims(size_t i = 0) const { return LogicalDims(builder.model().value(out(i)).shape); }
  const std::vector<float>* Constant(size_t i) const { return builder.ConstantOf(in(i)); }
  model::DataType InType(size_t i) const { return builder.model().value(in(i)).type; }
  // The view of an input; of input i in the order `perm`.
  View Any(size_t i) const { return builder.Any(in(i)); }
  View In(size_t i, const Perm& perm) const { return builder.In(in(i), perm); }
  void Define(const View& view, size_t i = 0) const { builder.Define(out(i), view); }
  // A tensor that holds output i; define it with the same perm.
  TensorId NewOutput(const Perm& perm, size_t i = 0) const {
    return builder.AddTensorFor(out(i), perm);
  }
  [[noreturn]] void Unsupported(const std::string& reason, const std::string& hint = "") const;
};

// Null when no lowered operator can express the node.
using LowerFn = void(const NodeLowering&);
LowerFn* FindLowering(model::OpKind op);

void LowerConv(const NodeLowering& n);
void LowerConvTranspose(const NodeLowering& n);
void LowerGemm(const NodeLowering& n);
void LowerMatMul(const NodeLowering& n);
void LowerBatchNormalization(const NodeLowering& n);
void LowerUnary(const NodeLowering& n);
void LowerClip(const NodeLowering& n);
void LowerBinary(const NodeLowering& n);
void LowerComparison(const NodeLowering& n);
void LowerLogical(const NodeLowering& n);
void LowerWhere(const NodeLowering& n);
void LowerCast(const NodeLowering& n);
void LowerIdentity(const NodeLowering& n);
void LowerPool(const NodeLowering& n);
void LowerReduce(const NodeLowering& n);
void LowerSoftmax(const NodeLowering& n);
void LowerLayerNormalization(const NodeLowering& n);
void LowerArgMax(const NodeLowering& n);
void LowerConcat(const NodeLowering& n);
void LowerSplit(const NodeLowering& n);
void LowerSlice(const NodeLowering& n);
void LowerReshape(const NodeLowering& n);
void LowerTranspose(const NodeLowering& n);
void LowerPad(const NodeLowering& n);
void LowerGather(const NodeLowering& n);
void LowerExpand(const NodeLowering& n);
void LowerTile(const NodeLowering& n);
void LowerDepthToSpace(const NodeLowering& n);
void LowerSpaceToDepth(const NodeLowering& n);
void LowerResize(const NodeLowering& n);

// --- Parts that several families share ---

// Extents to which both broadcast.
Dims BroadcastDims(Dims a, Dims b);

// y = fn(x, operand) for operands that broadcast to x, each in its cheapest form.
View EmitUnary(Builder& b, PassFn fn, const View& x, float parameter_a = 0, float parameter_b = 0);
View EmitScalar(Builder& b, PassFn fn, const View& x, float operand);
View EmitWithConstant(Builder& b, PassFn fn, const View& x, const std::vector<float>& constant,
                      const Dims& constant_dims);
View EmitWithTensor(Builder& b, PassFn fn, const View& x, const View& operand);
PassFn Reversed(PassFn fn);  // fn with its operands exchanged

// 1 where x is not zero, else 0.
View EmitIsNotZero(Builder& b, const View& x);

// [n][c]... as one sample of n * c channels, for operators that treat every channel alike.
Dims FoldBatch(Dims dims);
View FoldedInput(const NodeLowering& n, const Perm& perm);  // input 0 so, in the order `perm`

// A window over an image: canonical attributes of a Conv or pooling node, channel counts left to
// the caller. One spatial axis lies along in_h, so that rows can be tiled; in_w is then 1.
ConvGeometry WindowGeometry(const model::Node& node, const Dims& in, const Dims& out);

// A linear layer over `x`, whose last physical axis holds the channels; weights OHWI. Filters that
// are too long for one layer are split by input channels and the partial results added. `y`: the
// tensor to write, or kNone for one of the extents `out_logical` (order of x), which is also what a
// split layer makes.
View EmitLinear(Builder& b, const View& x, const ConvGeometry& geometry, std::vector<float> weights,
                std::vector<float> bias, const Dims& out_logical, TensorId y);
// Filters longer than this are split.
bool IsLongFilter(const ConvGeometry& geometry);

// Dense layer over logical axis `axis` of the input: weights [out_c][extent of axis].
View EmitDense(Builder& b, const View& x, uint32_t axis, std::vector<float> weights,
               std::vector<float> bias, model::ValueId value);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_LOWER_NODE_LOWERING_H_
