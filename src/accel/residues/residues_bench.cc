// 3x3 residue convolutions with three primes by each method that serves them, layer by layer: what the estimates of method.h
// are made from. The label tells the method that is chosen. Published filters: floor(1.2 m) for the m of the network.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "accel/residues/kernel_conv.h"
#include "accel/residues/method.h"
#include "kernels/winograd.h"

namespace penumbra::residues {
namespace {

constexpr uint32_t kPrimeCount = 3;

struct Layer {
  uint32_t size, in_c, out_c;
};
constexpr Layer kLayers[] = {{224, 64, 76},  {112, 64, 153}, {112, 128, 153}, {56, 64, 76},   {56, 128, 307},
                             {56, 256, 307}, {28, 128, 153}, {28, 256, 614},  {28, 512, 614}, {14, 256, 307},
                             {14, 512, 614}, {7, 512, 614},  {32, 16, 19},   {16, 32, 38},   {8, 64, 76}};

// out: outputs a side of a Winograd tile; 0: a matrix product.
void BM_Method(benchmark::State& state, Isa isa, const Layer& layer, uint32_t out) {
  if (!IsaSupported(isa)) return state.SkipWithError("not on this processor");
  const uint32_t size = layer.size;
  const ConvGeometry g = {size, size, layer.in_c, size, size, layer.out_c, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  std::vector<int8_t> weights(kPrimeCount * FilterLength(g) * g.out_c);
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<int8_t>(i * 40503 % 239) / 2;
  std::vector<uint8_t> x(size_t{kPrimeCount} * size * size * g.in_c, 201), y(size_t{kPrimeCount} * size * size * g.out_c);
  WorkerPool pool(1);
  const auto conv = out == 0 ? MakeProductConv(Kernels(isa), g, kPrimeCount, weights.data(), &pool)
                             : MakeWinogradConv(Kernels(isa), g, kPrimeCount, weights.data(), out, &pool);
  conv->Compile(1);
  if (ChooseMethod(CostsOf(isa), g).out == out) state.SetLabel("chosen");
  for (auto _ : state) {
    if (!conv->Run(x.data(), 1, {0, size}, y.data())) return state.SkipWithError("run failed");
  }
}

const bool kRegistered = [] {
  for (const Isa isa : {DetectIsa(), Isa::kAvx2}) {
    for (const Layer& layer : kLayers) {
      for (uint32_t out = 0; out <= kWinogradMaxOut; out += out == 0 ? kWinogradMinOut : 1) {
        const std::string method = out == 0 ? "product" : "F" + std::to_string(out);
        const std::string name = std::string(IsaName(isa)) + "/" + std::to_string(layer.size) + "x" +
                                 std::to_string(layer.in_c) + "-" + std::to_string(layer.out_c) + "/" + method;
        benchmark::RegisterBenchmark(name.c_str(), BM_Method, isa, layer, out)->Unit(benchmark::kMillisecond);
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace penumbra::residues
