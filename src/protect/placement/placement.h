// Placement: which operators run trusted and which public (docs/schemes.md). One file per policy;
// every policy is a function from the lowered graph to one side per operator.
#ifndef PENUMBRA_PROTECT_PLACEMENT_PLACEMENT_H_
#define PENUMBRA_PROTECT_PLACEMENT_PLACEMENT_H_

#include <string>
#include <vector>

#include "protect/lower/lowered.h"
#include "protect/presets/scheme.h"

namespace penumbra::protect {

enum class Side : uint8_t { kTrusted, kPublic };
using Placement = std::vector<Side>;  // one per operator of LoweredGraph::ops

// Every operator inside the trusted half (MLCapsule, OMG, TensorSCONE).
Placement PlaceAllTrusted(const LoweredGraph& graph);
// Everything an accelerator could run is public; the insecure baseline.
Placement PlaceAllPublic(const LoweredGraph& graph);
// Linear layers public, the rest trusted (Slalom, ShadowNet).
Placement PlaceLinearPublic(const LoweredGraph& graph);
// The last (first) `count` linear layers trusted, the other linear layers public (DarkneTZ;
// YerbaBuena, Serdab).
Placement PlaceLast(const LoweredGraph& graph, uint32_t count);
Placement PlaceFirst(const LoweredGraph& graph, uint32_t count);

// Each operator of `associative` public with probability theta in [0, 1] (SOTER, USENIX ATC 2022,
// section 4), the same ones for the same seed on every machine. The split itself is no secret: the
// public half shows it.
Placement PlaceRandom(const LoweredGraph& graph, double theta, uint64_t seed,
                      const std::vector<bool>& associative);

// What a random placement draws from.
struct RandomPlacement {
  uint64_t seed = 0;
  std::vector<bool> associative = {};  // of each operator
};

// Of the layers that `placement` made public, keeps those whose name matches one of `patterns` ('*'
// and
// '?' as in a shell); the others become trusted. No patterns: nothing changes. Throws
// model::ModelError(kWrongName) for a pattern that matches no linear layer.
void KeepLayersByName(const LoweredGraph& graph, const std::vector<std::string>& patterns,
                      Placement* out_placement);

// Runs the policy of the scheme, then KeepLayersByName. Throws model::ModelError(kUnsupported) for
// a policy that is not built.
Placement Place(const LoweredGraph& graph, const Scheme& scheme,
                const std::vector<std::string>& layer_patterns,
                const RandomPlacement& random = {});

// Why a linear layer cannot be computed on residues by an accelerator ("" when it can): sums of
// longer filters could overflow 32 bits.
std::string WhyNotResidue(const LinearOp& layer);

bool IsLinear(const LoweredOp& op);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_PLACEMENT_PLACEMENT_H_
