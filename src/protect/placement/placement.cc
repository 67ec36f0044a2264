#include "protect/placement/placement.h"

#include <cmath>
#include <limits>

#include "boundary/limits.h"
#include "model/error.h"
#include "protect/placement/float_chain.h"

namespace penumbra::protect {
namespace {

uint32_t LayerCount(double parameter) {
  if (parameter != std::floor(parameter) ||
      parameter > static_cast<double>(std::numeric_limits<int32_t>::max())) {
    throw model::ModelError(Status::kInvalidArgument,
                            "the number of layers of a placement must be a whole number", {},
                            "for example --placement last:3");
  }
  return static_cast<uint32_t>(parameter);
}

Placement RunPolicy(const LoweredGraph& graph, const Scheme& scheme,
                    const PlacementFacts& facts) {
  switch (scheme.placement) {
    case PlacementKind::kAllTrusted:
      return PlaceAllTrusted(graph);
    case PlacementKind::kAllPublic:
      return PlaceAllPublic(graph);
    case PlacementKind::kLinearPublic:
    case PlacementKind::kMagnitude:  // the public layers are split afterwards (weights/magnitude.h)
      return PlaceLinearPublic(graph);
    case PlacementKind::kLast:
      return PlaceLast(graph, LayerCount(scheme.placement_parameter));
    case PlacementKind::kFirst:
      return PlaceFirst(graph, LayerCount(scheme.placement_parameter));
    case PlacementKind::kRandom:
      return PlaceRandom(graph, scheme.placement_parameter, facts.seed, facts.associative);
    case PlacementKind::kPublicBackbone:
      return PlacePublicBackbone(graph, *facts.backbone);
    case PlacementKind::kCritical:
    case PlacementKind::kAuto:
      return PlaceStages(graph, facts.public_stages, facts.can_leave);
  }
  throw model::ModelError(Status::kInternal, "a placement without a policy");
}

}  // namespace

bool IsLinear(const LoweredOp& op) { return std::holds_alternative<LinearOp>(op.kind); }

std::string WhyNotResidue(const LinearOp& layer) {
  if (FilterLength(layer.geometry) > kMaxFilterLength) {
    return "a filter of " + std::to_string(FilterLength(layer.geometry)) +
           " weights could overflow 32-bit sums";
  }
  return "";
}

Placement Place(const LoweredGraph& graph, const Scheme& scheme,
                const std::vector<std::string>& layer_patterns, const PlacementFacts& facts) {
  Placement placement = RunPolicy(graph, scheme, facts);
  KeepLayersByName(graph, layer_patterns, &placement);
  const bool residues =
      scheme.arithmetic == Arithmetic::kRing || scheme.arithmetic == Arithmetic::kPrime;
  if (!residues) return placement;
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const auto* layer = std::get_if<LinearOp>(&graph.ops[i].kind);
    // On residues an accelerator has linear operators only.
    if (layer == nullptr || !WhyNotResidue(*layer).empty()) placement[i] = Side::kTrusted;
  }
  return placement;
}

}  // namespace penumbra::protect
