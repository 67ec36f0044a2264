#include "accel/loops/loops.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace penumbra::loops {
namespace {

// Calls tap(ky, kx, offset of the input pixel) for every tap of the window at (oy, ox) inside the
// image.
template <typename Tap>
void ForEachTap(const ConvGeometry& g, uint32_t oy, uint32_t ox, Tap tap) {
  for (uint32_t ky = 0; ky < g.kernel_h; ++ky) {
    const int64_t iy = int64_t{oy} * g.stride_h + int64_t{ky} * g.dilation_h - g.pad_top;
    if (iy < 0 || iy >= g.in_h) continue;
    for (uint32_t kx = 0; kx < g.kernel_w; ++kx) {
      const int64_t ix = int64_t{ox} * g.stride_w + int64_t{kx} * g.dilation_w - g.pad_left;
      if (ix < 0 || ix >= g.in_w) continue;
      tap(ky, kx, (static_cast<size_t>(iy) * g.in_w + static_cast<size_t>(ix)) * g.in_c);
    }
  }
}

// The sum of output channel oc at (oy, ox), in type Sum.
template <typename Sum, typename X, typename W>
Sum WindowSum(const ConvGeometry& g, uint32_t oy, uint32_t ox, uint32_t oc, const X* x,
              const W* w) {
  const uint32_t depth = InChannelsPerGroup(g);
  const size_t first_channel = size_t{oc / OutChannelsPerGroup(g)} * depth;
  const W* filter = w + size_t{oc} * FilterLength(g);
  Sum sum{0};
  ForEachTap(g, oy, ox, [&](uint32_t ky, uint32_t kx, size_t pixel) {
    const W* taps = filter + (size_t{ky} * g.kernel_w + kx) * depth;
    for (uint32_t c = 0; c < depth; ++c) {
      sum += static_cast<Sum>(x[pixel + first_channel + c]) * static_cast<Sum>(taps[c]);
    }
  });
  return sum;
}

// Rows `rows` of the canonical residues of all window sums.
template <typename Sum, typename X, typename W>
void ConvModulo(const ConvGeometry& g, Sum prime, RowRange rows, const X* x, const W* w, X* out_y) {
  X* y = out_y + size_t{rows.begin} * g.out_w * g.out_c;
  for (uint32_t oy = rows.begin; oy < rows.end; ++oy) {
    for (uint32_t ox = 0; ox < g.out_w; ++ox) {
      for (uint32_t oc = 0; oc < g.out_c; ++oc) {
        const Sum residue = WindowSum<Sum>(g, oy, ox, oc, x, w) % prime;
        *y++ = static_cast<X>(residue < 0 ? residue + prime : residue);
      }
    }
  }
}

void MaxPool(const ConvGeometry& g, const float* x, float* out_y) {
  for (uint32_t oy = 0; oy < g.out_h; ++oy) {
    for (uint32_t ox = 0; ox < g.out_w; ++ox) {
      for (uint32_t c = 0; c < g.out_c; ++c) {
        float best = -std::numeric_limits<float>::infinity();
        ForEachTap(g, oy, ox,
                   [&](uint32_t, uint32_t, size_t pixel) { best = std::max(best, x[pixel + c]); });
        *out_y++ = best;
      }
    }
  }
}

void AveragePool(const ConvGeometry& g, bool count_padding, const float* x, float* out_y) {
  for (uint32_t oy = 0; oy < g.out_h; ++oy) {
    for (uint32_t ox = 0; ox < g.out_w; ++ox) {
      for (uint32_t c = 0; c < g.out_c; ++c) {
        double sum = 0;
        uint64_t count = 0;
        ForEachTap(g, oy, ox, [&](uint32_t, uint32_t, size_t pixel) {
          sum += double{x[pixel + c]};
          ++count;
        });
        if (count_padding) count = uint64_t{g.kernel_h} * g.kernel_w;
        *out_y++ = static_cast<float>(sum / static_cast<double>(count));
      }
    }
  }
}

void GlobalAveragePool(const SegmentTensor& in, const float* x, float* out_y) {
  const size_t pixels = size_t{in.h} * in.w;
  for (uint32_t c = 0; c < in.c; ++c) {
    double sum = 0;
    for (size_t i = 0; i < pixels; ++i) sum += double{x[i * in.c + c]};
    out_y[c] = static_cast<float>(sum / static_cast<double>(pixels));
  }
}

void Concat(const SegmentNode& node, const SegmentTensor* shapes, const float* const* in,
            const SegmentTensor& shape, float* out_y) {
  const size_t pixels = size_t{shape.h} * shape.w;
  for (size_t i = 0; i < pixels; ++i) {
    for (uint32_t k = 0; k < node.input_count; ++k) {
      out_y = std::copy_n(in[k] + i * shapes[k].c, shapes[k].c, out_y);
    }
  }
}

void Softmax(const SegmentTensor& shape, const float* x, float* out_y) {
  const size_t pixels = size_t{shape.h} * shape.w;
  for (size_t i = 0; i < pixels; ++i, x += shape.c, out_y += shape.c) {
    const double top = double{*std::max_element(x, x + shape.c)};
    double sum = 0;
    for (uint32_t c = 0; c < shape.c; ++c) sum += std::exp(double{x[c]} - top);
    for (uint32_t c = 0; c < shape.c; ++c) {
      out_y[c] = static_cast<float>(std::exp(double{x[c]} - top) / sum);
    }
  }
}

void ResizeNearest(const SegmentTensor& in, const SegmentTensor& shape, const float* x,
                   float* out_y) {
  const uint32_t factor_h = shape.h / in.h;
  const uint32_t factor_w = shape.w / in.w;
  for (uint32_t y = 0; y < shape.h; ++y) {
    for (uint32_t col = 0; col < shape.w; ++col) {
      const float* pixel = x + (size_t{y / factor_h} * in.w + col / factor_w) * in.c;
      out_y = std::copy_n(pixel, in.c, out_y);
    }
  }
}

float Unary(const SegmentNode& node, float v) {
  switch (node.op) {
    case SegmentOp::kRelu:
      return std::max(v, 0.0f);
    case SegmentOp::kLeakyRelu:
      return v < 0 ? node.attr_f[0] * v : v;
    case SegmentOp::kClip:
      return std::min(std::max(v, node.attr_f[0]), node.attr_f[1]);
    case SegmentOp::kSigmoid:
      return 1.0f / (1.0f + std::exp(-v));
    case SegmentOp::kTanh:
      return std::tanh(v);
    default:  // kHardSwish
      return v * std::min(std::max(v + 3.0f, 0.0f), 6.0f) / 6.0f;
  }
}

}  // namespace

