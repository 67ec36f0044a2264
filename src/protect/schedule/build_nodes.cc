#include <numeric>
#include <utility>

#include "model/error.h"
#include "protect/schedule/nodes.h"

namespace penumbra::protect {
namespace {

bool SameCount(const Storage& s, uint64_t h, uint64_t w, uint64_t c) {
  return s.count() == h * w * c;
}

// x fn operand == operand swapped(fn) x.
bool SwapFn(PassFn fn, PassFn* out_swapped) {
  switch (fn) {
    case PassFn::kAdd:
    case PassFn::kMul:
    case PassFn::kMin:
    case PassFn::kMax:
      *out_swapped = fn;
      return true;
    case PassFn::kSub:
      *out_swapped = PassFn::kReverseSub;
      return true;
    case PassFn::kReverseSub:
      *out_swapped = PassFn::kSub;
      return true;
    case PassFn::kDiv:
      *out_swapped = PassFn::kReverseDiv;
      return true;
    case PassFn::kReverseDiv:
      *out_swapped = PassFn::kDiv;
      return true;
    case PassFn::kPow:
      *out_swapped = PassFn::kReversePow;
      return true;
    case PassFn::kReversePow:
      *out_swapped = PassFn::kPow;
      return true;
    default:
      return false;
  }
}

class NodeBuilder {
 public:
  NodeBuilder(const LoweredGraph& graph, const std::vector<LinearPlan>& linears,
              const FloatPlan& floats)
      : graph_(graph),
        floats_(floats),
        storage_of_(graph.tensors.size(), kNoStorage),
        linear_of_(graph.ops.size(), kNone) {
    for (uint32_t i = 0; i < linears.size(); ++i) linear_of_[linears[i].op] = i;
    linears_ = &linears;
    reader_count_.resize(graph.tensors.size());
    for (const LoweredOp& op : graph.ops) {
      for (const TensorId id : InputsOf(op)) ++reader_count_[id];
    }
    for (const LoweredPort& port : graph.outputs) ++reader_count_[port.tensor];
  }

  NodeGraph Build() {
    for (uint32_t i = 0; i < graph_.inputs.size(); ++i) {
      op_ = kNone;
      const TensorId id = graph_.inputs[i].tensor;
      const LoweredTensor& t = graph_.tensors[id];
      Add(InputNode{i, NewStorage(id, t.rows(), t.row_elems())});
    }
    std::vector<bool> sent(floats_.segments.size());
    for (const uint32_t op : floats_.order) {
      op_ = op;
      const uint32_t segment = floats_.segment_of[op];
      if (segment != kNone && floats_.is_drawn) {
        AddBothWays(segment);
      } else if (segment == kNone) {
        std::visit([this](const auto& kind) { Lower(kind); }, graph_.ops[op].kind);
      } else if (!sent[segment]) {
        AddSegment(segment);
        sent[segment] = true;
      }
    }
    op_ = kNone;
    for (uint32_t i = 0; i < graph_.outputs.size(); ++i) {
      Add(OutputNode{i, Of(graph_.outputs[i].tensor)});
    }
    return std::move(out_);
  }

 private:
  template <typename Kind>
  void Add(Kind kind) {
    out_.nodes.push_back({op_, std::move(kind), kNone});
  }
  Storage& At(StorageId id) { return out_.storages[id]; }
  StorageId Of(TensorId id) const { return storage_of_[id]; }

  StorageId NewStorage(TensorId id, uint32_t rows, uint32_t row_elems) {
    Storage s;
    s.name = graph_.tensors[id].name;
    s.rows = rows;
    s.row_elems = row_elems;
    s.op = op_;
    s.widest_row_size = uint64_t{row_elems} * 4;
    s.limit_row_size = s.widest_row_size;
    out_.storages.push_back(std::move(s));
    storage_of_[id] = static_cast<StorageId>(out_.storages.size() - 1);
    level_.push_back(op_ != kNone && linear_of_[op_] != kNone ? op_ + 1 : InputLevel());
    return storage_of_[id];
  }

