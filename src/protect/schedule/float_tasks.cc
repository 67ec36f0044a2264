// Float segments: tiles sent out, one job, tiles of the reply taken in.
#include "protect/schedule/task_builder.h"

namespace penumbra::protect {

void TaskBuilder::AddFloatSegment(const FloatSegment& segment) {
  FloatSegmentRec rec{};
  rec.segment = static_cast<uint32_t>(plan_.segments.size());
  rec.first_port = static_cast<uint32_t>(plan_.float_ports.size());
  rec.input_count = static_cast<uint32_t>(segment.inputs.size());
  rec.output_count = static_cast<uint32_t>(segment.outputs.size());
  plan_.float_segments.push_back(rec);
  plan_.float_ports.resize(plan_.float_ports.size() + rec.input_count + rec.output_count);
  const auto first_blob = static_cast<uint32_t>(plan_.blobs.size());
  PublicSegment graph = segment.graph;
  for (SegmentNode& node : graph.nodes) {
    if (node.weight_blob != kNoBlob) node.weight_blob += first_blob;
    if (node.bias_blob != kNoBlob) node.bias_blob += first_blob;
  }
  plan_.segments.push_back(std::move(graph));
  plan_.blobs.insert(plan_.blobs.end(), segment.blobs.begin(), segment.blobs.end());
}

void TaskBuilder::AddFloatTile(Step step, Task task, EventId* progress) {
  if (*progress != kNone) task.waits.push_back(*progress);
  *progress = AddEvents(1);
  task.provides.push_back(*progress);
  AddEager(std::move(step), std::move(task));
}

void TaskBuilder::Lower(const FloatJobNode& n) {
  const uint32_t first_port = plan_.float_segments[n.segment].first_port;
  for (uint32_t port = 0; port < n.inputs.size(); ++port) {
    const StorageId x = n.inputs[port];
    const uint32_t tensor = TensorOf(x);
    plan_.float_ports[first_port + port] = {tensor, static_cast<uint32_t>(At(x).count()), 0};
    EventId progress = kNone;
    for (uint32_t tile = 0; tile < TileCountOf(x); ++tile) {
      Step step = NewStep(Instruction(Opcode::kFloatSend, {n.segment, port, tile}));
      step.float_x = n.segment;
      Task task;
      ReadTiles(tensor, tile, tile, &step, &task);
      task.provides.push_back(SentEvent(n.segment));
      AddFloatTile(std::move(step), std::move(task), &progress);
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

void TaskBuilder::Lower(const FloatReplyNode& n) {
  const uint32_t tensor = TensorOf(n.y);
  plan_.float_ports[plan_.float_segments[n.segment].first_port + n.port] = {
      tensor, static_cast<uint32_t>(At(n.y).count()), 0};
  EventId progress = kNone;
  for (uint32_t tile = 0; tile < TileCountOf(n.y); ++tile) {
    Step step = NewStep(Instruction(Opcode::kFloatReceive, {n.segment, n.port, tile}));
    step.float_y = n.segment;
    Task task;
    task.waits.push_back(FloatRepliedEvent(n.segment));
    WriteTile({tensor, tile}, &step, &task);
    AddFloatTile(std::move(step), std::move(task), &progress);
  }
}

}  // namespace penumbra::protect
