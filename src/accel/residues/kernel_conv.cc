#include "accel/residues/kernel_conv.h"

#include "accel/residues/aligned_bytes.h"
#include "accel/residues/strips.h"
#include "kernels/conv_layout.h"
#include "kernels/self_test.h"
#include "kernels/winograd_conv.h"

namespace penumbra::residues {
namespace {

// Winograd multiplies a quarter as often, but reads four times the weights, once per strip, and its
// transforms cost some 40 products per channel and pixel. Measured (accel_bench): 1.5 to 3.4 times as
// fast from 64 channels at 14x14 (16 tiles) on; no faster at 7x7 (4 tiles), where weights come from
// memory. Below 32 channels most of a vector of the transforms is empty.
constexpr uint32_t kWinogradOut = 4;
constexpr uint32_t kFewestTiles = 9, kFewestChannels = 32;

bool SuitsWinograd(const ConvGeometry& g) {
  const uint64_t tiles = uint64_t{DivideUp(g.out_h, kWinogradOut)} * DivideUp(g.out_w, kWinogradOut);
  return WinogradServes(g) && g.in_c >= kFewestChannels && tiles >= kFewestTiles;
}

}  // namespace

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

std::unique_ptr<ResidueConv> MakeKernelConv(const KernelTable& kernels, const ConvGeometry& g, uint32_t primes,
                                            const int8_t* weights, WorkerPool* pool) {
  if (IsDepthwise(g)) return MakeDepthwiseConv(kernels, g, primes, weights, pool);
  if (SuitsWinograd(g)) return MakeWinogradConv(kernels, g, primes, weights, kWinogradOut, pool);
  return MakeProductConv(kernels, g, primes, weights, pool);
}

}  // namespace penumbra::residues