  // The last linear layer that must have run before this operator can.
  uint32_t InputLevel() const {
    uint32_t level = 0;
    if (op_ == kNone) return level;
    for (const TensorId id : InputsOf(graph_.ops[op_])) {
      if (Of(id) != kNoStorage) level = std::max(level, level_[Of(id)]);
    }
    return level;
  }

  [[noreturn]] void Refuse(const std::string& why) const {
    throw model::ModelError(Status::kUnsupported, OpText(graph_, op_) + ": " + why, {},
                            "protect one sample at a time (--shapes with batch 1)");
  }

  // The value of `id` under another row grid. Later readers find the copy too.
  StorageId Regrid(TensorId id, uint32_t rows, uint32_t row_elems) {
    const StorageId from = Of(id);
    if (At(from).rows == rows && At(from).row_elems == row_elems) return from;
    if (At(from).count() != uint64_t{rows} * row_elems) Refuse("its input has an unexpected shape");
    CopyBox box;
    box.src = from;
    box.extent = {rows, row_elems};
    box.src_stride = {static_cast<int32_t>(row_elems), 1};
    box.dst_stride = box.src_stride;
    const StorageId to = NewStorage(id, rows, row_elems);
    Add(CopyNode{to, {box}, 0.0f});
    return to;
  }
  // The value with rows that hold whole runs of `run` elements.
  StorageId WithRuns(TensorId id, uint32_t run) {
    if (At(Of(id)).row_elems % run == 0) return Of(id);
    return Regrid(id, graph_.tensors[id].rows(), graph_.tensors[id].row_elems());
  }
  void ReadsRuns(StorageId id, uint64_t run) { At(id).runs.push_back(run); }

  void AddSegment(uint32_t segment) {
    const FloatSegment& s = floats_.segments[segment];
    FloatJobNode job{segment, {}};
    for (const TensorId id : s.inputs) {
      job.inputs.push_back(Of(id));
      HasFingerprints(Of(id));
    }
    Add(std::move(job));
    auto port = static_cast<uint32_t>(s.inputs.size());
    for (const TensorId id : s.outputs) {
      const LoweredTensor& t = graph_.tensors[id];
      const StorageId y = NewStorage(id, t.rows(), t.row_elems());
      HasFingerprints(y);
      Add(FloatReplyNode{segment, port++, y});
    }
  }

  // The operator as it is computed inside, then the job that makes the same value outside. What others may read, too (a copy of
  // an input in another row grid), belongs to neither.
  void AddBothWays(uint32_t segment) {
    const size_t first = out_.nodes.size();
    std::visit([this](const auto& kind) { Lower(kind); }, graph_.ops[op_].kind);
    const FloatSegment& s = floats_.segments[segment];
    const StorageId y = Of(s.outputs.front());
    FloatJobNode job{segment, {}};
    for (const TensorId id : s.inputs) {
      job.inputs.push_back(Of(id));
      HasFingerprints(Of(id));
    }
    HasFingerprints(y);
    for (size_t n = first; n < out_.nodes.size(); ++n) {
      if (WriteOf(out_.nodes[n]) == y) out_.nodes[n].way_of = segment;
    }
    Add(std::move(job));
    out_.nodes.back().way_of = segment;
    Add(FloatReplyNode{segment, static_cast<uint32_t>(s.inputs.size()), y});
    out_.nodes.back().way_of = segment;
  }

  // A tile of a port's fingerprints is that many times as large.
  void HasFingerprints(StorageId id) {
    if (floats_.fingerprints == nullptr) return;
    At(id).limit_row_size =
        std::max(At(id).limit_row_size, uint64_t{floats_.fingerprints->count} * At(id).row_elems * sizeof(float));
  }

  // A mask sink that permutes channels needs whole pixels in its rows: a flattened image has them in several.
  StorageId LinearInput(const LinearOp& op) {
    const ConvGeometry& g = op.geometry;
    const PublishedWeights* published = (*linears_)[linear_of_[op_]].published;
    const bool permuted = published != nullptr && !published->input_perm().empty();
    if (!permuted || At(Of(op.x)).row_elems % g.in_c == 0) return Of(op.x);
    return Regrid(op.x, g.in_h, g.in_w * g.in_c);
  }

