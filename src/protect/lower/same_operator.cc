#include "protect/lower/same_operator.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

namespace penumbra::protect {
namespace {

bool Same(float a, float b) { return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b); }

bool Same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

bool Same(const LinearOp& a, const LinearOp& b) {
  return SameGeometry(a.geometry, b.geometry) && Same(a.bias, b.bias) && Same(a.weights, b.weights);
}

bool Same(const ElementwiseOp& a, const ElementwiseOp& b) {
  return a.fn == b.fn && Same(a.a, b.a) && Same(a.b, b.b) && a.operand_kind == b.operand_kind &&
         Same(a.constants, b.constants) && a.period == b.period;
}

bool Same(const PoolOp& a, const PoolOp& b) {
  return a.kind == b.kind && SameGeometry(a.geometry, b.geometry);
}

bool Same(const ReduceOp& a, const ReduceOp& b) { return a.kind == b.kind; }

bool Same(const SoftmaxOp& a, const SoftmaxOp& b) { return a.length == b.length && a.log == b.log; }

bool Same(const NormalizeOp& a, const NormalizeOp& b) {
  return a.length == b.length && Same(a.epsilon, b.epsilon);
}

bool Same(const CopyBox& a, const CopyBox& b) {
  return a.extent == b.extent && a.src_stride == b.src_stride && a.dst_stride == b.dst_stride &&
         a.src_offset == b.src_offset && a.dst_offset == b.dst_offset;
}

bool Same(const CopyOp& a, const CopyOp& b) {
  const auto same_box = [](const CopyBox& x, const CopyBox& y) { return Same(x, y); };
  return std::ranges::equal(a.boxes, b.boxes, same_box) && a.needs_fill == b.needs_fill &&
         Same(a.fill, b.fill);
}

bool Same(const ReshapeOp&, const ReshapeOp&) { return true; }

bool Same(const ResizeOp& a, const ResizeOp& b) {
  return a.in_h == b.in_h && a.in_w == b.in_w && a.out_h == b.out_h && a.out_w == b.out_w &&
         a.channels == b.channels && a.row_lo == b.row_lo && a.row_hi == b.row_hi &&
         a.col_lo == b.col_lo && a.col_hi == b.col_hi && Same(a.row_w, b.row_w) &&
         Same(a.col_w, b.col_w);
}

bool Same(const MatMulOp& a, const MatMulOp& b) {
  return a.batch == b.batch && a.m == b.m && a.k == b.k && a.n == b.n &&
         a.b_transposed == b.b_transposed;
}

bool Same(const ArgMaxOp& a, const ArgMaxOp& b) {
  return a.length == b.length && a.last_index == b.last_index;
}

}  // namespace

bool SameGeometry(const ConvGeometry& a, const ConvGeometry& b) {
  static_assert(std::has_unique_object_representations_v<ConvGeometry>);
  return std::memcmp(&a, &b, sizeof a) == 0;
}

bool SameParameters(const LoweredOp& a, const LoweredOp& b) {
  if (a.kind.index() != b.kind.index()) return false;
  return std::visit(
      [&b](const auto& kind) {
        return Same(kind, std::get<std::remove_cvref_t<decltype(kind)>>(b.kind));
      },
      a.kind);
}

std::vector<TensorId> OperandsOf(const LoweredOp& op) {
  const auto* copy = std::get_if<CopyOp>(&op.kind);
  if (copy == nullptr) return InputsOf(op);
  std::vector<TensorId> sources;
  for (const CopyBox& box : copy->boxes) sources.push_back(box.src);
  return sources;
}

}  // namespace penumbra::protect
