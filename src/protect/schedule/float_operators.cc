// Operators of a float32 segment that compute. What has no node of its own is put together from
// those that segments have: a factor and a summand per channel are a depthwise convolution, a
// broadcast over pixels is a resize.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "boundary/segment.h"
#include "protect/schedule/float_segment_builder.h"

namespace penumbra::protect {
namespace {

constexpr float kLargest = std::numeric_limits<float>::max();

// Padding behind the image that the last window reaches; what lies beyond it is never read.
uint32_t UsedPadding(uint32_t in, uint32_t out, uint32_t kernel, uint32_t stride,
                     uint32_t dilation, uint32_t before) {
  const int64_t reach = (int64_t{out} - 1) * stride + (int64_t{kernel} - 1) * dilation + 1;
  return static_cast<uint32_t>(std::max<int64_t>(0, reach - in - before));
}

// Whether the windows of an axis are all that fit; a segment knows no others.
bool FitsAxis(uint32_t in, uint32_t out, uint32_t kernel, uint32_t stride, uint32_t dilation,
              uint32_t before, uint32_t after) {
  const uint64_t reach = uint64_t{kernel - 1} * dilation + 1;
  const uint64_t padded = uint64_t{in} + before + after;
  return padded >= reach && (padded - reach) / stride + 1 == out;
}

bool FitPadding(ConvGeometry* g) {
  g->pad_bottom =
      UsedPadding(g->in_h, g->out_h, g->kernel_h, g->stride_h, g->dilation_h, g->pad_top);
  g->pad_right =
      UsedPadding(g->in_w, g->out_w, g->kernel_w, g->stride_w, g->dilation_w, g->pad_left);
  return FitsAxis(g->in_h, g->out_h, g->kernel_h, g->stride_h, g->dilation_h, g->pad_top,
                  g->pad_bottom) &&
         FitsAxis(g->in_w, g->out_w, g->kernel_w, g->stride_w, g->dilation_w, g->pad_left,
                  g->pad_right);
}

// Every window of a pool holds at least one pixel.
bool TouchImage(const ConvGeometry& g) {
  return g.pad_top < g.kernel_h * g.dilation_h && g.pad_left < g.kernel_w * g.dilation_w &&
         (g.out_h - 1) * g.stride_h < g.in_h + g.pad_top &&
         (g.out_w - 1) * g.stride_w < g.in_w + g.pad_left && g.dilation_h == 1 &&
         g.dilation_w == 1;
}

bool IsPointwise(const ConvGeometry& g) {
  return g.kernel_h == 1 && g.kernel_w == 1 && g.stride_h == 1 && g.stride_w == 1 &&
         g.pad_top == 0 && g.pad_left == 0 && g.pad_bottom == 0 && g.pad_right == 0;
}

std::optional<SegmentOp> UnaryNode(PassFn fn) {
  switch (fn) {
    case PassFn::kRelu:
      return SegmentOp::kRelu;
    case PassFn::kLeakyRelu:
      return SegmentOp::kLeakyRelu;
    case PassFn::kClip:
      return SegmentOp::kClip;
    case PassFn::kSigmoid:
      return SegmentOp::kSigmoid;
    case PassFn::kTanh:
      return SegmentOp::kTanh;
    case PassFn::kHardSwish:
      return SegmentOp::kHardSwish;
    default:
      return std::nullopt;
  }
}

struct Affine {
  float scale, shift;
};

// x fn c as scale x + shift.
std::optional<Affine> AffineOf(PassFn fn, float c) {
  switch (fn) {
    case PassFn::kAdd:
      return Affine{1, c};
    case PassFn::kSub:
      return Affine{1, -c};
    case PassFn::kReverseSub:
      return Affine{-1, c};
    case PassFn::kMul:
      return Affine{c, 0};
    case PassFn::kDiv:
      return Affine{1 / c, 0};
    default:
      return std::nullopt;
  }
}

}  // namespace

bool FloatSegmentBuilder::Lower(const LinearOp& op) {
  const Shape s = ShapeOf(op.x);
  ConvGeometry g = op.geometry;
  if (Shape{g.in_h, g.in_w, g.in_c} != s) {
    const uint64_t pixels = uint64_t{g.in_h} * g.in_w;
    if (!IsPointwise(g)) return false;
    if (s.c == g.in_c && s.pixels() == pixels) {
      g.in_h = g.out_h = s.h;
      g.in_w = g.out_w = s.w;
    } else if (pixels == 1 && g.groups == 1 && s.pixels() * s.c == g.in_c) {
      // A dense layer over a flattened image: its weights are a filter as large as the image.
      g.in_h = g.kernel_h = s.h;
      g.in_w = g.kernel_w = s.w;
      g.in_c = s.c;
    } else {
      return false;
    }
  }
  if (!FitPadding(&g)) return false;
  SegmentNode& node =
      AddNode(SegmentOp::kConvFloat, {Use(op.x)}, {g.out_h, g.out_w, g.out_c});
  node.geometry = g;
  const LinearOp& first =
      op.same_as == kNone ? op : std::get<LinearOp>(graph_->ops[op.same_as].kind);
  const std::string layer = std::to_string(first.y);
  node.weight_blob =
      NewBlob(op.weights.size(), [&op] { return op.weights; }, "weights of " + layer);
  node.bias_blob = NewBlob(op.bias.size(), [&op] { return op.bias; }, "bias of " + layer);
  return Define(op.y);
}

bool FloatSegmentBuilder::Lower(const ElementwiseOp& op) {
  if (IsStep(op)) return false;
  switch (op.operand_kind) {
    case PassOperand::kNone:
      return LowerUnary(op);
    case PassOperand::kScalar:
    case PassOperand::kChannel:
      return LowerConstant(op);
    case PassOperand::kTensor:
    case PassOperand::kTensorChannel:
      return LowerBinary(op);
    case PassOperand::kTensorPixel:
      return false;
  }
  return false;
}

bool FloatSegmentBuilder::LowerUnary(const ElementwiseOp& op) {
  const Shape s = ShapeOf(op.x);
  const auto filled = [c = s.c](float value) {
    return [c, value] { return std::vector<float>(c, value); };
  };
  if (op.fn == PassFn::kNeg) {
    AddAffine(Use(op.x), s, filled(-1), filled(0));
    return Define(op.y);
  }
  if (op.fn == PassFn::kHardSigmoid) {
    const uint32_t line = AddAffine(Use(op.x), s, filled(op.a), filled(op.b));
    AddNode(SegmentOp::kClip, {line}, s).attr_f[1] = 1;
    return Define(op.y);
  }
  const std::optional<SegmentOp> fn = UnaryNode(op.fn);
  if (!fn || std::isnan(op.a) || std::isnan(op.b)) return false;
  const float low = std::clamp(op.a, -kLargest, kLargest);
  const float high = std::clamp(op.b, -kLargest, kLargest);
  if (*fn == SegmentOp::kClip && low > high) return false;
  SegmentNode& node = AddNode(*fn, {Use(op.x)}, s);
  node.attr_f[0] = low;
  node.attr_f[1] = high;
  return Define(op.y);
}

bool FloatSegmentBuilder::LowerConstant(const ElementwiseOp& op) {
  const Shape s = ShapeOf(op.x);
  const bool scalar = op.operand_kind == PassOperand::kScalar;
  if (!scalar && op.period != s.c) return false;
  if (scalar && (op.fn == PassFn::kMin || op.fn == PassFn::kMax) && std::isfinite(op.a)) {
    SegmentNode& node = AddNode(SegmentOp::kClip, {Use(op.x)}, s);
    node.attr_f[0] = op.fn == PassFn::kMax ? op.a : -kLargest;
    node.attr_f[1] = op.fn == PassFn::kMin ? op.a : kLargest;
    return Define(op.y);
  }
  if (!AffineOf(op.fn, 1)) return false;
  const auto table = [&op, c = s.c, scalar](float Affine::* part) {
    return [&op, c, scalar, part] {
      std::vector<float> values(c);
      for (uint32_t i = 0; i < c; ++i) {
        values[i] = (*AffineOf(op.fn, scalar ? op.a : op.constants[i])).*part;
      }
      return values;
    };
  };
  AddAffine(Use(op.x), s, table(&Affine::scale), table(&Affine::shift));
  return Define(op.y);
}

bool FloatSegmentBuilder::LowerBinary(const ElementwiseOp& op) {
  if (op.fn != PassFn::kAdd && op.fn != PassFn::kMul) return false;
  const Shape s = ShapeOf(op.x);
  const Shape o = ShapeOf(op.operand);
  const bool broadcast = op.operand_kind == PassOperand::kTensorChannel && s != o;
  if (broadcast ? o != Shape{1, 1, s.c} || op.period != s.c : o != s) return false;
  const uint32_t x = Use(op.x);
  uint32_t operand = Use(op.operand);
  if (broadcast) operand = AddNode(SegmentOp::kResizeNearest, {operand}, s).output;
  AddNode(op.fn == PassFn::kAdd ? SegmentOp::kAdd : SegmentOp::kMul, {x, operand}, s);
  return Define(op.y);
}

bool FloatSegmentBuilder::Lower(const PoolOp& op) {
  ConvGeometry g = op.geometry;
  if (ShapeOf(op.x) != Shape{g.in_h, g.in_w, g.in_c}) return false;
  if (!FitPadding(&g) || !TouchImage(g)) return false;
  SegmentNode& node = AddNode(op.kind == 0 ? SegmentOp::kMaxPool : SegmentOp::kAveragePool,
                              {Use(op.x)}, {g.out_h, g.out_w, g.out_c});
  node.geometry = g;
  node.attr_u[0] = op.kind == 2 ? 1 : 0;
  return Define(op.y);
}

bool FloatSegmentBuilder::Lower(const ReduceOp& op) {
  const Shape s = ShapeOf(op.x);
  if (s.c != graph_->tensors[op.y].channels() || op.kind == 0) return false;
  SegmentNode& node =
      AddNode(op.kind == 1 ? SegmentOp::kGlobalAveragePool : SegmentOp::kMaxPool, {Use(op.x)},
              {1, 1, s.c});
  if (op.kind == 2) {
    node.geometry = {s.h, s.w, s.c, 1, 1, s.c, s.h, s.w, 1, 1, 1, 1, 0, 0, 0, 0, s.c};
  }
  return Define(op.y);
}

bool FloatSegmentBuilder::Lower(const SoftmaxOp& op) {
  const Shape s = ShapeOf(op.x);
  if (op.log || op.length != s.c) return false;
  AddNode(SegmentOp::kSoftmax, {Use(op.x)}, s);
  return Define(op.y);
}

}  // namespace penumbra::protect