  void Lower(const LinearOp& op) {
    const ConvGeometry& g = op.geometry;
    if (!SameCount(At(Of(op.x)), g.in_h, g.in_w, g.in_c))
      Refuse("a batch of several samples is not supported");
    const StorageId x = LinearInput(op);
    const uint64_t row_elems = uint64_t{g.out_w} * g.out_c;
    if (row_elems > kMaxDim) Refuse("a row of its output is too long");
    const StorageId y = NewStorage(op.y, g.out_h, static_cast<uint32_t>(row_elems));
    const uint32_t index = linear_of_[op_];
    const LinearPlan& plan = (*linears_)[index];
    if (!plan.is_public()) {
      if (!plan.quantized) ReadsRuns(x, uint64_t{g.in_w} * g.in_c);
      Add(ConvNode{x, x, y, index});
      return;
    }
    if (plan.masked) {
      // L'(r) of a run of rows is one tile: all primes, published channels.
      At(y).limit_row_size =
          std::max(At(y).limit_row_size, uint64_t{plan.quantized->residues_size()} * g.out_w *
                                             plan.published->geometry().out_c);
    }
    if (plan.projection_count != 0) CheckReply(plan, x, y);
    Add(JobNode{plan.layer, x});
    PassNode restore;
    restore.layer = plan.layer;
    restore.y = y;
    Add(std::move(restore));
  }

  // Our copy of x' is read window by window, so its tiles hold whole rows of the image; and the tiles of a checked layer
  // (boundary/plan.h, CheckShape) are runs of the rows of x and y.
  void CheckReply(const LinearPlan& plan, StorageId x, StorageId y) {
    const ConvGeometry& g = plan.linear->geometry;
    const uint64_t element_size = plan.quantized->residues_size();
    ReadsRuns(x, uint64_t{g.in_w} * g.in_c);
    At(x).limit_row_size = std::max(At(x).limit_row_size, element_size * At(x).row_elems);
    At(y).limit_row_size =
        std::max(At(y).limit_row_size, element_size * g.out_w * plan.projection_count);
  }

  // Whether op's operand should rather be the source of its pass: it comes later, or nobody else
  // reads it.
  bool PrefersSwap(const ElementwiseOp& op) const {
    const uint32_t level_x = level_[Of(op.x)];
    const uint32_t level_operand = level_[Of(op.operand)];
    if (level_x != level_operand) return level_operand > level_x;
    return reader_count_[op.operand] == 1 && reader_count_[op.x] > 1;
  }

  void Lower(const ElementwiseOp& original) {
    ElementwiseOp op = original;
    PassFn swapped{};
    if (op.operand_kind == PassOperand::kTensor && SwapFn(op.fn, &swapped) && PrefersSwap(op)) {
      std::swap(op.x, op.operand);
      op.fn = swapped;
    }
    const bool has_period = op.operand_kind == PassOperand::kChannel ||
                            op.operand_kind == PassOperand::kTensorChannel ||
                            op.operand_kind == PassOperand::kTensorPixel;
    const StorageId x = has_period ? WithRuns(op.x, op.period) : Of(op.x);
    PassNode node;
    node.x = x;
    ElementStep step{op.fn, op.a, op.b, op.operand_kind, kNoStorage, nullptr, op.period};
    if (op.operand_kind == PassOperand::kChannel)
      step.constants = &std::get<ElementwiseOp>(graph_.ops[op_].kind).constants;
    if (op.operand != kNone) step.operand = Of(op.operand);
    const uint32_t row_elems = At(x).row_elems;
    if (op.operand_kind == PassOperand::kTensorChannel) At(step.operand).single_tile = true;
    if (op.operand_kind == PassOperand::kTensorPixel)
      ReadsRuns(step.operand, row_elems / op.period);
    if (op.operand_kind == PassOperand::kTensor) {
      ReadsRuns(step.operand, row_elems);
      if (At(step.operand).rows == At(x).rows) TileAlike(&out_, x, step.operand);
    }
    node.y = NewStorage(op.y, At(x).rows, row_elems);
    TileAlike(&out_, x, node.y);
    node.steps.push_back(step);
    Add(std::move(node));
  }