void ConvResidue(const ConvGeometry& g, uint16_t prime, RowRange rows, const uint8_t* x,
                 const int8_t* w, uint8_t* out_y) {
  ConvModulo<int32_t>(g, int32_t{prime}, rows, x, w, out_y);
}

// Sums stay below 2^24 * 2^23 * kMaxResidueFilterLength < 2^63.
void ConvPrime(const ConvGeometry& g, RowRange rows, const uint32_t* x, const int32_t* w,
               uint32_t* out_y) {
  ConvModulo<int64_t>(g, int64_t{kFieldPrime}, rows, x, w, out_y);
}

void ConvFloat(const ConvGeometry& g, const float* x, const float* w, const float* bias,
               float* out_y) {
  for (uint32_t oy = 0; oy < g.out_h; ++oy) {
    for (uint32_t ox = 0; ox < g.out_w; ++ox) {
      for (uint32_t oc = 0; oc < g.out_c; ++oc) {
        const double sum = WindowSum<double>(g, oy, ox, oc, x, w);
        *out_y++ = static_cast<float>(sum + (bias == nullptr ? 0.0 : double{bias[oc]}));
      }
    }
  }
}

void Apply(const SegmentNode& node, const SegmentTensor* shapes, const float* const* in,
           const SegmentTensor& shape, float* out_y) {
  const size_t count = size_t{shape.h} * shape.w * shape.c;
  switch (node.op) {
    case SegmentOp::kMaxPool:
      return MaxPool(node.geometry, in[0], out_y);
    case SegmentOp::kAveragePool:
      return AveragePool(node.geometry, node.attr_u[0] == 1, in[0], out_y);
    case SegmentOp::kGlobalAveragePool:
      return GlobalAveragePool(shapes[0], in[0], out_y);
    case SegmentOp::kConcat:
      return Concat(node, shapes, in, shape, out_y);
    case SegmentOp::kSoftmax:
      return Softmax(shape, in[0], out_y);
    case SegmentOp::kResizeNearest:
      return ResizeNearest(shapes[0], shape, in[0], out_y);
    case SegmentOp::kAdd:
      for (size_t i = 0; i < count; ++i) out_y[i] = in[0][i] + in[1][i];
      return;
    case SegmentOp::kMul:
      for (size_t i = 0; i < count; ++i) out_y[i] = in[0][i] * in[1][i];
      return;
    default:
      for (size_t i = 0; i < count; ++i) out_y[i] = Unary(node, in[0][i]);
  }
}

}  // namespace penumbra::loops
