#include "protect/lower/lowered.h"

#include <algorithm>
#include <numeric>

namespace penumbra::protect {
namespace {

uint32_t Product(std::vector<uint32_t>::const_iterator begin,
                 std::vector<uint32_t>::const_iterator end) {
  uint32_t product = 1;
  for (auto it = begin; it != end; ++it) product *= *it;
  return product;
}

// Trailing axes that make up one row of the grid.
std::ptrdiff_t RowAxes(const std::vector<uint32_t>& dims) { return dims.size() >= 4 ? 2 : 1; }

struct Inputs {
  std::vector<TensorId> operator()(const ElementwiseOp& op) const {
    if (op.operand == kNone) return {op.x};
    return {op.x, op.operand};
  }
  std::vector<TensorId> operator()(const CopyOp& op) const {
    std::vector<TensorId> sources;
    for (const CopyBox& box : op.boxes) {
      if (std::ranges::count(sources, box.src) == 0) sources.push_back(box.src);
    }
    return sources;
  }
  std::vector<TensorId> operator()(const MatMulOp& op) const { return {op.a, op.b}; }
  template <typename Op>
  std::vector<TensorId> operator()(const Op& op) const {
    return {op.x};
  }
};

struct Renaming {
  const std::function<TensorId(TensorId)>& rename;

  void operator()(ElementwiseOp& op) const {
    op.x = rename(op.x);
    if (op.operand != kNone) op.operand = rename(op.operand);
  }
  void operator()(CopyOp& op) const {
    for (CopyBox& box : op.boxes) box.src = rename(box.src);
  }
  void operator()(MatMulOp& op) const {
    op.a = rename(op.a);
    op.b = rename(op.b);
  }
  template <typename Op>
  void operator()(Op& op) const {
    op.x = rename(op.x);
  }
};

}  // namespace

uint32_t LoweredTensor::rows() const { return Product(dims.begin(), dims.end() - RowAxes(dims)); }

uint32_t LoweredTensor::row_elems() const {
  return Product(dims.end() - RowAxes(dims), dims.end());
}

std::vector<TensorId> InputsOf(const LoweredOp& op) { return std::visit(Inputs{}, op.kind); }

TensorId OutputOf(const LoweredOp& op) {
  return std::visit([](const auto& kind) { return kind.y; }, op.kind);
}

void RenameInputs(const std::function<TensorId(TensorId)>& rename, LoweredOp* op) {
  std::visit(Renaming{rename}, op->kind);
}

std::vector<TensorId> ReshapeRoots(const LoweredGraph& graph) {
  std::vector<TensorId> root(graph.tensors.size());
  std::iota(root.begin(), root.end(), TensorId{0});
  for (const LoweredOp& op : graph.ops) {
    if (const auto* reshape = std::get_if<ReshapeOp>(&op.kind)) root[reshape->y] = root[reshape->x];
  }
  return root;
}

}  // namespace penumbra::protect
