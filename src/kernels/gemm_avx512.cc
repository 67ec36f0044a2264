// AVX-512 without VNNI: as gemm_avx2.cc, twice as wide.
#include <immintrin.h>

#include "kernels/gemm_entries.h"
#include "kernels/isa_entries.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

PENUMBRA_LANE __m512i Broadcast32(const uint8_t* a) {
  int32_t group;
  __builtin_memcpy(&group, a, sizeof(group));
  return _mm512_set1_epi32(group);
}

struct IntegerLanes {
  static constexpr uint32_t kVectors = 1;
  using Acc = __m512i;
  using Element = int32_t;
  PENUMBRA_LANE Acc Zero() { return _mm512_setzero_si512(); }
  PENUMBRA_LANE Acc Load(const Element* p) { return _mm512_loadu_si512(p); }
  PENUMBRA_LANE void Store(Acc acc, Element* out) { _mm512_storeu_si512(out, acc); }
};

struct ByteKernel : IntegerLanes {
  static constexpr uint32_t kRows = 8;
  static constexpr uint32_t kPanels = 2;
  struct Halves {
    __m512i even, odd;
  };
  using AVec = Halves;
  using BVec = Halves;
  PENUMBRA_LANE BVec LoadB(const uint8_t* b) {
    const __m512i v = _mm512_loadu_si512(b);
    return {_mm512_srai_epi16(_mm512_slli_epi16(v, 8), 8), _mm512_srai_epi16(v, 8)};
  }
  PENUMBRA_LANE AVec BroadcastA(const uint8_t* a) {
    const __m512i v = Broadcast32(a);
    return {_mm512_and_si512(v, _mm512_set1_epi16(0xff)), _mm512_srli_epi16(v, 8)};
  }
  PENUMBRA_LANE Acc MulAdd(Acc acc, const AVec& a, const BVec& b) {
    acc = _mm512_add_epi32(acc, _mm512_madd_epi16(a.even, b.even));
    return _mm512_add_epi32(acc, _mm512_madd_epi16(a.odd, b.odd));
  }
};

struct WordKernel : IntegerLanes {
  static constexpr uint32_t kRows = 6;
  static constexpr uint32_t kPanels = 4;
  using AVec = __m512i;
  using BVec = __m512i;
  PENUMBRA_LANE BVec LoadB(const uint8_t* b) { return _mm512_loadu_si512(b); }
  PENUMBRA_LANE AVec BroadcastA(const uint8_t* a) { return Broadcast32(a); }
  PENUMBRA_LANE Acc MulAdd(Acc acc, AVec a, BVec b) {
    return _mm512_add_epi32(acc, _mm512_madd_epi16(a, b));
  }
};

struct FloatKernel {
  static constexpr uint32_t kVectors = 1;
  static constexpr uint32_t kRows = 6;
  static constexpr uint32_t kPanels = 4;
  using Acc = __m512;
  using AVec = __m512;
  using BVec = __m512;
  using Element = float;
  PENUMBRA_LANE Acc Zero() { return _mm512_setzero_ps(); }
  PENUMBRA_LANE Acc Load(const Element* p) { return _mm512_loadu_ps(p); }
  PENUMBRA_LANE void Store(Acc acc, Element* out) { _mm512_storeu_ps(out, acc); }
  PENUMBRA_LANE BVec LoadB(const uint8_t* b) { return _mm512_loadu_ps(b); }
  PENUMBRA_LANE AVec BroadcastA(const uint8_t* a) { return _mm512_castsi512_ps(Broadcast32(a)); }
  PENUMBRA_LANE Acc MulAdd(Acc acc, AVec a, BVec b) { return _mm512_fmadd_ps(a, b, acc); }
};

}  // namespace

void GemmU8S8(const GemmU8S8Job& job) { RunGemmU8S8<ByteKernel>(job); }
void ResidueGemm(const ResidueGemmJob& job) { RunResidueGemm<ByteKernel>(job); }
void GemmS16S16(const GemmS16Job& job) { RunGemmS16S16<WordKernel>(job); }
void GemmF32(const GemmF32Job& job) { RunGemmF32<FloatKernel>(job); }

}  // namespace penumbra::PENUMBRA_ISA
