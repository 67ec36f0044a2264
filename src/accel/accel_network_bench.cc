// Whole networks: all of it in float32 as one segment (preset `plain`), and the sum of its
// convolutions in residues with three primes, one segment per layer as the protected run has them
// and with the floor(1.2 m) filters that ShadowNet publishes for m. Beside them the same convolutions unprotected in int8 by
// oneDNN, in the layouts that it likes best.
#include <benchmark/benchmark.h>
#include <oneapi/dnnl/dnnl.hpp>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "accel/onednn/omp_threads.h"
#include "accel/registry.h"
#include "accel/validate.h"

namespace penumbra {
namespace {

// A float network under construction. All weights share one blob: only sizes matter here.
class Network final : public BlobSource {
 public:
  std::vector<SegmentTensor> tensors;
  std::vector<SegmentNode> nodes;
  uint32_t image = 0;

  explicit Network(uint32_t size) { image = Tensor(size, size, 3); }

  std::span<const std::byte> Blob(uint32_t index) const override { return blobs_[index]; }

  uint32_t Tensor(uint32_t h, uint32_t w, uint32_t c) {
    tensors.push_back({h, w, c, ElementType::kF32, 0});
    return static_cast<uint32_t>(tensors.size() - 1);
  }
  uint32_t Window(SegmentOp op, uint32_t from, uint32_t out_c, uint32_t kernel, uint32_t stride,
                  uint32_t pad, uint32_t groups) {
    const SegmentTensor in = tensors[from];
    const uint32_t out = (in.h + 2 * pad - kernel) / stride + 1;
    SegmentNode n = Node(op, {from}, Tensor(out, out, out_c));
    n.geometry = {in.h,   in.w, in.c, out, out, out_c, kernel, kernel, stride,
                  stride, 1,    1,    pad, pad, pad,   pad,    groups};
    if (op == SegmentOp::kConvFloat) {
      n.weight_blob = AddBlob(FilterLength(n.geometry) * out_c);
      n.bias_blob = AddBlob(out_c);
    }
    nodes.push_back(n);
    return n.output;
  }
  uint32_t Conv(uint32_t from, uint32_t out_c, uint32_t kernel, uint32_t stride, uint32_t pad) {
    return Window(SegmentOp::kConvFloat, from, out_c, kernel, stride, pad, 1);
  }
  uint32_t Relu(uint32_t from) {
    nodes.push_back(Node(SegmentOp::kRelu, {from}, CopyOf(from)));
    return nodes.back().output;
  }
  uint32_t Add(uint32_t a, uint32_t b) {
    nodes.push_back(Node(SegmentOp::kAdd, {a, b}, CopyOf(a)));
    return nodes.back().output;
  }
  uint32_t GlobalPool(uint32_t from) {
    nodes.push_back(Node(SegmentOp::kGlobalAveragePool, {from}, Tensor(1, 1, tensors[from].c)));
    return nodes.back().output;
  }

 private:
  static SegmentNode Node(SegmentOp op, std::vector<uint32_t> from, uint32_t output) {
    SegmentNode n{};
    n.op = op;
    n.input_count = static_cast<uint16_t>(from.size());
    for (size_t i = 0; i < from.size(); ++i) n.inputs[i] = from[i];
    n.output = output;
    n.weight_blob = n.bias_blob = kNoBlob;
    return n;
  }
  uint32_t CopyOf(uint32_t id) { return Tensor(tensors[id].h, tensors[id].w, tensors[id].c); }
  uint32_t AddBlob(size_t floats) {
    std::vector<float> values(floats, 0.001f);
    std::vector<std::byte> bytes(floats * sizeof(float));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    blobs_.push_back(std::move(bytes));
    return static_cast<uint32_t>(blobs_.size() - 1);
  }

