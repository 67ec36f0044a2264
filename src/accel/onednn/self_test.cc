#include "accel/onednn/self_test.h"

#include <oneapi/dnnl/dnnl.hpp>
#include <vector>

namespace penumbra::onednn {
namespace {

// One geometry per kind of kernel that oneDNN has (direct, 1x1, depthwise, grouped, long dense) and
// that we have (in place and laid out, Winograd, depthwise by columns and by taps), with ragged tiles
// and one to four panels.
constexpr ConvGeometry kShapes[] = {
    {6, 6, 64, 6, 6, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1},
    {4, 4, 256, 4, 4, 48, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1},
    {7, 7, 32, 7, 7, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 32},
    {6, 6, 64, 3, 3, 32, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 4},
    {12, 12, 64, 12, 12, 76, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1},
    {13, 13, 32, 13, 13, 112, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1},
    {7, 7, 72, 4, 4, 72, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 72},
    {7, 7, 32, 7, 7, 32, 5, 5, 1, 1, 1, 1, 2, 2, 2, 2, 32},
    {1, 1, 25088, 1, 1, 16, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1},
};

// Inputs near 255 and weights near -125 or +125 by output channel. Odd steps so that a sum rounded
// to 24 bits is off.
uint8_t InputAt(size_t i) { return static_cast<uint8_t>(i % 3 == 0 ? 254 : 255); }
int8_t WeightAt(const ConvGeometry& g, size_t i) {
  const int magnitude = i % 5 == 0 ? 124 : 125;
  return static_cast<int8_t>(i / FilterLength(g) % 2 == 0 ? -magnitude : magnitude);
}

int64_t ExpectedSum(const ConvGeometry& g, uint32_t oy, uint32_t ox, uint32_t oc) {
  const size_t depth = InChannelsPerGroup(g);
  int64_t sum = 0;
  for (size_t tap = 0; tap < size_t{g.kernel_h} * g.kernel_w; ++tap) {
    const int64_t iy =
        int64_t{oy} * g.stride_h + static_cast<int64_t>(tap / g.kernel_w) - g.pad_top;
    const int64_t ix =
        int64_t{ox} * g.stride_w + static_cast<int64_t>(tap % g.kernel_w) - g.pad_left;
    if (iy < 0 || iy >= g.in_h || ix < 0 || ix >= g.in_w) continue;
    const size_t pixel = static_cast<size_t>(iy * g.in_w + ix) * g.in_c;
    for (size_t c = 0; c < depth; ++c) {
      const size_t channel = oc / OutChannelsPerGroup(g) * depth + c;
      sum += int64_t{InputAt(pixel + channel)} *
             WeightAt(g, (oc * size_t{g.kernel_h} * g.kernel_w + tap) * depth + c);
    }
  }
  return sum;
}

bool ShapeIsExact(const ResidueEngine& engine, const ConvGeometry& g) {
  std::vector<uint8_t> x(size_t{g.in_h} * g.in_w * g.in_c), y(size_t{g.out_h} * g.out_w * g.out_c);
  std::vector<int8_t> w(FilterLength(g) * g.out_c);
  for (size_t i = 0; i < x.size(); ++i) x[i] = InputAt(i);
  for (size_t i = 0; i < w.size(); ++i) w[i] = WeightAt(g, i);
  WorkerPool pool(1);
  const auto conv = MakeResidueConv(engine, g, 1, w.data(), &pool);
  if (!conv->Run(x.data(), 1, {0, g.out_h}, y.data())) return false;
  for (size_t i = 0; i < y.size(); ++i) {
    const auto pixel = static_cast<uint32_t>(i / g.out_c);
    const auto oc = static_cast<uint32_t>(i % g.out_c);
    if ((ExpectedSum(g, pixel / g.out_w, pixel % g.out_w, oc) - y[i]) % kPrimes[0] != 0)
      return false;
  }
  return true;
}

}  // namespace

bool ClaimsExactIntegers() {
#if defined(__x86_64__)
  const auto wanted = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_vnni);
  const auto allowed = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  return (allowed & wanted) == wanted && __builtin_cpu_supports("avx512vnni");
#else
  return false;
#endif
}

bool ResiduesAreExact(const ResidueEngine& engine) {
  for (const ConvGeometry& g : kShapes) {
    if (!ShapeIsExact(engine, g)) return false;
  }
  return true;
}

}  // namespace penumbra::onednn
