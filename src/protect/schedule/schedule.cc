#include "protect/schedule/schedule.h"

#include <algorithm>

#include "boundary/limits.h"
#include "model/error.h"
#include "protect/schedule/checker.h"
#include "protect/schedule/exchange.h"
#include "protect/schedule/nodes.h"
#include "protect/schedule/pad_program.h"
#include "protect/schedule/prepare_program.h"
#include "protect/schedule/residency.h"
#include "protect/schedule/secure_memory.h"
#include "protect/schedule/task.h"

namespace penumbra::protect {
namespace {

// Part of the budget that dynamic tiles can count on when the loop order of large layers is chosen;
// the rest is tables and scratch.
constexpr double kArenaShare = 0.7;

// State of the runtime that does not depend on the plan: keys, session, manifest head.
constexpr uint64_t kFixedTableSize = 64 * 1024;

[[noreturn]] void RefuseBudget(uint64_t needed, uint64_t budget) {
  throw model::ModelError(Status::kSecureMemoryExceeded,
                          "tables and scratch of this model need " + std::to_string(needed) +
                              " bytes of secure memory, and the budget is " +
                              std::to_string(budget),
                          {}, "give more secure memory (--secure-memory)");
}

// While a plan is loaded the arena holds the map of the proof, then row sums and windows of one
// layer.
uint64_t ProofSize(const CompiledPlan& plan) {
  uint64_t size = kTileAlignment;
  for (const LayerRec& layer : plan.layers) {
    const uint64_t m = layer.geometry.out_c;
    size = std::max(size, AlignUp(m * sizeof(BoundRow), kTileAlignment) +
                              RestoreParamsSize(layer));
  }
  return AlignUp(size, kTileAlignment);
}

// Smallest arena without needless sealing, or what the budget leaves. More sealing makes programs,
// and so tables, longer: the capacity is lowered until everything fits.
void PlaceTiles(const LoweredGraph& graph, const std::vector<Step>& infer,
                const std::vector<Step>& pads, const std::vector<Step>& prepare, uint64_t budget,
                CompiledPlan* plan, ScheduleReport* out_report) {
  uint64_t capacity = kUnlimited;
  for (;;) {
    Resident run = MakeResident(graph, *plan, infer, capacity);
    Resident pad = MakeResident(graph, *plan, pads, capacity);
    Resident load = MakeResident(graph, *plan, prepare, capacity);
    plan->prepare_program = std::move(load.program);
    plan->infer_program = std::move(run.program);
    plan->pad_program = std::move(pad.program);
    plan->arena_size = std::max({run.arena_size, pad.arena_size, load.arena_size, ProofSize(*plan)});
    out_report->evicted_size = run.evicted_size;
    out_report->in_use = std::move(run.in_use);
    out_report->pad_evicted_size = pad.evicted_size;
    const uint64_t total = SecureMemorySize(*plan);
    out_report->secure_memory_size = total;
    if (total <= budget) return;
    const uint64_t rest = total - plan->arena_size;
    if (rest >= budget) RefuseBudget(rest, budget);
    const uint64_t lower =
        capacity == kUnlimited ? budget - rest : std::min(capacity - kTileAlignment, budget - rest);
    capacity = lower / kTileAlignment * kTileAlignment;
  }
}

}  // namespace

uint64_t TableSize(const CompiledPlan& plan) {
  uint64_t tile_count = 0;
  for (const TensorRec& t : plan.tensors) tile_count += TileCount(t);
  const uint64_t per_tile = 12;
  const uint64_t per_layer = 8;
  const uint64_t plan_chunks = PlanSize(plan) / kMaxChunkSize + 1;
  const uint64_t per_float_port = 4;
  return kFixedTableSize + PlanSize(plan) + per_tile * tile_count + per_layer * plan.layers.size() +
         per_float_port * plan.float_ports.size() +
         4 * (plan.tensors.size() + 1 + plan.constants.size() + plan_chunks + kMaxReportChunks) +
         AlignUp(plan.arena_size / kTileAlignment / 8 + 8, kTileAlignment);
}

uint64_t SecureMemorySize(const CompiledPlan& plan) {
  return TableSize(plan) + plan.scratch_size + plan.arena_size;
}

CompiledPlan Schedule(const LoweredGraph& graph, const std::vector<LinearPlan>& linears,
                      const ScheduleOptions& options, ScheduleReport* out_report) {
  const FloatPlan floats = PlanFloatSegments(graph, options.float_public);
  NodeGraph nodes = BuildNodes(graph, linears, floats);
  FusePasses(&nodes);
  AddSinks(linears, &nodes);
  AssignTiles(graph, &nodes);
  CompiledPlan plan;
  plan.weights_axis = options.weights_axis;
  // Without public layers there is nothing to claim.
  if (std::ranges::any_of(linears, &LinearPlan::is_public)) plan.soundness_bits = options.soundness_bits;
  const auto arena_size =
      static_cast<uint64_t>(static_cast<double>(options.secure_memory_size) * kArenaShare);
  const std::vector<Step> infer =
      OrderTasks(BuildTasks(graph, linears, floats, {arena_size}, &nodes, &plan));
  const std::vector<PublicSlices> slices = AddPublicSlices(graph, linears, &plan);
  const std::vector<Step> pads = BuildPadProgram(graph, linears, slices, &plan);
  const std::vector<Step> prepare = BuildPrepareProgram(graph, linears, slices, &plan);
  plan.scratch_size = AlignUp(plan.scratch_size, kTileAlignment);
  LayOutExchange(infer, &plan);
  *out_report = {};
  for (const uint32_t segment : floats.segment_of) {
    out_report->in_float_segment.push_back(segment != kNone);
  }
  PlaceTiles(graph, infer, pads, prepare, options.secure_memory_size, &plan, out_report);
  plan.arena_size = AlignUp(plan.arena_size, kTileAlignment);
  const std::string fault = CheckPlan(plan);
  if (!fault.empty()) {
    throw model::ModelError(Status::kInternal, "the compiled plan is wrong: " + fault, {},
                            "please report this model as a bug");
  }
  return plan;
}

}  // namespace penumbra::protect
