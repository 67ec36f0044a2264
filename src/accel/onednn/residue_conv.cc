#include "accel/onednn/residue_conv.h"

#include "accel/onednn/strip_conv.h"
#include "accel/residues/kernel_conv.h"
#include "kernels/conv_layout.h"

namespace penumbra::onednn {
namespace {

// Where oneDNN's AMX kernels are exact for filters of any length (KeepsIntegerSums).
bool SuitsAmx(const ConvGeometry& g) {
  return g.kernel_h == 1 && g.kernel_w == 1 && g.in_c % 64 == 0 &&
         g.pad_top + g.pad_left + g.pad_bottom + g.pad_right == 0;
}

// Where oneDNN does better than our own kernels.
bool SuitsOnednn(const ConvGeometry& g) {
  return (g.groups > 1 && !IsDepthwise(g)) || (SuitsAmx(g) && IsaSupported(Isa::kAmx));
}

}  // namespace

std::unique_ptr<ResidueConv> MakeResidueConv(const ResidueEngine& engine, const ConvGeometry& g,
                                             uint32_t primes, const int8_t* weights, WorkerPool* pool) {
  if (engine.arithmetic == Arithmetic::kFused && !SuitsOnednn(g)) {
    return residues::MakeKernelConv(engine.isa, g, primes, weights, pool);
  }
  return std::make_unique<StripConv>(engine.dnnl, g, primes, weights, engine.arithmetic != Arithmetic::kFloat,
                                     pool);
}

}  // namespace penumbra::onednn
