#include "model/ops/window.h"

#include <algorithm>
#include <string>

namespace penumbra::model {
namespace {

void CheckTerms(InferContext& ctx, const std::string& key, const Shape& terms, size_t count,
                int64_t least) {
  ctx.Require(terms.size() == count, "attribute '" + key + "' has " + std::to_string(terms.size()) +
                                         " entries, expected " + std::to_string(count));
  for (int64_t term : terms) {
    ctx.Require(term >= least && term <= kMaxWindowTerm,
                "attribute '" + key + "' holds " + std::to_string(term));
  }
}

// Pads that make the output ceil(input / stride), the odd one at the end (upper) or the beginning.
Shape SamePads(const Shape& spatial, const Shape& kernel, const Shape& strides,
               const Shape& dilations, bool upper) {
  const size_t rank = spatial.size();
  Shape pads(2 * rank);
  for (size_t i = 0; i < rank; ++i) {
    const int64_t out = (spatial[i] + strides[i] - 1) / strides[i];
    const int64_t extent = (kernel[i] - 1) * dilations[i] + 1;
    const int64_t total = std::max<int64_t>(0, (out - 1) * strides[i] + extent - spatial[i]);
    pads[i] = upper ? total / 2 : total - total / 2;
    pads[rank + i] = total - pads[i];
  }
  return pads;
}

// Where one kernel tap falls along one axis: output o reads input o * stride + shift, which is
// inside the image for o in [begin, end).
struct TapAxis {
  TapAxis(const Window2d& w, size_t axis, int64_t tap)
      : shift(tap * w.dilation[axis] - w.pad_begin[axis]) {
    const int64_t stride = w.stride[axis];
    const auto first_at_least = [&](int64_t in) {  // smallest o with o * stride + shift >= in
      const int64_t gap = in - shift;
      return gap <= 0 ? 0 : std::min(w.out[axis], (gap + stride - 1) / stride);
    };
    begin = first_at_least(0);
    end = first_at_least(w.in[axis]);
  }
  int64_t shift, begin, end;
};

struct TapPath {
  TapPath(const Window2d& w, int64_t tap)
      : y(w, 0, tap / w.kernel[1]), x(w, 1, tap % w.kernel[1]) {}
  TapAxis y, x;
};

}  // namespace

void CanonicalWindow(InferContext& ctx, const Shape& spatial, const Shape& kernel) {
  Node& node = ctx.node();
  const size_t rank = spatial.size();
  const Shape kernel_shape = node.GetInts("kernel_shape", kernel);
  const Shape strides = node.GetInts("strides", Shape(rank, 1));
  const Shape dilations = node.GetInts("dilations", Shape(rank, 1));
  CheckTerms(ctx, "kernel_shape", kernel_shape, rank, 1);
  CheckTerms(ctx, "strides", strides, rank, 1);
  CheckTerms(ctx, "dilations", dilations, rank, 1);
  ctx.Require(kernel.empty() || kernel == kernel_shape,
              "attribute 'kernel_shape' is not that of the weights");
  const std::string mode = node.GetString("auto_pad", "NOTSET");
  Shape pads = node.GetInts("pads", Shape(2 * rank, 0));
  if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
    pads = SamePads(spatial, kernel_shape, strides, dilations, mode == "SAME_UPPER");
  } else if (mode == "VALID") {
    pads.assign(2 * rank, 0);
  } else {
    ctx.Require(mode == "NOTSET" || mode.empty(), "unknown auto_pad '" + mode + "'");
  }
  CheckTerms(ctx, "pads", pads, 2 * rank, 0);
  node.attributes.erase("auto_pad");
  node.attributes["kernel_shape"] = kernel_shape;
  node.attributes["strides"] = strides;
  node.attributes["dilations"] = dilations;
  node.attributes["pads"] = pads;
}

