// The lowered graph: what stands between the model and the trusted plan. Every tensor has its
// physical layout (channel-last for images), every operator is one the trusted runtime or an
// accelerator has, all parameters are constants. Later stages only annotate it: quantize/ adds
// levels, placement/ sides, weights/ transforms; schedule/ turns it into tiles and instructions.
#ifndef PENUMBRA_PROTECT_LOWER_LOWERED_H_
#define PENUMBRA_PROTECT_LOWER_LOWERED_H_

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "boundary/geometry.h"
#include "boundary/plan.h"
#include "model/graph.h"

namespace penumbra::protect {

using TensorId = uint32_t;
inline constexpr TensorId kNone = 0xffffffffu;

// A float32 activation. Physical axis i is logical (ONNX) axis perm[i] of the model value `origin`.
// rows x row_elems is the row grid of boundary/plan.h: rank >= 4: rows = all extents but the last
// two; lower ranks: all but the last.
struct LoweredTensor {
  std::string name;
  model::ValueId origin = model::kNoValue;  // kNoValue: made by lowering
  std::vector<uint32_t> dims;               // physical; never empty ({1} for a scalar)
  std::vector<uint32_t> perm;
  uint32_t rows() const;
  uint32_t row_elems() const;
  uint32_t channels() const { return dims.back(); }
  uint64_t count() const { return uint64_t{rows()} * row_elems(); }
};

// A linear layer: convolution or dense, weights already combined with BatchNorm, ConvTranspose
// already turned into zero insertion plus convolution.
struct LinearOp {
  TensorId x, y;
  ConvGeometry geometry;
  std::vector<float> weights;  // [out_c][kernel_h][kernel_w][in_c/groups]
  std::vector<float> bias;     // [out_c]; zeros when the model has none
  // Index of the first operator with this geometry, these weights and biases (the steps of an
  // unrolled recurrence): the two are one layer that runs twice. kNone: none comes before.
  uint32_t same_as = kNone;
};

// y = fn(x, operand) element by element, x and y of one row grid.
struct ElementwiseOp {
  TensorId x, y;
  PassFn fn;
  float a = 0, b = 0;
  PassOperand operand_kind = PassOperand::kNone;
  TensorId operand = kNone;      // kTensor, kTensorChannel, kTensorPixel
  std::vector<float> constants;  // kChannel: one value per channel
  uint32_t period = 0;
};

// A factor that makes truth values: its products may be infinite, and nothing infinite crosses to an
// accelerator and back.
constexpr bool IsStep(const ElementwiseOp& op) {
  return op.fn == PassFn::kMul && op.operand_kind == PassOperand::kScalar && op.a >= 0x1p64f;
}

struct PoolOp {
  TensorId x, y;
  uint32_t kind;  // as PoolInstr
  ConvGeometry geometry;
};

// Per channel (last axis) over everything else: y is one row of channels. Other reductions are
// lowered to transposes around this one.
struct ReduceOp {
  TensorId x, y;
  uint32_t kind;  // as ReduceInstr
};

struct SoftmaxOp {
  TensorId x, y;
  uint32_t length;
  bool log;
};

// (x - mean) / sqrt(variance + epsilon) over each run of `length` elements.
struct NormalizeOp {
  TensorId x, y;
  uint32_t length;
  float epsilon;
};

// Moves elements: Concat, Split, Slice, Transpose, Pad, Tile, DepthToSpace, ... Destination
// elements that no box writes have the value `fill`.
struct CopyBox {
  TensorId src;
  std::vector<uint32_t> extent;  // at most kMaxCopyDims
  std::vector<int32_t> src_stride, dst_stride;
  uint32_t src_offset = 0, dst_offset = 0;
};
struct CopyOp {
  TensorId y;
  std::vector<CopyBox> boxes;
  bool needs_fill = false;
  float fill = 0;
};

// The same elements, row-major, under other extents: costs nothing.
struct ReshapeOp {
  TensorId x, y;
};

struct ResizeOp {  // linear; nearest is a CopyOp or a table with weights 0
  TensorId x, y;
  uint32_t in_h, in_w, out_h, out_w, channels;
  std::vector<uint32_t> row_lo, row_hi, col_lo, col_hi;
  std::vector<float> row_w, col_w;
};

struct MatMulOp {
  TensorId a, b, y;
  uint32_t batch, m, k, n;
  bool b_transposed;
};

struct ArgMaxOp {
  TensorId x, y;
  uint32_t length;
  bool last_index;
};

using LoweredKind = std::variant<LinearOp, ElementwiseOp, PoolOp, ReduceOp, SoftmaxOp, CopyOp,
                                 ReshapeOp, ResizeOp, MatMulOp, ArgMaxOp, NormalizeOp>;
struct LoweredOp {
  std::string name;  // of the model's node
  LoweredKind kind;
};

// A model input or output as its user sees it.
struct LoweredPort {
  std::string name;
  TensorId tensor;
  // As the model declares it. The trusted half keeps float32: integers come in with at most 2^24
  // (the host checks), and every lowered operator on integers only selects, moves or negates them,
  // or truncates a float32, so its results are integers exactly.
  model::DataType type;
  std::vector<int64_t> shape;  // logical
};

struct LoweredGraph {
  std::string name;
  std::vector<LoweredTensor> tensors;
  std::vector<LoweredOp> ops;  // topological order
  std::vector<LoweredPort> inputs, outputs;
};

// Inputs and outputs of any operator, in order.
std::vector<TensorId> InputsOf(const LoweredOp& op);
TensorId OutputOf(const LoweredOp& op);
// Of each tensor: the one whose elements it is under another shape (ReshapeOp), or itself.
std::vector<TensorId> ReshapeRoots(const LoweredGraph& graph);
// Lets the operator read rename(id) wherever it reads `id`.
void RenameInputs(const std::function<TensorId(TensorId)>& rename, LoweredOp* op);

// What calibration saw of one linear layer's input, in real units.
struct LinearStatistics {
  float lo = 0, hi = 0;                // lo <= 0 <= hi, as the trusted half demands of levels
  std::vector<double> mean, variance;  // [in_c]
  std::vector<double> tap_mean;        // [in_c * kernel_h * kernel_w] OHWI order, padding counted
  double zero_share = 0;               // of the inputs: exactly 0, so a level without error
  double output_variance = 0;          // of the layer's output, summed over its channels
  std::vector<float> output_lo, output_hi;  // [out_c] of the layer's output, bias included
  // Inputs counted in equal bins over [-histogram_limit, histogram_limit).
  double histogram_limit = 0;
  std::vector<uint64_t> histogram;
};

// An integer linear layer (docs/arithmetic.md): level k = clamp(rne(x * inv_step), klo, khi),
// Y = sum q k, y = fma(float(Y), scale, bias).
struct QuantizedLinear {
  float inv_step = 0;
  int32_t klo = 0, khi = 0;
  uint32_t prime_count = 0;        // 0: `integer` arithmetic (|q| <= 127, at most 256 levels)
  bool is_field = false;           // modulo kFieldPrime instead of kPrimes; prime_count is 1
  bool may_wrap = false;           // is_field: no proof that sums stay in the field
  double field_share = 0;  // largest |Y| of the calibration samples, of half the prime
  std::vector<int32_t> q;          // [out_c][kernel_h][kernel_w][in_c/groups]
  std::vector<int64_t> offset;     // [out_c] o_i
  std::vector<float> scale, bias;  // [out_c]
  std::vector<BoundRow> bound;     // [out_c]
  double predicted_noise_db = 0;

  uint32_t residue_size() const { return is_field ? sizeof(uint32_t) : 1; }
  // Bytes of one element over all planes, as MaskedElementSize of its layer.
  uint32_t residues_size() const { return prime_count * residue_size(); }
  uint32_t smallest_prime() const { return is_field ? kFieldPrime : kPrimes[prime_count - 1]; }
};

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_LOWER_LOWERED_H_