  std::vector<std::vector<std::byte>> blobs_;
};

Network ResNet50() {
  Network n(224);
  uint32_t t = n.Relu(n.Conv(n.image, 64, 7, 2, 3));
  t = n.Window(SegmentOp::kMaxPool, t, 64, 3, 2, 1, 64);
  const uint32_t depths[] = {3, 4, 6, 3};
  for (uint32_t stage = 0; stage < 4; ++stage) {
    const uint32_t width = 64u << stage;
    for (uint32_t block = 0; block < depths[stage]; ++block) {
      const uint32_t stride = stage > 0 && block == 0 ? 2 : 1;
      const uint32_t shortcut = block == 0 ? n.Conv(t, width * 4, 1, stride, 0) : t;
      uint32_t body = n.Relu(n.Conv(t, width, 1, 1, 0));
      body = n.Relu(n.Conv(body, width, 3, stride, 1));
      t = n.Relu(n.Add(n.Conv(body, width * 4, 1, 1, 0), shortcut));
    }
  }
  n.Conv(n.GlobalPool(t), 1000, 1, 1, 0);
  return n;
}

Network Vgg16Convolutions() {
  Network n(224);
  uint32_t t = n.image;
  const uint32_t depths[] = {2, 2, 3, 3, 3};
  for (uint32_t stage = 0; stage < 5; ++stage) {
    const uint32_t width = stage < 4 ? 64u << stage : 512;
    for (uint32_t i = 0; i < depths[stage]; ++i) t = n.Relu(n.Conv(t, width, 3, 1, 1));
    t = n.Window(SegmentOp::kMaxPool, t, width, 2, 2, 0, width);
  }
  return n;
}

Network Vgg16() {
  Network n = Vgg16Convolutions();
  uint32_t t = n.nodes.back().output;
  t = n.Relu(n.Conv(t, 4096, 7, 1, 0));
  t = n.Relu(n.Conv(t, 4096, 1, 1, 0));
  n.Conv(t, 1000, 1, 1, 0);
  return n;
}

Network MobileNetV1() {
  Network n(224);
  uint32_t t = n.Relu(n.Conv(n.image, 32, 3, 2, 1));
  const uint32_t widths[] = {64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024};
  for (uint32_t width : widths) {
    const uint32_t in_c = n.tensors[t].c;
    // The resolution halves wherever the width grows, but for the first time.
    const uint32_t stride = width > 64 && width > in_c ? 2 : 1;
    t = n.Relu(n.Window(SegmentOp::kConvFloat, t, in_c, 3, stride, 1, in_c));
    t = n.Relu(n.Conv(t, width, 1, 1, 0));
  }
  n.Conv(n.GlobalPool(t), 1000, 1, 1, 0);
  return n;
}

// Room for the largest tensor of a run, aligned as the exchange region is.
std::unique_ptr<std::byte[], void (*)(std::byte*)> Exchange(size_t size) {
  auto* data = static_cast<std::byte*>(::operator new (size, std::align_val_t{kExchangeAlignment}));
  std::memset(data, 1, size);
  return {data, [](std::byte* p) { ::operator delete (p, std::align_val_t{kExchangeAlignment}); }};
}

void BM_Float(benchmark::State& state, Network (*make)()) {
  const auto threads = static_cast<uint32_t>(state.range(0));
  std::unique_ptr<Device> device;
  if (!IsOk(CreateDevice("onednn", &device))) return state.SkipWithError("no such device");
  const Network n = make();
  const uint32_t output = n.nodes.back().output;
  std::unique_ptr<PreparedSegment> prepared;
  std::string why;
  const Status status = device->Prepare({n.tensors, n.nodes, {&n.image, 1}, {&output, 1}}, n,
                                        {threads, 1}, &prepared, &why);
  if (!IsOk(status)) return state.SkipWithError(why.c_str());
  const auto x = Exchange(TensorByteSize(n.tensors[n.image], 1));
  const auto y = Exchange(TensorByteSize(n.tensors[output], 1));
  const std::byte* in = x.get();
  std::byte* out = y.get();
  for (auto _ : state) {
    if (!IsOk(prepared->Run({1, {0, 1}, {&in, 1}, {&out, 1}})))
      return state.SkipWithError("run failed");
  }
}

// One convolution, u8 times s8 to u8.
struct Int8Layer {
  dnnl::convolution_forward primitive;
  dnnl::memory in, weights, out;

  Int8Layer(const dnnl::engine& engine, const ConvGeometry& g) {
    using dnnl::memory;
    const auto any = memory::format_tag::any;
    const auto dim = [](uint32_t v) { return static_cast<memory::dim>(v); };
    const memory::dims kernel = g.groups == 1 ? memory::dims{dim(g.out_c), dim(g.in_c), dim(g.kernel_h), dim(g.kernel_w)}
                                              : memory::dims{dim(g.groups), 1, 1, dim(g.kernel_h), dim(g.kernel_w)};
    const memory::desc from({1, dim(g.in_c), dim(g.in_h), dim(g.in_w)}, memory::data_type::u8, any);
    const memory::desc by(kernel, memory::data_type::s8, any);
    const memory::desc to({1, dim(g.out_c), dim(g.out_h), dim(g.out_w)}, memory::data_type::u8, any);
    dnnl::primitive_attr scaled;
    scaled.set_output_scales(0, {0.01f});
    const dnnl::convolution_forward::primitive_desc pd(
        {dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, from, by, to,
         {dim(g.stride_h), dim(g.stride_w)}, {dim(g.pad_top), dim(g.pad_left)}, {dim(g.pad_bottom), dim(g.pad_right)}},
        scaled, engine);
    primitive = dnnl::convolution_forward(pd);
    in = Filled(pd.src_desc(), engine);
    weights = Filled(pd.weights_desc(), engine);
    out = Filled(pd.dst_desc(), engine);
  }

