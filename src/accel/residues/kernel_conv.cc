#include "accel/residues/kernel_conv.h"

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

std::unique_ptr<ResidueConv> MakeKernelConv(Isa isa, const ConvGeometry& g, uint32_t primes, const int8_t* weights,
                                            WorkerPool* pool) {
  const KernelTable& kernels = Kernels(isa);
  if (IsDepthwise(g)) return MakeDepthwiseConv(kernels, g, primes, weights, pool);
  const Method method = g.groups > 1 ? Method{} : ChooseMethod(CostsOf(isa), g);
  if (method.out != 0) return MakeWinogradConv(kernels, g, primes, weights, method.out, pool);
  return MakeProductConv(kernels, g, primes, weights, pool);
}

}  // namespace penumbra::residues
