#include "accel/onednn/residue_conv.h"

#include "accel/onednn/fused_conv.h"
#include "accel/onednn/strip_conv.h"

namespace penumbra::onednn {

std::unique_ptr<ResidueConv> MakeResidueConv(const dnnl::engine& engine, const ConvGeometry& g,
                                             uint32_t primes, const int8_t* weights,
                                             Arithmetic arithmetic, WorkerPool* pool) {
  if (arithmetic == Arithmetic::kFused) {
    if (auto fused = MakeFusedConv(g, primes, weights, pool); fused != nullptr) return fused;
  }
  return std::make_unique<StripConv>(engine, g, primes, weights, arithmetic != Arithmetic::kFloat,
                                     pool);
}

}  // namespace penumbra::onednn
