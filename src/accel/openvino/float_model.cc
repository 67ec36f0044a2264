#include "accel/openvino/float_model.h"

#include <openvino/opsets/opset16.hpp>

#include "accel/reached_padding.h"

namespace penumbra::openvino {
namespace {

namespace op = ov::opset16;
using Value = ov::Output<ov::Node>;

// Dimensions of a tensor as OpenVINO's operators want it: [batch, c, h, w].
constexpr int64_t kChannelAxis = 1;
const std::vector<int64_t> kToChannelsFirst = {0, 3, 1, 2}, kToChannelsLast = {0, 2, 3, 1}, kImageAxes = {2, 3};

std::shared_ptr<ov::Node> Integers(const std::vector<int64_t>& values) {
  return op::Constant::create(ov::element::i64, {values.size()}, values);
}

Value Transposed(const Value& x, const std::vector<int64_t>& order) {
  return std::make_shared<op::Transpose>(x, Integers(order));
}

ov::Strides Strides(const ConvGeometry& g) { return {g.stride_h, g.stride_w}; }
ov::Strides Dilations(const ConvGeometry& g) { return {g.dilation_h, g.dilation_w}; }

// From [out_c][h][w][in] to [out_c][in][h][w], with the groups as an axis of their own when there are several.
std::shared_ptr<ov::Node> CopyFilters(const ConvGeometry& g, const float* ohwi) {
  const size_t in = InChannelsPerGroup(g), pixels = size_t{g.kernel_h} * g.kernel_w;
  ov::Tensor filters(ov::element::f32, {g.out_c, in, g.kernel_h, g.kernel_w});
  auto* to = filters.data<float>();
  for (size_t o = 0; o < g.out_c; ++o) {
    for (size_t c = 0; c < in; ++c) {
      for (size_t p = 0; p < pixels; ++p) *to++ = ohwi[(o * pixels + p) * in + c];
    }
  }
  if (g.groups > 1) filters.set_shape({g.groups, OutChannelsPerGroup(g), in, g.kernel_h, g.kernel_w});
  return std::make_shared<op::Constant>(filters);
}

std::shared_ptr<ov::Node> CopyBias(const ConvGeometry& g, const float* bias) {
  return op::Constant::create(ov::element::f32, {1, g.out_c, 1, 1}, std::vector<float>(bias, bias + g.out_c));
}

Value Convolution(const ConvGeometry& g, const Value& x, const Value& filters, const std::shared_ptr<ov::Node>& bias) {
  const ov::CoordinateDiff begin = {g.pad_top, g.pad_left}, end = {g.pad_bottom, g.pad_right};
  Value sums;
  if (g.groups > 1) {
    sums = std::make_shared<op::GroupConvolution>(x, filters, Strides(g), begin, end, Dilations(g));
  } else {
    sums = std::make_shared<op::Convolution>(x, filters, Strides(g), begin, end, Dilations(g));
  }
  return bias == nullptr ? sums : Value(std::make_shared<op::Add>(sums, bias));
}

Value Pool(const SegmentNode& n, const Value& x) {
  const ConvGeometry g = WithReachedPadding(n.geometry);
  const ov::Shape begin = {g.pad_top, g.pad_left}, end = {g.pad_bottom, g.pad_right};
  const ov::Shape kernel = {g.kernel_h, g.kernel_w};
  if (n.op == SegmentOp::kMaxPool) {
    return std::make_shared<op::MaxPool>(x, Strides(g), Dilations(g), begin, end, kernel)->output(0);
  }
  return std::make_shared<op::AvgPool>(x, Strides(g), Dilations(g), begin, end, kernel, n.attr_u[0] != 1);
}

Value Resize(const SegmentTensor& to, const Value& x) {
  op::Interpolate::InterpolateAttrs nearest(
      op::Interpolate::InterpolateMode::NEAREST, op::Interpolate::ShapeCalcMode::SIZES, {0}, {0},
      op::Interpolate::CoordinateTransformMode::ASYMMETRIC, op::Interpolate::NearestMode::FLOOR);
  return std::make_shared<op::Interpolate>(x, Integers({to.h, to.w}), Integers(kImageAxes), nearest);
}

class Builder {
 public:
  Builder(const OwnedSegment& segment, const Constants& constants)
      : s_(segment), constants_(constants), values_(segment.tensors.size()) {}

