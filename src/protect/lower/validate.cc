// The invariants of a lowered graph. Everything after lowering relies on them without asking again.
#include <algorithm>
#include <string>
#include <vector>

#include "boundary/limits.h"
#include "model/error.h"
#include "protect/lower/layout.h"
#include "protect/lower/lower.h"

namespace penumbra::protect {
namespace {

uint32_t WindowOut(uint32_t in, uint32_t before, uint32_t after, uint32_t kernel, uint32_t stride,
                   uint32_t dilation) {
  const uint64_t reach = uint64_t{kernel - 1} * dilation + 1;
  const uint64_t padded = uint64_t{in} + before + after;
  return padded < reach ? 0 : static_cast<uint32_t>((padded - reach) / stride + 1);
}

class Checker {
 public:
  explicit Checker(const LoweredGraph& graph)
      : graph_(graph), known_(graph.tensors.size(), false) {}

  void Run() {
    for (const LoweredTensor& t : graph_.tensors) CheckTensor(t);
    for (const LoweredPort& port : graph_.inputs) Produce(port.tensor);
    for (const LoweredOp& op : graph_.ops) {
      name_ = op.name;
      for (TensorId id : InputsOf(op))
        Require(id < known_.size() && known_[id], "reads a tensor not yet made");
      Require(OutputOf(op) < known_.size(), "writes a tensor that does not exist");
      std::visit([this](const auto& kind) { Check(kind); }, op.kind);
      Produce(OutputOf(op));
    }
    for (const LoweredPort& port : graph_.outputs) {
      Require(port.tensor < known_.size() && known_[port.tensor], "an output is never computed");
    }
    Require(std::ranges::count(known_, false) == 0, "a tensor has no producer");
  }

 private:
  const LoweredTensor& T(TensorId id) const { return graph_.tensors.at(id); }

  void Require(bool condition, const std::string& what) const {
    if (!condition) {
      throw model::ModelError(Status::kInternal, "lowered graph invariant broken: " + what,
                              {.node = name_});
    }
  }

  void Produce(TensorId id) {
    Require(id < known_.size() && !known_[id], "a tensor has two producers");
    known_[id] = true;
  }

  void CheckTensor(const LoweredTensor& t) {
    name_ = t.name;
    Require(!t.dims.empty() && t.perm.size() == t.dims.size(),
            "a tensor's rank is not that of its axis order");
    Perm sorted = t.perm;
    std::ranges::sort(sorted);
    Require(sorted == IdentityPerm(t.dims.size()), "a tensor's axis order is no permutation");
    Require(std::ranges::count(t.dims, 0u) == 0, "a tensor is empty");
  }

  void CheckWindow(const ConvGeometry& g, TensorId x, TensorId y) const {
    Require(g.kernel_h > 0 && g.kernel_w > 0 && g.stride_h > 0 && g.stride_w > 0 && g.groups > 0,
            "empty window");
    Require(g.in_c % g.groups == 0 && g.out_c % g.groups == 0, "groups do not divide the channels");
    Require(g.out_h == WindowOut(g.in_h, g.pad_top, g.pad_bottom, g.kernel_h, g.stride_h,
                                 g.dilation_h) &&
                g.out_w == WindowOut(g.in_w, g.pad_left, g.pad_right, g.kernel_w, g.stride_w,
                                     g.dilation_w),
            "a window's output size is wrong");
    Require(T(x).rows() == g.in_h && T(x).row_elems() == uint64_t{g.in_w} * g.in_c,
            "x is not the window's input");
    Require(T(y).rows() == g.out_h && T(y).row_elems() == uint64_t{g.out_w} * g.out_c,
            "y is not the window's output");
  }

  void SameGrid(TensorId x, TensorId y) const {
    Require(T(x).rows() == T(y).rows() && T(x).row_elems() == T(y).row_elems(), "row grids differ");
  }

  void Check(const LinearOp& op) const {
    CheckWindow(op.geometry, op.x, op.y);
    Require(op.weights.size() == FilterLength(op.geometry) * op.geometry.out_c,
            "wrong number of weights");
    Require(op.bias.size() == op.geometry.out_c, "wrong number of biases");
    Require(FilterLength(op.geometry) <= kMaxFilterLength, "a filter is too long");
  }

  void Check(const PoolOp& op) const {
    CheckWindow(op.geometry, op.x, op.y);
    Require(op.geometry.groups == op.geometry.in_c && op.geometry.in_c == op.geometry.out_c,
            "pooling mixes channels");
  }

