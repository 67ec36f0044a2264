// AVX-512 VNNI: tiles of sums that are reduced modulo the prime in registers.
#include "kernels/isa_extras.h"
#include "kernels/vnni_reduce.h"

namespace penumbra::PENUMBRA_ISA {

namespace {

constexpr size_t kGroupSize = 4;        // bytes of one depth group in a row of A
constexpr size_t kPanelGroupSize = 64;  // and in a panel
constexpr uint32_t kMaxTilePanels = 4;
constexpr uint32_t kMaxTileRows = 14;

// Rows of A and panels of B that one tile multiplies.
struct Tile {
  const uint8_t* a;
  const int8_t* b;
  uint8_t* out;
  uint32_t columns;      // of the panels' outputs, how many exist
  const int8_t* coming;  // panels that later tiles will use, fetched meanwhile
  uint32_t coming_count;
};

// ReduceInterleaved of kP accumulators, the rest zeros.
template <uint32_t kP>
PENUMBRA_LANE __m512i ReducePanels(const __m512i (&acc)[kP], const ModVectors& m) {
  const auto digits = [&m](__m512i sums) { return DotBytes(m.offset, sums, m.digits); };
  const __m512i zero = _mm512_setzero_si512();
  if constexpr (kP == 4) {
    return ReduceInterleaved(acc[0], acc[1], acc[2], acc[3], m);
  } else if constexpr (kP == 3) {
    return _mm512_packus_epi16(
        ReduceWords(_mm512_packus_epi32(digits(acc[0]), digits(acc[1])), m),
        ReduceWords(_mm512_packus_epi32(digits(acc[2]), zero), m));
  } else {
    const __m512i second = kP == 2 ? digits(acc[kP - 1]) : zero;
    return _mm512_packus_epi16(ReduceWords(_mm512_packus_epi32(digits(acc[0]), second), m), zero);
  }
}

// kR * kP accumulators, kP vectors of B and one of A fit the 32 registers.
template <uint32_t kP, uint32_t kR>
void RunTile(const ResidueGemmJob& job, const ModPlan& plan, const Tile& tile) {
  constexpr uint32_t kStep = 3;  // rows per base address: base, base + s, base + 2 s
  const size_t groups = (size_t{job.k} + 3) / 4;
  const size_t panel_size = groups * kPanelGroupSize;
  __m512i acc[kR][kP];
#pragma GCC unroll 16
  for (uint32_t r = 0; r < kR; ++r) {
#pragma GCC unroll 4
    for (uint32_t p = 0; p < kP; ++p) {
      acc[r][p] = _mm512_set1_epi32(static_cast<int32_t>(plan.origin));
    }
  }
  const uint8_t* base[(kR + kStep - 1) / kStep];
#pragma GCC unroll 16
  for (uint32_t r = 0; r < kR; r += kStep) base[r / kStep] = tile.a + r * job.a_stride;
  const int8_t* b = tile.b;
  const int8_t* coming = tile.coming;
  for (size_t group = 0; group < groups; ++group, b += kPanelGroupSize, coming += kPanelGroupSize) {
    for (uint32_t p = 0; p < tile.coming_count; ++p) {
      _mm_prefetch(reinterpret_cast<const char*>(coming + p * panel_size), _MM_HINT_T1);
    }
    __m512i weights[kP];
#pragma GCC unroll 4
    for (uint32_t p = 0; p < kP; ++p) weights[p] = _mm512_loadu_si512(b + p * panel_size);
#pragma GCC unroll 16
    for (uint32_t r = 0; r < kR; ++r) {
      int32_t four;
      __builtin_memcpy(&four, base[r / kStep] + r % kStep * job.a_stride + group * kGroupSize,
                       sizeof(four));
      const __m512i inputs = _mm512_set1_epi32(four);
#pragma GCC unroll 4
      for (uint32_t p = 0; p < kP; ++p) acc[r][p] = DotBytes(acc[r][p], inputs, weights[p]);
    }
  }
  const ModVectors m = Broadcast(plan);
  // ReduceInterleaved deals the panels' dwords out in turn; this collects them again.
  const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
  const __mmask64 mask = tile.columns >= 64 ? ~uint64_t{0} : (uint64_t{1} << tile.columns) - 1;
#pragma GCC unroll 16
  for (uint32_t r = 0; r < kR; ++r) {
    const __m512i bytes = ReducePanels<kP>(acc[r], m);
    const __m512i ordered = _mm512_permutexvar_epi32(order, Canonical(bytes, m));
    if (tile.columns == kMaxTilePanels * kPanelWidth) {
      _mm512_storeu_si512(tile.out + r * job.out_stride, ordered);
    } else {
      _mm512_mask_storeu_epi8(tile.out + r * job.out_stride, mask, ordered);
    }
  }
}

using TileFn = void (*)(const ResidueGemmJob& job, const ModPlan& plan, const Tile& tile);

// The most rows for each number of panels.
constexpr uint32_t kTileRows[kMaxTilePanels + 1] = {0, 14, 12, 8, 6};

template <uint32_t kP>
constexpr TileFn Pick(uint32_t rows) {
  constexpr TileFn kTiles[kMaxTileRows + 1] = {
      nullptr,
      RunTile<kP, 1>,
      RunTile<kP, 2>,
      RunTile<kP, 3>,
      RunTile<kP, 4>,
      RunTile<kP, 5>,
      RunTile<kP, 6>,
      kTileRows[kP] < 8 ? nullptr : RunTile<kP, kTileRows[kP] < 8 ? 1 : 7>,
      kTileRows[kP] < 8 ? nullptr : RunTile<kP, kTileRows[kP] < 8 ? 1 : 8>,
      kTileRows[kP] < 12 ? nullptr : RunTile<kP, kTileRows[kP] < 12 ? 1 : 9>,
      kTileRows[kP] < 12 ? nullptr : RunTile<kP, kTileRows[kP] < 12 ? 1 : 10>,
      kTileRows[kP] < 12 ? nullptr : RunTile<kP, kTileRows[kP] < 12 ? 1 : 11>,
      kTileRows[kP] < 12 ? nullptr : RunTile<kP, kTileRows[kP] < 12 ? 1 : 12>,
      kTileRows[kP] < 14 ? nullptr : RunTile<kP, kTileRows[kP] < 14 ? 1 : 13>,
      kTileRows[kP] < 14 ? nullptr : RunTile<kP, kTileRows[kP] < 14 ? 1 : 14>,
  };
  return kTiles[rows];
}

TileFn TileFor(uint32_t panels, uint32_t rows) {
  switch (panels) {
    case 1: return Pick<1>(rows);
    case 2: return Pick<2>(rows);
    case 3: return Pick<3>(rows);
    default: return Pick<4>(rows);
  }
}

// `total` in pieces of at most `most` that differ by at most one: how large piece `index` is.
struct Pieces {
  Pieces(uint32_t total, uint32_t most)
      : count((total + most - 1) / most), small(total / count), larger(total % count) {}
  uint32_t Size(uint32_t index) const { return small + (index < larger ? 1 : 0); }
  uint32_t count, small, larger;
};

// All rows for one set of panels, which stays in the cache meanwhile. Their tiles share the fetching of as many panels that
// follow in memory: the next set or the next product's weights. (Beyond the end a fetch does nothing.)
void RunPanels(const ResidueGemmJob& job, const ModPlan& plan, uint32_t panels, Tile tile) {
  const size_t panel_size = PanelSizeU8S8(job.k);
  const Pieces rows(job.rows, kTileRows[panels]);
  for (uint32_t i = 0; i < rows.count; ++i) {
    const uint32_t count = rows.Size(i);
    const uint32_t begin = panels * i / rows.count;
    tile.coming = tile.b + (panels + begin) * panel_size;
    tile.coming_count = panels * (i + 1) / rows.count - begin;
    TileFor(panels, count)(job, plan, tile);
    tile.a += count * job.a_stride;
    tile.out += count * job.out_stride;
  }
}

}  // namespace

void ResidueGemm(const ResidueGemmJob& job) {
  if (job.rows == 0 || job.n == 0) return;
  const ModPlan plan = PlanMod(job.prime);
  const size_t panel_size = PanelSizeU8S8(job.k);
  const Pieces sets((job.n + kPanelWidth - 1) / kPanelWidth, kMaxTilePanels);
  uint32_t panel = 0;
  for (uint32_t i = 0; i < sets.count; ++i) {
    const uint32_t panels = sets.Size(i), column = panel * kPanelWidth;
    const uint32_t rest = job.n - column, width = panels * kPanelWidth;
    RunPanels(job, plan, panels,
              {job.a, job.b_packed + panel * panel_size, job.out + column,
               rest < width ? rest : width, nullptr, 0});
    panel += panels;
  }
}

}  // namespace penumbra::PENUMBRA_ISA
