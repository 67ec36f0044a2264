// The plan: what the compiler seals for the trusted runtime. It is a static program over tiles of
// trusted tensors; the runtime proves it safe once at load (trusted/plan) and then only executes it.
// Byte order is little endian; docs/bundle_format.md describes the encoding field by field. Every record
// below is stored exactly as declared (no implicit padding; static_asserts at the end).
#ifndef PENUMBRA_BOUNDARY_PLAN_H_
#define PENUMBRA_BOUNDARY_PLAN_H_

#include <cstdint>

#include "boundary/float_segment.h"
#include "boundary/geometry.h"
#include "boundary/limits.h"

namespace penumbra {

inline constexpr uint32_t kPlanVersion = 4;

// ---- Tensors -------------------------------------------------------------------------------------
// A trusted tensor is a row-major array seen as `rows` rows of `row_elems` elements; tiles are runs of
// `tile_rows` rows (the last may be shorter). An image is channel-last: rows = N*H, row_elems = W*C.
// Other ranks: rows = product of all extents but the last, row_elems = the last.

enum class PlanType : uint16_t {
  kF32 = 1,  // float32
  kU8 = 2,   // level minus klo (integer layers), or residues (pad making)
  kS16 = 3,  // levels
  kRaw = 4,  // constants: bytes whose layout the using instruction defines
};

enum class TensorKind : uint16_t {
  kActivation = 1,  // lives for one inference; may be sealed outside under the inference's key
  kConstant = 2,    // tile t is bundle chunk `source` + t; read-only
  kPublic = 3,      // tile t is public slice `source` + t; read-only, authenticated by its tag
  kPad = 4,         // the u of a pad: written by the pad programs, read once by the inference program
  // Of a checked layer (kLayerChecked), see CheckShape below:
  kDerived = 5,   // s^T W': written once by the prepare program, sealed outside while the model is loaded, then read-only
  kMasked = 6,    // x' as it was sent: written by the layer's mask sink only, read by kExpect only
  kExpected = 7,  // s^T y' as it must be: written by kExpect only, compared by the layer's restore source
  // Of a port of a fingerprinted float segment, see CheckedPortRec:
  kFingerprint = 8,  // combinations of cornerstones: written by kCombine only, sent or compared
  kReply = 9,        // replies to fingerprints: written by kFloatReceive only, read by kCompare only
};

struct TensorRec {
  PlanType type;
  TensorKind kind;
  uint32_t rows;       // constants and public slices: 1 row per tile
  uint32_t row_elems;  // constants and public slices: bytes of the largest tile
  uint32_t tile_rows;  // constants and public slices: 1
  // kConstant: first chunk; kPublic: first slice; kPad to kExpected: layer; kFingerprint, kReply: float port; else 0
  uint32_t source;
};

// A slice of a public blob the trusted half relies on. `tag` is AES-256-GCM over an empty plaintext with
// AAD = the bytes, under the bundle key; the nonce (bundle.h, kNonceSlice) carries the index.
struct PublicSliceRec {
  uint64_t offset;  // from the start of the public half
  uint32_t size;
  uint32_t reserved;
  uint8_t tag[kAeadTagSize];
};

// ---- Public linear layers --------------------------------------------------------------------------
enum LayerFlags : uint32_t {
  kLayerMaskInput = 1u << 0,   // x' = x + r; without it x' = x
  kLayerUnmaskOutput = 1u << 1,  // replies carry L'(r): subtract u
  kLayerChecked = 1u << 2,       // every pixel of the reply is checked before it is used (docs/integrity.md)
  kLayerPrime = 1u << 3,         // residues modulo kFieldPrime, 4 bytes each; prime_count is 1. Without it: modulo kPrimes, u8
  kLayerMayWrap = 1u << 4,       // of a kLayerPrime layer: the vendor accepts that a sum may leave the field
  kLayerCovered = 1u << 5,       // m' = m, published rows are mixed by covers: the other form of the params tile
};

struct LayerRec {
  uint32_t segment;       // index into the public half's segments
  uint32_t flags;         // LayerFlags
  uint32_t prime_count;   // 1..kMaxPrimes: planes of residues
  uint32_t public_out_c;  // m': output channels of the published layer
  ConvGeometry geometry;  // of the secret layer: out_c = m
  uint32_t mask_rows;     // x as the trusted half writes it: mask_rows * mask_row_elems elements;
  uint32_t mask_row_elems;  //   one pad stream per row
  int32_t klo, khi;       // clamp of the input levels
  float inv_step;         // level k = clamp(rne(x * inv_step), klo, khi)
  uint32_t params;        // tensor id (kConstant, one tile): RestoreParams arrays, see below
  uint32_t pad;           // tensor id (kPad), or kNoTensor
  uint32_t row_bounds;    // tensor id (kConstant, one tile): BoundRow[m], proof input, checked at load
  uint32_t input_perm;    // tensor id (kConstant, one tile): u16 g[in_c], or kNoTensor: the published
                          //   layer reads x'[pixel][c] = x[pixel][g[c]]; r is drawn for x' as published
  uint64_t x_offset;      // exchange region: masked input, [prime][rows] planes of residues
  uint64_t y_offset;      // exchange region: reply, [prime][out_h][out_w][m'] residues
  // kLayerChecked; else 0 and kNoTensor.
  uint32_t projection_count;  // k: secret projections per prime, 1..kMaxProjections
  uint32_t derived, masked, expected;  // tensor ids of these kinds, see CheckShape
};
inline constexpr uint32_t kNoTensor = 0xffffffffu;

// Bytes of one residue, and of one element of x, y, r or u over all planes. Trusted tensors of residues are u8 tensors
// whose rows count these bytes.
constexpr uint32_t ResidueSize(const LayerRec& layer) { return (layer.flags & kLayerPrime) != 0 ? 4 : 1; }
constexpr uint32_t MaskedElementSize(const LayerRec& layer) { return layer.prime_count * ResidueSize(layer); }
constexpr bool IsCovered(const LayerRec& layer) { return (layer.flags & kLayerCovered) != 0; }
// The modulus of plane k, and the smallest of all.
constexpr uint32_t PrimeOf(const LayerRec& layer, uint32_t k) {
  return (layer.flags & kLayerPrime) != 0 ? kFieldPrime : kPrimes[k];
}
constexpr uint32_t SmallestPrime(const LayerRec& layer) { return PrimeOf(layer, layer.prime_count - 1); }

// params tile of a layer, arrays one after the other, each aligned to 8 bytes, m = geometry.out_c:
//   int64 offset[m]                    o_i of the decoding window
//   float scale[m], float bias[m]      y = fma(float(Y), scale, bias)
//   uint16 a[m], uint16 b[m]           gather indices into m'; b = kNoPartner: nothing is subtracted
//   uint8 lambda[prime_count][m]       lambda_i^-1 * (M/p_k)^-1 mod p_k
//                                      kLayerPrime: uint32 lambda[m], lambda_i^-1 mod kFieldPrime
// kLayerCovered: after bias
//   uint16 a[m]                        a published row of the channel's cover
//   uint8 lambda[prime_count][m][4]    the channel's row of the inverse of its cover's matrix times (M/p_k)^-1 mod p_k:
//                                      factors of the published rows from CoverBegin(a) on, 0 beyond the cover
//                                      kLayerPrime: uint32 lambda[m][4] mod kFieldPrime
constexpr uint32_t FactorCount(const LayerRec& layer) { return IsCovered(layer) ? kCoverSize : 1; }
constexpr uint64_t RestoreParamsSize(const LayerRec& layer) {
  const uint64_t m = layer.geometry.out_c;
  const uint64_t indices = (IsCovered(layer) ? 1 : 2) * AlignUp(2 * m, 8);
  return AlignUp(8 * m, 8) + 2 * AlignUp(4 * m, 8) + indices +
         AlignUp(uint64_t{MaskedElementSize(layer)} * FactorCount(layer) * m, 8);
}

// Row grids of the tensors of a checked layer, all u8 (a residue is ResidueSize() of them). With K = projection_count and n
// the length of a window over all input channels (a projection mixes groups):
//   derived   one tile [prime][K][n]: t = s^T W' as centred s8 or s32, order [kernel_h][kernel_w][in_c], each projection
//             zero-padded to a multiple of 64 bytes
//   masked    mask_rows rows; a tile is [prime][rows of the tile][mask_row_elems]
//   expected  out_h rows [prime][out_w][K]: canonical residues of <t, x' under the window>
struct CheckShape {
  uint64_t window_size;     // n
  uint64_t derived_stride;  // bytes of one projection
  uint64_t derived_size, masked_row_elems, expected_row_elems;
};
constexpr CheckShape ShapeOfCheck(const LayerRec& layer) {
  const ConvGeometry& g = layer.geometry;
  const uint64_t element = MaskedElementSize(layer);
  CheckShape shape{};
  shape.window_size = uint64_t{g.kernel_h} * g.kernel_w * g.in_c;
  shape.derived_stride = AlignUp(shape.window_size * ResidueSize(layer), kTileAlignment);
  shape.derived_size = uint64_t{layer.prime_count} * layer.projection_count * shape.derived_stride;
  shape.masked_row_elems = element * layer.mask_row_elems;
  shape.expected_row_elems = element * g.out_w * layer.projection_count;
  return shape;
}

// One row of the no-wrap proof: sums of the positive and of the negative integer weights.
struct BoundRow {
  uint64_t positive;  // sum of q > 0
  uint64_t negative;  // sum of |q| over q < 0
};

// ---- Ports -------------------------------------------------------------------------------------------
struct PortRec {
  uint32_t tensor;       // trusted tensor that receives the input or holds the output
  uint32_t elem_count;
  uint64_t offset;       // exchange region, float32, the tensor's row-major order
};

// Float segments and what checks them: boundary/float_segment.h.

// ---- Programs ------------------------------------------------------------------------------------------
// A program is a sequence of instructions: one word (opcode | operand words << 16), then operands.
// Instructions name tiles; where a tile stands is decided by kAlloc and kFetch.
enum class Opcode : uint16_t {
  kAlloc = 1,   // tensor, tile, offset: the tile stands at arena `offset`, not yet written
  kFree = 2,    // tensor, tile
  kEvict = 3,   // tensor, tile: seal outside, then free (activations; pads in the pad programs)
  kFetch = 4,   // tensor, tile, offset: bring in a sealed, constant, public or pad tile
  kInput = 10,  // port, tile: copy in from the exchange region; NaN and infinity are refused
  kOutput = 11, // port, tile
  kPass = 12,   // PassHead, PassOp[op_count], PassSink[sink_count]
  kPool = 13,   // PoolInstr
  kReduce = 14, // ReduceInstr
  kSoftmax = 15,  // SoftmaxInstr
  kCopy = 16,     // CopyInstr
  kResize = 17,   // ResizeInstr
  kMatMul = 18,   // MatMulInstr
  kConv = 19,     // ConvInstr
  kArgMax = 20,   // ArgMaxInstr
  kFill = 21,     // tensor, tile, float bits: every element of an f32 tile
  kNormalize = 22,  // NormalizeInstr
  kJob = 30,      // layer: hand the layer to the accelerator and wait for its reply
  kFloatSend = 31,     // float segment, port of its run (an input), tile: copy out; tiles in order
  kFloatJob = 32,      // float segment: hand it to the accelerator and wait for its reply
  kFloatReceive = 33,  // float segment, port of its run (an output), tile: copy in; NaN and infinity are refused
  // With fingerprints kFloatSend and kFloatReceive copy the same tile of every slot, in the order of the slots; a tile that
  // was received can be used after kCompare.
  kCombine = 34,  // float segment, port of its run, tile, group: adds the group's part to the tile of fingerprints
  kCompare = 35,  // float segment, port of its run (an output), tile: replies to fingerprints with what they must be
  kPadRandom = 40,  // layer, prime, tensor, tile: rows of r as canonical residues, of every pad of the program
  kPadConv = 41,    // PadConvInstr
  kPadFinish = 42,  // layer, tile of the pad tensor, tensor holding L'(r), pad: 0, then 1 once that tile of pad 0 is stored, ...
  kProject = 50,    // ProjectInstr
  kExpect = 51,     // layer, tile of its expected tensor: from x' as it was masked and s^T W'
  // Of a partition drawn inside. A way is dropped when the model is loaded unless the lot chose it; what stays is proved.
  kWay = 60,   // float segment, 1: public, 0: inside, words: so many from here on are of this way
  kEmit = 61,  // float segment, EmitScale, constant tensor, tile, offset in the segment's own public half
};

// A pass: rows of one tile go from a source through element-wise operations into sinks.
enum class PassSource : uint32_t {
  kTensor = 1,   // source_id = tensor; rows of the same tile index and row grid
  kRestore = 2,  // source_id = layer: unpad, restore and decode rows of its reply
};
struct PassHead {
  PassSource source;
  uint32_t source_id;
  uint32_t row_begin, row_end;
  uint32_t row_elems;
  uint32_t op_count, sink_count;
};

enum class PassFn : uint16_t {
  kRelu = 1, kLeakyRelu = 2, kClip = 3, kSigmoid = 4, kHardSigmoid = 5, kHardSwish = 6, kTanh = 7,
  kElu = 8, kSoftplus = 9, kExp = 10, kLog = 11, kSqrt = 12, kNeg = 13, kAbs = 14, kErf = 15,
  kFloor = 16, kReciprocal = 17, kCeil = 18,
  kAdd = 32, kSub = 33, kReverseSub = 34, kMul = 35, kDiv = 36, kReverseDiv = 37, kMin = 38, kMax = 39,
  kPow = 40, kReversePow = 41, kPRelu = 42,
};
enum class PassOperand : uint16_t {
  kNone = 0,
  kScalar = 1,   // a
  kChannel = 2,  // operand = constant tensor: `period` floats, repeated along the row
  kTensor = 3,   // operand = tensor with the same row grid
  kTensorChannel = 4,  // operand = one-row tensor of `period` floats, repeated along the row
  kTensorPixel = 5,    // operand = tensor with row_elems / period floats a row, each for `period` elements
};
struct PassOp {
  PassFn fn;
  PassOperand operand_kind;
  float a, b;        // parameters of unary functions; a = the scalar operand
  uint32_t operand;  // tensor id
  uint32_t period;   // channels
};

enum class PassSinkKind : uint32_t {
  kTensor = 1,    // id = f32 tensor, same row grid
  kMask = 2,      // id = layer: quantise, encode, mask, write to the exchange region
  kQuantize = 3,  // id = u8 or s16 tensor, same row grid: level (u8: minus klo)
};
struct PassSink {
  PassSinkKind kind;
  uint32_t id;
  float inv_step;  // kQuantize
  int32_t klo, khi;
};

struct PoolInstr {
  uint32_t src, dst, dst_tile;
  uint32_t kind;  // 0 max, 1 average without padding, 2 average counting padding
  ConvGeometry geometry;  // in_c = out_c = groups
};

struct ReduceInstr {  // over all rows and pixels, per channel: dst is one row of `channels`
  uint32_t src, src_tile, dst;
  uint32_t kind;      // 0 sum, 1 mean, 2 max
  uint32_t channels;
  uint32_t first, last;  // flags: starts, finishes the accumulation
  float scale;        // mean: 1 / count, applied when last
};

struct SoftmaxInstr {  // over each run of `length` elements of a row
  uint32_t src, dst, tile;
  uint32_t length;
  uint32_t log;  // 1: LogSoftmax
};

struct NormalizeInstr {  // (x - mean) / sqrt(variance + epsilon) over each run of `length` elements of a row
  uint32_t src, dst, tile;
  uint32_t length;
  float epsilon;  // >= 0
};

// dst[dst_offset + sum i_d * dst_stride_d] = src[src_offset + sum i_d * src_stride_d], i_d < extent_d,
// element indices over the whole row-major tensors. Both tensors are one tile or the box stays inside
// resident tiles.
struct CopyInstr {
  uint32_t src, dst;
  uint32_t dim_count;
  uint32_t elem_size;  // 4
  uint32_t extent[kMaxCopyDims];
  int32_t src_stride[kMaxCopyDims];
  int32_t dst_stride[kMaxCopyDims];
  uint32_t src_offset, dst_offset;
};

struct ResizeInstr {  // linear interpolation by tables: out(y) = (1-w) in(lo) + w in(hi), rows then columns
  uint32_t src, dst, dst_tile;
  uint32_t in_h, in_w, out_h, out_w, channels;
  uint32_t tables;  // constant: u32 lo[out_h], hi[out_h], f32 w[out_h], then the same for columns
};

struct MatMulInstr {  // batch of [m,k] x [k,n], both activations, float32
  uint32_t a, b, dst;
  uint32_t batch, m, k, n;
  uint32_t b_transposed;
};

enum class ConvMode : uint32_t { kF32 = 1, kU8 = 2, kS16 = 3 };
struct ConvInstr {
  ConvMode mode;
  uint32_t src, dst, dst_tile;
  uint32_t weights, weight_tile;  // constant: packed panels of output channels, then their parameters
  uint32_t oc_begin, oc_end;      // output channels of this tile of weights
  int32_t pad_value;              // u8: -klo
  uint32_t piece_count;           // kS16: q is the sum of pieces (see docs/bundle_format.md)
  ConvGeometry geometry;
};

struct ArgMaxInstr {  // over each run of `length` elements with stride 1; result as float32
  uint32_t src, dst, tile, length;
  uint32_t last_index;  // 1: ties go to the last index
};

// Of the pads of a program: 1 of the pad program, pad_batch of the batch program. A tile of r is [pad][rows of the tile]
// [row of the mask], one of L'(r) [pad][prime][rows of the tile][out_w][m'].
struct PadConvInstr {  // L'(r) for one prime and a run of public output channels
  uint32_t layer, prime;
  uint32_t src;                   // u8 residues r, all rows the output rows need
  uint32_t weights, weight_tile;  // public slice: s8 OHWI rows [oc_begin, oc_end)
  uint32_t oc_begin, oc_end;
  uint32_t dst;                   // u8
  uint32_t dst_tile;
};

struct ProjectInstr {  // adds the part of a run of public output channels to s^T W' of one prime
  uint32_t layer, prime;
  uint32_t weights, weight_tile;  // public slice: s8 OHWI rows [oc_begin, oc_end)
  uint32_t oc_begin, oc_end;
};

struct PlanHeader {
  uint32_t version;
  uint32_t tensor_count, slice_count, layer_count;
  uint32_t input_count, output_count;
  uint32_t infer_words, pad_words;  // lengths of the programs that run an inference and make one pad
  uint32_t weights_axis;            // informative: preset axes, see docs/schemes.md
  uint32_t float_segment_count, float_port_count;
  uint32_t prepare_words;    // length of the program that runs once, at the end of loading
  uint32_t soundness_bits;   // claim: a wrong reply is accepted with probability at most 2^-soundness_bits; 0: none
  uint32_t batch_words;    // length of the program that makes several pads in one pass over the weights; 0: there is none
  uint32_t pad_batch;      // how many it makes, 2..kMaxPadBatch; 0: there is none
  uint32_t fingerprint_count;  // in every job of a float segment, 1..kMaxFingerprints; 0: replies of these are not checked
  float theta;        // a partition drawn inside: every float segment is public with this probability, 0..1
  float scale_range;  // ... and its scales are log-uniform in [1 / range, range]; 0: nothing is drawn, theta is 0
  uint64_t arena_size;     // dynamic tiles
  uint64_t scratch_size;   // kernels
  uint64_t exchange_size;  // whole exchange region
  uint64_t window_offset;  // transfers of sealed tiles go through [window_offset, + window_size)
  uint64_t window_size;
  uint8_t failure_log_key[32];  // the vendor's X25519 public key that failure logs are sealed to (boundary/failure_log.h)
};
// After the header: TensorRec[], PublicSliceRec[], LayerRec[], PortRec inputs[], PortRec outputs[],
// FloatSegmentRec[], PortRec float ports[], with fingerprints FingerprintRec and CheckedPortRec[float_port_count],
// u32 infer program[], u32 pad program[], u32 prepare program[], u32 batch program[]. Nothing else; sizes add up exactly.

static_assert(sizeof(TensorRec) == 20);
static_assert(sizeof(PublicSliceRec) == 32);
static_assert(sizeof(ConvGeometry) == 68);
static_assert(sizeof(LayerRec) == 152);
static_assert(sizeof(PortRec) == 16);
static_assert(sizeof(PassHead) == 28 && sizeof(PassOp) == 20 && sizeof(PassSink) == 20);
static_assert(sizeof(PlanHeader) == 144);

// Samples of a job of a float segment: the request's and its fingerprints.
constexpr uint32_t SlotCount(const PlanHeader& header) { return 1 + header.fingerprint_count; }

}  // namespace penumbra

#endif  // PENUMBRA_BOUNDARY_PLAN_H_
