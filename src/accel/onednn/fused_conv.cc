#include "accel/onednn/fused_conv.h"

#include "accel/onednn/strips.h"
#include "accel/onednn/vnni_winograd.h"
#include "kernels/dispatch.h"

namespace penumbra::onednn {

#if defined(__x86_64__)

namespace {

// Winograd multiplies a quarter as often, but reads four times the weights, once per strip, and its
// transforms cost some 40 products per channel and pixel. Measured (accel_bench): 1.5 to 3.4 times as
// fast from 64 channels at 14x14 (16 tiles) on; no faster at 7x7 (4 tiles), where weights come from
// memory. Below 32 channels most of a vector of the transforms is empty.
constexpr uint32_t kFewestTiles = 9, kFewestChannels = 32;

bool SuitsWinograd(const ConvGeometry& g) {
  const bool possible = g.kernel_h == 3 && g.kernel_w == 3 && g.stride_h == 1 && g.stride_w == 1 &&
                        g.dilation_h == 1 && g.dilation_w == 1;
  const uint64_t tiles = uint64_t{DivideUp(g.out_h, kWinogradOut)} * DivideUp(g.out_w, kWinogradOut);
  return possible && g.in_c >= kFewestChannels && tiles >= kFewestTiles;
}

// Where oneDNN's AMX kernels are exact for filters of any length (KeepsIntegerSums).
bool SuitsAmx(const ConvGeometry& g) {
  return g.kernel_h == 1 && g.kernel_w == 1 && g.in_c % 64 == 0 &&
         g.pad_top + g.pad_left + g.pad_bottom + g.pad_right == 0;
}

}  // namespace

bool FusedConvSupported() { return IsaSupported(Isa::kAvx512Vnni); }

std::unique_ptr<ResidueConv> MakeFusedConv(const ConvGeometry& g, uint32_t primes,
                                           const int8_t* weights, WorkerPool* pool) {
  if (g.groups > 1 && g.groups == g.in_c && g.groups == g.out_c) {
    return MakeFusedDepthwise(g, primes, weights, pool);
  }
  if (g.groups > 1 || (SuitsAmx(g) && IsaSupported(Isa::kAmx))) return nullptr;
  if (SuitsWinograd(g)) return MakeFusedWinograd(g, primes, weights, pool);
  return MakeFusedGemm(g, primes, weights, pool);
}

#else

bool FusedConvSupported() { return false; }

std::unique_ptr<ResidueConv> MakeFusedConv(const ConvGeometry&, uint32_t, const int8_t*,
                                           WorkerPool*) {
  return nullptr;
}

#endif

}  // namespace penumbra::onednn
