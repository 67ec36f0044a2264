// Convolutions with constant weights.
#include <algorithm>
#include <string>
#include <utility>

#include "boundary/limits.h"
#include "kernels/conv_layout.h"
#include "model/error.h"
#include "protect/lower/node_lowering.h"

namespace penumbra::protect {
namespace {

uint32_t Term(const std::vector<int64_t>& terms, size_t i) {
  return static_cast<uint32_t>(terms.at(i));
}

// ONNX [out_c][in_c/groups][kernel] to [out_c][kernel][in_c/groups].
std::vector<float> ToOhwi(const std::vector<float>& weights, const ConvGeometry& g) {
  const size_t taps = size_t{g.kernel_h} * g.kernel_w;
  const size_t in_c = InChannelsPerGroup(g);
  std::vector<float> ohwi(weights.size());
  for (size_t o = 0; o < g.out_c; ++o) {
    for (size_t c = 0; c < in_c; ++c) {
      for (size_t t = 0; t < taps; ++t)
        ohwi[(o * taps + t) * in_c + c] = weights[(o * in_c + c) * taps + t];
    }
  }
  return ohwi;
}

// Transposed [in_c][out_c/groups][kernel] to OHWI with the taps in opposite order.
std::vector<float> FlippedToOhwi(const std::vector<float>& weights, const ConvGeometry& g) {
  const size_t taps = size_t{g.kernel_h} * g.kernel_w;
  const size_t in_c = InChannelsPerGroup(g);
  const size_t out_c = OutChannelsPerGroup(g);
  std::vector<float> ohwi(weights.size());
  for (size_t o = 0; o < g.out_c; ++o) {
    for (size_t c = 0; c < in_c; ++c) {
      const size_t row = (o / out_c * in_c + c) * out_c + o % out_c;
      for (size_t t = 0; t < taps; ++t) {
        ohwi[(o * taps + taps - 1 - t) * in_c + c] = weights[row * taps + t];
      }
    }
  }
  return ohwi;
}

bool IsPointwise(const ConvGeometry& g) {
  return g.kernel_h == 1 && g.kernel_w == 1 && g.stride_h == 1 && g.stride_w == 1 &&
         g.in_h == g.out_h && g.in_w == g.out_w;
}

const std::vector<float>& ConstantWeights(const NodeLowering& n) {
  const std::vector<float>* weights = n.Constant(1);
  if (weights == nullptr) n.Unsupported("weights that are computed at run time");
  return *weights;
}

std::vector<float> ConstantBias(const NodeLowering& n, uint32_t channels) {
  if (n.node.Input(2) == model::kNoValue) return std::vector<float>(channels, 0.0f);
  const std::vector<float>* bias = n.Constant(2);
  if (bias == nullptr) n.Unsupported("a bias that is computed at run time");
  return *bias;
}

// A panel of filters of four bytes a weight (float32, or two pieces of 16 bits) fills a sealed chunk
// but for the arrays behind the weights.
constexpr uint64_t kLongestFilter = (kMaxChunkSize - 8192) / (kPanelWidth * sizeof(float));
static_assert(kLongestFilter <= kMaxFilterLength);

// Channels [begin, end) of every group.
struct ChannelPiece {
  uint32_t begin, end;
};

std::vector<ChannelPiece> CutFilter(const ConvGeometry& g) {
  const uint32_t channels = InChannelsPerGroup(g);
  const auto fit = static_cast<uint32_t>(kLongestFilter / (uint64_t{g.kernel_h} * g.kernel_w));
  if (fit == 0) {
    throw model::ModelError(Status::kUnsupported,
                            "a kernel of " + std::to_string(g.kernel_h) + "x" +
                                std::to_string(g.kernel_w) + " taps, the limit is " +
                                std::to_string(kLongestFilter) + " taps");
  }
  const uint32_t count = (channels + fit - 1) / fit;
  std::vector<ChannelPiece> pieces;
  for (uint32_t i = 0; i < count; ++i) {
    pieces.push_back({static_cast<uint32_t>(uint64_t{channels} * i / count),
                      static_cast<uint32_t>(uint64_t{channels} * (i + 1) / count)});
  }
  return pieces;
}

// The channels of a piece, side by side; `axis`: the logical axis of the channels.
View TakeChannels(Builder& b, const View& x, uint32_t axis, const ConvGeometry& g,
                  ChannelPiece piece) {
  Dims dims = b.LogicalOf(x);
  std::vector<AxisRuns> runs;
  for (const uint32_t extent : dims) runs.push_back(WholeAxis(extent));
  const uint32_t count = piece.end - piece.begin;
  runs[axis].clear();
  for (uint32_t group = 0; group < g.groups; ++group) {
    runs[axis].push_back({.dst_start = group * count,
                          .src_start = int64_t{group} * InChannelsPerGroup(g) + piece.begin,
                          .count = count});
  }
  dims[axis] = g.groups * count;
  return b.CopyByRuns(x, dims, runs);
}

std::vector<float> TakeWeights(const std::vector<float>& weights, const ConvGeometry& g,
                               ChannelPiece piece) {
  const size_t channels = InChannelsPerGroup(g);
  std::vector<float> taken;
  taken.reserve(weights.size() / channels * (piece.end - piece.begin));
  for (size_t tap = 0; tap < weights.size(); tap += channels) {
    taken.insert(taken.end(), weights.begin() + static_cast<std::ptrdiff_t>(tap + piece.begin),
                 weights.begin() + static_cast<std::ptrdiff_t>(tap + piece.end));
  }
  return taken;
}

// One axis of a transposed convolution: source i lands on i * stride - crop of the enlarged input.
struct EnlargedAxis {
  AxisRuns runs;
  uint32_t extent = 0, pad_begin = 0, pad_end = 0;
};

EnlargedAxis Enlarge(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation,
                     int64_t pad) {
  const int64_t reach = (kernel - 1) * dilation;
  const int64_t begin = reach - pad;  // zeros before the first source element; negative: cropped
  const int64_t total = out + reach;  // what a stride-1 window over everything needs
  const int64_t crop = std::max<int64_t>(0, -begin);
  const int64_t first = (crop + stride - 1) / stride;
  EnlargedAxis axis;
  axis.pad_begin = static_cast<uint32_t>(std::max<int64_t>(0, begin));
  const int64_t room = total - axis.pad_begin;
  const int64_t natural = (in - 1) * stride + 1 - crop;
  axis.extent = static_cast<uint32_t>(std::clamp<int64_t>(natural, 1, room));
  axis.pad_end = static_cast<uint32_t>(room - axis.extent);
  const int64_t dst = first * stride - crop;
  const int64_t count = dst < axis.extent && first < in
                            ? std::min(in - first, (axis.extent - 1 - dst) / stride + 1)
                            : 0;
  if (count > 0) {
    axis.runs.push_back({static_cast<uint32_t>(dst), static_cast<uint32_t>(stride), first, 1,
                         static_cast<uint32_t>(count)});
  }
  return axis;
}

Perm FirstTwoSwapped(size_t rank) {
  Perm order = IdentityPerm(rank);
  std::swap(order[0], order[1]);
  return order;
}

// The samples of a batch under each other, with their own padding, in one image of the same columns;
// g follows. Every sample begins at a multiple of the stride, so the rows of its output lie together,
// out_pitch of them apart from those of the next one.
View StackSamples(Builder& b, const View& x, ConvGeometry* g, uint32_t* out_pitch) {
  Dims dims = b.LogicalOf(x);
  const uint32_t padded = g->pad_top + g->in_h + g->pad_bottom;
  std::vector<AxisRuns> runs;
  for (const uint32_t extent : dims) runs.push_back(WholeAxis(extent));
  runs[2] = {{.dst_start = g->pad_top, .count = g->in_h}};
  *out_pitch = (padded + g->stride_h - 1) / g->stride_h;
  dims[2] = *out_pitch * g->stride_h;
  const View channels_first = b.Transpose(b.CopyByRuns(x, dims, runs), FirstTwoSwapped(dims.size()));
  g->in_h = dims[0] * dims[2];
  g->pad_top = g->pad_bottom = 0;
  g->out_h = (g->in_h - (g->kernel_h - 1) * g->dilation_h - 1) / g->stride_h + 1;
  Dims stacked = dims;
  stacked[0] = 1;
  stacked[2] = g->in_h;
  return b.Ordered(b.Reshape(channels_first, stacked), x.perm);
}

// The rows of the samples out of a stacked output, as a batch of extents `out`.
View TakeSamples(Builder& b, const View& stacked, uint32_t pitch, const Dims& out) {
  Dims rows = b.LogicalOf(stacked);
  rows[2] = out[0] * out[2];
  std::vector<AxisRuns> runs;
  for (const uint32_t extent : rows) runs.push_back(WholeAxis(extent));
  runs[2].clear();
  for (uint32_t sample = 0; sample < out[0]; ++sample) {
    runs[2].push_back({.dst_start = sample * out[2],
                       .src_start = int64_t{sample} * pitch,
                       .count = out[2]});
  }
  Dims channels_first = out;
  std::swap(channels_first[0], channels_first[1]);
  return b.Transpose(b.Reshape(b.CopyByRuns(stacked, rows, runs), channels_first),
                     FirstTwoSwapped(out.size()));
}

// The node's output is the linear layer over x.
void DefineLinear(const NodeLowering& n, const View& x, ConvGeometry g,
                  std::vector<float> weights) {
  const Dims out = n.OutDims();
  std::vector<float> bias = ConstantBias(n, g.out_c);
  if (out[0] == 1 || IsPointwise(g)) {
    // Samples of a pointwise layer are just more rows.
    g.in_h *= out[0];
    g.out_h *= out[0];
    const TensorId y = IsLongFilter(g) ? kNone : n.NewOutput(x.perm);
    return n.Define(EmitLinear(n.builder, x, g, std::move(weights), std::move(bias), out, y));
  }
  uint32_t pitch = 0;
  const View stacked = StackSamples(n.builder, x, &g, &pitch);
  Dims stacked_out = out;
  stacked_out[0] = 1;
  stacked_out[2] = g.out_h;
  const View y = EmitLinear(n.builder, stacked, g, std::move(weights), std::move(bias), stacked_out,
                            kNone);
  n.Define(TakeSamples(n.builder, y, pitch, out));
}

}  // namespace

bool IsLongFilter(const ConvGeometry& g) { return FilterLength(g) > kLongestFilter; }

View EmitLinear(Builder& b, const View& x, const ConvGeometry& g, std::vector<float> weights,
                std::vector<float> bias, const Dims& out_logical, TensorId y) {
  if (!IsLongFilter(g)) {
    if (y == kNone) y = b.AddScratch(out_logical, x.perm);
    b.AddOp(LinearOp{x.tensor, y, g, std::move(weights), std::move(bias)});
    return {y, x.perm};
  }
  View sum;
  for (const ChannelPiece piece : CutFilter(g)) {
    const View part = TakeChannels(b, x, x.perm.back(), g, piece);
    ConvGeometry own = g;
    own.in_c = g.groups * (piece.end - piece.begin);
    const View result{b.AddScratch(out_logical, x.perm), x.perm};
    b.AddOp(LinearOp{part.tensor, result.tensor, own, TakeWeights(weights, g, piece), bias});
    std::ranges::fill(bias, 0.0f);  // added once
    sum = sum.tensor == kNone ? result : EmitWithTensor(b, PassFn::kAdd, sum, result);
  }
  return sum;
}

ConvGeometry WindowGeometry(const model::Node& node, const Dims& in, const Dims& out) {
  const auto kernel = node.GetInts("kernel_shape");
  const auto strides = node.GetInts("strides");
  const auto dilations = node.GetInts("dilations");
  const auto pads = node.GetInts("pads");
  const bool flat = in.size() == 3;
  ConvGeometry g{};
  g.in_h = in.at(2);
  g.out_h = out.at(2);
  g.in_w = flat ? 1 : in.at(3);
  g.out_w = flat ? 1 : out.at(3);
  g.in_c = in[1];
  g.out_c = out[1];
  g.kernel_h = Term(kernel, 0);
  g.kernel_w = flat ? 1 : Term(kernel, 1);
  g.stride_h = Term(strides, 0);
  g.stride_w = flat ? 1 : Term(strides, 1);
  g.dilation_h = Term(dilations, 0);
  g.dilation_w = flat ? 1 : Term(dilations, 1);
  g.pad_top = Term(pads, 0);
  g.pad_left = flat ? 0 : Term(pads, 1);
  g.pad_bottom = Term(pads, flat ? 1 : 2);
  g.pad_right = flat ? 0 : Term(pads, 3);
  g.groups = 1;
  return g;
}

void LowerConv(const NodeLowering& n) {
  const Dims in = n.InDims(0);
  const Perm perm = ChannelLastPerm(in.size());
  ConvGeometry g = WindowGeometry(n.node, in, n.OutDims());
  g.groups = static_cast<uint32_t>(n.node.GetInt("group", 1));
  const View x = n.In(0, perm);
  DefineLinear(n, x, g, ToOhwi(ConstantWeights(n), g));
}

// The adjoint of a strided window is a stride-1 convolution with flipped filters over the input
// with zeros between its elements.
void LowerConvTranspose(const NodeLowering& n) {
  const Dims in = n.InDims(0);
  const Dims out = n.OutDims();
  const Perm perm = ChannelLastPerm(in.size());
  const ConvGeometry w = WindowGeometry(n.node, in, out);
  const EnlargedAxis rows =
      Enlarge(w.in_h, w.out_h, w.kernel_h, w.stride_h, w.dilation_h, w.pad_top);
  const EnlargedAxis columns =
      Enlarge(w.in_w, w.out_w, w.kernel_w, w.stride_w, w.dilation_w, w.pad_left);
  Dims enlarged = in;
  std::vector<AxisRuns> runs = {WholeAxis(in[0]), WholeAxis(in[1]), rows.runs};
  enlarged[2] = rows.extent;
  if (in.size() == 4) {
    enlarged[3] = columns.extent;
    runs.push_back(columns.runs);
  }
  View x = n.In(0, perm);
  const bool in_place = enlarged == in && w.stride_h == 1 && w.stride_w == 1 &&
                        rows.runs.size() == 1 && rows.runs[0].src_start == 0 &&
                        columns.runs[0].src_start == 0;
  if (!in_place) x = n.builder.CopyByRuns(x, enlarged, runs);
  ConvGeometry g = w;
  g.in_h = rows.extent;
  g.in_w = columns.extent;
  g.stride_h = g.stride_w = 1;
  g.pad_top = rows.pad_begin;
  g.pad_bottom = rows.pad_end;
  g.pad_left = columns.pad_begin;
  g.pad_right = columns.pad_end;
  g.groups = static_cast<uint32_t>(n.node.GetInt("group", 1));
  DefineLinear(n, x, g, FlippedToOhwi(ConstantWeights(n), g));
}

}  // namespace penumbra::protect
