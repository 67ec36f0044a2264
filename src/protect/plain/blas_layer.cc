#include "protect/plain/blas_layer.h"

#include <cblas.h>

#include <algorithm>
#include <vector>

#include "protect/plain/windows.h"

namespace penumbra::protect {
namespace {

// Bytes of one block of gathered windows: about the size of a second-level cache.
constexpr uint64_t kBlockSize = 2u << 20;

struct Product {
  blasint rows, columns, depth, a_stride, c_stride;
};

void MultiplyTransposed(const Product& p, const float* a, const float* b, float* out_c) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, p.rows, p.columns, p.depth, 1.0f, a,
              p.a_stride, b, p.depth, 0.0f, out_c, p.c_stride);
}

void MultiplyTransposed(const Product& p, const double* a, const double* b, double* out_c) {
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, p.rows, p.columns, p.depth, 1.0, a,
              p.a_stride, b, p.depth, 0.0, out_c, p.c_stride);
}

template <typename T>
void MultiplyDepthwise(const ConvGeometry& g, const T* x, const T* weights, T* out_y) {
  const size_t taps = size_t{g.kernel_h} * g.kernel_w;
  std::vector<T> by_tap(taps * g.in_c);
  for (size_t c = 0; c < g.in_c; ++c) {
    for (size_t t = 0; t < taps; ++t) by_tap[t * g.in_c + c] = weights[c * taps + t];
  }
  std::fill_n(out_y, size_t{g.out_h} * g.out_w * g.out_c, T{0});
  for (uint64_t pixel = 0; pixel < uint64_t{g.out_h} * g.out_w; ++pixel) {
    T* out = out_y + pixel * g.out_c;
    const auto row = static_cast<uint32_t>(pixel / g.out_w);
    ForEachTap(g, row, static_cast<uint32_t>(pixel % g.out_w), [&](uint32_t tap, int64_t source) {
      if (source < 0) return;
      const T* in = x + static_cast<size_t>(source) * g.in_c;
      const T* w = by_tap.data() + size_t{tap} * g.in_c;
      for (size_t c = 0; c < g.in_c; ++c) out[c] += in[c] * w[c];
    });
  }
}

}  // namespace

template <typename T>
void MultiplyLayer(const ConvGeometry& g, const T* x, const T* weights, T* out_y) {
  if (g.groups == g.in_c && g.groups == g.out_c && g.groups > 1)
    return MultiplyDepthwise(g, x, weights, out_y);
  const uint64_t depth = FilterLength(g);
  const uint64_t pixels = uint64_t{g.out_h} * g.out_w;
  const size_t out_channels = OutChannelsPerGroup(g);
  Product product{.rows = static_cast<blasint>(pixels),
                  .columns = static_cast<blasint>(out_channels),
                  .depth = static_cast<blasint>(depth),
                  .a_stride = static_cast<blasint>(depth),
                  .c_stride = static_cast<blasint>(g.out_c)};
  if (WindowsAreInput(g)) return MultiplyTransposed(product, x, weights, out_y);
  const uint64_t block = std::clamp<uint64_t>(kBlockSize / (depth * sizeof(T)), 1, pixels);
  std::vector<T> windows(block * depth);
  for (uint32_t group = 0; group < g.groups; ++group) {
    const T* filters = weights + group * out_channels * depth;
    for (uint64_t begin = 0; begin < pixels; begin += block) {
      const uint64_t end = std::min(pixels, begin + block);
      GatherWindows(g, group, x, begin, end, windows.data());
      product.rows = static_cast<blasint>(end - begin);
      MultiplyTransposed(product, windows.data(), filters,
                         out_y + begin * g.out_c + group * out_channels);
    }
  }
}

template void MultiplyLayer<float>(const ConvGeometry&, const float*, const float*, float*);
template void MultiplyLayer<double>(const ConvGeometry&, const double*, const double*, double*);

}  // namespace penumbra::protect