  void Check(const ElementwiseOp& op) const {
    SameGrid(op.x, op.y);
    const uint32_t row = T(op.x).row_elems();
    const bool periodic = op.operand_kind == PassOperand::kChannel ||
                          op.operand_kind == PassOperand::kTensorChannel ||
                          op.operand_kind == PassOperand::kTensorPixel;
    if (periodic)
      Require(op.period > 0 && row % op.period == 0, "a period does not divide the row");
    const bool reads_tensor = op.operand_kind == PassOperand::kTensor ||
                              op.operand_kind == PassOperand::kTensorChannel ||
                              op.operand_kind == PassOperand::kTensorPixel;
    Require(reads_tensor == (op.operand != kNone), "an operand is missing");
    if (op.operand_kind == PassOperand::kChannel)
      Require(op.constants.size() == op.period, "wrong constants");
    if (op.operand_kind == PassOperand::kTensor) SameGrid(op.operand, op.y);
    if (op.operand_kind == PassOperand::kTensorChannel) {
      Require(T(op.operand).rows() == 1 && T(op.operand).row_elems() == op.period,
              "not one row of channels");
    }
    if (op.operand_kind == PassOperand::kTensorPixel) {
      Require(
          T(op.operand).rows() == T(op.x).rows() && T(op.operand).row_elems() == row / op.period,
          "not one element per pixel");
    }
  }

  void Check(const ReduceOp& op) const {
    Require(T(op.y).rows() == 1 && T(op.y).row_elems() == T(op.x).channels(),
            "not one row of channels");
  }

  void Check(const SoftmaxOp& op) const {
    SameGrid(op.x, op.y);
    Require(op.length > 0 && T(op.x).row_elems() % op.length == 0, "runs do not divide the row");
  }

  void Check(const NormalizeOp& op) const {
    SameGrid(op.x, op.y);
    Require(op.length > 0 && T(op.x).row_elems() % op.length == 0, "runs do not divide the row");
    Require(op.epsilon >= 0, "a negative epsilon");
  }

  void Check(const ArgMaxOp& op) const {
    Require(op.length > 0 && T(op.x).rows() == T(op.y).rows() &&
                T(op.x).row_elems() == uint64_t{T(op.y).row_elems()} * op.length,
            "runs do not divide the row");
  }

  void Check(const ReshapeOp& op) const {
    Require(T(op.x).count() == T(op.y).count(), "element counts differ");
  }

  void Check(const ResizeOp& op) const {
    Require(T(op.x).rows() == op.in_h && T(op.x).row_elems() == uint64_t{op.in_w} * op.channels,
            "x is not the image");
    Require(T(op.y).rows() == op.out_h && T(op.y).row_elems() == uint64_t{op.out_w} * op.channels,
            "y is not the image");
    CheckTable(op.row_lo, op.row_hi, op.row_w, op.out_h, op.in_h);
    CheckTable(op.col_lo, op.col_hi, op.col_w, op.out_w, op.in_w);
  }

  void CheckTable(const std::vector<uint32_t>& lo, const std::vector<uint32_t>& hi,
                  const std::vector<float>& w, uint32_t out, uint32_t in) const {
    Require(lo.size() == out && hi.size() == out && w.size() == out,
            "a resize table has the wrong length");
    const auto inside = [in](uint32_t at) { return at < in; };
    Require(std::ranges::all_of(lo, inside) && std::ranges::all_of(hi, inside),
            "a resize table points outside");
  }

  void Check(const MatMulOp& op) const {
    const uint64_t batch = op.batch;
    Require(T(op.a).count() == batch * op.m * op.k && T(op.b).count() == batch * op.k * op.n &&
                T(op.y).count() == batch * op.m * op.n,
            "matrices of the wrong size");
    Require(T(op.a).channels() == op.k && T(op.b).channels() == (op.b_transposed ? op.k : op.n) &&
                T(op.y).channels() == op.n,
            "matrices of the wrong shape");
  }

  void Check(const CopyOp& op) const {
    uint64_t written = 0;
    for (const CopyBox& box : op.boxes) {
      Require(box.extent.size() <= kMaxCopyDims && !box.extent.empty(), "a box has too many axes");
      Require(
          box.src_stride.size() == box.extent.size() && box.dst_stride.size() == box.extent.size(),
          "a box has too few strides");
      CheckReach(box.extent, box.src_stride, box.src_offset, T(box.src).count());
      CheckReach(box.extent, box.dst_stride, box.dst_offset, T(op.y).count());
      written += Product(box.extent);
    }
    Require(written == T(op.y).count() || op.needs_fill, "a copy leaves elements unwritten");
    Require(written <= T(op.y).count(), "a copy writes elements twice");
  }

  void CheckReach(const Dims& extent, const std::vector<int32_t>& stride, uint32_t offset,
                  uint64_t count) const {
    int64_t low = offset;
    int64_t high = offset;
    for (size_t d = 0; d < extent.size(); ++d) {
      const int64_t reach = int64_t{stride[d]} * (int64_t{extent[d]} - 1);
      (reach < 0 ? low : high) += reach;
    }
    Require(low >= 0 && static_cast<uint64_t>(high) < count, "a box reaches outside its tensor");
  }

  const LoweredGraph& graph_;
  std::vector<bool> known_;
  std::string name_;
};

}  // namespace

void ValidateLowered(const LoweredGraph& graph) { Checker(graph).Run(); }

}  // namespace penumbra::protect
