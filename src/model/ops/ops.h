// Shape rules (Infer*) and kernels (Run*) of all operators, by the file that defines them. The
// contract of both is in model/op_table.h, which is also where operators and functions meet.
#ifndef PENUMBRA_MODEL_OPS_OPS_H_
#define PENUMBRA_MODEL_OPS_OPS_H_

#include "model/ops/context.h"

namespace penumbra::model {

// Constants may grow at import only up to this many elements (64 MiB of float32).
inline constexpr int64_t kMaxFoldedCount = int64_t{1} << 24;

// unary.cc
void InferSameAsInput(InferContext& ctx);
void InferFloatUnary(InferContext& ctx);
void InferLeakyRelu(InferContext& ctx);
void InferElu(InferContext& ctx);
void InferHardSigmoid(InferContext& ctx);
void InferClip(InferContext& ctx);
void InferNot(InferContext& ctx);
void InferCast(InferContext& ctx);
void InferDropout(InferContext& ctx);
void InferGelu(InferContext& ctx);
void RunRelu(KernelContext& ctx);
void RunLeakyRelu(KernelContext& ctx);
void RunClip(KernelContext& ctx);
void RunSigmoid(KernelContext& ctx);
void RunHardSigmoid(KernelContext& ctx);
void RunHardSwish(KernelContext& ctx);
void RunTanh(KernelContext& ctx);
void RunElu(KernelContext& ctx);
void RunSoftplus(KernelContext& ctx);
void RunExp(KernelContext& ctx);
void RunLog(KernelContext& ctx);
void RunSqrt(KernelContext& ctx);
void RunNeg(KernelContext& ctx);
void RunAbs(KernelContext& ctx);
void RunFloor(KernelContext& ctx);
void RunCeil(KernelContext& ctx);
void RunErf(KernelContext& ctx);
void RunGelu(KernelContext& ctx);
void RunReciprocal(KernelContext& ctx);
void RunNot(KernelContext& ctx);
void RunCast(KernelContext& ctx);
void RunCopy(KernelContext& ctx);

// binary.cc
void InferArithmetic(InferContext& ctx);
void InferPow(InferContext& ctx);
void InferComparison(InferContext& ctx);
void InferLogical(InferContext& ctx);
void InferPRelu(InferContext& ctx);
void InferWhere(InferContext& ctx);
void RunAdd(KernelContext& ctx);
void RunSub(KernelContext& ctx);
void RunMul(KernelContext& ctx);
void RunDiv(KernelContext& ctx);
void RunPow(KernelContext& ctx);
void RunMin(KernelContext& ctx);
void RunMax(KernelContext& ctx);
void RunSum(KernelContext& ctx);
void RunPRelu(KernelContext& ctx);
void RunEqual(KernelContext& ctx);
void RunLess(KernelContext& ctx);
void RunLessOrEqual(KernelContext& ctx);
void RunGreater(KernelContext& ctx);
void RunGreaterOrEqual(KernelContext& ctx);
void RunAnd(KernelContext& ctx);
void RunOr(KernelContext& ctx);
void RunWhere(KernelContext& ctx);

// conv.cc
void InferConv(InferContext& ctx);
void InferConvTranspose(InferContext& ctx);
void RunConv(KernelContext& ctx);
void RunConvTranspose(KernelContext& ctx);

// dense.cc
void InferGemm(InferContext& ctx);
void InferMatMul(InferContext& ctx);
void RunGemm(KernelContext& ctx);
void RunMatMul(KernelContext& ctx);

// einsum.cc
void InferEinsum(InferContext& ctx);
void RunEinsum(KernelContext& ctx);

// recurrent.cc: RNN, GRU and LSTM
void InferRecurrent(InferContext& ctx);
void RunRecurrent(KernelContext& ctx);

// pool.cc
void InferMaxPool(InferContext& ctx);
void InferAveragePool(InferContext& ctx);
void InferGlobalPool(InferContext& ctx);
void RunMaxPool(KernelContext& ctx);
void RunAveragePool(KernelContext& ctx);
void RunGlobalAveragePool(KernelContext& ctx);
void RunGlobalMaxPool(KernelContext& ctx);

// normalize.cc
void InferBatchNormalization(InferContext& ctx);
void InferSoftmax(InferContext& ctx);
void InferLayerNormalization(InferContext& ctx);
void RunBatchNormalization(KernelContext& ctx);
void RunSoftmax(KernelContext& ctx);
void RunLogSoftmax(KernelContext& ctx);
void RunLayerNormalization(KernelContext& ctx);

// reduce.cc
void InferReduce(InferContext& ctx);
void InferArgMax(InferContext& ctx);
void RunReduceMean(KernelContext& ctx);
void RunReduceSum(KernelContext& ctx);
void RunReduceProd(KernelContext& ctx);
void RunReduceMax(KernelContext& ctx);
void RunReduceMin(KernelContext& ctx);
void RunArgMax(KernelContext& ctx);

// reshape.cc
void InferReshape(InferContext& ctx);
void InferFlatten(InferContext& ctx);
void InferSqueeze(InferContext& ctx);
void InferUnsqueeze(InferContext& ctx);
void InferShape(InferContext& ctx);
void InferSize(InferContext& ctx);
void InferConstantOfShape(InferContext& ctx);
void InferRange(InferContext& ctx);

// move.cc
void InferConcat(InferContext& ctx);
void InferSplit(InferContext& ctx);
void InferSlice(InferContext& ctx);
void InferTranspose(InferContext& ctx);
void InferExpand(InferContext& ctx);
void InferTile(InferContext& ctx);
void InferTrilu(InferContext& ctx);
void InferDepthToSpace(InferContext& ctx);
void InferSpaceToDepth(InferContext& ctx);
void RunConcat(KernelContext& ctx);
void RunSplit(KernelContext& ctx);
void RunSlice(KernelContext& ctx);
void RunTranspose(KernelContext& ctx);
void RunExpand(KernelContext& ctx);
void RunTile(KernelContext& ctx);
void RunTrilu(KernelContext& ctx);
void RunDepthToSpace(KernelContext& ctx);
void RunSpaceToDepth(KernelContext& ctx);

// gather.cc
void InferGather(InferContext& ctx);
void InferPad(InferContext& ctx);
void RunGather(KernelContext& ctx);
void RunPad(KernelContext& ctx);

// resize.cc
void InferResize(InferContext& ctx);
void InferUpsample(InferContext& ctx);
void RunResize(KernelContext& ctx);

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_OPS_OPS_H_
