// How a residue convolution is computed: by estimated cost, so that the choice is the same on every run and can be explained.
#ifndef PENUMBRA_ACCEL_RESIDUES_METHOD_H_
#define PENUMBRA_ACCEL_RESIDUES_METHOD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "boundary/geometry.h"
#include "kernels/dispatch.h"

namespace penumbra::residues {

// What parts of the work cost on one core, in cycles (residues_bench).
struct MethodCosts {
  double product;        // 16 outputs times 4 depths
  double reduction;      // of 64 outputs
  double input4;         // transform of one tile with 4 x 4 outputs, 64 channels
  double output4;
  double line;           // 64 channels of one row of a larger tile's transform, per dimension
  double weight;         // a byte of weights that the second-level cache cannot hold
};
const MethodCosts& CostsOf(Isa isa);

// One group. Winograd tiles of out x out outputs; 0: a matrix product over the input's windows.
struct Method {
  uint32_t out;
  double cycles;  // estimated, one prime
};
Method EstimateProduct(const MethodCosts& costs, const ConvGeometry& g);
Method EstimateWinograd(const MethodCosts& costs, const ConvGeometry& g, uint32_t out);  // WinogradServes(g)
// All that serve.
std::vector<Method> EstimateMethods(const MethodCosts& costs, const ConvGeometry& g);
// The cheapest that serves.
Method ChooseMethod(const MethodCosts& costs, const ConvGeometry& g);

inline constexpr const char* kProductName = "matrix product over windows";
std::string WinogradName(uint32_t out);

// Bytes of transformed inputs of one strip: read once per set of panels, in the second-level cache beside the products (2.3 kB
// per tile of 4 x 4) and one position's panels.
inline constexpr uint64_t kWinogradInputSize = uint64_t{512} << 10;
// A layer whose inputs take no more is one strip: its weights, which are many then, are read once.
inline constexpr uint64_t kLargestWinogradInputSize = uint64_t{1} << 20;
// Rows of tiles in one strip when there are `tile_rows` in all.
uint32_t WinogradStripRows(const ConvGeometry& g, uint32_t out, uint32_t tile_rows);

}  // namespace penumbra::residues

#endif  // PENUMBRA_ACCEL_RESIDUES_METHOD_H_
