// aarch64 with dot product: SDOT wants both sides signed, so a - 128 is multiplied instead of a,
// and 128 * sum(b) is put back, as twice the dot product of b with 64, once per tile.
#include <arm_neon.h>

#include "kernels/gemm_entries.h"
#include "kernels/isa_extras.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

PENUMBRA_LANE int8x16_t Signed(const uint8_t* a) {
  uint32_t group;
  __builtin_memcpy(&group, a, sizeof(group));
  return vreinterpretq_s8_u32(vdupq_n_u32(group ^ 0x80808080u));
}

// sums: [kRows][16], start values in, results out.
template <uint32_t kRows>
void DotTile(const uint8_t* a, size_t a_stride, const uint8_t* b, size_t groups, int32_t* sums) {
  int32x4_t acc[kRows][4];
  int32x4_t half[4];
  for (uint32_t c = 0; c < 4; ++c) half[c] = vdupq_n_s32(0);
  for (uint32_t r = 0; r < kRows; ++r) {
    for (uint32_t c = 0; c < 4; ++c) acc[r][c] = vld1q_s32(sums + r * kPanelWidth + c * 4);
  }
  const int8x16_t sixty_four = vdupq_n_s8(64);
  for (size_t group = 0; group < groups; ++group) {
    int8x16_t bv[4];
    for (uint32_t c = 0; c < 4; ++c) {
      bv[c] = vreinterpretq_s8_u8(vld1q_u8(b + group * kPanelGroupSize + c * 16));
      half[c] = vdotq_s32(half[c], bv[c], sixty_four);
    }
    for (uint32_t r = 0; r < kRows; ++r) {
      const int8x16_t av = Signed(a + r * a_stride + group * kGroupSize);
      for (uint32_t c = 0; c < 4; ++c) acc[r][c] = vdotq_s32(acc[r][c], bv[c], av);
    }
  }
  for (uint32_t r = 0; r < kRows; ++r) {
    for (uint32_t c = 0; c < 4; ++c) {
      const int32x4_t sum = vaddq_s32(acc[r][c], vshlq_n_s32(half[c], 1));
      vst1q_s32(sums + r * kPanelWidth + c * 4, sum);
    }
  }
}

// Job: GemmU8S8Job or ResidueGemmJob, Sink: what takes its sums.
template <uint32_t kRows, typename Job, typename Sink>
void RunDotTile(const Job& job, const Sink& sink, uint32_t row, uint32_t column) {
  const uint32_t rest = job.n - column;
  const TilePlace place = {row, kRows, column, rest < kPanelWidth ? rest : kPanelWidth,
                           kPanelWidth};
  const size_t groups = (size_t{job.k} + 3) / 4;
  int32_t sums[kRows * kPanelWidth] = {};
  if (sink.seeded) sink.Seed(place, sums);
  DotTile<kRows>(job.a + row * job.a_stride, job.a_stride,
                 reinterpret_cast<const uint8_t*>(job.b_packed) +
                     column / kPanelWidth * groups * kPanelGroupSize,
                 groups, sums);
  sink.Put(place, sums);
}

template <typename Job, typename Sink>
void RunDotTiles(const Job& job, const Sink& sink) {
  for (uint32_t column = 0; column < job.n; column += kPanelWidth) {
    uint32_t row = 0;
    for (; row + 4 <= job.rows; row += 4) RunDotTile<4>(job, sink, row, column);
    for (; row < job.rows; ++row) RunDotTile<1>(job, sink, row, column);
  }
}

}  // namespace

void GemmU8S8(const GemmU8S8Job& job) {
  RunDotTiles(job, PlainSink<int32_t>{job.out_c, job.c_stride, job.accumulate});
}
void ResidueGemm(const ResidueGemmJob& job) {
  RunDotTiles(job, ResidueSink{job.out, job.out_stride, MakeReducer(job.prime)});
}

}  // namespace penumbra::PENUMBRA_ISA
