// Collects the operators of one float32 segment.
#ifndef PENUMBRA_PROTECT_SCHEDULE_FLOAT_SEGMENT_BUILDER_H_
#define PENUMBRA_PROTECT_SCHEDULE_FLOAT_SEGMENT_BUILDER_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "protect/schedule/float_segments.h"

namespace penumbra::protect {

class FloatSegmentBuilder {
 public:
  // Both are borrowed. root: of each tensor, the one it is a reshape of; filled as operators come.
  FloatSegmentBuilder(const LoweredGraph& graph, const std::vector<TensorId>& root)
      : graph_(&graph), root_(&root) {}

  // Adds the operator, reading what is not made here as an input of the segment. False, and nothing
  // changes, when segments have no such operator.
  bool Add(const LoweredOp& op);
  // `id` was made here and is needed outside.
  void AddOutput(TensorId id);
  bool empty() const { return out_.graph.nodes.empty(); }
  FloatSegment Take() { return std::move(out_); }

 private:
  struct Shape {
    uint32_t h, w, c;
    uint64_t pixels() const { return uint64_t{h} * w; }
    friend bool operator==(const Shape&, const Shape&) = default;
  };
  using Floats = std::function<std::vector<float>()>;
  // Channel `channel` of `source` goes to a destination channel.
  struct Pick {
    TensorId source = kNone;
    uint32_t channel = 0;
  };

  // Destination channels that come from one source, one after the other.
  struct PickRun {
    TensorId source = kNone;
    std::vector<uint32_t> channels;
    bool whole = false;  // all channels of the source, in order
  };

  // One kind of operator each, as Add().
  bool Lower(const LinearOp& op);
  bool Lower(const ElementwiseOp& op);
  bool Lower(const PoolOp& op);
  bool Lower(const ReduceOp& op);
  bool Lower(const SoftmaxOp& op);
  bool Lower(const CopyOp& op);
  bool Lower(const ResizeOp& op);
  bool Lower(const ReshapeOp&) { return false; }
  bool Lower(const MatMulOp&) { return false; }
  bool Lower(const ArgMaxOp&) { return false; }
  bool Lower(const NormalizeOp&) { return false; }

  bool LowerUnary(const ElementwiseOp& op);
  bool LowerConstant(const ElementwiseOp& op);
  bool LowerBinary(const ElementwiseOp& op);
  bool LowerNearest(const CopyOp& op);
  bool LowerPicks(const CopyOp& op);
  bool PickChannels(const CopyBox& box, uint32_t dst_c, uint64_t pixels,
                    std::vector<Pick>* picks) const;
  std::vector<PickRun> RunsOf(const std::vector<Pick>& picks) const;

  // How the segment sees a lowered tensor: as it was made here, or as its extents say.
  Shape ShapeOf(TensorId id) const;
  // The segment's tensor for it, made an input when the segment does not make it.
  uint32_t Use(TensorId id);
  uint32_t NewTensor(const Shape& shape);
  // content: PublicBlob::content.
  uint32_t NewBlob(uint64_t count, Floats make, std::string content = {});
  SegmentNode& AddNode(SegmentOp op, std::vector<uint32_t> inputs, const Shape& out);
  // The output of the last node is `id`.
  bool Define(TensorId id);
  uint32_t LastTensor() const { return out_.graph.nodes.back().output; }
  // y = scale x + shift, channel by channel.
  uint32_t AddAffine(uint32_t x, const Shape& shape, Floats scale, Floats shift);
  // Channels [0, picks.size()) of y are channels picks[i].channel of x.
  uint32_t AddSelection(uint32_t x, const Shape& shape, std::vector<uint32_t> channels);
  uint32_t AddConcat(std::vector<uint32_t> parts);

  const LoweredGraph* graph_;
  const std::vector<TensorId>* root_;
  FloatSegment out_;
  std::map<TensorId, uint32_t> made_, read_;  // segment tensors
};

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_FLOAT_SEGMENT_BUILDER_H_
