// AVX-512 VNNI: dot products of bytes and words without saturation.
#include <immintrin.h>

#include "kernels/gemm_entries.h"
#include "kernels/isa_extras.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

struct VnniLanes {
  static constexpr uint32_t kVectors = 1;
  static constexpr uint32_t kRows = 6;
  static constexpr uint32_t kPanels = 4;
  using Acc = __m512i;
  using AVec = __m512i;
  using BVec = __m512i;
  using Element = int32_t;
  PENUMBRA_LANE Acc Zero() { return _mm512_setzero_si512(); }
  PENUMBRA_LANE Acc Load(const Element* p) { return _mm512_loadu_si512(p); }
  PENUMBRA_LANE void Store(Acc acc, Element* out) { _mm512_storeu_si512(out, acc); }
  PENUMBRA_LANE BVec LoadB(const uint8_t* b) { return _mm512_loadu_si512(b); }
  PENUMBRA_LANE AVec BroadcastA(const uint8_t* a) {
    int32_t group;
    __builtin_memcpy(&group, a, sizeof(group));
    return _mm512_set1_epi32(group);
  }
};

// Inline assembly: with the intrinsics gcc 12 spills the accumulators, at half the speed.
struct ByteKernel : VnniLanes {
  PENUMBRA_LANE Acc MulAdd(Acc acc, AVec a, BVec b) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(a), "v"(b));
    return acc;
  }
};

struct WordKernel : VnniLanes {
  PENUMBRA_LANE Acc MulAdd(Acc acc, AVec a, BVec b) {
    __asm__("vpdpwssd %2, %1, %0" : "+v"(acc) : "v"(a), "v"(b));
    return acc;
  }
};

}  // namespace

void GemmU8S8(const GemmU8S8Job& job) { RunGemmU8S8<ByteKernel>(job); }
void GemmS16S16(const GemmS16Job& job) { RunGemmS16S16<WordKernel>(job); }

}  // namespace penumbra::PENUMBRA_ISA
