#include "protect/schedule/schedule.h"

#include <algorithm>
#include <optional>

#include "boundary/limits.h"
#include "kernels/pad_winograd.h"
#include "model/error.h"
#include "protect/schedule/checker.h"
#include "protect/schedule/emission.h"
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

// Part of the budget that the arena may take for pads alone, where the other programs need less: the
// more rows and pads share a pass over the weights, the faster.
constexpr double kPadArenaShare = 0.5;

// Part of the budget that scratch may grow to, where memory is left, for weights that the pad maker transforms.
constexpr double kScratchShare = 0.25;

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

// What `make` returns; nothing when secure memory is too small for it.
template <typename Make>
auto IfItFits(Make make) -> std::optional<decltype(make())> {
  try {
    return make();
  } catch (const model::ModelError& error) {
    if (error.status() != Status::kSecureMemoryExceeded) throw;
    return std::nullopt;
  }
}

// A pad program under construction. Steps name tensors of their own at the end of the plan's table.
struct PadSteps {
  const LoweredGraph& graph;
  const std::vector<LinearPlan>& linears;
  const std::vector<PublicSlices>& slices;
  CompiledPlan* plan;

  std::vector<Step> Build(uint32_t pad_count, uint64_t arena_size) const {
    return BuildPadProgram(graph, linears, slices, pad_count, arena_size, plan);
  }
  // As few passes over the weights as an arena of `arena_size` bytes allows; nothing when it has no room for any such
  // program, and the plan is as before.
  std::optional<std::vector<Step>> Fit(uint32_t pad_count, uint64_t arena_size) const {
    const size_t tensor_count = plan->tensors.size();
    const uint64_t scratch_size = plan->scratch_size;
    // Where tiles come to stand is known only afterwards, so some room is left.
    for (const uint64_t share : {arena_size / 4 * 3, arena_size / 2, uint64_t{0}}) {
      std::vector<Step> steps = Build(pad_count, share);
      if (IfItFits([&] { return MakeResident(graph, *plan, steps, arena_size); })) return steps;
      plan->tensors.resize(tensor_count);
      plan->scratch_size = scratch_size;
    }
    return std::nullopt;
  }
};

uint64_t PadArenaSize(uint64_t arena_size, uint64_t budget) {
  const auto share = static_cast<uint64_t>(static_cast<double>(budget) * kPadArenaShare);
  return std::max(arena_size, share / kTileAlignment * kTileAlignment);
}

// The pad program keeps to its part of the arena (PadArenaSize()), if that is possible.
Resident MakePadsResident(const LoweredGraph& graph, const CompiledPlan& plan,
                          const std::vector<Step>& pads, uint64_t arena_size, uint64_t capacity) {
  if (arena_size < capacity) {
    auto resident = IfItFits([&] { return MakeResident(graph, plan, pads, arena_size); });
    if (resident) return std::move(*resident);
  }
  return MakeResident(graph, plan, pads, capacity);
}

