#include "accel/onednn/fused_conv.h"

#include "kernels/dispatch.h"

namespace penumbra::onednn {

#if defined(__x86_64__)

bool FusedConvSupported() { return IsaSupported(Isa::kAvx512Vnni); }

std::unique_ptr<ResidueConv> MakeFusedConv(const ConvGeometry& g, uint32_t primes,
                                           const int8_t* weights, WorkerPool* pool) {
  if (g.groups > 1 && g.groups == g.in_c && g.groups == g.out_c) {
    return MakeFusedDepthwise(g, primes, weights, pool);
  }
  if (g.groups > 1 || IsaSupported(Isa::kAmx)) return nullptr;
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
