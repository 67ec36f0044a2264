// Float segments: tiles sent out, one job, tiles of the reply taken in.
#include <algorithm>

#include "protect/schedule/layer_tables.h"
#include "protect/schedule/task_builder.h"

namespace penumbra::protect {
namespace {

// Cornerstones that come in together: enough that a transfer does not count, few enough to find room beside other tiles.
constexpr uint64_t kGroupTarget = 256 * 1024;

}  // namespace

void TaskBuilder::AddFloatSegment(const FloatSegment& segment) {
  FloatSegmentRec rec{};
  rec.segment = static_cast<uint32_t>(floats_.is_drawn ? plan_.float_segments.size() : plan_.segments.size());
  if (segment.keeps_scale) rec.flags = kSegmentKeepsScale;
  rec.first_port = static_cast<uint32_t>(plan_.float_ports.size());
  rec.input_count = static_cast<uint32_t>(segment.inputs.size());
  rec.output_count = static_cast<uint32_t>(segment.outputs.size());
  plan_.float_segments.push_back(rec);
  plan_.float_ports.resize(plan_.float_ports.size() + rec.input_count + rec.output_count);
  if (floats_.fingerprints != nullptr) plan_.checked_ports.resize(plan_.float_ports.size());
  if (floats_.is_drawn) return;  // emission.h
  std::vector<uint32_t> blobs;
  for (const PublicBlob& blob : segment.blobs) blobs.push_back(AddFloatBlob(blob));
  PublicSegment graph = segment.graph;
  for (SegmentNode& node : graph.nodes) {
    if (node.weight_blob != kNoBlob) node.weight_blob = blobs[node.weight_blob];
    if (node.bias_blob != kNoBlob) node.bias_blob = blobs[node.bias_blob];
  }
  plan_.segments.push_back(std::move(graph));
}

uint32_t TaskBuilder::AddFloatBlob(const PublicBlob& blob) {
  const auto index = static_cast<uint32_t>(plan_.blobs.size());
  if (!blob.content.empty()) {
    const auto [made, is_first] = float_blobs_.try_emplace(blob.content, index);
    if (!is_first) return made->second;
  }
  plan_.blobs.push_back(blob);
  return index;
}

void TaskBuilder::AddFloatTile(Task task, EventId* progress) {
  if (*progress != kNone) task.waits.push_back(*progress);
  *progress = AddEvents(1);
  task.provides.push_back(*progress);
  AddEager(std::move(task));
}

void TaskBuilder::AddCheckedPort(uint32_t segment, uint32_t port, StorageId storage) {
  const FingerprintPlan& fingerprints = *floats_.fingerprints;
  plan_.fingerprint_count = fingerprints.count;
  plan_.fingerprint = fingerprints.record;
  const FloatSegmentRec& rec = plan_.float_segments[segment];
  const TensorRec own = plan_.tensors[TensorOf(storage)];
  const auto beside = [&](TensorKind kind) {
    return AddTensor({PlanType::kF32, kind, own.rows, own.row_elems * fingerprints.count, own.tile_rows,
                      rec.first_port + port});
  };
  const uint64_t tile_size = uint64_t{own.tile_rows} * own.row_elems * sizeof(float);
  const uint32_t k = fingerprints.record.cornerstone_count;
  const auto most = static_cast<uint32_t>(std::clamp<uint64_t>(kGroupTarget / tile_size, 1, k));
  const uint32_t group_size = GroupSize(k, (k + most - 1) / most);
  std::vector<ConstantTile> groups;
  for (uint32_t tile = 0; tile < TileCount(own); ++tile) {
    const uint64_t first = uint64_t{tile} * own.tile_rows * own.row_elems;
    const uint64_t count = uint64_t{RowsOfTile(own, tile)} * own.row_elems;
    for (uint32_t begin = 0; begin < k; begin += group_size) {
      const uint32_t end = std::min(k, begin + group_size);
      const auto size = static_cast<uint32_t>((end - begin) * count * sizeof(float));
      groups.push_back({size, [&fingerprints, segment, port, begin, end, first, count] {
                          std::vector<float> values;
                          for (uint32_t i = begin; i < end; ++i) {
                            const auto part = fingerprints.values(segment, port, i).subspan(first, count);
                            values.insert(values.end(), part.begin(), part.end());
                          }
                          return BytesOf(values);
                        }});
    }
  }
  const bool is_output = port >= rec.input_count;
  CheckedPortRec checked{};
  checked.cornerstones = AddConstantTiles(std::move(groups));
  checked.fingerprints = beside(TensorKind::kFingerprint);
  checked.replies = is_output ? beside(TensorKind::kReply) : kNoTensor;
  checked.tolerance = is_output ? fingerprints.tolerances[segment][port - rec.input_count] : 0;
  CheckedPort(segment, port) = checked;
}

void TaskBuilder::AddCombination(uint32_t segment, uint32_t port, uint32_t tile, Task* task) {
  const CheckedPortRec& checked = CheckedPort(segment, port);
  const uint32_t groups = GroupCount(plan_, plan_.float_segments[segment].first_port + port);
  for (uint32_t group = 0; group < groups; ++group) {
    Step step = NewStep(Instruction(Opcode::kCombine, {segment, port, tile, group}));
    step.reads.push_back({checked.cornerstones, tile * groups + group});
    step.writes.push_back({{checked.fingerprints, tile}, group + 1 == groups});
    task->steps.push_back(std::move(step));
  }
}

void TaskBuilder::Lower(const FloatJobNode& n) {
  const uint32_t first_port = plan_.float_segments[n.segment].first_port;
  for (uint32_t port = 0; port < n.inputs.size(); ++port) {
    const StorageId x = n.inputs[port];
    const uint32_t tensor = TensorOf(x);
    plan_.float_ports[first_port + port] = {tensor, static_cast<uint32_t>(At(x).count()), 0};
    if (floats_.fingerprints != nullptr) AddCheckedPort(n.segment, port, x);
    EventId progress = kNone;
    for (uint32_t tile = 0; tile < TileCountOf(x); ++tile) {
      Step step = NewStep(Instruction(Opcode::kFloatSend, {n.segment, port, tile}));
      step.float_x = n.segment;
      Task task;
      if (floats_.fingerprints != nullptr) {
        AddCombination(n.segment, port, tile, &task);
        step.reads.push_back({CheckedPort(n.segment, port).fingerprints, tile});
      }
      ReadTiles(tensor, tile, tile, &step, &task);
      task.provides.push_back(SentEvent(n.segment));
      task.steps.push_back(std::move(step));
      AddFloatTile(std::move(task), &progress);
    }
  }
  Step step = NewStep(Instruction(Opcode::kFloatJob, {n.segment}));
  step.float_x = step.float_y = n.segment;
  Task task;
  task.waits.push_back(SentEvent(n.segment));
  task.provides.push_back(FloatRepliedEvent(n.segment));
  task.steps.push_back(std::move(step));
  tasks_.barriers.push_back({std::move(task)});
}

// The tile of every slot comes in at once, before anything tells the outside how the check goes; nobody reads the request's
// own before the others were compared.
void TaskBuilder::AddComparison(const FloatReplyNode& n, uint32_t tile, Step receive, Task* task) {
  const CheckedPortRec& checked = CheckedPort(n.segment, n.port);
  receive.writes.back().completes = false;
  receive.writes.push_back({{checked.replies, tile}, true});
  task->steps.push_back(std::move(receive));
  AddCombination(n.segment, n.port, tile, task);
  Step compare = NewStep(Instruction(Opcode::kCompare, {n.segment, n.port, tile}));
  compare.reads = {{checked.fingerprints, tile}, {checked.replies, tile}};
  compare.writes = {{{TensorOf(n.y), tile}, true}};
  task->steps.push_back(std::move(compare));
}

void TaskBuilder::Lower(const FloatReplyNode& n) {
  const uint32_t tensor = TensorOf(n.y);
  plan_.float_ports[plan_.float_segments[n.segment].first_port + n.port] = {
      tensor, static_cast<uint32_t>(At(n.y).count()), 0};
  if (floats_.fingerprints != nullptr) AddCheckedPort(n.segment, n.port, n.y);
  EventId progress = kNone;
  for (uint32_t tile = 0; tile < TileCountOf(n.y); ++tile) {
    Step step = NewStep(Instruction(Opcode::kFloatReceive, {n.segment, n.port, tile}));
    step.float_y = n.segment;
    Task task;
    task.waits.push_back(FloatRepliedEvent(n.segment));
    WriteTile({tensor, tile}, &step, &task);
    if (floats_.fingerprints != nullptr) {
      AddComparison(n, tile, std::move(step), &task);
    } else {
      task.steps.push_back(std::move(step));
    }
    AddFloatTile(std::move(task), &progress);
  }
}

}  // namespace penumbra::protect
