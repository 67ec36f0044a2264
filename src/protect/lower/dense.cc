// Gemm and MatMul: dense layers where one factor is constant, products of activations elsewhere.
#include <algorithm>
#include <utility>

#include "protect/lower/node_lowering.h"

namespace penumbra::protect {
namespace {

std::vector<float> Transposed(const std::vector<float>& m, size_t rows, size_t columns) {
  std::vector<float> t(m.size());
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < columns; ++c) t[c * rows + r] = m[r * columns + c];
  }
  return t;
}

// Vectors count as one row on the left and one column on the right.
Dims AsMatrix(Dims dims, bool left) {
  if (dims.size() == 1) dims.insert(left ? dims.begin() : dims.end(), 1u);
  return dims;
}

Dims BroadcastBatch(const Dims& a, const Dims& b) {
  const size_t rank = std::max(a.size(), b.size()) - 2;
  Dims batch(rank, 1);
  for (const Dims* dims : {&a, &b}) {
    const size_t skip = rank + 2 - dims->size();
    for (size_t d = 0; d + 2 < dims->size(); ++d)
      batch[skip + d] = std::max(batch[skip + d], (*dims)[d]);
  }
  return batch;
}

// The operand with the broadcast batch in front, its bytes in row-major order but for the last two
// axes, which are exchanged when `swapped`.
TensorId BatchOperand(Builder& b, const View& operand, const Dims& batch, bool swapped) {
  const Dims own = b.LogicalOf(operand);
  Dims padded(batch.size() + 2 - own.size(), 1);
  padded.insert(padded.end(), own.begin(), own.end());
  Dims full = batch;
  full.insert(full.end(), own.end() - 2, own.end());
  Perm perm = IdentityPerm(full.size());
  if (swapped) std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
  return b.Ordered(b.Expand(b.Reshape(operand, padded), full), perm).tensor;
}

View EmitProduct(Builder& b, const View& left, const View& right, TensorId y_or_none,
                 const Dims& out_matrix) {
  const Dims l = b.LogicalOf(left);
  const Dims r = b.LogicalOf(right);
  const Dims batch = BroadcastBatch(l, r);
  // Keep the order the right factor already has: its two last axes may stand either way round.
  const bool swapped = right.perm.back() != r.size() - 1;
  const TensorId a = BatchOperand(b, left, batch, false);
  const TensorId c = BatchOperand(b, right, batch, swapped);
  const Perm perm = IdentityPerm(out_matrix.size());
  const TensorId y = y_or_none != kNone ? y_or_none : b.AddScratch(out_matrix, perm);
  b.AddOp(MatMulOp{a, c, y, static_cast<uint32_t>(Product(batch)), l[l.size() - 2], l.back(),
                   r.back(), swapped});
  return {y, perm};
}

void LowerProduct(const NodeLowering& n, const View& a, const View& b) {
  Builder& builder = n.builder;
  const View left = builder.Reshape(a, AsMatrix(builder.LogicalOf(a), true));
  const View right = builder.Reshape(b, AsMatrix(builder.LogicalOf(b), false));
  const Dims l = builder.LogicalOf(left);
  const Dims r = builder.LogicalOf(right);
  Dims out = BroadcastBatch(l, r);
  out.push_back(l[l.size() - 2]);
  out.push_back(r.back());
  const bool direct = out == n.OutDims();
  const TensorId y = direct ? n.NewOutput(IdentityPerm(out.size())) : kNone;
  n.Define(builder.Reshape(EmitProduct(builder, left, right, y, out), n.OutDims()));
}

// Gemm's C: [n] or [1,n] is a bias, everything else an addition afterwards.
bool IsBias(const Dims& c, uint32_t out_c) { return c.back() == out_c && Product(c) == out_c; }

std::vector<float> Scaled(std::vector<float> values, float factor) {
  if (factor != 1.0f) {
    for (float& v : values) v *= factor;
  }
  return values;
}

View AddGemmC(const NodeLowering& n, View y, float beta) {
  if (n.node.Input(2) == model::kNoValue) return y;
  if (const std::vector<float>* c = n.Constant(2)) {
    return EmitWithConstant(n.builder, PassFn::kAdd, y, Scaled(*c, beta), n.InDims(2));
  }
  View c = n.Any(2);
  if (beta != 1.0f) c = EmitScalar(n.builder, PassFn::kMul, c, beta);
  return EmitWithTensor(n.builder, PassFn::kAdd, y, c);
}

// Columns of `weights` [rows][columns] in the order in which an unmoved image stores its elements.
std::vector<float> PermuteColumns(const std::vector<float>& weights,
                                  const std::vector<uint32_t>& order) {
  const size_t columns = order.size();
  std::vector<float> permuted(weights.size());
  for (size_t r = 0; r < weights.size() / columns; ++r) {
    for (size_t c = 0; c < columns; ++c)
      permuted[r * columns + order[c]] = weights[r * columns + c];
  }
  return permuted;
}

