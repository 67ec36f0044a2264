#include "protect/schedule/task_builder.h"

#include "protect/schedule/layer_tables.h"

namespace penumbra::protect {
namespace {

// Tasks in an order in which they can run, as one that waits for what none of them provides.
Task JoinTasks(std::vector<Task> tasks) {
  Task joined;
  for (Task& task : tasks) {
    std::ranges::move(task.steps, std::back_inserter(joined.steps));
    joined.waits.insert(joined.waits.end(), task.waits.begin(), task.waits.end());
    joined.provides.insert(joined.provides.end(), task.provides.begin(), task.provides.end());
  }
  std::ranges::sort(joined.provides);
  const auto repeated = std::ranges::unique(joined.provides);
  joined.provides.erase(repeated.begin(), repeated.end());
  std::erase_if(joined.waits, [&](EventId e) { return std::ranges::binary_search(joined.provides, e); });
  return joined;
}

}  // namespace

TaskBuilder::TaskBuilder(const LoweredGraph& lowered, const std::vector<LinearPlan>& linears,
                         const FloatPlan& floats, const ScheduleLimits& limits, NodeGraph* graph,
                         CompiledPlan* plan)
    : lowered_(lowered),
      linears_(linears),
      floats_(floats),
      limits_(limits),
      graph_(*graph),
      plan_(*plan) {}

TaskGraph TaskBuilder::Build() {
  AddLayers();
  for (const FloatSegment& segment : floats_.segments) AddFloatSegment(segment);
  layer_events_ = AddEvents(2 * static_cast<uint32_t>(plan_.layers.size()));
  float_events_ = AddEvents(2 * static_cast<uint32_t>(plan_.float_segments.size()));
  mask_progress_.assign(plan_.layers.size(), kNone);
  plan_.inputs.resize(lowered_.inputs.size());
  plan_.outputs.resize(lowered_.outputs.size());
  for (size_t n = 0; n < graph_.nodes.size();) {
    if (graph_.nodes[n].way_of != kNone) {
      n = LowerWays(n);
    } else {
      LowerNode(graph_.nodes[n++]);
    }
  }
  return std::move(tasks_);
}

void TaskBuilder::LowerNode(const Node& node) {
  op_ = node.op;
  std::visit([this](const auto& kind) { Lower(kind); }, node.kind);
}

size_t TaskBuilder::LowerWays(size_t first) {
  const uint32_t segment = graph_.nodes[first].way_of;
  std::vector<Task> tasks;
  size_t n = first;
  for (; n < graph_.nodes.size() && graph_.nodes[n].way_of == segment; ++n) {
    const Node& node = graph_.nodes[n];
    const bool is_outside =
        std::holds_alternative<FloatJobNode>(node.kind) || std::holds_alternative<FloatReplyNode>(node.kind);
    const size_t eager = tasks_.eager.size(), barrier = tasks_.barriers.size(), own = tasks.size();
    LowerNode(node);
    std::move(tasks_.eager.begin() + static_cast<std::ptrdiff_t>(eager), tasks_.eager.end(), std::back_inserter(tasks));
    for (size_t b = barrier; b < tasks_.barriers.size(); ++b) std::ranges::move(tasks_.barriers[b], std::back_inserter(tasks));
    tasks_.eager.resize(eager);
    tasks_.barriers.resize(barrier);
    for (size_t t = own; t < tasks.size(); ++t) {
      for (Step& step : tasks[t].steps) {
        step.way_of = segment;
        step.is_outside = is_outside;
      }
    }
  }
  tasks_.barriers.push_back({JoinTasks(std::move(tasks))});
  return n;
}

uint32_t TaskBuilder::AddTensor(const TensorRec& rec) {
  plan_.tensors.push_back(rec);
  const bool computed = IsComputed(rec.kind);
  first_event_.push_back(computed ? AddEvents(TileCount(rec)) : 0);
  return static_cast<uint32_t>(plan_.tensors.size() - 1);
}

uint32_t TaskBuilder::TensorOf(StorageId id) {
  Storage& s = At(id);
  if (s.tensor == kNoTensor) {
    s.tensor = AddTensor({s.type, TensorKind::kActivation, s.rows, s.row_elems, s.tile_rows, 0});
  }
  return s.tensor;
}

uint32_t TaskBuilder::AddConstantTiles(std::vector<ConstantTile> tiles) {
  uint32_t largest = 0;
  for (const ConstantTile& tile : tiles) largest = std::max(largest, tile.size);
  const auto first = static_cast<uint32_t>(plan_.constants.size());
  const auto count = static_cast<uint32_t>(tiles.size());
  for (ConstantTile& tile : tiles) plan_.constants.push_back(std::move(tile));
  return AddTensor({PlanType::kRaw, TensorKind::kConstant, count, largest, 1, first});
}

uint32_t TaskBuilder::AddConstant(std::vector<uint8_t> bytes) {
  const auto size = static_cast<uint32_t>(bytes.size());
  return AddConstantTiles({{size, [kept = std::move(bytes)] { return kept; }}});
}

void TaskBuilder::AddLayers() {
  for (const LinearPlan& linear : linears_) {
    if (linear.is_public()) AddLayer(linear);
  }
}

void TaskBuilder::AddLayer(const LinearPlan& linear) {
  const QuantizedLinear& q = *linear.quantized;
  const ConvGeometry& g = linear.linear->geometry;
  LayerRec rec{};
  if (linear.masked) rec.flags |= kLayerMaskInput | kLayerUnmaskOutput;
  if (q.is_field) rec.flags |= kLayerPrime;
  if (q.may_wrap) rec.flags |= kLayerMayWrap;
  if (linear.published->tables().covered()) rec.flags |= kLayerCovered;
  rec.prime_count = q.prime_count;
  rec.public_out_c = linear.published->geometry().out_c;
  rec.geometry = g;
  rec.klo = q.klo;
  rec.khi = q.khi;
  rec.inv_step = q.inv_step;
  rec.pad = kNoTensor;
  rec.input_perm = kNoTensor;
  rec.derived = rec.masked = rec.expected = kNoTensor;
  if (linear.same_as != kNoTensor) {
    const LayerRec& first = plan_.layers[linears_[linear.same_as].layer];
    rec.segment = first.segment;
    rec.params = first.params;
    rec.row_bounds = first.row_bounds;
    rec.input_perm = first.input_perm;
  } else {
    AddLayerTables(linear, &rec);
  }
  if (linear.projection_count != 0) AddCheck(linear, &rec);
  plan_.layers.push_back(rec);
}

void TaskBuilder::AddLayerTables(const LinearPlan& linear, LayerRec* rec) {
  const PublishedWeights& published = *linear.published;
  rec->segment = static_cast<uint32_t>(plan_.segments.size());
  rec->params = AddConstant(RestoreParamsTile(*linear.quantized, published.tables()));
  rec->row_bounds = AddConstant(RowBoundsTile(*linear.quantized));
  if (!published.input_perm().empty())
    rec->input_perm = AddConstant(BytesOf(published.input_perm()));
  plan_.segments.push_back(ResidueSegment(linear, static_cast<uint32_t>(plan_.blobs.size())));
  plan_.blobs.push_back(ResidueBlob(linear));
}

void TaskBuilder::ReadTiles(uint32_t tensor, uint32_t first, uint32_t last, Step* step,
                            Task* task) {
  const bool computed = IsComputed(plan_.tensors[tensor].kind);
  for (uint32_t tile = first; tile <= last; ++tile) {
    const TileRef ref{tensor, tile};
    if (std::ranges::find(step->reads, ref) == step->reads.end()) step->reads.push_back(ref);
    if (computed) task->waits.push_back(TileEvent(ref));
  }
}

void TaskBuilder::ReadElements(StorageId id, uint64_t begin, uint64_t end, Step* step, Task* task) {
  if (begin >= end) return;
  const uint32_t tensor = TensorOf(id);
  const uint64_t tile_elems = uint64_t{At(id).tile_rows} * At(id).row_elems;
  ReadTiles(tensor, static_cast<uint32_t>(begin / tile_elems),
            static_cast<uint32_t>((end - 1) / tile_elems), step, task);
}

void TaskBuilder::ReadImageRows(StorageId id, RowRange rows, uint64_t row_elems, Step* step,
                                Task* task) {
  ReadElements(id, rows.begin * row_elems, rows.end * row_elems, step, task);
}

void TaskBuilder::WriteTile(TileRef tile, Step* step, Task* task) {
  step->writes.push_back({tile, true});
  task->provides.push_back(TileEvent(tile));
}

void TaskBuilder::Lower(const InputNode& n) {
  const uint32_t tensor = TensorOf(n.y);
  plan_.inputs[n.port] = {tensor, static_cast<uint32_t>(At(n.y).count()), 0};
  for (uint32_t tile = 0; tile < TileCountOf(n.y); ++tile) {
    Step step = NewStep(Instruction(Opcode::kInput, {n.port, tile}));
    Task task;
    WriteTile({tensor, tile}, &step, &task);
    AddEager(std::move(step), std::move(task));
  }
}

void TaskBuilder::Lower(const OutputNode& n) {
  const uint32_t tensor = TensorOf(n.x);
  plan_.outputs[n.port] = {tensor, static_cast<uint32_t>(At(n.x).count()), 0};
  for (uint32_t tile = 0; tile < TileCountOf(n.x); ++tile) {
    Step step = NewStep(Instruction(Opcode::kOutput, {n.port, tile}));
    Task task;
    ReadTiles(tensor, tile, tile, &step, &task);
    AddEager(std::move(step), std::move(task));
  }
}

void TaskBuilder::Lower(const JobNode& n) {
  Step step = NewStep(Instruction(Opcode::kJob, {n.layer}));
  step.job = n.layer;
  Task task;
  task.waits.push_back(MaskedEvent(n.layer));
  task.provides.push_back(RepliedEvent(n.layer));
  task.steps.push_back(std::move(step));
  tasks_.barriers.push_back({std::move(task)});
}

TaskGraph BuildTasks(const LoweredGraph& lowered, const std::vector<LinearPlan>& linears,
                     const FloatPlan& floats, const ScheduleLimits& limits, NodeGraph* graph,
                     CompiledPlan* plan) {
  return TaskBuilder(lowered, linears, floats, limits, graph, plan).Build();
}

}  // namespace penumbra::protect
