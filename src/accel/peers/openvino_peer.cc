#include "accel/peers/openvino_peer.h"

#include <algorithm>
#include <exception>
#include <new>
#include <openvino/runtime/core.hpp>

#include "accel/openvino/settings.h"
#include "accel/peers/openvino_quantize.h"

namespace penumbra::peers {
namespace {

template <typename T>
ov::Tensor Converted(const Array& array, const ov::element::Type& type, const ov::Shape& shape) {
  ov::Tensor tensor(type, shape);
  std::ranges::transform(array.values, tensor.data<T>(), [](float v) { return static_cast<T>(v); });
  return tensor;
}

ov::Tensor ToTensor(const std::string& name, const Array& array, const ov::element::Type& type) {
  const ov::Shape shape(array.shape.begin(), array.shape.end());
  if (ov::shape_size(shape) != array.values.size()) {
    throw PeerError(Status::kInvalidArgument, "input '" + name + "' has another number of values than its shape");
  }
  if (type == ov::element::f32) return Converted<float>(array, type, shape);
  if (type == ov::element::f16) return Converted<ov::float16>(array, type, shape);
  if (type == ov::element::i64) return Converted<int64_t>(array, type, shape);
  if (type == ov::element::i32) return Converted<int32_t>(array, type, shape);
  if (type == ov::element::u8) return Converted<uint8_t>(array, type, shape);
  throw PeerError(Status::kUnsupported, "input '" + name + "' has a type this peer is not fed with");
}

const Array& Named(const Arrays& arrays, const ov::Output<const ov::Node>& port) {
  for (const std::string& name : port.get_names()) {
    const auto found = arrays.find(name);
    if (found != arrays.end()) return found->second;
  }
  throw PeerError(Status::kNotFound, "no values for input '" + port.get_any_name() + "' of the model");
}

// Convolutions and matrix products of the compiled model, all and those in bytes.
struct LayerCount {
  size_t all = 0, bytes = 0;
};

LayerCount CountLayers(const ov::CompiledModel& model) {
  LayerCount count;
  for (const auto& node : model.get_runtime_model()->get_ops()) {
    const auto& info = node->get_rt_info();
    const auto text = [&](const char* key) {
      const auto found = info.find(key);
      return found == info.end() ? std::string() : found->second.as<std::string>();
    };
    const std::string type = text("layerType"), precision = text("runtimePrecision");
    if (type != "Convolution" && type != "FullyConnected" && type != "MatMul" && type != "GroupConvolution") continue;
    ++count.all;
    if (precision == "u8" || precision == "i8") ++count.bytes;
  }
  return count;
}

class OpenvinoPeer final : public Runtime {
 public:
  OpenvinoPeer(const std::filesystem::path& file, const Arrays& inputs, bool int8, uint32_t threads) {
    const std::shared_ptr<ov::Model> model = core_.read_model(file.string());
    std::map<ov::Output<ov::Node>, ov::PartialShape> shapes;
    for (const ov::Output<ov::Node>& port : model->inputs()) {
      const std::vector<int64_t>& shape = Named(inputs, port).shape;
      shapes[port] = ov::PartialShape(ov::Shape(shape.begin(), shape.end()));
    }
    model->reshape(shapes);
    std::vector<ov::Tensor> tensors;
    for (const ov::Output<ov::Node>& port : model->inputs()) {
      tensors.push_back(ToTensor(port.get_any_name(), Named(inputs, port), port.get_element_type()));
    }
    if (int8) Quantize(&core_, model, tensors);
    compiled_ = core_.compile_model(model, "CPU", openvino::Settings(threads));
    request_ = compiled_.create_infer_request();
    for (size_t i = 0; i < tensors.size(); ++i) request_.set_input_tensor(i, tensors[i]);
    includes_ = "the whole model";
    if (int8) {
      const LayerCount count = CountLayers(compiled_);
      if (count.bytes == 0) throw PeerError(Status::kUnsupported, "OpenVINO runs no layer of this model in int8 here");
      includes_ += ", " + std::to_string(count.bytes) + " of " + std::to_string(count.all) +
                   " convolutions and matrix products in int8";
    }
  }

  std::string version() const override { return std::string("OpenVINO ") + ov::get_openvino_version().buildNumber; }
  std::string includes() const override { return includes_; }

  void Run() override {
    try {
      request_.infer();
    } catch (const std::exception& error) {
      throw PeerError(Status::kDeviceFailed, std::string("OpenVINO failed: ") + error.what());
    }
  }

  Arrays Outputs() const override {
    Arrays outputs;
    ov::InferRequest request = request_;
    for (const ov::Output<const ov::Node>& port : compiled_.outputs()) {
      const ov::Tensor tensor = request.get_tensor(port);
      if (tensor.get_element_type() != ov::element::f32) continue;
      const ov::Shape& shape = tensor.get_shape();
      const auto* values = tensor.data<const float>();
      outputs[port.get_any_name()] = {{shape.begin(), shape.end()}, {values, values + tensor.get_size()}};
    }
    return outputs;
  }

 private:
  ov::Core core_;
  ov::CompiledModel compiled_;
  ov::InferRequest request_;
  std::string includes_;
};

}  // namespace

std::unique_ptr<Runtime> MakeOpenvinoPeer(const std::filesystem::path& model, const Arrays& inputs, bool int8,
                                          uint32_t threads) {
  try {
    return std::make_unique<OpenvinoPeer>(model, inputs, int8, threads);
  } catch (const PeerError&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw PeerError(Status::kOutOfMemory, "no memory for the model in OpenVINO");
  } catch (const std::exception& error) {
    throw PeerError(Status::kUnsupported, std::string("OpenVINO refused the model (") + error.what() + ")");
  }
}

}  // namespace penumbra::peers