// The rows that multiply `weights` [out_c][k]. A flattened image stays as it lies; its columns
// follow.
View DenseInput(const NodeLowering& n, size_t input, std::vector<float>* weights) {
  const Flattened* flat = n.builder.AsFlattened(n.in(input));
  if (flat == nullptr) return n.Any(input);
  *weights = PermuteColumns(*weights, flat->StoredOrder());
  const Dims row = n.InDims(input);
  return {n.builder.AsDims(flat->source.tensor, row), IdentityPerm(row.size())};
}

}  // namespace

View EmitDense(Builder& b, const View& x, uint32_t axis, std::vector<float> weights,
               std::vector<float> bias, model::ValueId value) {
  Dims logical = b.LogicalOf(x);
  const uint32_t in_c = logical.at(axis);
  const auto out_c = static_cast<uint32_t>(bias.size());
  const View in = x.perm.back() == axis ? x : b.Ordered(x, AxisLastPerm(logical.size(), axis));
  logical[axis] = out_c;
  const LoweredTensor& source = b.lowered().tensors[in.tensor];
  ConvGeometry g{};
  g.in_h = g.out_h = source.rows();
  g.in_w = g.out_w = source.row_elems() / in_c;
  g.in_c = in_c;
  g.out_c = out_c;
  g.kernel_h = g.kernel_w = g.stride_h = g.stride_w = g.dilation_h = g.dilation_w = g.groups = 1;
  const bool direct = value != model::kNoValue && !IsLongFilter(g) &&
                      LogicalDims(b.model().value(value).shape) == logical;
  const TensorId y = direct ? b.AddTensorFor(value, in.perm) : kNone;
  return EmitLinear(b, in, g, std::move(weights), std::move(bias), logical, y);
}

void LowerGemm(const NodeLowering& n) {
  const bool a_transposed = n.node.GetInt("transA") != 0;
  const bool b_transposed = n.node.GetInt("transB") != 0;
  const float alpha = n.node.GetFloat("alpha", 1.0f);
  const float beta = n.node.GetFloat("beta", 1.0f);
  const std::vector<float>* b_constant = n.Constant(1);
  if (b_constant == nullptr || n.Constant(0) != nullptr) {
    const auto turned = [&](size_t i, bool turn) {
      const View view = n.In(i, IdentityPerm(2));
      return turn ? n.builder.Transpose(view, {1, 0}) : view;
    };
    View y = EmitProduct(n.builder, turned(0, a_transposed), turned(1, b_transposed), kNone,
                         n.OutDims());
    if (alpha != 1.0f) y = EmitScalar(n.builder, PassFn::kMul, y, alpha);
    return n.Define(AddGemmC(n, y, beta));
  }
  const Dims b_dims = n.InDims(1);
  const uint32_t out_c = n.OutDims()[1];
  std::vector<float> weights =
      Scaled(b_transposed ? *b_constant : Transposed(*b_constant, b_dims[0], b_dims[1]), alpha);
  View x = a_transposed ? n.builder.Transpose(n.Any(0), {1, 0}) : DenseInput(n, 0, &weights);
  std::vector<float> bias(out_c, 0.0f);
  const bool has_bias =
      n.node.Input(2) != model::kNoValue && n.Constant(2) != nullptr && IsBias(n.InDims(2), out_c);
  if (has_bias) bias = Scaled(*n.Constant(2), beta);
  const bool complete = has_bias || n.node.Input(2) == model::kNoValue;
  const View y = EmitDense(n.builder, x, 1, std::move(weights), std::move(bias),
                           complete ? n.out() : model::kNoValue);
  n.Define(complete ? y : AddGemmC(n, y, beta));
}

void LowerMatMul(const NodeLowering& n) {
  const Dims a = n.InDims(0);
  const Dims b = n.InDims(1);
  const std::vector<float>* a_constant = n.Constant(0);
  const std::vector<float>* b_constant = n.Constant(1);
  if (b_constant != nullptr && a_constant == nullptr && b.size() == 2) {
    std::vector<float> weights = Transposed(*b_constant, b[0], b[1]);
    const View x = DenseInput(n, 0, &weights);
    const auto axis = static_cast<uint32_t>(a.size() - 1);
    const View y =
        EmitDense(n.builder, x, axis, std::move(weights), std::vector<float>(b[1], 0.0f), n.out());
    return n.Define(n.builder.Reshape(y, n.OutDims()));
  }
  if (a_constant != nullptr && b_constant == nullptr && a.size() == 2 && b.size() >= 2) {
    const auto axis = static_cast<uint32_t>(b.size() - 2);
    return n.Define(
        EmitDense(n.builder, n.Any(1), axis, *a_constant, std::vector<float>(a[0], 0.0f), n.out()));
  }
  const auto operand = [&](size_t i, const Dims& dims) {
    return n.Constant(i) != nullptr ? n.In(i, IdentityPerm(dims.size())) : n.Any(i);
  };
  LowerProduct(n, operand(0, a), operand(1, b));
}

}  // namespace penumbra::protect
