// Secret projections, the arithmetic of the checks on replies (docs/integrity.md; Slalom, ICLR 2019, section 3): dot
// products of runs of residues with a few rows at once, and the projected weights themselves. Sums are exact in 32 bits
// within the limits below. Any thread.
#ifndef PENUMBRA_KERNELS_PROJECT_H_
#define PENUMBRA_KERNELS_PROJECT_H_

#include <cstddef>
#include <cstdint>

namespace penumbra {

// One contiguous run of every pixel's window, and the part of a projection it meets.
struct ProjectRun {
  const uint8_t* x;  // of the first pixel; of pixel i at x + i * pixel_stride
  const int8_t* t;   // of projection 0; of projection j at t + j * projection_stride
};

// sums[i][j] = sum over runs r and c < length of x_r[i][c] * t_r[j][c]. Exact while run_count * length <= 67371 and
// |t| <= 125. Nothing beyond `length` is read.
struct ProjectJob {
  const ProjectRun* runs;
  uint32_t run_count;
  uint32_t length;
  size_t pixel_stride, projection_stride;
  uint32_t pixels, projections;
  int32_t* sums;  // [pixels][projections], overwritten
};

// sums[c] += sum over o < count of factors[o] * rows[o][c], c < length. Exact while |sums| before stays below 128 and
// count * |factor| <= 65535 * 125.
struct CombineJob {
  const int8_t* rows;  // row o at rows + o * stride
  size_t stride;
  const int8_t* factors;  // [count], |factor| <= 125
  uint32_t count, length;
  int32_t* sums;
};

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_PROJECT_H_
