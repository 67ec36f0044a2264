// Partitions that the trusted half draws at every load.
#include <cstdio>

#include "boundary/limits.h"
#include "model/error.h"
#include "protect/compile.h"
#include "protect/schedule/float_segments.h"
#include "protect/weights/scaling.h"

namespace penumbra::protect {

void CompiledModel::RequireDrawable() const {
  const Scheme& scheme = options_.scheme;
  if (scheme.placement != PlacementKind::kRandom || scheme.weights != WeightsAxis::kScalar) {
    throw model::ModelError(Status::kIllegalCombination,
                            "a partition drawn inside needs placement random and weights scalar, and the scheme is " +
                                SchemeText(scheme),
                            {}, "use --preset soter, or leave --partition-inside away");
  }
  const double range = scheme.weights_parameter;
  if (range >= double{kMinDrawnScaleRange} && range <= double{kMaxDrawnScaleRange}) return;
  throw model::ModelError(Status::kInvalidArgument,
                          "scales drawn inside lie in [1/R, R] with R from 2 to 256, not " + std::to_string(range), {},
                          "choose another range (--weights scalar:8)");
}

// Whatever is drawn, float32 holds the constants: it does at the ends of both ranges.
void CompiledModel::ChooseCandidates() {
  const FloatPlan floats = PlanSegments();
  if (floats.segments.empty()) {
    throw model::ModelError(Status::kUnsupported, "this model has no operator that may leave: a partition has nothing to draw", {},
                            "leave --partition-inside away");
  }
  const Scale high{static_cast<float>(options_.scheme.weights_parameter)}, low{1 / high.front()};
  uint32_t count = 0;
  for (size_t op = 0; op < public_.size(); ++op) {
    public_[op] = floats.segment_of[op] != kNone;
    if (!public_[op]) continue;
    ++count;
    const bool keeps = floats.segments[floats.segment_of[op]].keeps_scale;
    static_cast<void>(ScaleOperator(lowered_.ops[op], keeps ? high : low, high));
    static_cast<void>(ScaleOperator(lowered_.ops[op], keeps ? low : high, low));
  }
  char text[256];
  std::snprintf(text, sizeof(text),
                "%u of %zu operators are candidates: each is public with probability %g, drawn inside anew at every load",
                count, public_.size(), options_.scheme.placement_parameter);
  report_.notes.emplace_back(text);
  report_.warnings.push_back(
      "A partition drawn inside is another one at every load: whoever may load the model often sees every candidate, scaled, sooner or "
      "later.");
}

FloatPlan CompiledModel::PlanSegments() const {
  return options_.partition_inside ? PlanCandidates(lowered_, public_) : PlanFloatSegments(lowered_, public_);
}

}  // namespace penumbra::protect
