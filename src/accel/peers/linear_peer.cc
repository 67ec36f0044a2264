#include "accel/peers/linear_peer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <random>

#include "accel/loops/loops.h"
#include "accel/onednn/omp_threads.h"
#include "accel/onednn/strip_kernel.h"

namespace penumbra::peers {
namespace {

using dnnl::memory;
using Type = memory::data_type;

const char* NameOf(Precision precision) {
  switch (precision) {
    case Precision::kFloat32:
      return "float32";
    case Precision::kWinograd:
      return "float32 with Winograd";
    case Precision::kBfloat16:
      return "bfloat16";
    case Precision::kInt8:
      return "int8";
  }
  return "";
}

// Bits of a value between 0 and 2, as a layer's input has them.
uint32_t Draw(Precision precision, std::mt19937* random) {
  const auto byte = static_cast<uint32_t>((*random)() >> 24);
  if (precision == Precision::kInt8) return byte;
  const float value = static_cast<float>(byte) * kInputScale;
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return precision == Precision::kBfloat16 ? bits >> 16 : bits;
}

}  // namespace

LinearPeer::LinearPeer(std::span<const SegmentView> segments, const BlobSource& blobs, Precision precision,
                       uint32_t threads)
    : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_), precision_(precision), threads_(threads) {
  const onednn::OmpThreads limit(threads_);
  try {
    for (const SegmentView& segment : segments) AddLayers(segment, blobs, precision);
    MakeBuffers();
  } catch (const dnnl::error& error) {
    throw PeerError(error.status == dnnl_out_of_memory ? Status::kOutOfMemory : Status::kUnsupported,
                    std::string("oneDNN has no ") + NameOf(precision) + " for this model on this processor (" +
                        error.what() + ")");
  }
  if (layers_.empty()) throw PeerError(Status::kUnsupported, "this model has no linear layer to time in oneDNN");
  if (precision == Precision::kWinograd && std::ranges::none_of(layers_, &LinearLayer::winograd)) {
    throw PeerError(Status::kUnsupported, "oneDNN has no Winograd for any layer of this model on this processor");
  }
}

void LinearPeer::AddLayers(const SegmentView& segment, const BlobSource& blobs, Precision precision) {
  for (const SegmentNode& n : segment.nodes) {
    if (n.op != SegmentOp::kConvFloat) continue;
    const auto floats = [&](uint32_t blob) { return reinterpret_cast<const float*>(blobs.Blob(blob).data()); };
    layers_.emplace_back(engine_, n.geometry, floats(n.weight_blob),
                         n.bias_blob == kNoBlob ? nullptr : floats(n.bias_blob), precision);
  }
}

void LinearPeer::MakeBuffers() {
  size_t source = 0, destination = 0, scratch = 0;
  for (const LinearLayer& layer : layers_) {
    source = std::max(source, layer.source().get_size());
    destination = std::max(destination, layer.destination().get_size());
    scratch = std::max(scratch, layer.scratch_size());
  }
  onednn::Reserve(engine_, source, &source_);
  onednn::Reserve(engine_, destination, &destination_);
  onednn::Reserve(engine_, scratch, &scratch_);
  std::mt19937 random(1);
  auto* bytes = static_cast<std::byte*>(source_.get_data_handle());
  const size_t width = precision_ == Precision::kInt8 ? 1 : precision_ == Precision::kBfloat16 ? 2 : 4;
  for (size_t at = 0; at + width <= source; at += width) {
    const uint32_t value = Draw(precision_, &random);
    std::memcpy(bytes + at, &value, width);
  }
}

std::string LinearPeer::version() const {
  const dnnl_version_t* v = dnnl_version();
  return "oneDNN " + std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
}

std::string LinearPeer::includes() const {
  std::string text = "linear layers only (" + std::to_string(layers_.size()) + "), bias included, " + NameOf(precision_);
  if (precision_ == Precision::kWinograd) {
    text += " in " + std::to_string(std::ranges::count_if(layers_, &LinearLayer::winograd)) + " of them";
  }
  if (precision_ == Precision::kInt8) text += " ends and weights, requantised and clipped at zero";
  return text + "; no activations, pools, joins or conversions between layers";
}

void LinearPeer::Run() {
  const onednn::OmpThreads limit(threads_);
  try {
    for (const LinearLayer& layer : layers_) layer.Run(stream_, source_, destination_, scratch_);
    stream_.wait();
  } catch (const dnnl::error& error) {
    throw PeerError(Status::kDeviceFailed, std::string("oneDNN failed: ") + error.what());
  }
}

LinearPeer::Deviation LinearPeer::Check(size_t i, const float* weights, const float* bias) {
  const onednn::OmpThreads limit(threads_);
  const LinearLayer& layer = layers_[i];
  const ConvGeometry& g = layer.geometry();
  layer.Run(stream_, source_, destination_, scratch_);
  const auto plain = [&](const memory::desc& desc, const memory& data, std::vector<float>* out) {
    const bool dense = desc.dims().size() == 2;
    memory from(desc, engine_, data.get_data_handle());
    memory to({desc.dims(), Type::f32, dense ? memory::format_tag::ab : memory::format_tag::nhwc}, engine_, out->data());
    dnnl::reorder(from, to).execute(stream_, from, to);
    stream_.wait();
  };
  std::vector<float> x(size_t{g.in_h} * g.in_w * g.in_c), y(size_t{g.out_h} * g.out_w * g.out_c), wanted(y.size());
  plain(layer.source(), source_, &x);
  plain(layer.destination(), destination_, &y);
  const bool bytes = precision_ == Precision::kInt8;
  if (bytes) {
    for (float& v : x) v *= kInputScale;
  }
  loops::ConvFloat(g, x.data(), weights, bias, wanted.data());
  Deviation worst{0, 0};
  for (size_t j = 0; j < y.size(); ++j) {
    const double got = bytes ? double{y[j]} * layer.output_scale() : double{y[j]};
    const double want = bytes ? std::clamp(double{wanted[j]}, 0.0, 255.0 * layer.output_scale()) : double{wanted[j]};
    worst.difference = std::max(worst.difference, std::abs(got - want));
    worst.largest = std::max(worst.largest, std::abs(want));
  }
  return worst;
}

}  // namespace penumbra::peers