Shape WindowOutput(InferContext& ctx, const Shape& spatial, bool ceil_mode) {
  const Shape kernel = ctx.node().GetInts("kernel_shape");
  const Shape strides = ctx.node().GetInts("strides");
  const Shape dilations = ctx.node().GetInts("dilations");
  const Shape pads = ctx.node().GetInts("pads");
  Shape out(spatial.size());
  for (size_t i = 0; i < spatial.size(); ++i) {
    const int64_t extent = (kernel[i] - 1) * dilations[i] + 1;
    const int64_t room = spatial[i] + pads[i] + pads[spatial.size() + i] - extent;
    ctx.Require(room >= 0 || (ceil_mode && room > -strides[i]),
                "the window is larger than the padded input");
    out[i] = room < 0 ? 1 : room / strides[i] + 1;
    const bool overhang = room >= 0 && ceil_mode && room % strides[i] != 0;
    if (overhang && out[i] * strides[i] < spatial[i] + pads[i]) ++out[i];
  }
  return out;
}

Shape SpatialShape(InferContext& ctx, size_t input) {
  const Shape& shape = ctx.InputShape(input);
  if (shape.size() != 3 && shape.size() != 4) {
    ctx.Unsupported("input of rank " + std::to_string(shape.size()),
                    "one and two spatial axes are supported");
  }
  return Shape(shape.begin() + 2, shape.end());
}

Window2d LiftWindow(const Node& node, const Shape& in_shape, const Shape& out_shape) {
  const auto lift = [](const Shape& terms, size_t from, size_t count, int64_t missing) {
    return count == 1 ? std::array<int64_t, 2>{missing, terms[from]}
                      : std::array<int64_t, 2>{terms[from], terms[from + 1]};
  };
  const size_t rank = in_shape.size() - 2;
  Window2d w;
  w.in = lift(in_shape, 2, rank, 1);
  w.out = lift(out_shape, 2, rank, 1);
  w.kernel = lift(node.GetInts("kernel_shape"), 0, rank, 1);
  w.stride = lift(node.GetInts("strides"), 0, rank, 1);
  w.dilation = lift(node.GetInts("dilations"), 0, rank, 1);
  w.pad_begin = lift(node.GetInts("pads"), 0, rank, 0);
  w.pad_end = lift(node.GetInts("pads"), rank, rank, 0);
  return w;
}

void ImageToColumns(const float* image, int64_t channels, const Window2d& w, float* out_columns) {
  for (int64_t row = 0; row < channels * w.KernelCount(); ++row) {
    const TapPath path(w, row % w.KernelCount());
    const float* plane = image + row / w.KernelCount() * w.InCount();
    float* column = out_columns + row * w.OutCount();
    std::fill_n(column, w.OutCount(), 0.0f);
    for (int64_t y = path.y.begin; y < path.y.end; ++y) {
      const float* from = plane + (y * w.stride[0] + path.y.shift) * w.in[1] + path.x.shift;
      float* to = column + y * w.out[1];
      for (int64_t x = path.x.begin; x < path.x.end; ++x) to[x] = from[x * w.stride[1]];
    }
  }
}

void AddWeightedTaps(const float* image, const float* weights, const Window2d& w, float* out) {
  for (int64_t tap = 0; tap < w.KernelCount(); ++tap) {
    const TapPath path(w, tap);
    for (int64_t y = path.y.begin; y < path.y.end; ++y) {
      const float* from = image + (y * w.stride[0] + path.y.shift) * w.in[1] + path.x.shift;
      float* to = out + y * w.out[1];
      for (int64_t x = path.x.begin; x < path.x.end; ++x)
        to[x] += weights[tap] * from[x * w.stride[1]];
    }
  }
}

void AddColumnsToImage(const float* columns, int64_t channels, const Window2d& w,
                       float* out_image) {
  for (int64_t row = 0; row < channels * w.KernelCount(); ++row) {
    const TapPath path(w, row % w.KernelCount());
    float* plane = out_image + row / w.KernelCount() * w.InCount();
    const float* column = columns + row * w.OutCount();
    for (int64_t y = path.y.begin; y < path.y.end; ++y) {
      float* to = plane + (y * w.stride[0] + path.y.shift) * w.in[1] + path.x.shift;
      const float* from = column + y * w.out[1];
      for (int64_t x = path.x.begin; x < path.x.end; ++x) to[x * w.stride[1]] += from[x];
    }
  }
}

}  // namespace penumbra::model
