// The windows of a convolution's output pixels as rows of a matrix of bytes.
#ifndef PENUMBRA_ACCEL_RESIDUES_WINDOW_MATRIX_H_
#define PENUMBRA_ACCEL_RESIDUES_WINDOW_MATRIX_H_

#include <cstddef>
#include <cstdint>

#include "boundary/geometry.h"

namespace penumbra::residues {

// LayOutWindows writes up to this many bytes beyond the matrix.
inline constexpr size_t kWindowSlack = 64;

// image: [in_h, in_w, in_c], one group. out: one row of `row_size` >= FilterLength bytes for every
// output pixel of `rows`, taps in the order of OHWI weights, padding as zeros; bytes beyond the
// filter hold anything. scratch: kernel_h pointers. The trusted half's Im2Row means the same; this
// one is fast on short kernel rows (a first layer with three channels).
void LayOutWindows(const ConvGeometry& g, const uint8_t* image, RowRange rows, size_t row_size,
                   const uint8_t** scratch, uint8_t* out);

}  // namespace penumbra::residues

#endif  // PENUMBRA_ACCEL_RESIDUES_WINDOW_MATRIX_H_
