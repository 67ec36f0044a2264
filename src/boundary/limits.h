// Limits both worlds enforce. A value beyond a limit is refused, never clamped.
#ifndef PENUMBRA_BOUNDARY_LIMITS_H_
#define PENUMBRA_BOUNDARY_LIMITS_H_

#include <cstdint>

namespace penumbra {

inline constexpr uint32_t kMaxDim = 1u << 24;          // any extent of a tensor
inline constexpr uint32_t kMaxTensors = 1u << 16;      // trusted tensors of a plan
inline constexpr uint32_t kMaxTiles = 1u << 20;        // tiles of a plan, over all tensors
inline constexpr uint32_t kMaxLayers = 1u << 12;       // public linear layers
inline constexpr uint32_t kMaxPorts = 64;              // model inputs, model outputs
inline constexpr uint32_t kMaxFloatPorts = 1u << 12;   // of all float segments
inline constexpr uint32_t kMaxNameSize = 256;          // bytes of a name
inline constexpr uint32_t kMaxChunks = 1u << 18;       // sealed chunks of a bundle
inline constexpr uint32_t kMaxChunkSize = 1u << 21;    // plaintext bytes of one chunk or tile
inline constexpr uint32_t kMaxPlanSize = 64u << 20;    // bytes of the sealed plan
inline constexpr uint32_t kMaxProgramWords = 1u << 24; // 32-bit words of one program
inline constexpr uint32_t kMaxPassOps = 64;            // element-wise operations of one pass
inline constexpr uint32_t kMaxPassSinks = 8;
inline constexpr uint32_t kMaxCopyDims = 8;
inline constexpr uint32_t kMaxManifestSize = 16u << 20;
inline constexpr uint32_t kMaxRuns = 16;               // programs of one loaded model under way at once
inline constexpr uint32_t kMaxPads = 4096;             // pads ready or being made; bytes of secure memory, too
inline constexpr uint32_t kMaxPadBatch = 4;            // pads one program makes
inline constexpr uint32_t kMaxWraps = 64;              // devices one bundle is wrapped for
// A residue convolution accumulates u8 x s8 in int32: n * 255 * 125 < 2^31.
inline constexpr uint32_t kMaxFilterLength = 67371;

// Secret projections per prime that check a reply: beyond 2^-110 nothing is gained.
inline constexpr uint32_t kMaxProjections = 15;

// Cornerstones a fingerprint combines, and fingerprints in a job of a float segment.
inline constexpr uint32_t kMaxCornerstones = 64;
inline constexpr uint32_t kMaxFingerprints = 7;

// Scales of a partition drawn inside lie in [1 / r, r]. Below, most draws would be thrown away; beyond, float32 has less room
// for weights.
inline constexpr float kMinDrawnScaleRange = 2;
inline constexpr float kMaxDrawnScaleRange = 256;

// Levels lie strictly between -kLevelLimit and kLevelLimit: float32 rounds them exactly.
inline constexpr int32_t kLevelLimit = 1 << 22;

// In a layer's gather table b: nothing is subtracted (the row has no random filter).
inline constexpr uint16_t kNoPartner = 0xffff;

inline constexpr uint32_t kTileAlignment = 64;
inline constexpr uint32_t kAeadTagSize = 16;
inline constexpr uint32_t kAeadKeySize = 32;
inline constexpr uint32_t kAeadNonceSize = 12;

constexpr uint64_t AlignUp(uint64_t n, uint64_t alignment) {
  return (n + alignment - 1) / alignment * alignment;
}

}  // namespace penumbra

#endif  // PENUMBRA_BOUNDARY_LIMITS_H_
