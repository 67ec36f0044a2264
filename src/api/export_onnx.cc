#include "api/export_onnx.h"

#include <onnx/onnx.pb.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <vector>

#include "accel/validate.h"
#include "api/translate.h"
#include "boundary/limits.h"

namespace penumbra::api {
namespace {

constexpr int64_t kOpset = 14;  // HardSwish
constexpr int64_t kIrVersion = 7;
constexpr uint64_t kMaxModelSize = std::numeric_limits<int32_t>::max();

using Ints = std::vector<int64_t>;

uint64_t AllOps() {
  uint64_t ops = 0;
  for (uint16_t op = 1; op <= static_cast<uint16_t>(kLastSegmentOp); ++op) {
    ops |= CapabilityBit(static_cast<SegmentOp>(op));
  }
  return ops & ~CapabilityBit(SegmentOp::kConvPrime);
}

// Weights of a filter bank from [out][h][w][in] to [out][in][h][w].
template <typename T>
std::string ChannelsFirst(const std::byte* bytes, const ConvGeometry& g) {
  const uint64_t in = g.in_c / g.groups;
  const uint64_t pixels = uint64_t{g.kernel_h} * g.kernel_w;
  std::string out(g.out_c * pixels * in * sizeof(T), '\0');
  char* to = out.data();
  for (uint64_t o = 0; o < g.out_c; ++o) {
    for (uint64_t c = 0; c < in; ++c) {
      for (uint64_t p = 0; p < pixels; ++p, to += sizeof(T)) {
        std::memcpy(to, bytes + ((o * pixels + p) * in + c) * sizeof(T), sizeof(T));
      }
    }
  }
  return out;
}

class Exporter {
 public:
  Exporter(const SegmentView& segment, const BlobSource& blobs)
      : segment_(segment), blobs_(blobs), value_of_(segment.tensors.size()) {}

  onnx::ModelProto Export(const std::string& name) {
    model_.set_ir_version(kIrVersion);
    model_.set_producer_name("penumbra");
    model_.add_opset_import()->set_version(kOpset);
    graph().set_name(name);
    for (size_t i = 0; i < segment_.inputs.size(); ++i) AddInput(i);
    for (const SegmentNode& node : segment_.nodes) Add(node);
    for (size_t i = 0; i < segment_.outputs.size(); ++i) AddOutput(i);
    return std::move(model_);
  }

 private:
  onnx::GraphProto& graph() { return *model_.mutable_graph(); }
  std::string NewName(const char* what) { return what + std::to_string(next_name_++); }

  onnx::NodeProto& Node(const std::string& op, const std::vector<std::string>& inputs,
                        const std::string& output) {
    onnx::NodeProto& node = *graph().add_node();
    node.set_op_type(op);
    node.set_name(output);
    for (const std::string& input : inputs) node.add_input(input);
    node.add_output(output);
    return node;
  }
  std::string Make(const std::string& op, const std::vector<std::string>& inputs) {
    const std::string output = NewName("t");
    Node(op, inputs, output);
    return output;
  }
  static onnx::AttributeProto& Attribute(onnx::NodeProto* node, const char* name,
                                         onnx::AttributeProto::AttributeType type) {
    onnx::AttributeProto& attribute = *node->add_attribute();
    attribute.set_name(name);
    attribute.set_type(type);
    return attribute;
  }
  static void Set(onnx::NodeProto* node, const char* name, int64_t value) {
    Attribute(node, name, onnx::AttributeProto::INT).set_i(value);
  }
  static void Set(onnx::NodeProto* node, const char* name, const Ints& values) {
    onnx::AttributeProto& attribute = Attribute(node, name, onnx::AttributeProto::INTS);
    for (const int64_t value : values) attribute.add_ints(value);
  }
  static void Set(onnx::NodeProto* node, const char* name, const std::string& value) {
    Attribute(node, name, onnx::AttributeProto::STRING).set_s(value);
  }

  std::string Constant(int type, const Ints& dims, std::string bytes) {
    onnx::TensorProto& tensor = *graph().add_initializer();
    tensor.set_name(NewName("w"));
    tensor.set_data_type(type);
    for (const int64_t dim : dims) tensor.add_dims(dim);
    tensor.set_raw_data(std::move(bytes));
    return tensor.name();
  }
  template <typename T>
  std::string Constant(int type, const Ints& dims, const std::vector<T>& values) {
    return Constant(type, dims,
                    std::string(reinterpret_cast<const char*>(values.data()),
                                values.size() * sizeof(T)));
  }

