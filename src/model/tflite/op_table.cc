#include "model/tflite/op_table.h"

#include <algorithm>
#include <array>

#include "model/tflite/lower.h"

namespace penumbra::model {
namespace {

template <OpKind op>
void Unary(OperatorContext& ctx) {
  LowerUnary(ctx, op);
}

template <OpKind op>
void Binary(OperatorContext& ctx) {
  LowerBinary(ctx, op);
}

template <OpKind op, typename Options>
void Fused(OperatorContext& ctx) {
  LowerBinary(ctx, op, ctx.Fused<Options>());
}

template <OpKind op>
void Reduction(OperatorContext& ctx) {
  LowerReduction(ctx, op);
}

template <int low, int high>
void Clip(OperatorContext& ctx) {
  LowerUnary(ctx, OpKind::kClip,
             {{"min", static_cast<float>(low)}, {"max", static_cast<float>(high)}});
}

constexpr std::string_view kBroadcast = "broadcasting";
constexpr std::string_view kFused = "broadcasting; fused activation";
constexpr std::string_view kParameter = "parameters must be constants";

// Columns: operator, version, lowering, what it becomes, notes. By name.
constexpr auto kOps = std::to_array<TfliteOpInfo>({
    {tflite::BuiltinOperator_ABS, 5, Unary<OpKind::kAbs>, "Abs"},
    {tflite::BuiltinOperator_ADD, 5, Fused<OpKind::kAdd, tflite::AddOptions>, "Add", kFused},
    {tflite::BuiltinOperator_ADD_N, 1, LowerAddN, "Sum"},
    {tflite::BuiltinOperator_ARG_MAX, 3, LowerArgMax, "ArgMax", kParameter},
    {tflite::BuiltinOperator_AVERAGE_POOL_2D, 3, LowerAveragePool, "AveragePool",
     "fused activation"},
    {tflite::BuiltinOperator_BATCH_MATMUL, 4, LowerBatchMatMul, "MatMul"},
    {tflite::BuiltinOperator_BROADCAST_TO, 3, LowerBroadcastTo, "Expand", kParameter},
    {tflite::BuiltinOperator_CAST, 6, LowerCast, "Cast"},
    {tflite::BuiltinOperator_CEIL, 1, Unary<OpKind::kCeil>, "Ceil"},
    {tflite::BuiltinOperator_CONCATENATION, 4, LowerConcatenation, "Concat"},
    {tflite::BuiltinOperator_CONV_2D, 8, LowerConv, "Conv", "groups, dilation; fused activation"},
    {tflite::BuiltinOperator_DEPTHWISE_CONV_2D, 7, LowerDepthwiseConv, "Conv",
     "depth multiplier, dilation; fused activation"},
    {tflite::BuiltinOperator_DEPTH_TO_SPACE, 2, LowerDepthToSpace, "DepthToSpace"},
    {tflite::BuiltinOperator_DEQUANTIZE, 6, LowerDequantize, "", "from float16 only"},
    {tflite::BuiltinOperator_DIV, 2, Fused<OpKind::kDiv, tflite::DivOptions>, "Div", kFused},
    {tflite::BuiltinOperator_ELU, 2, Unary<OpKind::kElu>, "Elu"},
    {tflite::BuiltinOperator_EQUAL, 4, Binary<OpKind::kEqual>, "Equal", kBroadcast},
    {tflite::BuiltinOperator_EXP, 2, Unary<OpKind::kExp>, "Exp"},
    {tflite::BuiltinOperator_EXPAND_DIMS, 1, LowerExpandDims, "Reshape", kParameter},
    {tflite::BuiltinOperator_FLOOR, 1, Unary<OpKind::kFloor>, "Floor"},
    {tflite::BuiltinOperator_FULLY_CONNECTED, 13, LowerFullyConnected, "Gemm",
     "fused activation; no shuffled weights"},
    {tflite::BuiltinOperator_GATHER, 7, LowerGather, "Gather", "without batch_dims"},
    {tflite::BuiltinOperator_GELU, 2, LowerGelu, "Gelu"},
    {tflite::BuiltinOperator_GREATER, 2, Binary<OpKind::kGreater>, "Greater", kBroadcast},
    {tflite::BuiltinOperator_GREATER_EQUAL, 3, Binary<OpKind::kGreaterOrEqual>, "GreaterOrEqual",
     kBroadcast},
    {tflite::BuiltinOperator_HARD_SWISH, 1, Unary<OpKind::kHardSwish>, "HardSwish"},
    {tflite::BuiltinOperator_L2_NORMALIZATION, 2, LowerL2Normalization,
     "Mul ReduceSum Sqrt Max Div"},
    {tflite::BuiltinOperator_LEAKY_RELU, 2, LowerLeakyRelu, "LeakyRelu"},
    {tflite::BuiltinOperator_LESS, 3, Binary<OpKind::kLess>, "Less", kBroadcast},
    {tflite::BuiltinOperator_LESS_EQUAL, 2, Binary<OpKind::kLessOrEqual>, "LessOrEqual",
     kBroadcast},
    {tflite::BuiltinOperator_LOG, 2, Unary<OpKind::kLog>, "Log"},
    {tflite::BuiltinOperator_LOGICAL_AND, 1, Binary<OpKind::kAnd>, "And", kBroadcast},
    {tflite::BuiltinOperator_LOGICAL_NOT, 1, Unary<OpKind::kNot>, "Not"},
    {tflite::BuiltinOperator_LOGICAL_OR, 1, Binary<OpKind::kOr>, "Or", kBroadcast},
    {tflite::BuiltinOperator_LOGISTIC, 3, Unary<OpKind::kSigmoid>, "Sigmoid"},
    {tflite::BuiltinOperator_LOG_SOFTMAX, 2, LowerLogSoftmax, "LogSoftmax"},
    {tflite::BuiltinOperator_MAXIMUM, 4, Binary<OpKind::kMax>, "Max", kBroadcast},
    {tflite::BuiltinOperator_MAX_POOL_2D, 3, LowerMaxPool, "MaxPool", "fused activation"},
    {tflite::BuiltinOperator_MEAN, 3, Reduction<OpKind::kReduceMean>, "ReduceMean", kParameter},
    {tflite::BuiltinOperator_MINIMUM, 4, Binary<OpKind::kMin>, "Min", kBroadcast},
    {tflite::BuiltinOperator_MIRROR_PAD, 3, LowerMirrorPad, "Pad", "mode REFLECT only"},
    {tflite::BuiltinOperator_MUL, 7, Fused<OpKind::kMul, tflite::MulOptions>, "Mul", kFused},
    {tflite::BuiltinOperator_NEG, 1, Unary<OpKind::kNeg>, "Neg"},
    {tflite::BuiltinOperator_NOT_EQUAL, 3, LowerNotEqual, "Equal Not", kBroadcast},
    {tflite::BuiltinOperator_PACK, 4, LowerPack, "Reshape Concat"},
    {tflite::BuiltinOperator_PAD, 4, LowerPad, "Pad", kParameter},
    {tflite::BuiltinOperator_PADV2, 4, LowerPad, "Pad", kParameter},
    {tflite::BuiltinOperator_POW, 1, Binary<OpKind::kPow>, "Pow", kBroadcast},
    {tflite::BuiltinOperator_PRELU, 1, Binary<OpKind::kPRelu>, "PRelu", kBroadcast},
    {tflite::BuiltinOperator_REDUCE_MAX, 3, Reduction<OpKind::kReduceMax>, "ReduceMax", kParameter},
    {tflite::BuiltinOperator_REDUCE_MIN, 3, Reduction<OpKind::kReduceMin>, "ReduceMin", kParameter},
    {tflite::BuiltinOperator_REDUCE_PROD, 2, Reduction<OpKind::kReduceProd>, "ReduceProd",
     kParameter},
    {tflite::BuiltinOperator_RELU, 3, Unary<OpKind::kRelu>, "Relu"},
    {tflite::BuiltinOperator_RELU6, 3, Clip<0, 6>, "Clip"},
    {tflite::BuiltinOperator_RELU_0_TO_1, 1, Clip<0, 1>, "Clip"},
    {tflite::BuiltinOperator_RELU_N1_TO_1, 1, Clip<-1, 1>, "Clip"},
    {tflite::BuiltinOperator_RESHAPE, 1, LowerReshape, "Reshape", kParameter},
    {tflite::BuiltinOperator_RESIZE_BILINEAR, 4, LowerResizeBilinear, "Resize", kParameter},
    {tflite::BuiltinOperator_RESIZE_NEAREST_NEIGHBOR, 4, LowerResizeNearest, "Resize", kParameter},
    {tflite::BuiltinOperator_RSQRT, 3, LowerRsqrt, "Sqrt Reciprocal"},
    {tflite::BuiltinOperator_SELECT_V2, 2, LowerSelect, "Where", kBroadcast},
    {tflite::BuiltinOperator_SHAPE, 1, LowerShape, "", "becomes a constant"},
    {tflite::BuiltinOperator_SLICE, 6, LowerSlice, "Slice", kParameter},
    {tflite::BuiltinOperator_SOFTMAX, 3, LowerSoftmax, "Softmax"},
    {tflite::BuiltinOperator_SPACE_TO_DEPTH, 2, LowerSpaceToDepth, "SpaceToDepth"},
    {tflite::BuiltinOperator_SPLIT, 4, LowerSplit, "Split", kParameter},
    {tflite::BuiltinOperator_SPLIT_V, 2, LowerSplitV, "Split", kParameter},
    {tflite::BuiltinOperator_SQRT, 1, Unary<OpKind::kSqrt>, "Sqrt"},
    {tflite::BuiltinOperator_SQUARE, 1, LowerSquare, "Mul"},
    {tflite::BuiltinOperator_SQUARED_DIFFERENCE, 2, LowerSquaredDifference, "Sub Mul", kBroadcast},
    {tflite::BuiltinOperator_SQUEEZE, 2, LowerSqueeze, "Reshape"},
    {tflite::BuiltinOperator_STRIDED_SLICE, 7, LowerStridedSlice, "Slice Reshape",
     "parameters must be constants; no ellipsis, no new axis"},
    {tflite::BuiltinOperator_SUB, 5, Fused<OpKind::kSub, tflite::SubOptions>, "Sub", kFused},
    {tflite::BuiltinOperator_SUM, 2, Reduction<OpKind::kReduceSum>, "ReduceSum", kParameter},
    {tflite::BuiltinOperator_TANH, 3, Unary<OpKind::kTanh>, "Tanh"},
    {tflite::BuiltinOperator_TILE, 3, LowerTile, "Tile", kParameter},
    {tflite::BuiltinOperator_TRANSPOSE, 6, LowerTranspose, "Transpose", kParameter},
    {tflite::BuiltinOperator_TRANSPOSE_CONV, 5, LowerTransposeConv, "ConvTranspose",
     "fused activation"},
    {tflite::BuiltinOperator_UNPACK, 4, LowerUnpack, "Split Reshape"},
});

}  // namespace

std::span<const TfliteOpInfo> AllTfliteOps() { return kOps; }

const TfliteOpInfo* FindTfliteOp(tflite::BuiltinOperator op) {
  const auto found = std::ranges::find(kOps, op, &TfliteOpInfo::op);
  return found == kOps.end() ? nullptr : &*found;
}

}  // namespace penumbra::model
