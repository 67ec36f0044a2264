// Residue convolutions with three primes beside oneDNN's float32 convolution, layer by layer. The
// residue layer publishes floor(1.2 m) filters for the m of the float layer, as ShadowNet does at
// its ratio 1.2; depthwise layers keep their number of channels. Both run in turn within each iteration, so that both meet the same state of the
// machine; the reported time is the residue convolution's, `f32_ms` and `ratio` stand beside it
// (medians).
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <oneapi/dnnl/dnnl.hpp>
#include <vector>

#include "accel/onednn/reduce.h"
#include "accel/onednn/strip_kernel.h"
#include "accel/onednn/omp_threads.h"
#include "accel/registry.h"
#include "accel/validate.h"

namespace penumbra {
namespace {

constexpr uint32_t kPrimeCount = 3;

struct Layer {
  const char* name;
  uint32_t size, in_c, out_c, kernel, stride, pad, groups;
};
constexpr Layer kLayers[] = {
    {"resnet50/conv1", 224, 3, 64, 7, 2, 3, 1},
    {"resnet50/56x64-64k1", 56, 64, 64, 1, 1, 0, 1},
    {"resnet50/56x64-64k3", 56, 64, 64, 3, 1, 1, 1},
    {"resnet50/56x64-256k1", 56, 64, 256, 1, 1, 0, 1},
    {"resnet50/56x256-64k1", 56, 256, 64, 1, 1, 0, 1},
    {"resnet50/28x128-128k3", 28, 128, 128, 3, 1, 1, 1},
    {"resnet50/28x128-512k1", 28, 128, 512, 1, 1, 0, 1},
    {"resnet50/56x256-512k1s2", 56, 256, 512, 1, 2, 0, 1},
    {"resnet50/14x256-256k3", 14, 256, 256, 3, 1, 1, 1},
    {"resnet50/14x1024-256k1", 14, 1024, 256, 1, 1, 0, 1},
    {"resnet50/7x512-512k3", 7, 512, 512, 3, 1, 1, 1},
    {"resnet50/7x512-2048k1", 7, 512, 2048, 1, 1, 0, 1},
    {"vgg16/224x64-64k3", 224, 64, 64, 3, 1, 1, 1},
    {"vgg16/112x128-128k3", 112, 128, 128, 3, 1, 1, 1},
    {"vgg16/56x256-256k3", 56, 256, 256, 3, 1, 1, 1},
    {"vgg16/28x512-512k3", 28, 512, 512, 3, 1, 1, 1},
    {"vgg16/14x512-512k3", 14, 512, 512, 3, 1, 1, 1},
    {"vgg16/224x3-64k3", 224, 3, 64, 3, 1, 1, 1},
    {"vgg16/fc6", 1, 25088, 4096, 1, 1, 0, 1},
    {"vgg16/fc7", 1, 4096, 4096, 1, 1, 0, 1},
    {"mobilenet/112x32-64k1", 112, 32, 64, 1, 1, 0, 1},
    {"mobilenet/14x512-512k1", 14, 512, 512, 1, 1, 0, 1},
    {"mobilenet/112x32dw", 112, 32, 32, 3, 1, 1, 32},
    {"mobilenet/112x64dws2", 112, 64, 64, 3, 2, 1, 64},
    {"mobilenet/56x128dw", 56, 128, 128, 3, 1, 1, 128},
    {"mobilenet/14x512dw", 14, 512, 512, 3, 1, 1, 512},
    {"mobilenet/7x960dw", 7, 960, 960, 3, 1, 1, 960},
};

ConvGeometry GeometryOf(const Layer& l) {
  const uint32_t out = (l.size + 2 * l.pad - l.kernel) / l.stride + 1;
  return {l.size,   l.size, l.in_c, out,   out,   l.out_c, l.kernel, l.kernel, l.stride,
          l.stride, 1,      1,      l.pad, l.pad, l.pad,   l.pad,    l.groups};
}

// The residue layer that stands for float layer `g`.
ConvGeometry Published(ConvGeometry g) {
  if (g.groups == 1) g.out_c = g.out_c * 6 / 5;
  return g;
}

class OneBlob final : public BlobSource {
 public:
  explicit OneBlob(size_t size) : bytes_(size) {
    for (size_t i = 0; i < size; ++i) bytes_[i] = static_cast<std::byte>(i * 40503 % 239 - 119);
  }
  std::span<const std::byte> Blob(uint32_t) const override { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

// The residue convolution as the host runs it: through Device, on exchange-region pointers.
class ResidueLayer {
 public:
  ResidueLayer(Device* device, const ConvGeometry& g, uint32_t threads)
      : blob_(FilterLength(g) * g.out_c * kPrimeCount),
        x_(Elements(g.in_h, g.in_w, g.in_c)),
        y_(Elements(g.out_h, g.out_w, g.out_c)),
        rows_{0, g.out_h} {
    const SegmentTensor tensors[] = {
        {g.in_h, g.in_w, g.in_c, ElementType::kU8Residue, kPrimeCount},
        {g.out_h, g.out_w, g.out_c, ElementType::kU8Residue, kPrimeCount}};
    SegmentNode node{};
    node.op = SegmentOp::kConvResidue;
    node.input_count = 1;
    node.output = 1;
    node.geometry = g;
    node.bias_blob = kNoBlob;
    const uint32_t in = 0, out = 1;
    const SegmentView view{tensors, {&node, 1}, {&in, 1}, {&out, 1}};
    status_ = device->Prepare(view, blob_, {threads, 1}, &prepared_);
    std::memset(Aligned(&x_), 201, x_.size() - kExchangeAlignment);
  }

  bool Run() {
    if (!IsOk(status_)) return false;
    const std::byte* in = Aligned(&x_);
    std::byte* out = Aligned(&y_);
    return IsOk(prepared_->Run({1, rows_, {&in, 1}, {&out, 1}}));
  }

 private:
  static size_t Elements(uint32_t h, uint32_t w, uint32_t c) {
    return size_t{h} * w * c * kPrimeCount + kExchangeAlignment;
  }
  static std::byte* Aligned(std::vector<std::byte>* bytes) {
    const auto address = reinterpret_cast<uintptr_t>(bytes->data());
    return bytes->data() + (kExchangeAlignment - address % kExchangeAlignment) % kExchangeAlignment;
  }

  OneBlob blob_;
  std::vector<std::byte> x_, y_;
  const RowRange rows_;
  std::unique_ptr<PreparedSegment> prepared_;
  Status status_ = Status::kInternal;
};

// oneDNN's float32 convolution in whatever layouts it likes best; conversions are not counted.
class FloatLayer {
 public:
  FloatLayer(const ConvGeometry& g, uint32_t threads)
      : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
    const onednn::OmpThreads limit(threads);
    using dnnl::memory;
    const auto any = [](memory::dims dims) {
      return memory::desc(dims, memory::data_type::f32, memory::format_tag::any);
    };
    const dnnl::convolution_forward::desc desc(
        dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
        any({1, g.in_c, g.in_h, g.in_w}), any(onednn::WeightDims(g)),
        any({1, g.out_c, g.out_h, g.out_w}), {g.stride_h, g.stride_w}, {g.pad_top, g.pad_left},
        {g.pad_bottom, g.pad_right});
    const dnnl::convolution_forward::primitive_desc pd(desc, engine_);
    conv_ = dnnl::convolution_forward(pd);
    const auto filled = [&](const memory::desc& d) {
      memory m(d, engine_);
      std::fill_n(static_cast<float*>(m.get_data_handle()), d.get_size() / 4, 0.5f);
      return m;
    };
    arguments_ = {{DNNL_ARG_SRC, filled(pd.src_desc())},
                  {DNNL_ARG_WEIGHTS, filled(pd.weights_desc())},
                  {DNNL_ARG_DST, filled(pd.dst_desc())}};
  }

  void Run(uint32_t threads) {
    const onednn::OmpThreads limit(threads);
    conv_.execute(stream_, arguments_);
    stream_.wait();
  }

 private:
  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::convolution_forward conv_;
  std::unordered_map<int, dnnl::memory> arguments_;
};

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void BM_Layer(benchmark::State& state, const char* device_name, const Layer& layer,
              uint32_t threads) {
  using Clock = std::chrono::steady_clock;
  const auto seconds = [](Clock::duration d) { return std::chrono::duration<double>(d).count(); };
  std::unique_ptr<Device> device;
  if (!IsOk(CreateDevice(device_name, &device))) return state.SkipWithError("no such device");
  const ConvGeometry g = GeometryOf(layer);
  ResidueLayer residues(device.get(), Published(g), threads);
  FloatLayer floats(g, threads);
  if (!residues.Run()) return state.SkipWithError("the device refused the layer");
  floats.Run(threads);
  std::vector<double> residue_times, float_times;
  for (auto _ : state) {
    const Clock::time_point start = Clock::now();
    residues.Run();
    const Clock::time_point middle = Clock::now();
    floats.Run(threads);
    const Clock::time_point end = Clock::now();
    residue_times.push_back(seconds(middle - start));
    float_times.push_back(seconds(end - middle));
    state.SetIterationTime(residue_times.back());
  }
  const double residue_time = Median(residue_times), float_time = Median(float_times);
  state.counters["res_ms"] = residue_time * 1e3;
  state.counters["f32_ms"] = float_time * 1e3;
  state.counters["ratio"] = residue_time / float_time;
  const ConvGeometry p = Published(g);
  const double products = static_cast<double>(FilterLength(p) * p.out_c * p.out_h) * p.out_w;
  state.counters["GMAC/s"] = products * kPrimeCount / residue_time * 1e-9;
}

void BM_Reduce(benchmark::State& state) {
  std::vector<int32_t> sums(size_t{1} << 16);
  std::vector<uint8_t> out(sums.size());
  for (size_t i = 0; i < sums.size(); ++i) sums[i] = static_cast<int32_t>(i * 2654435761u) >> 3;
  for (auto _ : state) {
    onednn::ReduceSums(sums.data(), sums.size(), kPrimes[0], state.range(0), out.data());
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(sums.size()));
}
BENCHMARK(BM_Reduce)->ArgName("bound")->Arg(onednn::kNarrowSum)->Arg(onednn::kNarrowSum + 1);

const bool kRegistered = [] {
  for (const char* device : {"onednn", "onednn-f32", "native", "native-avx2"}) {
    for (uint32_t threads : {1u, 2u}) {
      for (const Layer& layer : kLayers) {
        const std::string name =
            std::string(device) + "/t" + std::to_string(threads) + "/" + layer.name;
        benchmark::RegisterBenchmark(name.c_str(), BM_Layer, device, layer, threads)
            ->UseManualTime()
            ->Unit(benchmark::kMillisecond);
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace penumbra
