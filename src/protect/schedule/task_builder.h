// State shared by the files that turn nodes into tasks. Private to schedule/.
#ifndef PENUMBRA_PROTECT_SCHEDULE_TASK_BUILDER_H_
#define PENUMBRA_PROTECT_SCHEDULE_TASK_BUILDER_H_

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "protect/schedule/conv_weights.h"
#include "protect/schedule/task.h"

namespace penumbra::protect {

class TaskBuilder {
 public:
  TaskBuilder(const LoweredGraph& lowered, const std::vector<LinearPlan>& linears,
              const FloatPlan& floats, const ScheduleLimits& limits, NodeGraph* graph,
              CompiledPlan* plan);
  TaskGraph Build();

 private:
  // Both ways of an operator as one task, from node `first` on; returns the node behind them.
  size_t LowerWays(size_t first);
  void LowerNode(const Node& node);
  // One node each; `op_` is its operator.
  void Lower(const InputNode& n);
  void Lower(const OutputNode& n);
  void Lower(const PassNode& n);
  void Lower(const JobNode& n);
  void Lower(const FloatJobNode& n);
  void Lower(const FloatReplyNode& n);
  void Lower(const ConvNode& n);
  void Lower(const PoolNode& n);
  void Lower(const ReduceNode& n);
  void Lower(const SoftmaxNode& n);
  void Lower(const NormalizeNode& n);
  void Lower(const CopyNode& n);
  void Lower(const ResizeNode& n);
  void Lower(const MatMulNode& n);
  void Lower(const ArgMaxNode& n);

  // --- Tables ---
  Storage& At(StorageId id) { return graph_.storages[id]; }
  uint32_t TileCountOf(StorageId id) { return TileCount(plan_.tensors[TensorOf(id)]); }
  // The plan tensor of a storage, made on first use.
  uint32_t TensorOf(StorageId id);
  uint32_t AddTensor(const TensorRec& rec);
  // A constant of one tile; `bytes` is kept by the plan.
  uint32_t AddConstant(std::vector<uint8_t> bytes);
  uint32_t AddConstantTiles(std::vector<ConstantTile> tiles);
  void AddLayer(const LinearPlan& plan);
  // What layers of the same weights have in common.
  void AddLayerTables(const LinearPlan& plan, LayerRec* rec);
  void AddCheck(const LinearPlan& plan, LayerRec* rec);
  void AddLayers();
  void AddFloatSegment(const FloatSegment& segment);
  uint32_t AddFloatBlob(const PublicBlob& blob);
  void NeedScratch(uint64_t size) { plan_.scratch_size = std::max(plan_.scratch_size, size); }

  // --- Events ---
  EventId AddEvents(uint32_t count) {
    return std::exchange(tasks_.event_count, tasks_.event_count + count);
  }
  EventId TileEvent(TileRef tile) { return first_event_[tile.tensor] + tile.tile; }
  EventId MaskedEvent(uint32_t layer) { return layer_events_ + 2 * layer; }
  EventId RepliedEvent(uint32_t layer) { return layer_events_ + 2 * layer + 1; }
  EventId SentEvent(uint32_t segment) { return float_events_ + 2 * segment; }
  EventId FloatRepliedEvent(uint32_t segment) { return float_events_ + 2 * segment + 1; }

  // --- Tasks ---
  // Adds tiles [first, last] of the tensor to what the step reads and the task waits for.
  void ReadTiles(uint32_t tensor, uint32_t first, uint32_t last, Step* step, Task* task);
  // The tiles that hold elements [begin, end) of a storage.
  void ReadElements(StorageId id, uint64_t begin, uint64_t end, Step* step, Task* task);
  // Rows [rows.begin, rows.end) of an image with rows of `row_elems` elements.
  void ReadImageRows(StorageId id, RowRange rows, uint64_t row_elems, Step* step, Task* task);
  // The step writes the whole tile; the task provides it.
  void WriteTile(TileRef tile, Step* step, Task* task);
  Step NewStep(std::vector<uint32_t> words) const {
    Step step;
    step.words = std::move(words);
    step.op = op_;
    return step;
  }
  void AddEager(Task task) { tasks_.eager.push_back(std::move(task)); }
  void AddEager(Step step, Task task) {
    task.steps.push_back(std::move(step));
    AddEager(std::move(task));
  }

  // --- Float segments ---
  // A tile of a port follows the tile before it: `progress` is the event of that one, or kNone.
  void AddFloatTile(Task task, EventId* progress);
  // With fingerprints: the tensors beside `storage` of a port, and the steps that combine one tile of them.
  void AddCheckedPort(uint32_t segment, uint32_t port, StorageId storage);
  void AddCombination(uint32_t segment, uint32_t port, uint32_t tile, Task* task);
  void AddComparison(const FloatReplyNode& n, uint32_t tile, Step receive, Task* task);
  CheckedPortRec& CheckedPort(uint32_t segment, uint32_t port) {
    return plan_.checked_ports[plan_.float_segments[segment].first_port + port];
  }

  // One task per tile: `encode` gives the instruction that turns tile `tile` of n.x into that of
  // n.y.
  template <typename Node, typename Encode>
  void LowerTileByTile(const Node& n, Encode encode) {
    const uint32_t src = TensorOf(n.x);
    const uint32_t dst = TensorOf(n.y);
    for (uint32_t tile = 0; tile < TileCountOf(n.y); ++tile) {
      Step step = NewStep(encode(src, dst, tile));
      Task task;
      ReadTiles(src, tile, tile, &step, &task);
      WriteTile({dst, tile}, &step, &task);
      AddEager(std::move(step), std::move(task));
    }
  }

  // --- Passes ---
  PassOp EncodeStep(const ElementStep& e, uint32_t row_elems, RowRange rows, Step* step,
                    Task* task);
  uint32_t PassScratchSize(const PassNode& n, uint32_t row_elems) const;
  void EncodeSinks(const PassNode& n, uint32_t tile, Step* step, Task* task);

  // --- Checks ---
  void AddMaskedTile(uint32_t layer, StorageId x, uint32_t tile, Step* step, Task* task);
  void AddExpectations(uint32_t layer, StorageId y);
  void ReadMaskedRows(const LayerRec& layer, RowRange rows, Step* step, Task* task);

  // --- Copies ---
  void ClipToDestination(const CopyBox& box, uint32_t dst, uint32_t only_tile, Task* task);
  void ClipToSource(const CopyInstr& box, Task* task);

  // --- Convolutions ---
  struct ConvPlan;
  void AddConvStep(const ConvPlan& conv, uint32_t tile, size_t run, Task* task);
  uint32_t WeightsOf(uint32_t linear, const ConvForm& form, const std::vector<ChannelRun>& runs);
  void RowsOuter(const ConvPlan& conv);
  void WeightsOuter(const ConvPlan& conv);

  const LoweredGraph& lowered_;
  const std::vector<LinearPlan>& linears_;
  const FloatPlan& floats_;
  const ScheduleLimits limits_;
  NodeGraph& graph_;
  CompiledPlan& plan_;
  TaskGraph tasks_;
  uint32_t op_ = kNone;
  std::map<uint32_t, uint32_t>
      weights_of_;                    // tensor of a trusted layer's weights, by its first plan
  std::vector<EventId> first_event_;  // of each plan tensor
  EventId layer_events_ = 0;
  EventId float_events_ = 0;
  std::map<std::string, uint32_t> float_blobs_;  // public blobs by content
  std::vector<EventId>
      mask_progress_;  // of each layer: rows masked so far, or kNone before the first
};

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_TASK_BUILDER_H_
