#include "accel/residues/window_matrix.h"

#include <algorithm>
#include <cstring>

namespace penumbra::residues {
namespace {

// One kernel row of one window, from input column x0 on; `row` null: padding.
void CopyTaps(const ConvGeometry& g, const uint8_t* row, int64_t x0, uint8_t* out) {
  for (uint32_t tap = 0; tap < g.kernel_w; ++tap, out += g.in_c) {
    const int64_t x = x0 + int64_t{tap} * g.dilation_w;
    if (row == nullptr || x < 0 || x >= int64_t{g.in_w}) {
      std::memset(out, 0, g.in_c);
    } else {
      std::memcpy(out, row + static_cast<size_t>(x) * g.in_c, g.in_c);
    }
  }
}

// A run of pixels of one output row.
struct PixelRun {
  uint32_t begin, end;
};

void CopyBorder(const ConvGeometry& g, const uint8_t* const* rows, PixelRun run, size_t row_size,
                uint8_t* out) {
  for (uint32_t pixel = run.begin; pixel < run.end; ++pixel) {
    const int64_t x0 = int64_t{pixel} * g.stride_w - g.pad_left;
    uint8_t* to = out + pixel * row_size;
    for (uint32_t ky = 0; ky < g.kernel_h; ++ky, to += size_t{g.kernel_w} * g.in_c) {
      CopyTaps(g, rows[ky], x0, to);
    }
  }
}

// Pixels whose windows lie within the image's width: their kernel rows are contiguous. kCopy: bytes
// copied for each, at least the kernel row's; 0: exactly those. What is too much is overwritten by
// the next kernel row, as rows and pixels follow each other.
template <size_t kCopy>
void CopyInside(const ConvGeometry& g, const uint8_t* const* rows, PixelRun run, size_t row_size,
                uint8_t* out) {
  const size_t size = size_t{g.kernel_w} * g.in_c;
  for (uint32_t pixel = run.begin; pixel < run.end; ++pixel) {
    const size_t at = (size_t{pixel} * g.stride_w - g.pad_left) * g.in_c;
    uint8_t* to = out + pixel * row_size;
    for (uint32_t ky = 0; ky < g.kernel_h; ++ky, to += size) {
      if (rows[ky] == nullptr) {
        std::memset(to, 0, size);
      } else {
        std::memcpy(to, rows[ky] + at, kCopy == 0 ? size : kCopy);
      }
    }
  }
}

// Pixels whose windows need no padding at the sides. Dilated taps are not contiguous: none then.
PixelRun InsideOf(const ConvGeometry& g) {
  const int64_t room = int64_t{g.in_w} + g.pad_left - g.kernel_w;
  if (g.dilation_w > 1 || room < 0) return {0, 0};
  const uint32_t begin = std::min((g.pad_left + g.stride_w - 1) / g.stride_w, g.out_w);
  const auto end = static_cast<uint32_t>(std::min<int64_t>(room / g.stride_w + 1, g.out_w));
  return {begin, std::max(begin, end)};
}

}  // namespace

void LayOutWindows(const ConvGeometry& g, const uint8_t* image, RowRange rows, size_t row_size,
                   const uint8_t** scratch, uint8_t* out) {
  const size_t size = size_t{g.kernel_w} * g.in_c, in_row = size_t{g.in_w} * g.in_c;
  const PixelRun inside = InsideOf(g);
  for (uint32_t row = rows.begin; row < rows.end; ++row, out += g.out_w * row_size) {
    size_t end = 0;  // of what the windows read
    for (uint32_t ky = 0; ky < g.kernel_h; ++ky) {
      const int64_t y = int64_t{row} * g.stride_h + int64_t{ky} * g.dilation_h - g.pad_top;
      const bool exists = y >= 0 && y < int64_t{g.in_h};
      scratch[ky] = exists ? image + static_cast<size_t>(y) * in_row : nullptr;
      if (exists) end = (static_cast<size_t>(y) + 1) * in_row;
    }
    CopyBorder(g, scratch, {0, inside.begin}, row_size, out);
    // Fixed pieces where they cannot read beyond the image.
    if (size > kWindowSlack || end + kWindowSlack > g.in_h * in_row) {
      CopyInside<0>(g, scratch, inside, row_size, out);
    } else if (size > kWindowSlack / 2) {
      CopyInside<kWindowSlack>(g, scratch, inside, row_size, out);
    } else {
      CopyInside<kWindowSlack / 2>(g, scratch, inside, row_size, out);
    }
    CopyBorder(g, scratch, {inside.end, g.out_w}, row_size, out);
  }
}

}  // namespace penumbra::residues
