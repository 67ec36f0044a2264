// Records of a plan (boundary/plan.h) about public segments that compute in float32, their fingerprints, and whether they are public
// at all. Stored exactly as declared.
#ifndef PENUMBRA_BOUNDARY_FLOAT_SEGMENT_H_
#define PENUMBRA_BOUNDARY_FLOAT_SEGMENT_H_

#include <cstdint>

namespace penumbra {

// A public segment that computes in float32 on unmasked tensors. Its ports are a run of the plan's float ports: first what it
// gets, then what it replies, each in the order of the public half. Ports of one side are packed in the exchange region: each
// stands at the multiple of kTileAlignment that follows the one before it. With fingerprints a port has SlotCount() slots of
// its elem_count elements, one after the other: a batch, in which the request's own sample has a secret place.
struct FloatSegmentRec {
  uint32_t segment;     // index into the public half's segments; with a partition drawn inside, its own index
  uint32_t first_port;  // index into the float ports
  uint32_t input_count, output_count;
  uint32_t flags;  // FloatSegmentFlags
};
enum FloatSegmentFlags : uint32_t {
  kSegmentKeepsScale = 1u << 0,  // of a partition drawn inside: no constants of its own that could change a scale
};

// ---- A partition drawn inside ----------------------------------------------------------------------------
// With PlanHeader::scale_range every float segment is one operator that the programs can run either way (kWay). When the
// model is loaded, a lot decides which of them are public, and a public one gets two scales: what is sent is multiplied by
// the input's, what comes back divided by the output's, and the prepare program emits its half of the public half with
// constants to match (kEmit). See docs/decisions/0023-partitions-drawn-inside.md.
enum class EmitScale : uint32_t {
  kNone = 0,      // bytes as they are
  kQuotient = 1,  // float32, times the output's scale by the input's: factors
  kOutput = 2,    // float32, times the output's scale: summands
};

// ---- Fingerprints --------------------------------------------------------------------------------------
// Every float segment of a plan with PlanHeader::fingerprint_count is affine, and its jobs carry that many fingerprints
// beside the request: sum c_i X_i with fresh secret c, sum c_i = 1, whose reply must be sum c_i Y_i (docs/integrity.md).
struct FingerprintRec {
  uint32_t cornerstone_count;  // K, 1..kMaxCornerstones; 1: the fingerprint is always the same
  uint32_t challenge_rate;     // 1..kFullChallengeRate: each tile of a reply is compared with probability
                               //   challenge_rate / kFullChallengeRate
};
inline constexpr uint32_t kFullChallengeRate = 1u << 16;

// Of float port p, whose tensor has tiles of R rows. Group g of a tile holds cornerstones [g G, min(K, (g + 1) G)), as
// [cornerstone][rows of the tile][row_elems] float32; with `groups` groups a tile G = ceil(K / groups).
struct CheckedPortRec {
  uint32_t cornerstones;  // tensor id (kConstant): X_i of an input, Y_i of an output; group g of tile t is tile t * groups + g
  uint32_t fingerprints;  // tensor id (kFingerprint): row grid of the port's tensor, but fingerprint_count times row_elems; a
                          //   tile is [fingerprint][rows of the tile][row_elems]
  uint32_t replies;       // of an output: tensor id (kReply), likewise; of an input: kNoTensor
  float tolerance;        // of an output: |reply - expectation| at most, >= 0; of an input: 0
};
constexpr uint32_t GroupSize(uint32_t cornerstone_count, uint32_t groups) {
  return (cornerstone_count + groups - 1) / groups;
}

static_assert(sizeof(FloatSegmentRec) == 20);
static_assert(sizeof(FingerprintRec) == 8 && sizeof(CheckedPortRec) == 16);

}  // namespace penumbra

#endif  // PENUMBRA_BOUNDARY_FLOAT_SEGMENT_H_