  std::shared_ptr<ov::Model> Build(uint32_t batch) {
    ov::ParameterVector parameters;
    for (const uint32_t id : s_.inputs) {
      const SegmentTensor& t = s_.tensors[id];
      parameters.push_back(std::make_shared<op::Parameter>(ov::element::f32, ov::Shape{batch, t.h, t.w, t.c}));
      values_[id] = Transposed(parameters.back(), kToChannelsFirst);
    }
    for (size_t i = 0; i < s_.nodes.size(); ++i) values_[s_.nodes[i].output] = Apply(i);
    ov::ResultVector results;
    for (const uint32_t id : s_.outputs) {
      results.push_back(std::make_shared<op::Result>(Transposed(values_[id], kToChannelsLast)));
    }
    return std::make_shared<ov::Model>(results, parameters);
  }

 private:
  Value Apply(size_t index) const {
    const SegmentNode& n = s_.nodes[index];
    const Value& x = values_[n.inputs[0]];
    switch (n.op) {
      case SegmentOp::kConvFloat:
        return Convolution(n.geometry, x, constants_.weights[index], constants_.biases[index]);
      case SegmentOp::kMaxPool:
      case SegmentOp::kAveragePool:
        return Pool(n, x);
      case SegmentOp::kGlobalAveragePool:
        return std::make_shared<op::ReduceMean>(x, Integers(kImageAxes), /*keep_dims=*/true);
      case SegmentOp::kAdd:
        return std::make_shared<op::Add>(x, values_[n.inputs[1]]);
      case SegmentOp::kMul:
        return std::make_shared<op::Multiply>(x, values_[n.inputs[1]]);
      case SegmentOp::kConcat:
        return Concat(n);
      case SegmentOp::kSoftmax:
        return std::make_shared<op::Softmax>(x, kChannelAxis);
      case SegmentOp::kResizeNearest:
        return Resize(s_.tensors[n.output], x);
      default:
        return Unary(n, x);
    }
  }

  Value Concat(const SegmentNode& n) const {
    ov::OutputVector parts;
    for (uint32_t i = 0; i < n.input_count; ++i) parts.push_back(values_[n.inputs[i]]);
    return std::make_shared<op::Concat>(parts, kChannelAxis);
  }

  static Value Unary(const SegmentNode& n, const Value& x) {
    switch (n.op) {
      case SegmentOp::kRelu:
        return std::make_shared<op::Relu>(x);
      case SegmentOp::kLeakyRelu:
        return std::make_shared<op::PRelu>(x, op::Constant::create(ov::element::f32, {1}, {n.attr_f[0]}));
      case SegmentOp::kClip:
        return std::make_shared<op::Clamp>(x, double{n.attr_f[0]}, double{n.attr_f[1]});
      case SegmentOp::kSigmoid:
        return std::make_shared<op::Sigmoid>(x);
      case SegmentOp::kTanh:
        return std::make_shared<op::Tanh>(x);
      default:  // kHardSwish
        return std::make_shared<op::HSwish>(x);
    }
  }

  const OwnedSegment& s_;
  const Constants& constants_;
  std::vector<Value> values_;  // per tensor, channels first, once computed
};

}  // namespace

uint64_t FloatOps() {
  return EveryCapability().ops & ~(CapabilityBit(SegmentOp::kConvResidue) | CapabilityBit(SegmentOp::kConvPrime));
}

Constants CopyConstants(const OwnedSegment& segment, const BlobSource& blobs) {
  Constants constants;
  for (const SegmentNode& n : segment.nodes) {
    const bool conv = n.op == SegmentOp::kConvFloat;
    const auto floats = [&](uint32_t blob) { return reinterpret_cast<const float*>(blobs.Blob(blob).data()); };
    constants.weights.push_back(conv ? CopyFilters(n.geometry, floats(n.weight_blob)) : nullptr);
    constants.biases.push_back(conv && n.bias_blob != kNoBlob ? CopyBias(n.geometry, floats(n.bias_blob)) : nullptr);
  }
  return constants;
}

std::shared_ptr<ov::Model> BuildModel(const OwnedSegment& segment, const Constants& constants, uint32_t batch) {
  return Builder(segment, constants).Build(batch);
}

}  // namespace penumbra::openvino
