// AVX2: vpmaddubsw would saturate, so bytes are widened to s16 (even and odd depths apart) and
// multiplied with vpmaddwd, which is exact.
#include <immintrin.h>

#include "kernels/gemm_entries.h"
#include "kernels/isa_entries.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

PENUMBRA_LANE __m256i Broadcast32(const uint8_t* a) {
  int32_t group;
  __builtin_memcpy(&group, a, sizeof(group));
  return _mm256_set1_epi32(group);
}
PENUMBRA_LANE __m256i Load256(const uint8_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

struct IntegerLanes {
  static constexpr uint32_t kVectors = 2;
  using Acc = __m256i;
  using Element = int32_t;
  PENUMBRA_LANE Acc Zero() { return _mm256_setzero_si256(); }
  PENUMBRA_LANE Acc Load(const Element* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  PENUMBRA_LANE void Store(Acc acc, Element* out) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), acc);
  }
};

struct ByteKernel : IntegerLanes {
  static constexpr uint32_t kRows = 4;
  static constexpr uint32_t kPanels = 1;
  struct Halves {
    __m256i even, odd;
  };
  using AVec = Halves;
  using BVec = Halves;
  PENUMBRA_LANE BVec LoadB(const uint8_t* b) {
    const __m256i v = Load256(b);
    return {_mm256_srai_epi16(_mm256_slli_epi16(v, 8), 8), _mm256_srai_epi16(v, 8)};
  }
  PENUMBRA_LANE AVec BroadcastA(const uint8_t* a) {
    const __m256i v = Broadcast32(a);
    return {_mm256_and_si256(v, _mm256_set1_epi16(0xff)), _mm256_srli_epi16(v, 8)};
  }
  PENUMBRA_LANE Acc MulAdd(Acc acc, const AVec& a, const BVec& b) {
    acc = _mm256_add_epi32(acc, _mm256_madd_epi16(a.even, b.even));
    return _mm256_add_epi32(acc, _mm256_madd_epi16(a.odd, b.odd));
  }
};

struct WordKernel : IntegerLanes {
  static constexpr uint32_t kRows = 5;
  static constexpr uint32_t kPanels = 1;
  using AVec = __m256i;
  using BVec = __m256i;
  PENUMBRA_LANE BVec LoadB(const uint8_t* b) { return Load256(b); }
  PENUMBRA_LANE AVec BroadcastA(const uint8_t* a) { return Broadcast32(a); }
  PENUMBRA_LANE Acc MulAdd(Acc acc, AVec a, BVec b) {
    return _mm256_add_epi32(acc, _mm256_madd_epi16(a, b));
  }
};

struct FloatKernel {
  static constexpr uint32_t kVectors = 2;
  static constexpr uint32_t kRows = 6;
  static constexpr uint32_t kPanels = 1;
  using Acc = __m256;
  using AVec = __m256;
  using BVec = __m256;
  using Element = float;
  PENUMBRA_LANE Acc Zero() { return _mm256_setzero_ps(); }
  PENUMBRA_LANE Acc Load(const Element* p) { return _mm256_loadu_ps(p); }
  PENUMBRA_LANE void Store(Acc acc, Element* out) { _mm256_storeu_ps(out, acc); }
  PENUMBRA_LANE BVec LoadB(const uint8_t* b) {
    return _mm256_loadu_ps(reinterpret_cast<const float*>(b));
  }
  PENUMBRA_LANE AVec BroadcastA(const uint8_t* a) {
    return _mm256_castsi256_ps(Broadcast32(a));
  }
  PENUMBRA_LANE Acc MulAdd(Acc acc, AVec a, BVec b) { return _mm256_fmadd_ps(a, b, acc); }
};

}  // namespace

void GemmU8S8(const GemmU8S8Job& job) { RunGemmU8S8<ByteKernel>(job); }
void ResidueGemm(const ResidueGemmJob& job) { RunResidueGemm<ByteKernel>(job); }
void GemmS16S16(const GemmS16Job& job) { RunGemmS16S16<WordKernel>(job); }
void GemmF32(const GemmF32Job& job) { RunGemmF32<FloatKernel>(job); }

}  // namespace penumbra::PENUMBRA_ISA