  static void Describe(const SegmentTensor& t, const std::string& name,
                       onnx::ValueInfoProto* out) {
    const bool is_float = t.type == ElementType::kF32;
    out->set_name(name);
    onnx::TypeProto::Tensor& type = *out->mutable_type()->mutable_tensor_type();
    type.set_elem_type(is_float ? onnx::TensorProto::FLOAT : onnx::TensorProto::UINT8);
    for (const uint64_t dim : {PlaneCount(t), uint64_t{t.h}, uint64_t{t.w}, uint64_t{t.c}}) {
      type.mutable_shape()->add_dim()->set_dim_value(static_cast<int64_t>(dim));
    }
  }

  void AddInput(size_t i) {
    const std::string name = "input_" + std::to_string(i);
    const uint32_t id = segment_.inputs[i];
    Describe(segment_.tensors[id], name, graph().add_input());
    value_of_[id] = NewName("t");
    Set(&Node("Transpose", {name}, value_of_[id]), "perm", Ints{0, 3, 1, 2});
  }
  void AddOutput(size_t i) {
    const std::string name = "output_" + std::to_string(i);
    const uint32_t id = segment_.outputs[i];
    Describe(segment_.tensors[id], name, graph().add_output());
    Set(&Node("Transpose", {value_of_[id]}, name), "perm", Ints{0, 2, 3, 1});
  }

  void Add(const SegmentNode& node) {
    std::vector<std::string> inputs;
    for (uint32_t i = 0; i < node.input_count; ++i) inputs.push_back(value_of_[node.inputs[i]]);
    value_of_[node.output] = node.op == SegmentOp::kConvResidue ? AddResidueConv(node, inputs[0])
                                                                : AddFloat(node, inputs);
  }

  static void SetWindow(const ConvGeometry& g, onnx::NodeProto* node) {
    Set(node, "kernel_shape", Ints{g.kernel_h, g.kernel_w});
    Set(node, "strides", Ints{g.stride_h, g.stride_w});
    Set(node, "pads", Ints{g.pad_top, g.pad_left, g.pad_bottom, g.pad_right});
  }
  static void SetConvolution(const ConvGeometry& g, onnx::NodeProto* node) {
    SetWindow(g, node);
    Set(node, "dilations", Ints{g.dilation_h, g.dilation_w});
    Set(node, "group", int64_t{g.groups});
  }
  static Ints FilterDims(const ConvGeometry& g) {
    return {g.out_c, g.in_c / g.groups, g.kernel_h, g.kernel_w};
  }

  std::string AddFloat(const SegmentNode& node, std::vector<std::string> inputs) {
    const std::string output = NewName("t");
    AddOperands(node, &inputs);
    onnx::NodeProto& made = Node(OnnxName(node.op), inputs, output);
    switch (node.op) {
      case SegmentOp::kConvFloat:
        SetConvolution(node.geometry, &made);
        break;
      case SegmentOp::kLeakyRelu:
        Attribute(&made, "alpha", onnx::AttributeProto::FLOAT).set_f(node.attr_f[0]);
        break;
      case SegmentOp::kAveragePool:
        Set(&made, "count_include_pad", int64_t{node.attr_u[0]});
        [[fallthrough]];
      case SegmentOp::kMaxPool:
        SetWindow(node.geometry, &made);
        break;
      case SegmentOp::kConcat:
      case SegmentOp::kSoftmax:
        Set(&made, "axis", int64_t{1});
        break;
      case SegmentOp::kResizeNearest:
        Set(&made, "mode", std::string("nearest"));
        Set(&made, "coordinate_transformation_mode", std::string("asymmetric"));
        Set(&made, "nearest_mode", std::string("floor"));
        break;
      default:
        break;
    }
    return output;
  }

