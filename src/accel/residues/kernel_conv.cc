#include "accel/residues/kernel_conv.h"

#include <utility>

#include "accel/residues/aligned_bytes.h"
#include "accel/residues/method.h"
#include "kernels/conv_layout.h"
#include "kernels/self_test.h"

namespace penumbra::residues {
bool ProveKernels(Isa best, Isa* out_isa) {
  AlignedBytes scratch;
  scratch.Reserve(kSelfTestScratchSize);
  for (int i = static_cast<int>(best); i >= 0; --i) {
    const auto isa = static_cast<Isa>(i);
    if (!IsaSupported(isa) || !IsOk(SelfTestKernels(Kernels(isa), scratch.data()))) continue;
    *out_isa = isa;
    return true;
  }
  return false;
}

namespace {

NodeMethod ChoiceByCost(const std::vector<Method>& methods, uint32_t primes) {
  NodeMethod choice;
  choice.reason = methods.size() > 1 ? "the least estimated cost" : "no other method serves: Winograd is for 3x3 with stride 1";
  for (const Method& method : methods) {
    choice.estimates.push_back({method.out == 0 ? kProductName : WinogradName(method.out), primes * method.cycles});
  }
  return choice;
}

}  // namespace

std::unique_ptr<ResidueConv> MakeKernelConv(Isa isa, const ConvGeometry& g, uint32_t primes, const int8_t* weights,
                                            WorkerPool* pool) {
  const KernelTable& kernels = Kernels(isa);
  NodeMethod choice;
  std::unique_ptr<ResidueConv> conv;
  if (IsDepthwise(g)) {
    choice.reason = "one filter per channel: there is no matrix to multiply by";
    conv = MakeDepthwiseConv(kernels, g, primes, weights, pool);
  } else if (g.groups > 1) {
    choice.reason = "no other method serves: the layer has groups";
    conv = MakeProductConv(kernels, g, primes, weights, pool);
  } else {
    choice = ChoiceByCost(EstimateMethods(CostsOf(isa), g), primes);
    const Method method = ChooseMethod(CostsOf(isa), g);
    conv = method.out == 0 ? MakeProductConv(kernels, g, primes, weights, pool)
                           : MakeWinogradConv(kernels, g, primes, weights, method.out, pool);
  }
  choice.kernels = IsaName(isa);
  conv->SetChoice(std::move(choice));
  return conv;
}

}  // namespace penumbra::residues
