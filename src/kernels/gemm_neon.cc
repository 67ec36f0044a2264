// aarch64 baseline: u8 x s8 products fit s16 (at most 255 * 128) and are added pairwise to s32.
#include <arm_neon.h>

#include "kernels/gemm_entries.h"
#include "kernels/isa_entries.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

PENUMBRA_LANE uint32_t Group(const uint8_t* a) {
  uint32_t group;
  __builtin_memcpy(&group, a, sizeof(group));
  return group;
}

struct IntegerLanes {
  static constexpr uint32_t kVectors = 4;
  using Acc = int32x4_t;
  using Element = int32_t;
  PENUMBRA_LANE Acc Zero() { return vdupq_n_s32(0); }
  PENUMBRA_LANE Acc Load(const Element* p) { return vld1q_s32(p); }
  PENUMBRA_LANE void Store(Acc acc, Element* out) { vst1q_s32(out, acc); }
};

struct ByteKernel : IntegerLanes {
  static constexpr uint32_t kRows = 4;
  static constexpr uint32_t kPanels = 1;
  struct Halves {
    int16x8_t even, odd;
  };
  using AVec = Halves;
  using BVec = Halves;
  PENUMBRA_LANE BVec LoadB(const uint8_t* b) {
    const int16x8_t v = vreinterpretq_s16_u8(vld1q_u8(b));
    return {vshrq_n_s16(vshlq_n_s16(v, 8), 8), vshrq_n_s16(v, 8)};
  }
  PENUMBRA_LANE AVec BroadcastA(const uint8_t* a) {
    const uint16x8_t v = vreinterpretq_u16_u32(vdupq_n_u32(Group(a)));
    return {vreinterpretq_s16_u16(vandq_u16(v, vdupq_n_u16(0xff))),
            vreinterpretq_s16_u16(vshrq_n_u16(v, 8))};
  }
  PENUMBRA_LANE Acc MulAdd(Acc acc, const AVec& a, const BVec& b) {
    acc = vpadalq_s16(acc, vmulq_s16(a.even, b.even));
    return vpadalq_s16(acc, vmulq_s16(a.odd, b.odd));
  }
};

struct WordKernel : IntegerLanes {
  static constexpr uint32_t kRows = 4;
  static constexpr uint32_t kPanels = 1;
  using AVec = int16x4_t;
  using BVec = int16x8_t;
  PENUMBRA_LANE BVec LoadB(const uint8_t* b) { return vreinterpretq_s16_u8(vld1q_u8(b)); }
  PENUMBRA_LANE AVec BroadcastA(const uint8_t* a) {
    return vreinterpret_s16_u32(vdup_n_u32(Group(a)));
  }
  PENUMBRA_LANE Acc MulAdd(Acc acc, AVec a, BVec b) {
    const int32x4_t low = vmull_s16(a, vget_low_s16(b));
    const int32x4_t high = vmull_s16(a, vget_high_s16(b));
    return vaddq_s32(acc, vpaddq_s32(low, high));
  }
};

struct FloatKernel {
  static constexpr uint32_t kVectors = 4;
  static constexpr uint32_t kRows = 5;
  static constexpr uint32_t kPanels = 1;
  using Acc = float32x4_t;
  using AVec = float32x4_t;
  using BVec = float32x4_t;
  using Element = float;
  PENUMBRA_LANE Acc Zero() { return vdupq_n_f32(0.0f); }
  PENUMBRA_LANE Acc Load(const Element* p) { return vld1q_f32(p); }
  PENUMBRA_LANE void Store(Acc acc, Element* out) { vst1q_f32(out, acc); }
  PENUMBRA_LANE BVec LoadB(const uint8_t* b) { return vreinterpretq_f32_u8(vld1q_u8(b)); }
  PENUMBRA_LANE AVec BroadcastA(const uint8_t* a) {
    return vreinterpretq_f32_u32(vdupq_n_u32(Group(a)));
  }
  PENUMBRA_LANE Acc MulAdd(Acc acc, AVec a, BVec b) { return vfmaq_f32(acc, a, b); }
};

}  // namespace

void GemmU8S8(const GemmU8S8Job& job) { RunGemmU8S8<ByteKernel>(job); }
void ResidueGemm(const ResidueGemmJob& job) { RunResidueGemm<ByteKernel>(job); }
void GemmS16S16(const GemmS16Job& job) { RunGemmS16S16<WordKernel>(job); }
void GemmF32(const GemmF32Job& job) { RunGemmF32<FloatKernel>(job); }

}  // namespace penumbra::PENUMBRA_ISA
