// Convolutions with constant weights.
#include <algorithm>
#include <string>
#include <utility>

#include "boundary/limits.h"
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

void CheckFilter(const NodeLowering& n, const ConvGeometry& g) {
  if (FilterLength(g) > kMaxFilterLength) {
    n.Unsupported("a filter of " + std::to_string(FilterLength(g)) + " weights, the limit is " +
                      std::to_string(kMaxFilterLength),
                  "split the layer over its input channels");
  }
}

void CheckBatch(const NodeLowering& n, const Dims& x) {
  if (x.at(0) != 1) {
    n.Unsupported("a batch of " + std::to_string(x[0]), "export the model with batch size 1");
  }
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

}  // namespace

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
  CheckFilter(n, g);
  if (in[0] != 1 && IsPointwise(g)) {
    g.in_h = g.out_h = in[0] * g.in_h;  // samples are just more rows
  } else {
    CheckBatch(n, in);
  }
  const View x = n.In(0, perm);
  const TensorId y = n.NewOutput(perm);
  n.builder.AddOp(
      LinearOp{x.tensor, y, g, ToOhwi(ConstantWeights(n), g), ConstantBias(n, g.out_c)});
  n.Define({y, perm});
}

// The adjoint of a strided window is a stride-1 convolution with flipped filters over the input
// with zeros between its elements.
void LowerConvTranspose(const NodeLowering& n) {
  const Dims in = n.InDims(0);
  const Dims out = n.OutDims();
  CheckBatch(n, in);
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
  CheckFilter(n, g);
  const TensorId y = n.NewOutput(perm);
  n.builder.AddOp(
      LinearOp{x.tensor, y, g, FlippedToOhwi(ConstantWeights(n), g), ConstantBias(n, g.out_c)});
  n.Define({y, perm});
}

}  // namespace penumbra::protect
