// Pooling, reductions, Softmax, LayerNormalization and ArgMax.
#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "protect/lower/node_lowering.h"

namespace penumbra::protect {
namespace {

using model::OpKind;

constexpr uint32_t kMaxPoolKind = 0;
constexpr uint32_t kAverageKind = 1;
constexpr uint32_t kAveragePaddedKind = 2;

uint32_t ReduceKindOf(OpKind op) {
  switch (op) {
    case OpKind::kReduceSum:
      return 0;
    case OpKind::kReduceMean:
    case OpKind::kGlobalAveragePool:
      return 1;
    default:
      return 2;
  }
}

// The padded image as a tensor, so that cells beyond its padding are outside.
View PadImage(const NodeLowering& n, const View& x, ConvGeometry* g) {
  Dims dims = n.builder.LogicalOf(x);
  std::vector<AxisRuns> runs = {
      WholeAxis(dims[0]), WholeAxis(dims[1]), {{.dst_start = g->pad_top, .count = g->in_h}}};
  if (dims.size() == 4) runs.push_back({{.dst_start = g->pad_left, .count = g->in_w}});
  g->in_h = dims[2] = g->pad_top + g->in_h + g->pad_bottom;
  if (dims.size() == 4) g->in_w = dims[3] = g->pad_left + g->in_w + g->pad_right;
  g->pad_top = g->pad_bottom = g->pad_left = g->pad_right = 0;
  return n.builder.CopyByRuns(x, dims, runs);
}

uint32_t Missing(uint32_t out, uint32_t stride, uint32_t kernel, uint32_t dilation, uint32_t have) {
  const uint32_t reach = (out - 1) * stride + (kernel - 1) * dilation + 1;
  return reach > have ? reach - have : 0;
}

// Padding at the end that lets every window of a ceil_mode output fit.
void EnlargeEndPadding(ConvGeometry* g) {
  g->pad_bottom += Missing(g->out_h, g->stride_h, g->kernel_h, g->dilation_h,
                           g->pad_top + g->in_h + g->pad_bottom);
  g->pad_right += Missing(g->out_w, g->stride_w, g->kernel_w, g->dilation_w,
                          g->pad_left + g->in_w + g->pad_right);
}

// [reduced][kept] with the kept axes as channels; moves data only if they do not lie so already.
View ReducedFirst(Builder& b, const View& x, const std::vector<bool>& reduced) {
  const Dims logical = b.LogicalOf(x);
  const auto is_reduced = [&](uint32_t axis) { return reduced[axis] || logical[axis] == 1; };
  Perm perm = x.perm;
  std::stable_partition(perm.begin(), perm.end(), is_reduced);
  if (SameOrder(logical, x.perm, perm)) return x;
  return b.Ordered(x, perm);
}

}  // namespace

Dims FoldBatch(Dims dims) {
  dims.at(1) *= dims.at(0);
  dims[0] = 1;
  return dims;
}

View FoldedInput(const NodeLowering& n, const Perm& perm) {
  if (n.InDims(0)[0] == 1) return n.In(0, perm);
  return n.builder.Ordered(n.builder.Reshape(n.Any(0), FoldBatch(n.InDims(0))), perm);
}

void LowerPool(const NodeLowering& n) {
  const Dims in = FoldBatch(n.InDims(0));
  const Dims out = FoldBatch(n.OutDims());
  const bool is_float = n.InType(0) == model::DataType::kFloat32;
  if (!is_float && n.node.op != OpKind::kMaxPool) n.Unsupported("averages of integers");
  const Perm perm = ChannelLastPerm(in.size());
  ConvGeometry g = WindowGeometry(n.node, in, out);
  g.groups = g.in_c;
  View x = FoldedInput(n, perm);
  uint32_t kind = n.node.op == OpKind::kMaxPool ? kMaxPoolKind : kAverageKind;
  if (kind == kAverageKind && n.node.GetInt("count_include_pad") != 0) {
    // What ceil_mode adds beyond the padding does not count: make the padding part of the image.
    if (n.node.GetInt("ceil_mode") != 0) {
      x = PadImage(n, x, &g);
    } else {
      kind = kAveragePaddedKind;
    }
  }
  EnlargeEndPadding(&g);
  const TensorId y = n.builder.AddScratch(out, perm);
  n.builder.AddOp(PoolOp{x.tensor, y, kind, g});
  n.Define(n.builder.Reshape({y, perm}, n.OutDims()));
}

void LowerReduce(const NodeLowering& n) {
  const bool is_float = n.InType(0) == model::DataType::kFloat32;
  const bool selects = n.node.op == OpKind::kReduceMax || n.node.op == OpKind::kReduceMin ||
                       n.node.op == OpKind::kGlobalMaxPool;
  if (!is_float && !selects) n.Unsupported("a sum or mean of integers");
  Builder& b = n.builder;
  const Dims in = n.InDims(0);
  std::vector<bool> reduced(in.size(), false);
  if (n.node.op == OpKind::kGlobalAveragePool || n.node.op == OpKind::kGlobalMaxPool) {
    std::fill(reduced.begin() + 2, reduced.end(), true);
  } else {
    for (int64_t axis : n.node.GetInts("axes")) reduced.at(static_cast<size_t>(axis)) = true;
  }
  const bool minimum = n.node.op == OpKind::kReduceMin;
  View x = n.Any(0);
  if (minimum) x = EmitUnary(b, PassFn::kNeg, x);
  x = ReducedFirst(b, x, reduced);
  Dims kept_dims;
  Dims kept_shape = in;
  for (uint32_t axis : x.perm) {
    if (!reduced[axis] && in[axis] != 1) kept_dims.push_back(in[axis]);
  }
  for (size_t d = 0; d < in.size(); ++d) kept_shape[d] = reduced[d] ? 1 : in[d];
  const auto channels = static_cast<uint32_t>(Product(kept_dims));
  TensorId source = x.tensor;
  if (b.dims(source).back() != channels) {
    source = b.AsDims(source, {static_cast<uint32_t>(Product(in)) / channels, channels});
  }
  const TensorId row = b.AddScratch({1, channels}, IdentityPerm(2));
  b.AddOp(ReduceOp{source, row, ReduceKindOf(n.node.op)});
  View y{b.AsDims(row, Permuted(kept_shape, x.perm)), x.perm};
  if (minimum) y = EmitUnary(b, PassFn::kNeg, y);
  n.Define(b.Reshape(y, n.OutDims()));
}

namespace {

// The same elements with `count` axes from `axis` on merged into one, which lies along the rows.
View MergedLast(Builder& b, View x, uint32_t axis, uint32_t count) {
  const Dims in = b.LogicalOf(x);
  if (count > 1) {
    x = b.Ordered(x, IdentityPerm(in.size()));
    Dims merged(in.begin(), in.begin() + axis);
    merged.push_back(static_cast<uint32_t>(Product(std::span(in).subspan(axis, count))));
    merged.insert(merged.end(), in.begin() + axis + count, in.end());
    x = b.Reshape(x, merged);
  }
  if (x.perm.back() == axis) return x;
  Perm perm = x.perm;
  perm.erase(std::ranges::find(perm, axis));
  perm.push_back(axis);
  return b.Ordered(x, perm);
}

}  // namespace

void LowerSoftmax(const NodeLowering& n) {
  Builder& b = n.builder;
  const auto axis = static_cast<uint32_t>(n.node.GetInt("axis"));
  const View x =
      MergedLast(b, n.Any(0), axis, static_cast<uint32_t>(n.node.GetInt("axis_count", 1)));
  const Dims logical = b.LogicalOf(x);
  const TensorId y = b.AddScratch(logical, x.perm);
  b.AddOp(SoftmaxOp{x.tensor, y, logical[axis], n.node.op == OpKind::kLogSoftmax});
  n.Define(b.Reshape({y, x.perm}, n.OutDims()));
}

void LowerLayerNormalization(const NodeLowering& n) {
  Builder& b = n.builder;
  const auto axis = static_cast<uint32_t>(n.node.GetInt("axis"));
  const auto rank = static_cast<uint32_t>(n.InDims(0).size());
  const View x = MergedLast(b, n.Any(0), axis, rank - axis);
  const Dims logical = b.LogicalOf(x);
  const TensorId y = b.AddScratch(logical, x.perm);
  b.AddOp(NormalizeOp{x.tensor, y, logical[axis], n.node.GetFloat("epsilon")});
  n.Define(b.Reshape({y, x.perm}, n.OutDims()));
}

void LowerArgMax(const NodeLowering& n) {
  Builder& b = n.builder;
  const auto axis = static_cast<uint32_t>(n.node.GetInt("axis"));
  const View x = MergedLast(b, n.Any(0), axis, 1);
  Dims logical = b.LogicalOf(x);
  const uint32_t length = logical[axis];
  logical[axis] = 1;
  const TensorId y = b.AddScratch(logical, x.perm);
  b.AddOp(ArgMaxOp{x.tensor, y, length, n.node.GetInt("select_last_index") != 0});
  n.Define(b.Reshape({y, x.perm}, n.OutDims()));
}

}  // namespace penumbra::protect
