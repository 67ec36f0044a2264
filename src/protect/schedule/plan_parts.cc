#include "protect/schedule/plan_parts.h"

namespace penumbra::protect {

uint64_t TileSize(const CompiledPlan& plan, TileRef ref) {
  const TensorRec& t = plan.tensors[ref.tensor];
  if (t.kind == TensorKind::kConstant) return plan.constants[t.source + ref.tile].size;
  if (t.kind == TensorKind::kPublic) return plan.slices[t.source + ref.tile].size;
  return uint64_t{RowsOfTile(t, ref.tile)} * t.row_elems * ElementSize(t.type);
}

uint32_t GroupCount(const CompiledPlan& plan, uint32_t float_port) {
  return plan.tensors[plan.checked_ports[float_port].cornerstones].rows /
         TileCount(plan.tensors[plan.float_ports[float_port].tensor]);
}

uint64_t PlanSize(const CompiledPlan& plan) {
  return sizeof(PlanHeader) + plan.tensors.size() * sizeof(TensorRec) +
         plan.slices.size() * sizeof(PublicSliceRec) + plan.layers.size() * sizeof(LayerRec) +
         (plan.inputs.size() + plan.outputs.size() + plan.float_ports.size()) * sizeof(PortRec) +
         plan.float_segments.size() * sizeof(FloatSegmentRec) +
         (plan.fingerprint_count != 0 ? sizeof(FingerprintRec) : 0) + plan.checked_ports.size() * sizeof(CheckedPortRec) +
         (plan.infer_program.size() + plan.pad_program.size() + plan.prepare_program.size() + plan.batch_program.size()) *
             sizeof(uint32_t);
}

}  // namespace penumbra::protect
