#include "accel/onednn/fused_conv.h"

#include "kernels/dispatch.h"

namespace penumbra::onednn {

#if defined(__x86_64__)

namespace {

bool SuitsWinograd(const ConvGeometry& g) {
  const bool possible = g.kernel_h == 3 && g.kernel_w == 3 && g.stride_h == 1 && g.stride_w == 1 &&
                        g.dilation_h == 1 && g.dilation_w == 1;
  return possible && g.in_c >= 32;
}

}  // namespace

bool FusedConvSupported() { return IsaSupported(Isa::kAvx512Vnni); }

std::unique_ptr<ResidueConv> MakeFusedConv(const ConvGeometry& g, uint32_t primes,
                                           const int8_t* weights, WorkerPool* pool) {
  if (g.groups > 1 && g.groups == g.in_c && g.groups == g.out_c) {
    return MakeFusedDepthwise(g, primes, weights, pool);
  }
  if (g.groups > 1 || IsaSupported(Isa::kAmx)) return nullptr;
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
