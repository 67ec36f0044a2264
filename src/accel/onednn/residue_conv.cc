#include "accel/onednn/residue_conv.h"

#include "accel/onednn/self_test.h"
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
  if (!ClaimsExactIntegers()) return false;
  return (g.groups > 1 && !IsDepthwise(g)) || (SuitsAmx(g) && IsaSupported(Isa::kAmx));
}

const char* WhyOnednn(Arithmetic arithmetic, const ConvGeometry& g) {
  switch (arithmetic) {
    case Arithmetic::kFused: return g.groups > 1 ? "faster than our own kernels on groups" : "AMX, exact for 1x1 without padding";
    case Arithmetic::kInteger: return "this device uses oneDNN's integers for every layer";
    case Arithmetic::kFloat: return "this device uses oneDNN's float32 for every layer";
  }
  return "";
}

}  // namespace

std::unique_ptr<ResidueConv> MakeResidueConv(const ResidueEngine& engine, const ConvGeometry& g,
                                             uint32_t primes, const int8_t* weights, WorkerPool* pool) {
  if (engine.arithmetic == Arithmetic::kFused && !SuitsOnednn(g)) {
    return residues::MakeKernelConv(engine.isa, g, primes, weights, pool);
  }
  auto conv = std::make_unique<StripConv>(engine.dnnl, g, primes, weights,
                                          engine.arithmetic != Arithmetic::kFloat, pool);
  conv->SetChoice({.kernels = "oneDNN", .reason = WhyOnednn(engine.arithmetic, g)});
  return conv;
}

}  // namespace penumbra::onednn
