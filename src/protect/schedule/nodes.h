// The lowered graph as the scheduler sees it: values become storages with a row grid, reshapes
// disappear, chains of element-wise operators become passes with several sinks.
#ifndef PENUMBRA_PROTECT_SCHEDULE_NODES_H_
#define PENUMBRA_PROTECT_SCHEDULE_NODES_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "protect/lower/lowered.h"
#include "protect/schedule/float_segments.h"
#include "protect/schedule/linear_plan.h"

namespace penumbra::protect {

using StorageId = uint32_t;
inline constexpr StorageId kNoStorage = 0xffffffffu;

// Elements of one value in row-major order, seen as rows x row_elems. Reshaped views share a
// storage.
struct Storage {
  std::string name;
  PlanType type = PlanType::kF32;
  uint32_t rows = 1, row_elems = 1;
  uint32_t op = kNone;  // operator that makes it, for messages
  bool single_tile = false;
  // Runs of elements that one instruction reads as a row: tiles must hold whole runs.
  std::vector<uint64_t> runs;
  uint64_t widest_row_size = 0;       // bytes of the widest row among tensors tiled alike
  uint64_t limit_row_size = 0;        // the same for tensors that only have to fit one sealed tile
  StorageId same_tiles = kNoStorage;  // union-find parent: storages tiled in the same row runs
  uint32_t tile_rows = 0;             // set by AssignTiles()
  uint32_t tensor = kNoTensor;        // plan tensor, when it is ever stored

  uint64_t count() const { return uint64_t{rows} * row_elems; }
};

struct ElementStep {
  PassFn fn;
  float a, b;
  PassOperand kind;
  StorageId operand;                    // tensor operands
  const std::vector<float>* constants;  // kChannel
  uint32_t period;
};

struct SinkPlan {
  PassSinkKind kind;
  uint32_t id;  // storage, or layer for kMask
  float inv_step;
  int32_t klo, khi;
};

struct InputNode {
  uint32_t port;
  StorageId y;
};
struct OutputNode {
  uint32_t port;
  StorageId x;
};
struct PassNode {
  StorageId x = kNoStorage;    // source tensor, or none:
  uint32_t layer = kNoTensor;  // restores this layer
  std::vector<ElementStep> steps;
  StorageId y = kNoStorage;     // gives the row grid; stored only when a sink says so
  std::vector<SinkPlan> sinks;  // set by AddSinks()
};
struct JobNode {
  uint32_t layer;
  StorageId x;
};
struct FloatJobNode {
  uint32_t segment;
  std::vector<StorageId> inputs;
};
struct FloatReplyNode {
  uint32_t segment;
  uint32_t port;  // of the segment's run: its inputs come first
  StorageId y;
};
struct ConvNode {
  StorageId x;       // float32 input
  StorageId levels;  // what the convolution reads: x, or its quantised copy (set by AddSinks())
  StorageId y;
  uint32_t linear;  // index into the linear plans
};
struct PoolNode {
  StorageId x, y;
  uint32_t kind;
  ConvGeometry geometry;
};
struct ReduceNode {
  StorageId x, y;
  uint32_t kind;
};
struct SoftmaxNode {
  StorageId x, y;
  uint32_t length;
  bool log;
};
struct NormalizeNode {
  StorageId x, y;
  uint32_t length;
  float epsilon;
};
struct CopyNode {
  StorageId y;
  std::vector<CopyBox> boxes;  // `src` is a storage
  float fill;
};
struct ResizeNode {
  StorageId x, y;
  const ResizeOp* op;
};
struct MatMulNode {
  StorageId a, b, y;
  uint32_t batch, m, k, n;
  bool b_transposed;
};
struct ArgMaxNode {
  StorageId x, y;
  uint32_t length;
  bool last_index;
};

using NodeKind = std::variant<InputNode, OutputNode, PassNode, JobNode, FloatJobNode,
                              FloatReplyNode, ConvNode, PoolNode, ReduceNode, SoftmaxNode, CopyNode,
                              ResizeNode, MatMulNode, ArgMaxNode, NormalizeNode>;
struct Node {
  uint32_t op;  // operator it stands for; kNone: a port
  NodeKind kind;
  uint32_t way_of = kNone;  // of a partition drawn inside: the segment of which this is a part of one way
};

struct NodeGraph {
  std::vector<Storage> storages;
  std::vector<Node> nodes;  // topological
};

// Storages a node reads, as float32 or (jobs, integer convolutions) through a sink. A pass reads
// its source first.
std::vector<StorageId> ReadsOf(const Node& node);
StorageId WriteOf(const Node& node);  // kNoStorage: none

StorageId TileClass(const NodeGraph& graph, StorageId id);
void TileAlike(NodeGraph* graph, StorageId a, StorageId b);

// One node per trusted operator, a job and a restoring pass per public layer, a job and its replies
// per float segment. Throws model::ModelError(kUnsupported) for shapes the trusted half cannot
// address, naming the operator.
NodeGraph BuildNodes(const LoweredGraph& graph, const std::vector<LinearPlan>& linears,
                     const FloatPlan& floats);
// Joins passes whose value nobody else reads into one.
void FusePasses(NodeGraph* graph);
// Gives every pass its sinks, and values that must be masked or quantised a pass that does it.
void AddSinks(const std::vector<LinearPlan>& linears, NodeGraph* graph);
// Row runs of every storage. Throws model::ModelError(kSecureMemoryExceeded) naming the operator
// when a tile cannot be made small enough.
void AssignTiles(const LoweredGraph& lowered, NodeGraph* graph);

// "operator 'name'", for messages.
std::string OpText(const LoweredGraph& graph, uint32_t op);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_NODES_H_
