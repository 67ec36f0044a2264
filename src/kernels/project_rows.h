// How projections are cut into blocks of pixels and rows that stay in registers. For the project_<isa>.cc files only (isa.h).
#ifndef PENUMBRA_KERNELS_PROJECT_ROWS_H_
#define PENUMBRA_KERNELS_PROJECT_ROWS_H_

#include <cstdint>

#include "kernels/isa.h"
#include "kernels/project.h"

namespace penumbra::PENUMBRA_ISA {

// Block::Run<rows, pixels>(job, first pixel, first row) does at most kPixels pixels. The last block starts earlier instead of being
// shorter; its first sums are written twice with the same values.
template <typename Block, uint32_t kPixels, uint32_t kRows>
PENUMBRA_LANE void ProjectPixels(const ProjectJob& job, uint32_t row) {
  if (job.pixels < kPixels) {
    for (uint32_t i = 0; i < job.pixels; ++i) Block::template Run<kRows, 1>(job, i, row);
    return;
  }
  for (uint32_t i = 0; i < job.pixels; i += kPixels) {
    Block::template Run<kRows, kPixels>(job, i + kPixels <= job.pixels ? i : job.pixels - kPixels, row);
  }
}

// The rows that are left, up to kRows of them.
template <typename Block, uint32_t kPixels, uint32_t kRows>
PENUMBRA_LANE void ProjectLast(const ProjectJob& job, uint32_t row) {
  if (job.projections - row >= kRows) return ProjectPixels<Block, kPixels, kRows>(job, row);
  if constexpr (kRows > 1) ProjectLast<Block, kPixels, kRows - 1>(job, row);
}

template <typename Block, uint32_t kPixels, uint32_t kMaxRows>
PENUMBRA_LANE void ProjectBlocks(const ProjectJob& job) {
  for (uint32_t row = 0; row < job.projections; row += kMaxRows) ProjectLast<Block, kPixels, kMaxRows>(job, row);
}

}  // namespace penumbra::PENUMBRA_ISA

#endif  // PENUMBRA_KERNELS_PROJECT_ROWS_H_
