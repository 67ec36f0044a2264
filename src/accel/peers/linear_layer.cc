#include "accel/peers/linear_layer.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "accel/onednn/strip_kernel.h"

namespace penumbra::peers {
namespace {

using dnnl::memory;
using Type = memory::data_type;

constexpr float kLargestWeight = 127, kLargestByte = 255;

bool IsDense(const ConvGeometry& g) {
  return g.in_h * g.in_w * g.out_h * g.out_w == 1 && g.kernel_h * g.kernel_w * g.groups == 1;
}

Type EndType(Precision precision) {
  if (precision == Precision::kBfloat16) return Type::bf16;
  return precision == Precision::kInt8 ? Type::u8 : Type::f32;
}

Type WeightType(Precision precision) {
  if (precision == Precision::kBfloat16) return Type::bf16;
  return precision == Precision::kInt8 ? Type::s8 : Type::f32;
}

std::vector<float> ScalesOf(const ConvGeometry& g, const float* weights) {
  std::vector<float> scales;
  for (uint32_t o = 0; o < g.out_c; ++o) {
    float largest = 0;
    for (const float w : std::span(weights + o * FilterLength(g), FilterLength(g))) {
      largest = std::max(largest, std::fabs(w));
    }
    scales.push_back(largest > 0 ? largest / kLargestWeight : 1);
  }
  return scales;
}

// Four standard deviations of the sums of independent bytes fill a byte.
float OutputScaleOf(const ConvGeometry& g, const float* weights) {
  double squares = 0;
  for (const float w : std::span(weights, FilterLength(g) * g.out_c)) squares += double{w} * w;
  const double input = kInputScale * kLargestByte / std::sqrt(3.0);
  const double deviation = input * std::sqrt(squares / g.out_c);
  return static_cast<float>(std::max(4 * deviation / kLargestByte, 1e-30));
}

std::vector<float> Divided(const float* values, std::span<const float> scales) {
  std::vector<float> out(scales.size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = values[i] / scales[i];
  return out;
}

}  // namespace

LinearLayer::LinearLayer(const dnnl::engine& engine, const ConvGeometry& g, const float* weights, const float* bias,
                         Precision precision)
    : engine_(engine), geometry_(g), precision_(precision), has_bias_(bias != nullptr) {
  if (precision == Precision::kInt8) {
    weight_scales_ = ScalesOf(g, weights);
    output_scale_ = OutputScaleOf(g, weights);
  }
  if (IsDense(g)) {
    MakeInnerProduct();
  } else if (precision != Precision::kWinograd) {
    MakeConvolution(dnnl::algorithm::convolution_direct);
  } else {
    try {
      MakeConvolution(dnnl::algorithm::convolution_winograd);
      winograd_ = true;
    } catch (const dnnl::error&) {
      MakeConvolution(dnnl::algorithm::convolution_direct);
    }
  }
  LoadWeights(weights, bias);
}

dnnl::primitive_attr LinearLayer::Attributes() const {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (precision_ == Precision::kInt8) {
    std::vector<float> scales;
    for (const float w : weight_scales_) scales.push_back(w * kInputScale / output_scale_);
    attributes.set_output_scales(1 << 1, scales);
  }
  return attributes;
}

template <typename Description>
void LinearLayer::Keep(const Description& pd) {
  primitive_ = dnnl::primitive(pd.get());
  source_ = pd.src_desc();
  destination_ = pd.dst_desc();
  scratch_ = pd.scratchpad_desc();
  filters_ = pd.weights_desc();
}

void LinearLayer::MakeConvolution(dnnl::algorithm algorithm) {
  const ConvGeometry& g = geometry_;
  const auto any = memory::format_tag::any;
  const memory::desc bias = has_bias_ ? memory::desc({g.out_c}, Type::f32, memory::format_tag::a) : memory::desc();
  const dnnl::convolution_forward::desc desc(
      dnnl::prop_kind::forward_inference, algorithm, {{1, g.in_c, g.in_h, g.in_w}, EndType(precision_), any},
      {onednn::WeightDims(g), WeightType(precision_), any}, bias,
      {{1, g.out_c, g.out_h, g.out_w}, EndType(precision_), any}, {g.stride_h, g.stride_w},
      {g.dilation_h - 1, g.dilation_w - 1}, {g.pad_top, g.pad_left}, {g.pad_bottom, g.pad_right});
  Keep(dnnl::convolution_forward::primitive_desc(desc, Attributes(), engine_));
}

void LinearLayer::MakeInnerProduct() {
  const ConvGeometry& g = geometry_;
  const auto any = memory::format_tag::any;
  const memory::desc bias = has_bias_ ? memory::desc({g.out_c}, Type::f32, memory::format_tag::a) : memory::desc();
  const dnnl::inner_product_forward::desc desc(
      dnnl::prop_kind::forward_inference, {{1, g.in_c}, EndType(precision_), any},
      {{g.out_c, g.in_c}, WeightType(precision_), any}, bias, {{1, g.out_c}, EndType(precision_), any});
  Keep(dnnl::inner_product_forward::primitive_desc(desc, Attributes(), engine_));
}

void LinearLayer::LoadWeights(const float* weights, const float* bias) {
  const ConvGeometry& g = geometry_;
  std::vector<float> scaled(weights, weights + FilterLength(g) * g.out_c);
  for (size_t i = 0; i < scaled.size() && !weight_scales_.empty(); ++i) scaled[i] /= weight_scales_[i / FilterLength(g)];
  const memory::desc plain = IsDense(g) ? memory::desc({g.out_c, g.in_c}, Type::f32, memory::format_tag::ab)
                                        : onednn::PlainWeights(g, Type::f32);
  dnnl::stream stream(engine_);
  const auto reordered = [&](memory from, const memory::desc& desc) {
    memory to(desc, engine_);
    dnnl::reorder(from, to).execute(stream, from, to);
    stream.wait();
    return to;
  };
  memory from(plain, engine_, scaled.data());
  // Winograd's layouts are reached from this one only.
  if (winograd_) from = reordered(from, {onednn::WeightDims(g), Type::f32, g.groups > 1 ? memory::format_tag::goihw : memory::format_tag::oihw});
  weights_ = reordered(from, filters_);
  if (!has_bias_) return;
  // oneDNN adds the bias before it scales.
  std::vector<float> sums_scale;
  for (uint32_t o = 0; o < g.out_c; ++o) sums_scale.push_back(weight_scales_.empty() ? 1 : weight_scales_[o] * kInputScale);
  const std::vector<float> values = Divided(bias, sums_scale);
  bias_ = memory({{g.out_c}, Type::f32, memory::format_tag::a}, engine_);
  std::ranges::copy(values, static_cast<float*>(bias_.get_data_handle()));
}

void LinearLayer::Run(const dnnl::stream& stream, const memory& source, const memory& destination,
                      const memory& scratch) const {
  const auto at = [&](const memory::desc& desc, const memory& data) {
    return memory(desc, engine_, data.get_data_handle());
  };
  std::unordered_map<int, memory> arguments = {{DNNL_ARG_SRC, at(source_, source)},
                                               {DNNL_ARG_WEIGHTS, weights_},
                                               {DNNL_ARG_DST, at(destination_, destination)},
                                               {DNNL_ARG_SCRATCHPAD, at(scratch_, scratch)}};
  if (has_bias_) arguments.emplace(DNNL_ARG_BIAS, bias_);
  primitive_.execute(stream, arguments);
}

}  // namespace penumbra::peers
