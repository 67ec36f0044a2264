// How projections are cut into blocks of pixels and rows that stay in registers. For the project_<isa>.cc files only (isa.h).
#ifndef PENUMBRA_KERNELS_PROJECT_ROWS_H_
#define PENUMBRA_KERNELS_PROJECT_ROWS_H_

#include <cstdint>

#include "kernels/isa.h"
#include "kernels/project.h"

namespace penumbra::PENUMBRA_ISA {

// `Blocks` has kPixelCount and kRowCount of its largest block, and Run<rows, pixels>(job, first pixel, first row). The last block of
// pixels starts earlier instead of being shorter; its first sums are written twice with the same values.
template <typename Blocks, uint32_t kRows>
PENUMBRA_LANE void ProjectPixels(const ProjectJob& job, uint32_t row) {
  constexpr uint32_t kPixels = Blocks::kPixelCount;
  if (job.pixels < kPixels) {
    for (uint32_t i = 0; i < job.pixels; ++i) Blocks::template Run<kRows, 1>(job, i, row);
    return;
  }
  for (uint32_t i = 0; i < job.pixels; i += kPixels) {
    Blocks::template Run<kRows, kPixels>(job, i + kPixels <= job.pixels ? i : job.pixels - kPixels, row);
  }
}

// The rows that are left, up to kRows of them.
template <typename Blocks, uint32_t kRows>
PENUMBRA_LANE void ProjectLast(const ProjectJob& job, uint32_t row) {
  if (job.projections - row >= kRows) return ProjectPixels<Blocks, kRows>(job, row);
  if constexpr (kRows > 1) ProjectLast<Blocks, kRows - 1>(job, row);
}

template <typename Blocks>
PENUMBRA_LANE void ProjectBlocks(const ProjectJob& job) {
  for (uint32_t row = 0; row < job.projections; row += Blocks::kRowCount) ProjectLast<Blocks, Blocks::kRowCount>(job, row);
}

}  // namespace penumbra::PENUMBRA_ISA

#endif  // PENUMBRA_KERNELS_PROJECT_ROWS_H_