  // Constants that ONNX takes as inputs.
  void AddOperands(const SegmentNode& node, std::vector<std::string>* inputs) {
    if (node.op == SegmentOp::kConvFloat) {
      inputs->push_back(Constant(onnx::TensorProto::FLOAT, FilterDims(node.geometry),
                                 ChannelsFirst<float>(blobs_.Blob(node.weight_blob).data(),
                                                      node.geometry)));
      if (node.bias_blob == kNoBlob) return;
      const auto* bias = reinterpret_cast<const char*>(blobs_.Blob(node.bias_blob).data());
      inputs->push_back(Constant(onnx::TensorProto::FLOAT, {node.geometry.out_c},
                                 std::string(bias, node.geometry.out_c * sizeof(float))));
    } else if (node.op == SegmentOp::kClip) {
      for (const float limit : node.attr_f) {
        inputs->push_back(Constant(onnx::TensorProto::FLOAT, {}, std::vector<float>{limit}));
      }
    } else if (node.op == SegmentOp::kResizeNearest) {
      const SegmentTensor& x = segment_.tensors[node.inputs[0]];
      const SegmentTensor& y = segment_.tensors[node.output];
      const auto factor_h = static_cast<float>(y.h / x.h);
      const auto factor_w = static_cast<float>(y.w / x.w);
      inputs->push_back("");  // no region of interest
      inputs->push_back(Constant(onnx::TensorProto::FLOAT, {4},
                                 std::vector<float>{1, 1, factor_h, factor_w}));
    }
  }

  static const char* OnnxName(SegmentOp op) {
    constexpr std::array kNames = {
        "",        "",          "Conv", "Relu",    "LeakyRelu",   "Clip",
        "Sigmoid", "Tanh",      "HardSwish", "Add", "Mul",        "MaxPool",
        "AveragePool", "GlobalAveragePool", "Concat", "Softmax",  "Resize"};
    return kNames.at(static_cast<size_t>(op));
  }

  // One integer convolution per prime, its sums reduced. Weights cross as unsigned numbers with a
  // zero point: kernels for unsigned times signed bytes saturate on some processors.
  std::string AddResidueConv(const SegmentNode& node, const std::string& x) {
    const ConvGeometry& g = node.geometry;
    const uint32_t primes = segment_.tensors[node.output].prime_count;
    const uint64_t plane_size = g.out_c * FilterLength(g);
    const std::string x_zero = Constant(onnx::TensorProto::UINT8, {}, std::string(1, '\0'));
    const std::string w_zero = Constant(onnx::TensorProto::UINT8, {}, std::string(1, '\x80'));
    const std::string axis = Constant(onnx::TensorProto::INT64, {1}, Ints{0});
    std::vector<std::string> planes;
    for (uint32_t k = 0; k < primes; ++k) {
      const std::string first = Constant(onnx::TensorProto::INT64, {1}, Ints{k});
      const std::string end = Constant(onnx::TensorProto::INT64, {1}, Ints{k + 1});
      std::string weights =
          ChannelsFirst<int8_t>(blobs_.Blob(node.weight_blob).data() + k * plane_size, g);
      for (char& w : weights) w = static_cast<char>(static_cast<uint8_t>(w) ^ 0x80u);
      const std::string plane = Make("Slice", {x, first, end, axis});
      const std::string sums = NewName("t");
      SetConvolution(g, &Node("ConvInteger",
                              {plane, Constant(onnx::TensorProto::UINT8, FilterDims(g), weights),
                               x_zero, w_zero},
                              sums));
      const auto p = static_cast<int32_t>(kPrimes[k]);
      const std::string prime = Constant(onnx::TensorProto::INT32, {}, std::vector<int32_t>{p});
      const std::string reduced = Make("Mod", {sums, prime});
      planes.push_back(NewName("t"));
      Set(&Node("Cast", {reduced}, planes.back()), "to", int64_t{onnx::TensorProto::UINT8});
    }
    const std::string y = NewName("t");
    Set(&Node("Concat", planes, y), "axis", int64_t{0});
    return y;
  }

  const SegmentView& segment_;
  const BlobSource& blobs_;
  onnx::ModelProto model_;
  std::vector<std::string> value_of_;  // of each tensor, channels first
  uint32_t next_name_ = 0;
};

}  // namespace

std::string ExportOnnx(const SegmentView& segment, const BlobSource& blobs,
                       const std::string& name) {
  std::string why;
  const Capabilities standard{.ops = AllOps(), .max_primes = kMaxPrimes, .exact_residues = true};
  const Status status = CheckSegment(segment, blobs, {}, standard, &why);
  if (!IsOk(status)) Throw(status, name + " has no standard form: " + why);
  const onnx::ModelProto model = Exporter(segment, blobs).Export(name);
  if (model.ByteSizeLong() > kMaxModelSize) {
    Throw(Status::kUnsupported, name + " has " + std::to_string(model.ByteSizeLong()) +
                                    " bytes, too many for one ONNX file");
  }
  return model.SerializeAsString();
}

}  // namespace penumbra::api
