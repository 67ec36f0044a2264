// The matrix product shared by all element types and instruction sets. A panel is a run of depth
// groups of 64 bytes (16 outputs x 4 bytes), a row of A a run of groups of 4 bytes; a micro-kernel V
// says how one group of A meets one vector of a panel. For the gemm_<isa>.cc files only (isa.h).
//
// V provides: kVectors (vectors per panel), kRows, kPanels (largest tile), Acc, AVec, BVec,
//   Element, Zero(), Load(const Element*), Store(Acc, Element*), LoadB(const uint8_t*),
//   BroadcastA(const uint8_t*), MulAdd(Acc, AVec, BVec).
#ifndef PENUMBRA_KERNELS_GEMM_TILE_H_
#define PENUMBRA_KERNELS_GEMM_TILE_H_

#include <cstddef>
#include <cstdint>

#include "kernels/gemm_u8s8.h"
#include "kernels/isa.h"

namespace penumbra::PENUMBRA_ISA {

inline constexpr size_t kGroupSize = 4;         // bytes of one depth group in a row of A
inline constexpr size_t kPanelGroupSize = 64;   // and in a panel

// One product in bytes, whatever the elements.
struct TileJob {
  const uint8_t* a;
  size_t a_stride_size;
  const uint8_t* b;
  size_t panel_size;
  uint32_t rows, n;
  size_t groups;
};

// Where a tile of sums stands in C.
struct TilePlace {
  uint32_t row, row_count;
  uint32_t column, column_count;
  uint32_t width;  // row stride of the tile
};

// sums: [kR][kP * 16], dense; the start values when `seeded`, else written only.
template <typename V, uint32_t kR, uint32_t kP>
static inline void MicroTile(const uint8_t* a, size_t a_stride_size, const uint8_t* b,
                             size_t panel_size, size_t groups, bool seeded,
                             typename V::Element* sums) {
  constexpr uint32_t kColumns = kP * V::kVectors;
  constexpr size_t kVectorSize = kPanelGroupSize / V::kVectors;
  constexpr uint32_t kLanes = kPanelWidth / V::kVectors;
  typename V::Acc acc[kR][kColumns];
#pragma GCC unroll 16
  for (uint32_t r = 0; r < kR; ++r) {
#pragma GCC unroll 16
    for (uint32_t c = 0; c < kColumns; ++c) {
      acc[r][c] = seeded ? V::Load(sums + (r * kColumns + c) * kLanes) : V::Zero();
    }
  }
  for (size_t group = 0; group < groups; ++group) {
    typename V::BVec bv[kColumns];
#pragma GCC unroll 16
    for (uint32_t c = 0; c < kColumns; ++c) {
      bv[c] = V::LoadB(b + c / V::kVectors * panel_size + group * kPanelGroupSize +
                       c % V::kVectors * kVectorSize);
    }
#pragma GCC unroll 16
    for (uint32_t r = 0; r < kR; ++r) {
      const typename V::AVec av = V::BroadcastA(a + r * a_stride_size + group * kGroupSize);
#pragma GCC unroll 16
      for (uint32_t c = 0; c < kColumns; ++c) acc[r][c] = V::MulAdd(acc[r][c], av, bv[c]);
    }
  }
#pragma GCC unroll 16
  for (uint32_t r = 0; r < kR; ++r) {
#pragma GCC unroll 16
    for (uint32_t c = 0; c < kColumns; ++c) {
      V::Store(acc[r][c], sums + (r * kColumns + c) * kLanes);
    }
  }
}

template <typename V, uint32_t kR, uint32_t kP, typename Sink>
static inline void RunTile(const TileJob& job, const uint8_t* b, const TilePlace& place,
                           const Sink& sink) {
  alignas(64) typename V::Element sums[kR * kP * kPanelWidth];
  if (sink.seeded) sink.Seed(place, sums);
  MicroTile<V, kR, kP>(job.a + place.row * job.a_stride_size, job.a_stride_size, b, job.panel_size,
                       job.groups, sink.seeded, sums);
  sink.Put(place, sums);
}

// Rows first within one strip of panels, so that the strip stays in the cache. The sink provides
// seeded, Seed(place, sums) and Put(place, sums).
template <typename V, uint32_t kP, typename Sink>
static inline void RunStrip(const TileJob& job, uint32_t column, const Sink& sink) {
  constexpr uint32_t kWidth = kP * kPanelWidth;
  const uint8_t* b = job.b + column / kPanelWidth * job.panel_size;
  const uint32_t rest = job.n - column;
  const uint32_t column_count = rest < kWidth ? rest : kWidth;
  uint32_t row = 0;
  for (; row + V::kRows <= job.rows; row += V::kRows) {
    RunTile<V, V::kRows, kP>(job, b, {row, V::kRows, column, column_count, kWidth}, sink);
  }
  // What is left takes as few walks over the strip as it can.
  if constexpr (V::kRows > 4) {
    for (; row + 4 <= job.rows; row += 4) RunTile<V, 4, kP>(job, b, {row, 4, column, column_count, kWidth}, sink);
  }
  if constexpr (V::kRows > 2) {
    for (; row + 2 <= job.rows; row += 2) RunTile<V, 2, kP>(job, b, {row, 2, column, column_count, kWidth}, sink);
  }
  for (; row < job.rows; ++row) {
    RunTile<V, 1, kP>(job, b, {row, 1, column, column_count, kWidth}, sink);
  }
}

template <typename V, typename Sink>
static inline void RunTiles(const TileJob& job, const Sink& sink) {
  uint32_t column = 0;
  if constexpr (V::kPanels > 1) {
    for (; column + (V::kPanels - 1) * kPanelWidth < job.n; column += V::kPanels * kPanelWidth) {
      RunStrip<V, V::kPanels>(job, column, sink);
    }
  }
  for (; column < job.n; column += kPanelWidth) RunStrip<V, 1>(job, column, sink);
}

}  // namespace penumbra::PENUMBRA_ISA

#endif  // PENUMBRA_KERNELS_GEMM_TILE_H_
