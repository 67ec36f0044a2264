// The packed weight layouts: every depth group of a panel is 64 bytes, 16 outputs of 4 bytes each.
#include "kernels/gemm_f32.h"
#include "kernels/gemm_s16s16.h"
#include "kernels/gemm_u8s8.h"

namespace penumbra {

namespace {

// kDepth: depths per group.
template <typename T, uint32_t kDepth>
void Pack(const T* weights, uint32_t n, uint32_t k, T* out_packed) {
  for (uint32_t panel = 0; panel < n; panel += kPanelWidth) {
    for (uint32_t depth = 0; depth < k; depth += kDepth) {
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
