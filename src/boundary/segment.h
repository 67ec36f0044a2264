// What the untrusted half executes: small graphs over a closed operator list. A segment is stored in the
// public half of a bundle (docs/bundle_format.md) and prepared once by an accelerator device.
#ifndef PENUMBRA_BOUNDARY_SEGMENT_H_
#define PENUMBRA_BOUNDARY_SEGMENT_H_

#include <cstdint>

#include "boundary/geometry.h"

namespace penumbra {

// kConvFloat is mandatory for every device; the rest is announced by capability bits.
enum class SegmentOp : uint16_t {
  kConvResidue = 1,  // u8 residues x centred s8 weights, per prime; reply: any representative in [0,255]
  kConvFloat = 2,    // float32, optional bias
  kRelu = 3,
  kLeakyRelu = 4,       // attr_f[0] = alpha
  kClip = 5,            // attr_f[0] = min, attr_f[1] = max
  kSigmoid = 6,
  kTanh = 7,
  kHardSwish = 8,
  kAdd = 9,             // two inputs of one shape
  kMul = 10,            // two inputs of one shape
  kMaxPool = 11,        // window in geometry (groups = in_c = out_c); padding never wins
  kAveragePool = 12,    // attr_u[0] = 1 counts padding
  kGlobalAveragePool = 13,
  kConcat = 14,         // along the channel axis, any number of inputs up to kMaxSegmentInputs
  kSoftmax = 15,        // along the channel axis
  kResizeNearest = 16,  // integer factors: out_h / in_h, out_w / in_w
  kConvPrime = 17,      // residues modulo kFieldPrime x centred s32 weights; both ends: any representative in [0, 2^32)
};
inline constexpr SegmentOp kLastSegmentOp = SegmentOp::kConvPrime;
constexpr uint64_t CapabilityBit(SegmentOp op) { return uint64_t{1} << static_cast<uint16_t>(op); }

enum class ElementType : uint16_t {
  kU8Residue = 1,   // modulo one of kPrimes
  kF32 = 2,
  kU32Residue = 3,  // modulo kFieldPrime
};

inline constexpr uint32_t kMaxSegmentInputs = 8;
inline constexpr uint32_t kNoBlob = 0xffffffffu;

// A tensor inside a segment, one sample, channel-last [h, w, c].
// kU8Residue: one plane per prime; memory order [prime][batch][h][w][c].
// kF32, kU32Residue: memory order [batch][h][w][c].
struct SegmentTensor {
  uint32_t h, w, c;
  ElementType type;
  uint16_t prime_count;  // kU8Residue: planes use kPrimes[0..prime_count); others: 0
};

struct SegmentNode {
  SegmentOp op;
  uint16_t input_count;
  uint32_t inputs[kMaxSegmentInputs];  // indices into the segment's tensors
  uint32_t output;                     // index into the segment's tensors
  ConvGeometry geometry;               // convolutions and pools
  float attr_f[2];
  uint32_t attr_u[2];
  // Blobs of the public half. Weights are [out_c][kernel_h][kernel_w][in_c/groups] (OHWI): s8 centred
  // residues, one such array per prime one after the other, for kConvResidue; float32 for kConvFloat; s32
  // centred residues for kConvPrime.
  uint32_t weight_blob;
  uint32_t bias_blob;  // float32 [out_c] or kNoBlob; kConvFloat only
};

}  // namespace penumbra

#endif  // PENUMBRA_BOUNDARY_SEGMENT_H_
