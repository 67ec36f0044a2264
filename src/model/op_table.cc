#include "model/op_table.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "model/ops/ops.h"

namespace penumbra::model {
namespace {

constexpr std::string_view kBroadcast = "numpy broadcasting";
constexpr std::string_view kWindow = "kernel_shape, strides, dilations, pads (begins then ends)";
constexpr std::string_view kSpatial = "one or two spatial axes";
constexpr std::string_view kIsReshape = "becomes Reshape";
constexpr std::string_view kConstantOnly = "becomes a constant";

constexpr std::string_view kRecurrentAttributes =
    "hidden_size, direction, layout, activations, linear_before_reset";
constexpr std::string_view kRecurrentNotes =
    "sequences of one length; Sigmoid, Tanh or Relu; unrolled by the passes";

constexpr uint32_t Bits(int first, int last) { return ((2u << last) - 1) & ~((1u << first) - 1); }

// Columns: kind, name, opsets, inputs, shape rule, kernel, canonical attributes, notes, parameter
// inputs.
constexpr auto kOps = std::to_array<OpInfo>({
    {OpKind::kConv, "Conv", 1, kMaxOpset, 2, 3, InferConv, RunConv,
     "group, kernel_shape, strides, dilations, pads", kSpatial},
    {OpKind::kConvTranspose, "ConvTranspose", 1, kMaxOpset, 2, 3, InferConvTranspose,
     RunConvTranspose, "group, kernel_shape, strides, dilations, pads, output_padding", kSpatial},
    {OpKind::kGemm, "Gemm", 7, kMaxOpset, 2, 3, InferGemm, RunGemm, "alpha, beta, transA, transB",
     ""},
    {OpKind::kMatMul, "MatMul", 1, kMaxOpset, 2, 2, InferMatMul, RunMatMul, "",
     "any rank; float only"},
    {OpKind::kEinsum, "Einsum", 12, kMaxOpset, 1, -1, InferEinsum, RunEinsum, "equation",
     "float only"},
    {OpKind::kRnn, "RNN", 7, kMaxOpset, 3, 6, InferRecurrent, RunRecurrent, kRecurrentAttributes,
     kRecurrentNotes, Bits(4, 4)},
    {OpKind::kGru, "GRU", 7, kMaxOpset, 3, 6, InferRecurrent, RunRecurrent, kRecurrentAttributes,
     kRecurrentNotes, Bits(4, 4)},
    {OpKind::kLstm, "LSTM", 7, kMaxOpset, 3, 8, InferRecurrent, RunRecurrent, kRecurrentAttributes,
     kRecurrentNotes, Bits(4, 4)},
    {OpKind::kBatchNormalization, "BatchNormalization", 7, kMaxOpset, 5, 5, InferBatchNormalization,
     RunBatchNormalization, "epsilon", "inference only; folded away by the passes"},
    {OpKind::kAdd, "Add", 7, kMaxOpset, 2, 2, InferArithmetic, RunAdd, "", kBroadcast},
    {OpKind::kSub, "Sub", 7, kMaxOpset, 2, 2, InferArithmetic, RunSub, "", kBroadcast},
    {OpKind::kMul, "Mul", 7, kMaxOpset, 2, 2, InferArithmetic, RunMul, "", kBroadcast},
    {OpKind::kDiv, "Div", 7, kMaxOpset, 2, 2, InferArithmetic, RunDiv, "", kBroadcast},
    {OpKind::kPow, "Pow", 7, kMaxOpset, 2, 2, InferPow, RunPow, "", kBroadcast},
    {OpKind::kMin, "Min", 6, kMaxOpset, 1, -1, InferArithmetic, RunMin, "", kBroadcast},
    {OpKind::kMax, "Max", 6, kMaxOpset, 1, -1, InferArithmetic, RunMax, "", kBroadcast},
    {OpKind::kSum, "Sum", 6, kMaxOpset, 1, -1, InferArithmetic, RunSum, "", kBroadcast},
    {OpKind::kPRelu, "PRelu", 7, kMaxOpset, 2, 2, InferPRelu, RunPRelu, "",
     "slope broadcasts to the input"},
    {OpKind::kEqual, "Equal", 7, kMaxOpset, 2, 2, InferComparison, RunEqual, "", kBroadcast},
    {OpKind::kLess, "Less", 7, kMaxOpset, 2, 2, InferComparison, RunLess, "", kBroadcast},
    {OpKind::kLessOrEqual, "LessOrEqual", 12, kMaxOpset, 2, 2, InferComparison, RunLessOrEqual, "",
     kBroadcast},
    {OpKind::kGreater, "Greater", 7, kMaxOpset, 2, 2, InferComparison, RunGreater, "", kBroadcast},
    {OpKind::kGreaterOrEqual, "GreaterOrEqual", 12, kMaxOpset, 2, 2, InferComparison,
     RunGreaterOrEqual, "", kBroadcast},
    {OpKind::kAnd, "And", 7, kMaxOpset, 2, 2, InferLogical, RunAnd, "", kBroadcast},
    {OpKind::kOr, "Or", 7, kMaxOpset, 2, 2, InferLogical, RunOr, "", kBroadcast},
    {OpKind::kWhere, "Where", 9, kMaxOpset, 3, 3, InferWhere, RunWhere, "", kBroadcast},
    {OpKind::kRelu, "Relu", 6, kMaxOpset, 1, 1, InferArithmetic, RunRelu, "", ""},
    {OpKind::kLeakyRelu, "LeakyRelu", 6, kMaxOpset, 1, 1, InferLeakyRelu, RunLeakyRelu, "alpha",
     ""},
    {OpKind::kClip, "Clip", 6, kMaxOpset, 1, 3, InferClip, RunClip,
     "min, max (infinite when absent)", "", Bits(1, 2)},
    {OpKind::kSigmoid, "Sigmoid", 6, kMaxOpset, 1, 1, InferFloatUnary, RunSigmoid, "", ""},
    {OpKind::kHardSigmoid, "HardSigmoid", 6, kMaxOpset, 1, 1, InferHardSigmoid, RunHardSigmoid,
     "alpha, beta", ""},
    {OpKind::kHardSwish, "HardSwish", 14, kMaxOpset, 1, 1, InferFloatUnary, RunHardSwish, "", ""},
    {OpKind::kTanh, "Tanh", 6, kMaxOpset, 1, 1, InferFloatUnary, RunTanh, "", ""},
    {OpKind::kElu, "Elu", 6, kMaxOpset, 1, 1, InferElu, RunElu, "alpha", ""},
    {OpKind::kSoftplus, "Softplus", 1, kMaxOpset, 1, 1, InferFloatUnary, RunSoftplus, "", ""},
    {OpKind::kExp, "Exp", 6, kMaxOpset, 1, 1, InferFloatUnary, RunExp, "", ""},
    {OpKind::kLog, "Log", 6, kMaxOpset, 1, 1, InferFloatUnary, RunLog, "", ""},
    {OpKind::kSqrt, "Sqrt", 6, kMaxOpset, 1, 1, InferFloatUnary, RunSqrt, "", ""},
    {OpKind::kNeg, "Neg", 6, kMaxOpset, 1, 1, InferArithmetic, RunNeg, "", ""},
    {OpKind::kAbs, "Abs", 6, kMaxOpset, 1, 1, InferArithmetic, RunAbs, "", ""},
    {OpKind::kFloor, "Floor", 6, kMaxOpset, 1, 1, InferFloatUnary, RunFloor, "", ""},
    {OpKind::kCeil, "Ceil", 6, kMaxOpset, 1, 1, InferFloatUnary, RunCeil, "", ""},
    {OpKind::kErf, "Erf", 9, kMaxOpset, 1, 1, InferFloatUnary, RunErf, "", ""},
    {OpKind::kGelu, "Gelu", 20, kMaxOpset, 1, 1, InferGelu, RunGelu, "approximate (none, tanh)",
     "decomposed by the passes"},
    {OpKind::kReciprocal, "Reciprocal", 6, kMaxOpset, 1, 1, InferFloatUnary, RunReciprocal, "", ""},
    {OpKind::kNot, "Not", 1, kMaxOpset, 1, 1, InferNot, RunNot, "", ""},
    {OpKind::kCast, "Cast", 6, kMaxOpset, 1, 1, InferCast, RunCast, "to (ONNX element type)",
     "float16 and float64 are computed as float32; saturates"},
    {OpKind::kIdentity, "Identity", 1, kMaxOpset, 1, 1, InferSameAsInput, RunCopy, "",
     "removed by the passes"},
    {OpKind::kDropout, "Dropout", 7, kMaxOpset, 1, 3, InferDropout, nullptr, "",
     "becomes Identity; inference only", Bits(2, 2)},
    {OpKind::kMaxPool, "MaxPool", 1, kMaxOpset, 1, 1, InferMaxPool, RunMaxPool, kWindow,
     "one or two spatial axes; output Indices is refused; ceil_mode becomes padding"},
    {OpKind::kAveragePool, "AveragePool", 1, kMaxOpset, 1, 1, InferAveragePool, RunAveragePool,
     "kernel_shape, strides, dilations, pads, count_include_pad, ceil_mode",
     "one or two spatial axes; ceil_mode stays only where padding cannot say the same"},
    {OpKind::kGlobalAveragePool, "GlobalAveragePool", 1, kMaxOpset, 1, 1, InferGlobalPool,
     RunGlobalAveragePool, "", ""},
    {OpKind::kGlobalMaxPool, "GlobalMaxPool", 1, kMaxOpset, 1, 1, InferGlobalPool, RunGlobalMaxPool,
     "", ""},
    {OpKind::kReduceMean, "ReduceMean", 1, kMaxOpset, 1, 2, InferReduce, RunReduceMean,
     "axes (sorted), keepdims", "", Bits(1, 1)},
    {OpKind::kReduceSum, "ReduceSum", 1, kMaxOpset, 1, 2, InferReduce, RunReduceSum,
     "axes (sorted), keepdims", "", Bits(1, 1)},
    {OpKind::kReduceMax, "ReduceMax", 1, kMaxOpset, 1, 2, InferReduce, RunReduceMax,
     "axes (sorted), keepdims", "", Bits(1, 1)},
    {OpKind::kReduceMin, "ReduceMin", 1, kMaxOpset, 1, 2, InferReduce, RunReduceMin,
     "axes (sorted), keepdims", "", Bits(1, 1)},
    {OpKind::kReduceProd, "ReduceProd", 1, kMaxOpset, 1, 2, InferReduce, RunReduceProd,
     "axes (sorted), keepdims", "", Bits(1, 1)},
    {OpKind::kArgMax, "ArgMax", 1, kMaxOpset, 1, 1, InferArgMax, RunArgMax,
     "axis, keepdims, select_last_index", ""},
    {OpKind::kSoftmax, "Softmax", 1, kMaxOpset, 1, 1, InferSoftmax, RunSoftmax,
     "axis, axis_count (this many axes from axis on are one)", ""},
    {OpKind::kLogSoftmax, "LogSoftmax", 1, kMaxOpset, 1, 1, InferSoftmax, RunLogSoftmax,
     "axis, axis_count (this many axes from axis on are one)", ""},
    {OpKind::kLayerNormalization, "LayerNormalization", 17, kMaxOpset, 2, 3,
     InferLayerNormalization, RunLayerNormalization, "axis, epsilon",
     "the passes split Scale and B off, and recognise its written-out form"},
    {OpKind::kConcat, "Concat", 4, kMaxOpset, 1, -1, InferConcat, RunConcat, "axis", ""},
    {OpKind::kSplit, "Split", 2, kMaxOpset, 1, 2, InferSplit, RunSplit, "axis, split", "",
     Bits(1, 1)},
    {OpKind::kSlice, "Slice", 1, kMaxOpset, 1, 5, InferSlice, RunSlice,
     "axes (all), starts, ends, steps", "", Bits(1, 4)},
    {OpKind::kReshape, "Reshape", 5, kMaxOpset, 1, 2, InferReshape, RunCopy, "shape", "",
     Bits(1, 1)},
    {OpKind::kFlatten, "Flatten", 1, kMaxOpset, 1, 1, InferFlatten, nullptr, "", kIsReshape},
    {OpKind::kSqueeze, "Squeeze", 1, kMaxOpset, 1, 2, InferSqueeze, nullptr, "", kIsReshape,
     Bits(1, 1)},
    {OpKind::kUnsqueeze, "Unsqueeze", 1, kMaxOpset, 1, 2, InferUnsqueeze, nullptr, "", kIsReshape,
     Bits(1, 1)},
    {OpKind::kTranspose, "Transpose", 1, kMaxOpset, 1, 1, InferTranspose, RunTranspose, "perm", ""},
    {OpKind::kPad, "Pad", 2, kMaxOpset, 1, 4, InferPad, RunPad,
     "pads (begins then ends), mode, value", "constant, reflect, edge, wrap", Bits(1, 3)},
    {OpKind::kResize, "Resize", 10, kMaxOpset, 1, 4, InferResize, RunResize,
     "mode, coordinate_transformation_mode, nearest_mode, cubic_coeff_a, exclude_outside, sizes, "
     "scales",
     "nearest, linear, cubic; antialias and tf_crop_and_resize are refused", Bits(1, 3)},
    {OpKind::kUpsample, "Upsample", 7, 9, 1, 2, InferUpsample, nullptr, "", "becomes Resize",
     Bits(1, 1)},
    {OpKind::kGather, "Gather", 1, kMaxOpset, 2, 2, InferGather, RunGather, "axis", ""},
    {OpKind::kExpand, "Expand", 8, kMaxOpset, 1, 2, InferExpand, RunExpand, "shape", "",
     Bits(1, 1)},
    {OpKind::kTile, "Tile", 6, kMaxOpset, 1, 2, InferTile, RunTile, "repeats", "", Bits(1, 1)},
    {OpKind::kTrilu, "Trilu", 14, kMaxOpset, 1, 2, InferTrilu, RunTrilu, "upper, k", "",
     Bits(1, 1)},
    {OpKind::kDepthToSpace, "DepthToSpace", 1, kMaxOpset, 1, 1, InferDepthToSpace, RunDepthToSpace,
     "blocksize, mode", ""},
    {OpKind::kSpaceToDepth, "SpaceToDepth", 1, kMaxOpset, 1, 1, InferSpaceToDepth, RunSpaceToDepth,
     "blocksize", ""},
    {OpKind::kShape, "Shape", 1, kMaxOpset, 1, 1, InferShape, nullptr, "", kConstantOnly},
    {OpKind::kSize, "Size", 1, kMaxOpset, 1, 1, InferSize, nullptr, "", kConstantOnly},
    {OpKind::kConstantOfShape, "ConstantOfShape", 9, kMaxOpset, 1, 2, InferConstantOfShape, nullptr,
     "", kConstantOnly, Bits(0, 0)},
    {OpKind::kRange, "Range", 11, kMaxOpset, 3, 3, InferRange, nullptr, "", kConstantOnly,
     Bits(0, 2)},
});

constexpr bool RowsFollowTheEnum() {
  for (size_t i = 0; i < kOps.size(); ++i) {
    if (static_cast<size_t>(kOps[i].kind) != i) return false;
  }
  return true;
}
static_assert(RowsFollowTheEnum());
static_assert(static_cast<size_t>(OpKind::kRange) + 1 == kOps.size());

}  // namespace

std::span<const OpInfo> AllOps() { return kOps; }

const OpInfo& Info(OpKind kind) { return kOps.at(static_cast<size_t>(kind)); }

const OpInfo* FindOp(std::string_view name) {
  const auto found = std::ranges::find(kOps, name, &OpInfo::name);
  return found == kOps.end() ? nullptr : &*found;
}

}  // namespace penumbra::model
