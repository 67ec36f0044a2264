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

// Operators that compute what an operator of `backbone` computes from the same values are public
// (eNNclave, AISec 2020): whatever leaves stands in the public file already. Throws
// model::ModelError: kWrongShape when the two have other inputs or first layers of other shapes,
// kInvalidArgument when they share no linear layer.
Placement PlacePublicBackbone(const LoweredGraph& graph, const LoweredGraph& backbone);

// What the policies need to know beyond the graph; each only when it runs.
struct PlacementFacts {
  uint64_t seed = 0;                       // random
  std::vector<bool> associative = {};      // random: of each operator
  const LoweredGraph* backbone = nullptr;  // public-backbone
  // critical and auto: the stages of StagesOf() that are public, chosen by what they take (chain.h), and
  // of each operator whether it can leave at all.
  std::vector<bool> public_stages = {}, can_leave = {};
};

// Of the layers that `placement` made public, keeps those whose name matches one of `patterns` ('*'
// and '?' as in a shell); the others become trusted. No patterns: nothing changes. Throws
// model::ModelError(kWrongName) for a pattern that matches no linear layer.
void KeepLayersByName(const LoweredGraph& graph, const std::vector<std::string>& patterns,
                      Placement* out_placement);

// Runs the policy of the scheme, then KeepLayersByName.
Placement Place(const LoweredGraph& graph, const Scheme& scheme,
                const std::vector<std::string>& layer_patterns,
                const PlacementFacts& facts = {});

// Why a linear layer cannot be computed on residues by an accelerator ("" when it can): sums of
// longer filters could overflow 32 bits.
std::string WhyNotResidue(const LinearOp& layer);

bool IsLinear(const LoweredOp& op);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_PLACEMENT_PLACEMENT_H_
