#include "protect/schedule/prepare_program.h"

#include <algorithm>

#include "kernels/scratch.h"

namespace penumbra::protect {
namespace {

void ProjectLayer(const LinearPlan& linear, const PublicSlices& slices, const CompiledPlan& plan,
                  std::vector<Step>* out_steps) {
  const LayerRec& layer = plan.layers[linear.layer];
  for (uint32_t prime = 0; prime < layer.prime_count; ++prime) {
    for (size_t run = 0; run < slices.runs.size(); ++run) {
      const uint32_t slice = slices.Tile(prime, run);
      const ProjectInstr instr{linear.layer, prime, slices.tensor, slice, slices.runs[run].begin,
                               slices.runs[run].end};
      Step step;
      step.op = linear.op;
      step.words = RecordInstruction(Opcode::kProject, instr);
      step.reads.push_back({slices.tensor, slice});
      const bool last = prime + 1 == layer.prime_count && run + 1 == slices.runs.size();
      step.writes.push_back({{layer.derived, 0}, last});
      out_steps->push_back(std::move(step));
    }
  }
}

}  // namespace

std::vector<Step> BuildPrepareProgram(const LoweredGraph& lowered,
                                      const std::vector<LinearPlan>& linears,
                                      const std::vector<PublicSlices>& slices,
                                      CompiledPlan* plan) {
  std::vector<Step> steps;
  for (size_t l = 0; l < linears.size(); ++l) {
    if (!linears[l].is_public() || linears[l].projection_count == 0) continue;
    const LayerRec& layer = plan->layers[linears[l].layer];
    RequirePiece(lowered, linears[l], ShapeOfCheck(layer).derived_size, "to check its replies");
    plan->scratch_size = std::max(plan->scratch_size, ProjectScratchSize(layer));
    ProjectLayer(linears[l], slices[l], *plan, &steps);
  }
  return steps;
}

}  // namespace penumbra::protect
