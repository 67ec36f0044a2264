// The packed weight layouts: every depth group of a panel is 64 bytes, 16 outputs of 4 bytes each.
#include "kernels/gemm_f32.h"
#include "kernels/gemm_s16s16.h"
#include "kernels/gemm_u8s8.h"

#include <cstring>

namespace penumbra {

namespace {

constexpr size_t kWordSize = 4;  // one depth group of one output
constexpr size_t kSquare = 4;    // words on a side of what is transposed at once
constexpr size_t kBlockGroups = 64 / kWordSize;
using Words = uint32_t __attribute__((vector_size(kSquare * kWordSize)));

// Four groups of four outputs: rows of words to columns.
inline void TransposeSquare(const uint8_t* rows, size_t row_size, uint8_t* out) {
  Words r[kSquare];
  for (size_t i = 0; i < kSquare; ++i) std::memcpy(&r[i], rows + i * row_size, sizeof(Words));
  const Words low_even = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5);
  const Words high_even = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
  const Words low_odd = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5);
  const Words high_odd = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
  const Words columns[kSquare] = {__builtin_shufflevector(low_even, low_odd, 0, 1, 4, 5),
                                  __builtin_shufflevector(low_even, low_odd, 2, 3, 6, 7),
                                  __builtin_shufflevector(high_even, high_odd, 0, 1, 4, 5),
                                  __builtin_shufflevector(high_even, high_odd, 2, 3, 6, 7)};
  for (size_t g = 0; g < kSquare; ++g) std::memcpy(out + g * kPanelWidth * kWordSize, &columns[g], sizeof(Words));
}

// `groups` (a multiple of kSquare) whole groups of a whole panel, one cache line of every row at a time.
void TransposeWords(const uint8_t* rows, size_t row_size, size_t groups, uint8_t* out) {
  for (size_t first = 0; first < groups; first += kBlockGroups) {
    const size_t end = groups - first < kBlockGroups ? groups : first + kBlockGroups;
    for (size_t j = 0; j < kPanelWidth; j += kSquare) {
      for (size_t g = first; g < end; g += kSquare) {
        TransposeSquare(rows + j * row_size + g * kWordSize, row_size, out + (g * kPanelWidth + j) * kWordSize);
      }
    }
  }
}

// kDepth: depths per group.
template <typename T, uint32_t kDepth>
void Pack(const T* weights, uint32_t n, uint32_t k, T* out_packed) {
  static_assert(sizeof(T) * kDepth == kWordSize);
  for (uint32_t panel = 0; panel < n; panel += kPanelWidth) {
    const size_t whole = n - panel < kPanelWidth ? 0 : k / kDepth / kSquare * kSquare;
    TransposeWords(reinterpret_cast<const uint8_t*>(weights + size_t{panel} * k), size_t{k} * sizeof(T), whole,
                   reinterpret_cast<uint8_t*>(out_packed));
    out_packed += whole * kPanelWidth * kDepth;
    for (size_t depth = whole * kDepth; depth < k; depth += kDepth) {
      for (uint32_t j = 0; j < kPanelWidth; ++j) {
        for (uint32_t d = 0; d < kDepth; ++d) {
          const bool inside = panel + j < n && depth + d < k;
          *out_packed++ = inside ? weights[size_t{panel + j} * k + depth + d] : T{0};
        }
      }
    }
  }
}

}  // namespace

void PackU8S8(const int8_t* weights, uint32_t n, uint32_t k, int8_t* out_packed) {
  Pack<int8_t, 4>(weights, n, k, out_packed);
}

void PackS16(const int16_t* weights, uint32_t n, uint32_t k, int16_t* out_packed) {
  Pack<int16_t, 2>(weights, n, k, out_packed);
}

void PackF32(const float* weights, uint32_t n, uint32_t k, float* out_packed) {
  Pack<float, 1>(weights, n, k, out_packed);
}

}  // namespace penumbra
