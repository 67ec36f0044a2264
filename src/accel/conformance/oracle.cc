#include "accel/conformance/oracle.h"

#include <algorithm>
#include <cmath>

namespace penumbra::conformance {
namespace {

using Values = std::vector<double>;

// Reads [h, w, c] data at signed coordinates; `outside` beyond the image.
struct Image {
  const double* data;
  uint32_t h, w, c;
  bool Inside(int64_t y, int64_t x) const { return y >= 0 && x >= 0 && y < h && x < w; }
  double At(int64_t y, int64_t x, uint32_t channel) const {
    return data[(static_cast<size_t>(y) * w + static_cast<size_t>(x)) * c + channel];
  }
};

double ConvAt(const SegmentNode& n, const TestSegment& s, const Image& in, uint32_t oy, uint32_t ox,
              uint32_t oc) {
  const ConvGeometry& g = n.geometry;
  const auto* weights = reinterpret_cast<const float*>(s.Blob(n.weight_blob).data());
  const uint32_t depth = g.in_c / g.groups;
  const uint32_t group = oc / (g.out_c / g.groups);
  double sum = n.bias_blob == kNoBlob
                   ? 0
                   : double{reinterpret_cast<const float*>(s.Blob(n.bias_blob).data())[oc]};
  for (uint32_t ky = 0; ky < g.kernel_h; ++ky) {
    for (uint32_t kx = 0; kx < g.kernel_w; ++kx) {
      const int64_t y = int64_t{oy * g.stride_h + ky * g.dilation_h} - g.pad_top;
      const int64_t x = int64_t{ox * g.stride_w + kx * g.dilation_w} - g.pad_left;
      if (!in.Inside(y, x)) continue;
      for (uint32_t c = 0; c < depth; ++c) {
        sum += in.At(y, x, group * depth + c) *
               double{weights[((size_t{oc} * g.kernel_h + ky) * g.kernel_w + kx) * depth + c]};
      }
    }
  }
  return sum;
}

// The integer convolution at one output; `reduce` is applied to every partial sum. Products stay below 2^55.
template <typename X, typename W, typename Reduce>
int64_t IntegerSum(const ConvGeometry& g, const X* x, const W* w, uint32_t oy, uint32_t ox,
                   uint32_t oc, const Reduce& reduce) {
  const uint32_t depth = g.in_c / g.groups;
  const uint32_t group = oc / (g.out_c / g.groups);
  int64_t sum = 0;
  for (uint32_t ky = 0; ky < g.kernel_h; ++ky) {
    const int64_t iy = int64_t{oy * g.stride_h + ky * g.dilation_h} - g.pad_top;
    if (iy < 0 || iy >= g.in_h) continue;
    for (uint32_t kx = 0; kx < g.kernel_w; ++kx) {
      const int64_t ix = int64_t{ox * g.stride_w + kx * g.dilation_w} - g.pad_left;
      if (ix < 0 || ix >= g.in_w) continue;
      for (uint32_t c = 0; c < depth; ++c) {
        const int64_t value =
            x[static_cast<size_t>((iy * g.in_w + ix) * g.in_c) + group * depth + c];
        sum = reduce(sum +
                     value * w[((size_t{oc} * g.kernel_h + ky) * g.kernel_w + kx) * depth + c]);
      }
    }
  }
  return sum;
}

double PoolAt(const SegmentNode& n, const Image& in, uint32_t oy, uint32_t ox, uint32_t channel) {
  const ConvGeometry& g = n.geometry;
  std::vector<double> taps;
  for (uint32_t ky = 0; ky < g.kernel_h; ++ky) {
    for (uint32_t kx = 0; kx < g.kernel_w; ++kx) {
      const int64_t y = int64_t{oy * g.stride_h + ky * g.dilation_h} - g.pad_top;
      const int64_t x = int64_t{ox * g.stride_w + kx * g.dilation_w} - g.pad_left;
      if (in.Inside(y, x)) taps.push_back(in.At(y, x, channel));
    }
  }
  if (n.op == SegmentOp::kMaxPool) return *std::max_element(taps.begin(), taps.end());
  double sum = 0;
  for (double v : taps) sum += v;
  return sum / (n.attr_u[0] == 1 ? double(g.kernel_h) * g.kernel_w : double(taps.size()));
}

double UnaryOf(const SegmentNode& n, double v) {
  switch (n.op) {
    case SegmentOp::kRelu:
      return v > 0 ? v : 0;
    case SegmentOp::kLeakyRelu:
      return v > 0 ? v : v * double{n.attr_f[0]};
    case SegmentOp::kClip:
      return std::clamp(v, double{n.attr_f[0]}, double{n.attr_f[1]});
    case SegmentOp::kSigmoid:
      return 1 / (1 + std::exp(-v));
    case SegmentOp::kTanh:
      return std::tanh(v);
    case SegmentOp::kHardSwish:
      return v * std::clamp(v / 6 + 0.5, 0.0, 1.0);
    default:
      return std::nan("");
  }
}

double SoftmaxAt(const Image& in, uint32_t y, uint32_t x, uint32_t channel) {
  double sum = 0;
  for (uint32_t c = 0; c < in.c; ++c) sum += std::exp(in.At(y, x, c) - in.At(y, x, channel));
  return 1 / sum;
}

double GlobalAverageAt(const Image& in, uint32_t channel) {
  double sum = 0;
  for (uint32_t y = 0; y < in.h; ++y) {
    for (uint32_t x = 0; x < in.w; ++x) sum += in.At(y, x, channel);
  }
  return sum / (double(in.h) * in.w);
}

double ValueAt(const SegmentNode& n, const TestSegment& s, const std::vector<Image>& in, uint32_t y,
               uint32_t x, uint32_t c) {
  switch (n.op) {
    case SegmentOp::kConvFloat:
      return ConvAt(n, s, in[0], y, x, c);
    case SegmentOp::kMaxPool:
    case SegmentOp::kAveragePool:
      return PoolAt(n, in[0], y, x, c);
    case SegmentOp::kGlobalAveragePool:
      return GlobalAverageAt(in[0], c);
    case SegmentOp::kAdd:
      return in[0].At(y, x, c) + in[1].At(y, x, c);
    case SegmentOp::kMul:
      return in[0].At(y, x, c) * in[1].At(y, x, c);
    case SegmentOp::kSoftmax:
      return SoftmaxAt(in[0], y, x, c);
    case SegmentOp::kResizeNearest: {
      const SegmentTensor& out = s.tensors[n.output];
      return in[0].At(int64_t{y} * in[0].h / out.h, int64_t{x} * in[0].w / out.w, c);
    }
    case SegmentOp::kConcat: {
      size_t part = 0;
      for (; c >= in[part].c; ++part) c -= in[part].c;
      return in[part].At(y, x, c);
    }
    default:
      return UnaryOf(n, in[0].At(y, x, c));
  }
}

}  // namespace

int64_t ResidueSum(const ConvGeometry& g, const uint8_t* x, const int8_t* w, uint32_t oy,
                   uint32_t ox, uint32_t oc) {
  return IntegerSum(g, x, w, oy, ox, oc, [](int64_t sum) { return sum; });
}

uint32_t PrimeResidue(const ConvGeometry& g, const uint32_t* x, const int32_t* w, uint32_t oy,
                      uint32_t ox, uint32_t oc) {
  constexpr int64_t kP = kFieldPrime;
  return static_cast<uint32_t>(
      IntegerSum(g, x, w, oy, ox, oc, [](int64_t sum) { return (sum % kP + kP) % kP; }));
}

std::vector<Values> FloatValues(const TestSegment& s, const std::vector<const float*>& inputs) {
  std::vector<Values> values(s.tensors.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    values[s.inputs[i]].assign(inputs[i], inputs[i] + SampleCount(s.tensors[s.inputs[i]]));
  }
  for (const SegmentNode& n : s.nodes) {
    std::vector<Image> in;
    for (uint32_t i = 0; i < n.input_count; ++i) {
      const SegmentTensor& t = s.tensors[n.inputs[i]];
      in.push_back({values[n.inputs[i]].data(), t.h, t.w, t.c});
    }
    const SegmentTensor& out = s.tensors[n.output];
    for (uint32_t y = 0; y < out.h; ++y) {
      for (uint32_t x = 0; x < out.w; ++x) {
        for (uint32_t c = 0; c < out.c; ++c) values[n.output].push_back(ValueAt(n, s, in, y, x, c));
      }
    }
  }
  return values;
}

}  // namespace penumbra::conformance