 private:
  static dnnl::memory Filled(const dnnl::memory::desc& desc, const dnnl::engine& engine) {
    dnnl::memory memory(desc, engine);
    std::memset(memory.get_data_handle(), 1, desc.get_size());
    return memory;
  }
};

void BM_Int8(benchmark::State& state, Network (*make)()) {
  const onednn::OmpThreads threads(static_cast<uint32_t>(state.range(0)));
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  std::vector<Int8Layer> layers;
  for (const SegmentNode& node : make().nodes) {
    if (node.op == SegmentOp::kConvFloat) layers.emplace_back(engine, node.geometry);
  }
  for (auto _ : state) {
    for (const Int8Layer& layer : layers) {
      layer.primitive.execute(
          stream, {{DNNL_ARG_SRC, layer.in}, {DNNL_ARG_WEIGHTS, layer.weights}, {DNNL_ARG_DST, layer.out}});
    }
    stream.wait();
  }
}

class ResidueWeights final : public BlobSource {
 public:
  explicit ResidueWeights(size_t size) : bytes_(size, std::byte{77}) {}
  std::span<const std::byte> Blob(uint32_t) const override { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

struct ResidueLayer {
  std::unique_ptr<ResidueWeights> weights;
  std::unique_ptr<PreparedSegment> prepared;
  uint32_t rows;
};

void BM_Residues(benchmark::State& state, const char* device_name, Network (*make)()) {
  constexpr uint16_t kPrimeCount = 3;
  const auto threads = static_cast<uint32_t>(state.range(0));
  std::unique_ptr<Device> device;
  if (!IsOk(CreateDevice(device_name, &device))) return state.SkipWithError("no such device");
  const Network n = make();
  std::vector<ResidueLayer> layers;
  size_t largest = 0;
  for (SegmentNode node : n.nodes) {
    if (node.op != SegmentOp::kConvFloat) continue;
    ConvGeometry& g = node.geometry;
    if (g.groups == 1) g.out_c = g.out_c * 6 / 5;
    const SegmentTensor tensors[] = {
        {g.in_h, g.in_w, g.in_c, ElementType::kU8Residue, kPrimeCount},
        {g.out_h, g.out_w, g.out_c, ElementType::kU8Residue, kPrimeCount}};
    for (const SegmentTensor& t : tensors)
      largest = std::max<size_t>(largest, TensorByteSize(t, 1));
    node.op = SegmentOp::kConvResidue;
    node.inputs[0] = 0;
    node.output = 1;
    node.bias_blob = kNoBlob;
    const uint32_t in = 0, out = 1;
    ResidueLayer layer{
        std::make_unique<ResidueWeights>(FilterLength(g) * g.out_c * kPrimeCount), {}, g.out_h};
    std::string why;
    const Status status = device->Prepare({tensors, {&node, 1}, {&in, 1}, {&out, 1}},
                                          *layer.weights, {threads, 1}, &layer.prepared, &why);
    if (!IsOk(status)) return state.SkipWithError(why.c_str());
    layers.push_back(std::move(layer));
  }
  const auto x = Exchange(largest), y = Exchange(largest);
  const std::byte* in = x.get();
  std::byte* out = y.get();
  for (auto _ : state) {
    for (ResidueLayer& layer : layers) {
      const Job job{1, {0, layer.rows}, {&in, 1}, {&out, 1}};
      if (!IsOk(layer.prepared->Run(job))) return state.SkipWithError("run failed");
    }
  }
}

const bool kRegistered = [] {
  const struct {
    const char* name;
    Network (*make)();
  } networks[] = {{"resnet50", ResNet50}, {"vgg16", Vgg16}, {"vgg16_convolutions", Vgg16Convolutions},
                  {"mobilenet_v1", MobileNetV1}};
  for (const auto& n : networks) {
    const auto add = [&n](const std::string& kind, auto run) {
      benchmark::RegisterBenchmark((kind + "/" + n.name).c_str(), run)
          ->Arg(1)
          ->Arg(2)
          ->UseRealTime()
          ->Unit(benchmark::kMillisecond);
    };
    add("Float", [make = n.make](benchmark::State& state) { BM_Float(state, make); });
    add("Int8", [make = n.make](benchmark::State& state) { BM_Int8(state, make); });
    for (const char* device : {"onednn", "native", "native-avx2"}) {
      add("Residues/" + std::string(device),
          [make = n.make, device](benchmark::State& state) { BM_Residues(state, device, make); });
    }
  }
  return true;
}();

}  // namespace
}  // namespace penumbra
