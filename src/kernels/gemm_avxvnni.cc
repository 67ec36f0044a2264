// AVX-VNNI: the 256-bit u8 x s8 dot product without saturation, VEX-encoded.
#include <immintrin.h>

#include "kernels/gemm_entries.h"
#include "kernels/isa_extras.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

struct ByteKernel {
  static constexpr uint32_t kVectors = 2;
  static constexpr uint32_t kRows = 6;
  static constexpr uint32_t kPanels = 1;
  using Acc = __m256i;
  using AVec = __m256i;
  using BVec = __m256i;
  using Element = int32_t;
  PENUMBRA_LANE Acc Zero() { return _mm256_setzero_si256(); }
  PENUMBRA_LANE Acc Load(const Element* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  PENUMBRA_LANE void Store(Acc acc, Element* out) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), acc);
  }
  PENUMBRA_LANE BVec LoadB(const uint8_t* b) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b));
  }
  PENUMBRA_LANE AVec BroadcastA(const uint8_t* a) {
    int32_t group;
    __builtin_memcpy(&group, a, sizeof(group));
    return _mm256_set1_epi32(group);
  }
  PENUMBRA_LANE Acc MulAdd(Acc acc, AVec a, BVec b) {
    return _mm256_dpbusd_avx_epi32(acc, a, b);
  }
};

}  // namespace

void GemmU8S8(const GemmU8S8Job& job) { RunGemmU8S8<ByteKernel>(job); }
void ResidueGemm(const ResidueGemmJob& job) { RunResidueGemm<ByteKernel>(job); }

}  // namespace penumbra::PENUMBRA_ISA
