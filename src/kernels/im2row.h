// Lays the input windows of a run of output pixels out as rows of a matrix, for the GEMMs.
// Tensors are channel-last [h][w][c]; depth order [kernel_h][kernel_w][in_c / groups] matches OHWI
// weights. Any thread.
#ifndef PENUMBRA_KERNELS_IM2ROW_H_
#define PENUMBRA_KERNELS_IM2ROW_H_

#include <cstddef>
#include <cstdint>

#include "boundary/geometry.h"

namespace penumbra {

// Input rows of one sample, wherever their tiles lie. rows[y - first_row] is image row y
// ([in_w][in_c] elements), or null for a row of padding. Rows outside the image are padding
// whatever the table says; rows inside it that a window reads must be covered by the table.
struct RowTable {
  const void* const* rows;
  int32_t first_row;
  uint32_t row_count;
};

struct Im2RowJob {
  const ConvGeometry* geometry;
  RowTable input;
  uint32_t element_size;   // bytes: 1, 2 or 4
  uint32_t padding;        // bit pattern of a padding element (low element_size bytes)
  uint32_t group;          // in [0, groups)
  uint32_t out_row;        // output pixels [out_column_begin, out_column_end) of this row
  uint32_t out_column_begin, out_column_end;
  void* out_matrix;        // [pixels][FilterLength] elements; bytes up to a multiple of 4 zeroed
  size_t out_stride_size;  // bytes from row to row, >= FilterLength * element_size rounded up to 4
};

// True when the matrix is the input itself (1x1, stride 1, no padding, one group): row y of the
// input is rows of the matrix with stride in_c, and need not be copied.
constexpr bool Im2RowIsIdentity(const ConvGeometry& g) {
  return g.kernel_h == 1 && g.kernel_w == 1 && g.stride_h == 1 && g.stride_w == 1 &&
         g.groups == 1 && g.pad_top == 0 && g.pad_left == 0;
}

// Bytes of one matrix row, rounded up to a multiple of 4.
constexpr size_t Im2RowStrideSize(const ConvGeometry& g, uint32_t element_size) {
  return (static_cast<size_t>(FilterLength(g)) * element_size + 3) / 4 * 4;
}

void Im2Row(const Im2RowJob& job);

// The windows of a run of pixels that may span rows of the output.
struct WindowJob {
  const ConvGeometry* geometry;
  RowTable input;
  uint32_t element_size, padding, group;  // as in Im2RowJob
  uint32_t first_row;                     // output row that pixel 0 stands in
  void* matrix;                           // as Im2RowJob::out_matrix, for the largest run
  size_t stride_size;
};
struct WindowMatrix {
  const void* rows;
  size_t stride_size;
};
// The windows of pixels [first, first + count), counted from the start of first_row: in job.matrix, or, where
// they stand in the input one after the other, right there.
WindowMatrix MakeWindows(const WindowJob& job, uint32_t first, uint32_t count);
// The same, always in job.matrix.
void CopyWindows(const WindowJob& job, uint32_t first, uint32_t count);

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_IM2ROW_H_
