#include "accel/residues/strips.h"

#include <algorithm>

namespace penumbra::residues {

std::vector<PlacedStrip> CutStrips(uint32_t out_h, uint32_t batch, RowRange rows, uint32_t fitting,
                                   uint32_t multiple) {
  const uint32_t row_count = rows.end - rows.begin;
  std::vector<PlacedStrip> strips;
  // Small images: weights are read once for several.
  if (row_count == out_h && fitting >= 2 * row_count && batch > 1) {
    const uint32_t samples = std::min(batch, fitting / row_count);
    for (uint32_t s = 0; s < batch; s += samples) {
      strips.push_back({s, {std::min(samples, batch - s), rows}});
    }
    return strips;
  }
  const uint32_t count = DivideUp(DivideUp(row_count, fitting), multiple) * multiple;
  const uint32_t height = DivideUp(row_count, std::min(count, row_count));
  for (uint32_t s = 0; s < batch; ++s) {
    for (uint32_t row = rows.begin; row < rows.end; row += height) {
      strips.push_back({s, {1, {row, std::min(row + height, rows.end)}}});
    }
  }
  return strips;
}

}  // namespace penumbra::residues
