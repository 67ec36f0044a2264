// One function per family of TFLite operators: each gives the operator's outputs their values in
// the graph. They throw ModelError.
#ifndef PENUMBRA_MODEL_TFLITE_LOWER_H_
#define PENUMBRA_MODEL_TFLITE_LOWER_H_

#include "model/tflite/operator_context.h"

namespace penumbra::model {

// lower_window.cc
void LowerConv(OperatorContext& ctx);
void LowerDepthwiseConv(OperatorContext& ctx);
void LowerTransposeConv(OperatorContext& ctx);
void LowerAveragePool(OperatorContext& ctx);
void LowerMaxPool(OperatorContext& ctx);
void LowerResizeBilinear(OperatorContext& ctx);
void LowerResizeNearest(OperatorContext& ctx);
void LowerDepthToSpace(OperatorContext& ctx);
void LowerSpaceToDepth(OperatorContext& ctx);

// lower_dense.cc
void LowerFullyConnected(OperatorContext& ctx);
void LowerBatchMatMul(OperatorContext& ctx);

// lower_elementwise.cc
void LowerUnary(OperatorContext& ctx, OpKind op, OperatorContext::Attributes attributes = {});
void LowerBinary(OperatorContext& ctx, OpKind op,
                 tflite::ActivationFunctionType fused = tflite::ActivationFunctionType_NONE);
void LowerAddN(OperatorContext& ctx);
void LowerCast(OperatorContext& ctx);
void LowerDequantize(OperatorContext& ctx);
void LowerGelu(OperatorContext& ctx);
void LowerLeakyRelu(OperatorContext& ctx);
void LowerNotEqual(OperatorContext& ctx);
void LowerRsqrt(OperatorContext& ctx);
void LowerSelect(OperatorContext& ctx);
void LowerSquare(OperatorContext& ctx);
void LowerSquaredDifference(OperatorContext& ctx);

// lower_reduce.cc
void LowerReduction(OperatorContext& ctx, OpKind op);
void LowerArgMax(OperatorContext& ctx);
void LowerL2Normalization(OperatorContext& ctx);
void LowerSoftmax(OperatorContext& ctx);
void LowerLogSoftmax(OperatorContext& ctx);

// lower_move.cc
void LowerConcatenation(OperatorContext& ctx);
void LowerGather(OperatorContext& ctx);
void LowerMirrorPad(OperatorContext& ctx);
void LowerPad(OperatorContext& ctx);
void LowerSlice(OperatorContext& ctx);
void LowerSplit(OperatorContext& ctx);
void LowerSplitV(OperatorContext& ctx);
void LowerStridedSlice(OperatorContext& ctx);
void LowerTile(OperatorContext& ctx);
void LowerTranspose(OperatorContext& ctx);

// lower_reshape.cc
void LowerBroadcastTo(OperatorContext& ctx);
void LowerExpandDims(OperatorContext& ctx);
void LowerPack(OperatorContext& ctx);
void LowerReshape(OperatorContext& ctx);
void LowerShape(OperatorContext& ctx);
void LowerSqueeze(OperatorContext& ctx);
void LowerUnpack(OperatorContext& ctx);

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_TFLITE_LOWER_H_
