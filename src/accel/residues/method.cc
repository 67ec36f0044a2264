#include "accel/residues/method.h"

#include <algorithm>

#include "accel/residues/strips.h"
#include "kernels/winograd_conv.h"

namespace penumbra::residues {
namespace {

constexpr MethodCosts kVnniCosts = {1.0, 8, 650, 750, 17, 0.07};
// Vectors of 32 bytes, products by way of 16 bits.
constexpr MethodCosts kPlainCosts = {3.3, 60, 12000, 9000, 320, 0.1};

constexpr uint64_t kSecondLevelSize = uint64_t{1} << 20;

// Fewer rows than this take as long: every weight is loaded for little work, and sums wait for one another.
constexpr uint64_t kFewestRows = 4;

constexpr uint32_t Blocks(uint32_t channels) { return DivideUp(channels, kWinogradBlock); }

double ProductCycles(const MethodCosts& costs, uint64_t row_count, uint32_t n, uint32_t k) {
  const auto rows = static_cast<double>(std::max(row_count, kFewestRows));
  const double products = rows * DivideUp(n, kPanelWidth) * DivideUp(k, 4);
  return products * costs.product + rows * Blocks(n) * costs.reduction;
}

double WeightCycles(const MethodCosts& costs, uint64_t size, uint64_t passes) {
  return size > kSecondLevelSize ? static_cast<double>(size * passes) * costs.weight : 0;
}

}  // namespace

const MethodCosts& CostsOf(Isa isa) {
  return isa == Isa::kAvx512Vnni || isa == Isa::kAmx ? kVnniCosts : kPlainCosts;
}

uint32_t WinogradStripRows(const ConvGeometry& g, uint32_t out, uint32_t tile_rows) {
  const uint64_t row_size = uint64_t{WinogradTiles(g, out, 1)} * WinogradPositions(out) * WinogradTileSize(g);
  const uint64_t size = tile_rows * row_size <= kLargestWinogradInputSize ? kLargestWinogradInputSize : kWinogradInputSize;
  return static_cast<uint32_t>(std::max<uint64_t>(1, size / row_size));
}

Method EstimateProduct(const MethodCosts& costs, const ConvGeometry& g) {
  const auto k = static_cast<uint32_t>(FilterLength(g));
  const uint64_t pixels = uint64_t{g.out_h} * g.out_w;
  return {0, ProductCycles(costs, pixels, g.out_c, k) + WeightCycles(costs, PackedSizeU8S8(g.out_c, k), 1)};
}

Method EstimateWinograd(const MethodCosts& costs, const ConvGeometry& g, uint32_t out) {
  const uint32_t in = WinogradIn(out), tile_rows = DivideUp(g.out_h, out);
  const double tiles = WinogradTiles(g, out, g.out_h);
  const double input = out == kWinogradMinOut ? costs.input4 : 2 * in * in * costs.line;
  const double output = out == kWinogradMinOut ? costs.output4 : (in * out + out * out) * costs.line;
  const double transforms = tiles * (Blocks(g.in_c) * input + Blocks(g.out_c) * output);
  const double products = WinogradPositions(out) * ProductCycles(costs, static_cast<uint64_t>(tiles), g.out_c, g.in_c);
  const uint32_t strips = DivideUp(tile_rows, WinogradStripRows(g, out, tile_rows));
  return {out, transforms + products +
                   WeightCycles(costs, WinogradPackedSize(out, g.out_c, g.in_c), strips)};
}

std::vector<Method> EstimateMethods(const MethodCosts& costs, const ConvGeometry& g) {
  std::vector<Method> methods{EstimateProduct(costs, g)};
  if (!WinogradServes(g)) return methods;
  for (uint32_t out = kWinogradMinOut; out <= kWinogradMaxOut; ++out) {
    methods.push_back(EstimateWinograd(costs, g, out));
  }
  return methods;
}

Method ChooseMethod(const MethodCosts& costs, const ConvGeometry& g) {
  return std::ranges::min(EstimateMethods(costs, g), {}, &Method::cycles);
}

std::string WinogradName(uint32_t out) {
  return "exact Winograd, tiles of " + std::to_string(out) + "x" + std::to_string(out);
}

}  // namespace penumbra::residues