  void Lower(const PoolOp& op) {
    const ConvGeometry& g = op.geometry;
    const StorageId x = Of(op.x);
    if (!SameCount(At(x), g.in_h, g.in_w, g.in_c))
      Refuse("a batch of several samples is not supported");
    ReadsRuns(x, uint64_t{g.in_w} * g.in_c);
    Add(PoolNode{x, NewStorage(op.y, g.out_h, g.out_w * g.out_c), op.kind, g});
  }

  void Lower(const ReduceOp& op) {
    const uint32_t channels = graph_.tensors[op.y].channels();
    const StorageId x = WithRuns(op.x, channels);
    const StorageId y = NewStorage(op.y, 1, channels);
    At(y).single_tile = true;
    Add(ReduceNode{x, y, op.kind});
  }

  void Lower(const SoftmaxOp& op) {
    const StorageId x = WithRuns(op.x, op.length);
    const StorageId y = NewStorage(op.y, At(x).rows, At(x).row_elems);
    TileAlike(&out_, x, y);
    Add(SoftmaxNode{x, y, op.length, op.log});
  }

  void Lower(const NormalizeOp& op) {
    const StorageId x = WithRuns(op.x, op.length);
    const StorageId y = NewStorage(op.y, At(x).rows, At(x).row_elems);
    TileAlike(&out_, x, y);
    Add(NormalizeNode{x, y, op.length, op.epsilon});
  }

  void Lower(const ArgMaxOp& op) {
    const StorageId x = WithRuns(op.x, op.length);
    const StorageId y = NewStorage(op.y, At(x).rows, At(x).row_elems / op.length);
    TileAlike(&out_, x, y);
    Add(ArgMaxNode{x, y, op.length, op.last_index});
  }

  void Lower(const CopyOp& op) {
    const LoweredTensor& t = graph_.tensors[op.y];
    std::vector<CopyBox> boxes = op.boxes;
    for (CopyBox& box : boxes) box.src = Of(box.src);
    Add(CopyNode{NewStorage(op.y, t.rows(), t.row_elems()), std::move(boxes), op.fill});
  }

  void Lower(const ReshapeOp& op) { storage_of_[op.y] = Of(op.x); }

  void Lower(const ResizeOp& op) {
    const StorageId x = Regrid(op.x, op.in_h, op.in_w * op.channels);
    const StorageId y = NewStorage(op.y, op.out_h, op.out_w * op.channels);
    Add(ResizeNode{x, y, &std::get<ResizeOp>(graph_.ops[op_].kind)});
  }

  void Lower(const MatMulOp& op) {
    const LoweredTensor& t = graph_.tensors[op.y];
    const StorageId y = NewStorage(op.y, t.rows(), t.row_elems());
    for (const StorageId id : {Of(op.a), Of(op.b), y}) At(id).single_tile = true;
    Add(MatMulNode{Of(op.a), Of(op.b), y, op.batch, op.m, op.k, op.n, op.b_transposed});
  }

  const LoweredGraph& graph_;
  const FloatPlan& floats_;
  const std::vector<LinearPlan>* linears_;
  std::vector<StorageId> storage_of_;   // of each lowered tensor
  std::vector<uint32_t> linear_of_;     // of each operator
  std::vector<uint32_t> reader_count_;  // of each lowered tensor
  std::vector<uint32_t> level_;         // of each storage
  uint32_t op_ = kNone;
  NodeGraph out_;
};

}  // namespace

NodeGraph BuildNodes(const LoweredGraph& graph, const std::vector<LinearPlan>& linears,
                     const FloatPlan& floats) {
  return NodeBuilder(graph, linears, floats).Build();
}

}  // namespace penumbra::protect
