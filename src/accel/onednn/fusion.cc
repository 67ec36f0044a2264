#include "accel/onednn/fusion.h"

#include <algorithm>

namespace penumbra::onednn {
namespace {

constexpr size_t kMaxTail = 8;

class Fuser {
 public:
  explicit Fuser(const OwnedSegment& segment)
      : s_(segment),
        readers_(s_.tensors.size()),
        producer_(s_.tensors.size(), kInput),
        is_end_(s_.tensors.size(), false),
        absorbed_(s_.nodes.size(), false) {
    for (uint32_t i = 0; i < s_.nodes.size(); ++i) {
      const SegmentNode& n = s_.nodes[i];
      for (uint32_t k = 0; k < n.input_count; ++k) readers_[n.inputs[k]].push_back(i);
      producer_[n.output] = i;
    }
    for (uint32_t id : s_.inputs) is_end_[id] = true;
    for (uint32_t id : s_.outputs) is_end_[id] = true;
  }

  std::vector<FusedNode> Run() {
    std::vector<FusedNode> fused;
    for (uint32_t i = 0; i < s_.nodes.size(); ++i) {
      if (absorbed_[i] || IsResidueConv(s_.nodes[i].op)) continue;
      FusedNode f{i, {}, kNoTensor, s_.nodes[i].output};
      if (s_.nodes[i].op == SegmentOp::kConvFloat) GrowTail(&f);
      fused.push_back(f);
    }
    return fused;
  }

 private:
  static constexpr int64_t kInput = -1;

  void GrowTail(FusedNode* f) {
    while (f->tail.size() < kMaxTail && !is_end_[f->output] && readers_[f->output].size() == 1) {
      const uint32_t next = readers_[f->output][0];
      const SegmentNode& n = s_.nodes[next];
      if (n.op == SegmentOp::kAdd && f->added == kNoTensor) {
        const uint32_t other = n.inputs[0] == f->output ? n.inputs[1] : n.inputs[0];
        if (!MayTakeOver(other, f->node, next)) return;
        f->added = other;
      } else if (!IsUnary(n.op)) {
        return;
      }
      absorbed_[next] = true;
      f->tail.push_back(next);
      f->output = n.output;
      producer_[f->output] = f->node;  // that is when its value now comes to be
    }
  }

  // Whether the sum of `addend` and node `conv`, in the graph the node `add`, may overwrite
  // `addend`.
  bool MayTakeOver(uint32_t addend, uint32_t conv, uint32_t add) const {
    if (is_end_[addend] || producer_[addend] >= int64_t{conv}) return false;
    return std::all_of(readers_[addend].begin(), readers_[addend].end(),
                       [&](uint32_t reader) { return reader < conv || reader == add; });
  }

  const OwnedSegment& s_;
  std::vector<std::vector<uint32_t>> readers_;  // per tensor, one entry per read
  std::vector<int64_t> producer_;               // per tensor: node after which it exists
  std::vector<bool> is_end_;                    // per tensor
  std::vector<bool> absorbed_;                  // per node
};

}  // namespace

bool IsUnary(SegmentOp op) {
  return op == SegmentOp::kRelu || op == SegmentOp::kLeakyRelu || op == SegmentOp::kClip ||
         op == SegmentOp::kSigmoid || op == SegmentOp::kTanh || op == SegmentOp::kHardSwish;
}

std::vector<FusedNode> Fuse(const OwnedSegment& segment) { return Fuser(segment).Run(); }

}  // namespace penumbra::onednn
