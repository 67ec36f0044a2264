// How the output of a convolution is cut into pieces of work.
#ifndef PENUMBRA_ACCEL_RESIDUES_STRIPS_H_
#define PENUMBRA_ACCEL_RESIDUES_STRIPS_H_

#include <cstdint>
#include <vector>

#include "boundary/geometry.h"

namespace penumbra::residues {

constexpr uint32_t DivideUp(uint32_t a, uint32_t b) { return (a + b - 1) / b; }

// Output rows `rows` of `samples` consecutive samples; several samples only as whole images.
struct Strip {
  uint32_t samples;
  RowRange rows;
};

struct PlacedStrip {
  uint32_t first_sample;
  Strip strip;
};

// Cuts `rows` of `batch` images of `out_h` rows into strips of at most `fitting` rows: several
// whole images together where they fit (never when out_h is 0), else equal strips, their number a multiple of `multiple`
// (for as many threads) if there are enough rows.
std::vector<PlacedStrip> CutStrips(uint32_t out_h, uint32_t batch, RowRange rows, uint32_t fitting,
                                   uint32_t multiple);

}  // namespace penumbra::residues

#endif  // PENUMBRA_ACCEL_RESIDUES_STRIPS_H_
