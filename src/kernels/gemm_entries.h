// The entry points over RunTiles, for a micro-kernel of each kind. For the gemm_<isa>.cc files
// only (isa.h).
#ifndef PENUMBRA_KERNELS_GEMM_ENTRIES_H_
#define PENUMBRA_KERNELS_GEMM_ENTRIES_H_

#include "kernels/gemm_f32.h"
#include "kernels/gemm_s16s16.h"
#include "kernels/gemm_tile.h"
#include "kernels/gemm_u8s8.h"
#include "kernels/lane_math.h"
#include "kernels/reduce_lanes.h"
#include "kernels/residue_gemm.h"

namespace penumbra::PENUMBRA_ISA {

// Finished tiles go to C as they are; sums that C already holds seed the accumulators.
template <typename T>
struct PlainSink {
  T* c;
  size_t c_stride;
  bool seeded;

  void Seed(const TilePlace& place, T* sums) const {
    for (uint32_t r = 0; r < place.row_count; ++r, sums += place.width) {
      const T* from = c + (place.row + r) * c_stride + place.column;
      for (uint32_t j = 0; j < place.width; ++j) sums[j] = j < place.column_count ? from[j] : T{0};
    }
  }
  void Put(const TilePlace& place, const T* sums) const {
    for (uint32_t r = 0; r < place.row_count; ++r, sums += place.width) {
      T* to = c + (place.row + r) * c_stride + place.column;
      uint32_t j = 0;
      for (; j + kPanelWidth <= place.column_count; j += kPanelWidth) {
        for (uint32_t i = 0; i < kPanelWidth; ++i) to[j + i] = Final(sums[j + i]);
      }
      for (; j < place.column_count; ++j) to[j] = Final(sums[j]);
    }
  }
  static float Final(float sum) { return OneNan(sum); }
  static int32_t Final(int32_t sum) { return sum; }
};

// s32 sums of a limited run of depths are added to s64.
struct WideSink {
  int64_t* c;
  size_t c_stride;
  bool add;
  static constexpr bool seeded = false;

  void Seed(const TilePlace&, int32_t*) const {}
  void Put(const TilePlace& place, const int32_t* sums) const {
    for (uint32_t r = 0; r < place.row_count; ++r, sums += place.width) {
      int64_t* to = c + (place.row + r) * c_stride + place.column;
      if (add) {
        for (uint32_t j = 0; j < place.column_count; ++j) to[j] += sums[j];
      } else {
        for (uint32_t j = 0; j < place.column_count; ++j) to[j] = sums[j];
      }
    }
  }
};

// Sums are reduced modulo a prime while the tile is still in the first-level cache.
struct ResidueSink {
  uint8_t* out;
  size_t stride;
  Reducer reducer;
  static constexpr bool seeded = false;

  void Seed(const TilePlace&, int32_t*) const {}
  void Put(const TilePlace& place, const int32_t* sums) const {
    for (uint32_t r = 0; r < place.row_count; ++r, sums += place.width) {
      uint8_t* to = out + (place.row + r) * stride + place.column;
      uint32_t j = 0;
      for (; j + kPanelWidth <= place.column_count; j += kPanelWidth) {
        PENUMBRA_INDEPENDENT
        for (uint32_t i = 0; i < kPanelWidth; ++i) to[j + i] = static_cast<uint8_t>(ReduceLane(sums[j + i], reducer));
      }
      for (; j < place.column_count; ++j) to[j] = static_cast<uint8_t>(ReduceLane(sums[j], reducer));
    }
  }
};

template <typename V>
static inline void RunResidueGemm(const ResidueGemmJob& job) {
  const size_t groups = (size_t{job.k} + 3) / 4;
  const TileJob tile = {job.a,  job.a_stride, reinterpret_cast<const uint8_t*>(job.b_packed),
                        groups * kPanelGroupSize, job.rows, job.n, groups};
  RunTiles<V>(tile, ResidueSink{job.out, job.out_stride, MakeReducer(job.prime)});
}

template <typename V>
static inline void RunGemmU8S8(const GemmU8S8Job& job) {
  const size_t groups = (size_t{job.k} + 3) / 4;
  const TileJob tile = {job.a,  job.a_stride, reinterpret_cast<const uint8_t*>(job.b_packed),
                        groups * kPanelGroupSize, job.rows, job.n, groups};
  RunTiles<V>(tile, PlainSink<int32_t>{job.out_c, job.c_stride, job.accumulate});
}

template <typename V>
static inline void RunGemmF32(const GemmF32Job& job) {
  const TileJob tile = {reinterpret_cast<const uint8_t*>(job.a),
                        job.a_stride * sizeof(float),
                        reinterpret_cast<const uint8_t*>(job.b_packed),
                        job.k * kPanelGroupSize,
                        job.rows,
                        job.n,
                        job.k};
  RunTiles<V>(tile, PlainSink<float>{job.out_c, job.c_stride, job.accumulate});
}

// s32 is exact for safe_pairs depth groups at a time.
template <typename V>
static inline void RunGemmS16S16(const GemmS16Job& job) {
  const size_t groups = (size_t{job.k} + 1) / 2;
  size_t first = 0;
  do {
    const size_t rest = groups - first;
    const TileJob tile = {reinterpret_cast<const uint8_t*>(job.a) + first * kGroupSize,
                          job.a_stride * sizeof(int16_t),
                          reinterpret_cast<const uint8_t*>(job.b_packed) + first * kPanelGroupSize,
                          groups * kPanelGroupSize,
                          job.rows,
                          job.n,
                          rest < job.safe_pairs ? rest : job.safe_pairs};
    RunTiles<V>(tile, WideSink{job.out_c, job.c_stride, job.accumulate || first != 0});
    first += tile.groups;
  } while (first < groups);
}

}  // namespace penumbra::PENUMBRA_ISA

#endif  // PENUMBRA_KERNELS_GEMM_ENTRIES_H_
