// The closed list of operators of the graph IR. model/op_table.h tells what each one accepts and
// what its canonical attributes are. If, Loop, functions and Constant nodes are resolved by the
// importer and have no kind.
#ifndef PENUMBRA_MODEL_OP_KIND_H_
#define PENUMBRA_MODEL_OP_KIND_H_

#include <cstdint>

namespace penumbra::model {

enum class OpKind : uint8_t {
  // Linear.
  kConv,
  kConvTranspose,
  kGemm,
  kMatMul,
  kEinsum,
  kRnn,
  kGru,
  kLstm,
  kBatchNormalization,
  // Element by element, two or more inputs with broadcasting.
  kAdd,
  kSub,
  kMul,
  kDiv,
  kPow,
  kMin,
  kMax,
  kSum,
  kPRelu,
  kEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kAnd,
  kOr,
  kWhere,
  // Element by element, one input.
  kRelu,
  kLeakyRelu,
  kClip,
  kSigmoid,
  kHardSigmoid,
  kHardSwish,
  kTanh,
  kElu,
  kSoftplus,
  kExp,
  kLog,
  kSqrt,
  kNeg,
  kAbs,
  kFloor,
  kCeil,
  kErf,
  kGelu,
  kReciprocal,
  kNot,
  kCast,
  kIdentity,
  kDropout,
  // Windows and reductions.
  kMaxPool,
  kAveragePool,
  kGlobalAveragePool,
  kGlobalMaxPool,
  kReduceMean,
  kReduceSum,
  kReduceMax,
  kReduceMin,
  kReduceProd,
  kArgMax,
  kSoftmax,
  kLogSoftmax,
  kLayerNormalization,
  // Data movement.
  kConcat,
  kSplit,
  kSlice,
  kReshape,
  kFlatten,
  kSqueeze,
  kUnsqueeze,
  kTranspose,
  kPad,
  kResize,
  kUpsample,
  kGather,
  kExpand,
  kTile,
  kTrilu,
  kDepthToSpace,
  kSpaceToDepth,
  // Only ever constant: folded away by the importer.
  kShape,
  kSize,
  kConstantOfShape,
  kRange,
};

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_OP_KIND_H_
