// AMX-INT8: tiles of 16 rows x 16 outputs; a panel of the packed layout is read as B tiles of 16
// depth groups without rearrangement.
#include <immintrin.h>

#include "kernels/gemm_entries.h"
#include "kernels/isa_extras.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

inline constexpr uint32_t kTileRows = 16;
inline constexpr uint32_t kTileGroups = 16;  // depth groups of one full tile

// The 64-byte operand of LDTILECFG, palette 1.
struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t column_size[16] = {};
  uint8_t rows[16] = {};
};

// Tiles: 0 sums; 1 A, 2 B for full depth; 3 A, 4 B for the rest of the depth.
TileConfig MakeConfig(uint32_t row_count, uint32_t rest_groups) {
  TileConfig config;
  const auto rows = static_cast<uint8_t>(row_count);
  const auto rest = static_cast<uint8_t>(rest_groups == 0 ? 1 : rest_groups);
  config.rows[0] = config.rows[1] = config.rows[3] = rows;
  config.rows[2] = kTileGroups;
  config.rows[4] = rest;
  config.column_size[0] = config.column_size[1] = config.column_size[2] = 64;
  config.column_size[3] = static_cast<uint16_t>(4 * rest);
  config.column_size[4] = 64;
  return config;
}

// sums: [row_count][16], start values in, results out. The tiles are configured.
void MultiplyTile(const uint8_t* a, size_t a_stride, const uint8_t* b, size_t groups,
                  int32_t* sums) {
  constexpr size_t kRowSize = kPanelWidth * sizeof(int32_t);
  _tile_loadd(0, sums, kRowSize);
  size_t group = 0;
  for (; group + kTileGroups <= groups; group += kTileGroups) {
    _tile_loadd(1, a + group * kGroupSize, a_stride);
    _tile_loadd(2, b + group * kPanelGroupSize, kPanelGroupSize);
    _tile_dpbusd(0, 1, 2);
  }
  if (group < groups) {
    _tile_loadd(3, a + group * kGroupSize, a_stride);
    _tile_loadd(4, b + group * kPanelGroupSize, kPanelGroupSize);
    _tile_dpbusd(0, 3, 4);
  }
  _tile_stored(0, sums, kRowSize);
}

void MultiplyRows(const GemmU8S8Job& job, uint32_t row, uint32_t row_count) {
  const PlainSink<int32_t> sink = {job.out_c, job.c_stride, job.accumulate};
  const size_t groups = (size_t{job.k} + 3) / 4;
  const TileConfig config = MakeConfig(row_count, static_cast<uint32_t>(groups % kTileGroups));
  _tile_loadconfig(&config);
  for (uint32_t column = 0; column < job.n; column += kPanelWidth) {
    const uint32_t rest = job.n - column;
    const TilePlace place = {row, row_count, column, rest < kPanelWidth ? rest : kPanelWidth,
                             kPanelWidth};
    alignas(64) int32_t sums[kTileRows * kPanelWidth] = {};
    if (job.accumulate) sink.Seed(place, sums);
    MultiplyTile(job.a + row * job.a_stride, job.a_stride,
                 reinterpret_cast<const uint8_t*>(job.b_packed) +
                     column / kPanelWidth * groups * kPanelGroupSize,
                 groups, sums);
    sink.Put(place, sums);
  }
}

}  // namespace

void GemmU8S8(const GemmU8S8Job& job) {
  for (uint32_t row = 0; row < job.rows; row += kTileRows) {
    const uint32_t rest = job.rows - row;
    MultiplyRows(job, row, rest < kTileRows ? rest : kTileRows);
  }
  _tile_release();
}

}  // namespace penumbra::PENUMBRA_ISA