// Smallest arena without needless sealing, or what the budget leaves. More sealing makes programs,
// and so tables, longer: the capacity is lowered until everything fits.
void PlaceTiles(const LoweredGraph& graph, const std::vector<Step>& infer,
                const std::vector<Step>& pads, const std::vector<Step>& prepare, uint64_t budget,
                CompiledPlan* plan, ScheduleReport* out_report) {
  uint64_t capacity = kUnlimited;
  for (;;) {
    Resident run = MakeResident(graph, *plan, infer, capacity);
    Resident load = MakeResident(graph, *plan, prepare, capacity);
    const uint64_t arena_size = std::max({run.arena_size, load.arena_size, ProofSize(*plan)});
    Resident pad =
        MakePadsResident(graph, *plan, pads, PadArenaSize(arena_size, budget), capacity);
    plan->prepare_program = std::move(load.program);
    plan->infer_program = std::move(run.program);
    plan->pad_program = std::move(pad.program);
    plan->arena_size = AlignUp(std::max(arena_size, pad.arena_size), kTileAlignment);
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

// The program for several pads at a time: as many as fit into its part of the arena and what is left of the budget.
void AddBatchProgram(const PadSteps& pads, uint64_t budget, ScheduleReport* out_report) {
  CompiledPlan* const plan = pads.plan;
  const size_t tensor_count = plan->tensors.size();
  const uint64_t scratch_size = plan->scratch_size, arena_size = plan->arena_size;
  const uint64_t left = budget - SecureMemorySize(*plan);
  const uint64_t capacity =
      std::max(arena_size, std::min(PadArenaSize(arena_size, budget), arena_size + left));
  for (uint32_t count = kMaxPadBatch; count >= 2 && !plan->pad_program.empty(); --count) {
    const auto steps = pads.Fit(count, capacity);
    if (!steps) continue;
    Resident resident = MakeResident(pads.graph, *plan, *steps, capacity);
    plan->arena_size = AlignUp(std::max(arena_size, resident.arena_size), kTileAlignment);
    plan->scratch_size = AlignUp(plan->scratch_size, kTileAlignment);
    plan->batch_program = std::move(resident.program);
    plan->pad_batch = count;
    const uint64_t total = SecureMemorySize(*plan);
    if (total <= budget) {
      out_report->secure_memory_size = total;
      out_report->batch_evicted_size = resident.evicted_size;
      return;
    }
    plan->batch_program.clear();
    plan->pad_batch = 0;
    plan->tensors.resize(tensor_count);
    plan->scratch_size = scratch_size;
    plan->arena_size = arena_size;
  }
}

// Scratch grows to what the largest layer takes whose Winograd convolutions then fit (kernels/pad_winograd.h), out of memory
// that nothing else has a use for. Programs stay as they are.
void GiveRoomForWinograd(const PadSteps& pads, uint64_t budget, ScheduleReport* out_report) {
  CompiledPlan* const plan = pads.plan;
  if (plan->pad_program.empty()) return;
  const auto share = static_cast<uint64_t>(static_cast<double>(budget) * kScratchShare);
  const uint64_t most = std::min(share, plan->scratch_size + (budget - SecureMemorySize(*plan))) / kTileAlignment * kTileAlignment;
  for (size_t l = 0; l < pads.linears.size(); ++l) {
    const LinearPlan& linear = pads.linears[l];
    if (!linear.is_public() || !linear.masked) continue;
    const LayerRec& layer = plan->layers[linear.layer];
    for (const ChannelRun run : pads.slices[l].runs) {
      for (const uint32_t pad_count : {1u, std::max(plan->pad_batch, 1u)}) {
        const uint64_t wanted = PadWinogradWantedSize(linear.published->geometry(), ResidueSize(layer), run.end - run.begin,
                                                      plan->tensors[layer.pad].tile_rows, pad_count);
        if (wanted <= most) plan->scratch_size = std::max(plan->scratch_size, wanted);
      }
    }
  }
  out_report->secure_memory_size = SecureMemorySize(*plan);
}

}  // namespace

uint64_t TableSize(const CompiledPlan& plan) {
  uint64_t tile_count = 0;
  for (const TensorRec& t : plan.tensors) tile_count += TileCount(t);
  const uint64_t per_tile = 12;
  const uint64_t per_layer = 8;
  const uint64_t plan_chunks = PlanSize(plan) / kMaxChunkSize + 1;
  const uint64_t per_float_port = 4;
  const uint64_t per_lot = plan.scale_range == 0 ? 0 : 8;
  return kFixedTableSize + PlanSize(plan) + per_tile * tile_count + per_layer * plan.layers.size() +
         per_float_port * plan.float_ports.size() + per_lot * plan.float_segments.size() +
         4 * (plan.tensors.size() + 1 + plan.constants.size() + plan_chunks + kMaxReportChunks) +
         AlignUp(plan.arena_size / kTileAlignment / 8 + 8, kTileAlignment);
}

uint64_t SecureMemorySize(const CompiledPlan& plan) {
  return TableSize(plan) + plan.scratch_size + plan.arena_size;
}

CompiledPlan Schedule(const LoweredGraph& graph, const std::vector<LinearPlan>& linears,
                      const ScheduleOptions& options, ScheduleReport* out_report) {
  const bool is_drawn = options.scale_range != 0;
  FloatPlan floats = is_drawn ? PlanCandidates(graph, options.float_public) : PlanFloatSegments(graph, options.float_public);
  if (!floats.segments.empty()) floats.fingerprints = options.fingerprints;
  NodeGraph nodes = BuildNodes(graph, linears, floats);
  FusePasses(&nodes);
  AddSinks(linears, &nodes);
  AssignTiles(graph, &nodes);
  CompiledPlan plan;
  plan.weights_axis = options.weights_axis;
  plan.theta = options.theta;
  plan.scale_range = options.scale_range;
  // Without public layers there is nothing to claim.
  if (std::ranges::any_of(linears, &LinearPlan::is_public)) plan.soundness_bits = options.soundness_bits;
  const auto arena_size =
      static_cast<uint64_t>(static_cast<double>(options.secure_memory_size) * kArenaShare);
  const std::vector<Step> infer =
      OrderTasks(BuildTasks(graph, linears, floats, {arena_size}, &nodes, &plan));
  const std::vector<PublicSlices> slices = AddPublicSlices(graph, linears, &plan);
  std::vector<Step> prepare = BuildPrepareProgram(graph, linears, slices, &plan);
  std::ranges::move(BuildEmission(graph, floats, &plan), std::back_inserter(prepare));
  const uint64_t run_size = MakeResident(graph, plan, infer, kUnlimited).arena_size;
  const PadSteps pad_steps{graph, linears, slices, &plan};
  auto pads = pad_steps.Fit(1, std::min(PadArenaSize(run_size, options.secure_memory_size), arena_size));
  if (!pads) pads = pad_steps.Build(1, 0);
  plan.scratch_size = AlignUp(plan.scratch_size, kTileAlignment);
  LayOutExchange(infer, &plan);
  *out_report = {};
  out_report->float_segment_of = floats.segment_of;
  PlaceTiles(graph, infer, *pads, prepare, options.secure_memory_size, &plan, out_report);
  AddBatchProgram(pad_steps, options.secure_memory_size, out_report);
  GiveRoomForWinograd(pad_steps, options.secure_memory_size, out_report);
  const std::string fault = CheckPlan(plan);
  if (!fault.empty()) {
    throw model::ModelError(Status::kInternal, "the compiled plan is wrong: " + fault, {},
                            "please report this model as a bug");
  }
  return plan;
}

}  // namespace penumbra::protect
