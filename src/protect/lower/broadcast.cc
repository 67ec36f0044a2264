// Element-wise operators with an operand: the cheapest form in which it broadcasts.
#include <algorithm>
#include <utility>
#include <vector>

#include "boundary/limits.h"
#include "model/error.h"
#include "protect/lower/node_lowering.h"

namespace penumbra::protect {
namespace {

Dims Padded(Dims dims, size_t rank) {
  dims.insert(dims.begin(), rank - std::min(rank, dims.size()), 1u);
  return dims;
}

// A view whose logical extents are `logical`, which its own broadcast to.
View BroadcastTo(Builder& b, const View& view, const Dims& logical) {
  return b.Expand(b.Reshape(view, Padded(b.LogicalOf(view), logical.size())), logical);
}

size_t RowAxes(const Dims& physical) { return physical.size() >= 4 ? 2 : 1; }

// Elements of `constant` (row-major, padded extents `constant_dims`) repeated along the physical
// axes from `first` on, in the order of those axes.
std::vector<float> ConstantAlong(const std::vector<float>& constant, const Dims& constant_dims,
                                 const Dims& logical, const Perm& perm, size_t first) {
  const std::vector<int64_t> strides = Strides(constant_dims);
  const Dims physical = Permuted(logical, perm);
  std::vector<float> along(Product(std::span(physical).subspan(first)));
  std::vector<uint32_t> index(perm.size(), 0);
  for (float& value : along) {
    int64_t at = 0;
    for (size_t d = first; d < perm.size(); ++d) {
      if (constant_dims[perm[d]] != 1) at += index[d] * strides[perm[d]];
    }
    value = constant[static_cast<size_t>(at)];
    size_t d = perm.size();
    while (d > first && ++index[d - 1] == physical[d - 1]) index[--d] = 0;
  }
  return along;
}

ElementwiseOp OnView(PassFn fn, const View& x, PassOperand kind = PassOperand::kNone) {
  ElementwiseOp op;
  op.x = x.tensor;
  op.fn = fn;
  op.operand_kind = kind;
  return op;
}

View Emit(Builder& b, const View& x, ElementwiseOp op) {
  const TensorId y = b.AddScratch(b.LogicalOf(x), x.perm);
  op.y = y;
  b.AddOp(std::move(op));
  return {y, x.perm};
}

// `constants` repeated along the rows of x.
View EmitChannel(Builder& b, PassFn fn, const View& x, std::vector<float> constants) {
  ElementwiseOp op = OnView(fn, x, PassOperand::kChannel);
  op.period = static_cast<uint32_t>(constants.size());
  op.constants = std::move(constants);
  return Emit(b, x, std::move(op));
}

// A constant that varies from row to row: the rows it spans become one.
View EmitLongConstant(Builder& b, PassFn fn, const View& x, std::vector<float> along) {
  const auto period = static_cast<uint32_t>(along.size());
  if (along.size() * sizeof(float) > kMaxChunkSize) {
    throw model::ModelError(Status::kUnsupported, "a constant operand of " +
                                                      std::to_string(period) +
                                                      " elements that differs from row to row");
  }
  const Dims shape = b.dims(x.tensor);
  const Dims flat = {static_cast<uint32_t>(Product(shape) / period), period};
  const View row{b.AsDims(x.tensor, flat), IdentityPerm(2)};
  return {b.AsDims(EmitChannel(b, fn, row, std::move(along)).tensor, shape), x.perm};
}

struct Variation {
  size_t first, end;  // the operand varies within physical axes [first, end) only
  bool full;          // and has the full extent of every axis there
};
Variation VariationOf(const Dims& operand, const Dims& x) {
  size_t first = 0;
  size_t end = x.size();
  while (first < end && operand[first] == 1) ++first;
  while (end > first && operand[end - 1] == 1) --end;
  bool full = true;
  for (size_t d = first; d < end; ++d) full = full && operand[d] == x[d];
  return {first, end, full};
}

}  // namespace

Dims BroadcastDims(Dims a, Dims b) {
  const size_t rank = std::max(a.size(), b.size());
  a = Padded(std::move(a), rank);
  b = Padded(std::move(b), rank);
  for (size_t d = 0; d < rank; ++d) a[d] = std::max(a[d], b[d]);
  return a;
}

View EmitUnary(Builder& b, PassFn fn, const View& x, float parameter_a, float parameter_b) {
  ElementwiseOp op = OnView(fn, x);
  op.a = parameter_a;
  op.b = parameter_b;
  return Emit(b, x, std::move(op));
}

View EmitScalar(Builder& b, PassFn fn, const View& x, float operand) {
  ElementwiseOp op = OnView(fn, x, PassOperand::kScalar);
  op.a = operand;
  return Emit(b, x, std::move(op));
}

View EmitWithConstant(Builder& b, PassFn fn, const View& x, const std::vector<float>& constant,
                      const Dims& constant_dims) {
  const Dims logical = BroadcastDims(b.LogicalOf(x), constant_dims);
  const View full = BroadcastTo(b, x, logical);
  if (std::ranges::all_of(constant, [&](float c) { return c == constant.front(); })) {
    return EmitScalar(b, fn, full, constant.front());
  }
  const Dims padded = Padded(constant_dims, logical.size());
  size_t first = 0;
  while (padded[full.perm[first]] == 1) ++first;
  std::vector<float> along = ConstantAlong(constant, padded, logical, full.perm, first);
  if (first + RowAxes(b.dims(full.tensor)) < full.perm.size()) {
    return EmitLongConstant(b, fn, full, std::move(along));
  }
  return EmitChannel(b, fn, full, std::move(along));
}

View EmitWithTensor(Builder& b, PassFn fn, const View& x, const View& operand) {
  const Dims logical = BroadcastDims(b.LogicalOf(x), b.LogicalOf(operand));
  const size_t rank = logical.size();
  const bool x_is_full = Padded(b.LogicalOf(x), rank) == logical;
  const bool operand_is_full = Padded(b.LogicalOf(operand), rank) == logical;
  if (!x_is_full && operand_is_full && fn != PassFn::kPRelu) {
    return EmitWithTensor(b, Reversed(fn), operand, x);
  }
  View full = BroadcastTo(b, x, logical);
  View other = b.Reshape(operand, Padded(b.LogicalOf(operand), rank));
  // Where the two lie differently, images win over the model's order.
  if (operand_is_full && full.perm == IdentityPerm(rank)) full = b.Ordered(full, other.perm);
  other = b.Ordered(other, full.perm);
  const Dims x_dims = b.dims(full.tensor);
  const Variation varies = VariationOf(b.dims(other.tensor), x_dims);
  const size_t row = rank - RowAxes(x_dims);
  const auto behind = [&](size_t axis) {
    return static_cast<uint32_t>(Product(std::span(x_dims).subspan(axis)));
  };
  ElementwiseOp op = OnView(fn, full, PassOperand::kTensor);
  op.operand = other.tensor;
  if (b.dims(other.tensor) == x_dims) return Emit(b, full, op);
  if (varies.full && varies.end == rank && varies.first >= row) {
    op.operand_kind = PassOperand::kTensorChannel;
    op.period = behind(varies.first);
    op.operand = b.AsDims(other.tensor, {1, op.period});
    return Emit(b, full, op);
  }
  const bool all_rows =
      std::equal(x_dims.begin(), x_dims.begin() + static_cast<std::ptrdiff_t>(row),
                 b.dims(other.tensor).begin());
  if (varies.full && all_rows && Product(std::span(x_dims).first(row)) > 1) {
    op.operand_kind = PassOperand::kTensorPixel;
    op.period = behind(std::max(varies.end, row));
    return Emit(b, full, op);
  }
  op.operand = b.Expand({other.tensor, IdentityPerm(rank)}, x_dims).tensor;
  return Emit(b, full, op);
}

}  // namespace penumbra::protect
