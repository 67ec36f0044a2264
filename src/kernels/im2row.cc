#include "kernels/im2row.h"

#include <cstring>

namespace penumbra {

namespace {

void FillPadding(uint8_t* out, size_t size, uint32_t element_size, uint32_t padding) {
  if (padding == 0) {
    std::memset(out, 0, size);
    return;
  }
  if (element_size == 1) {
    std::memset(out, static_cast<int>(padding & 0xff), size);
    return;
  }
  const auto narrow = static_cast<uint16_t>(padding);
  for (size_t i = 0; i < size; i += element_size) {
    if (element_size == 2) {
      std::memcpy(out + i, &narrow, sizeof(narrow));
    } else {
      std::memcpy(out + i, &padding, sizeof(padding));
    }
  }
}

// Sizes in bytes that do not change from pixel to pixel.
struct Layout {
  size_t pixel_size;  // input pixel, all groups
  size_t tap_size;    // one tap of this group
  size_t tap_offset;  // of this group inside a pixel
};

// One kernel row of one output pixel: kernel_w taps at input columns x0, x0 + dilation_w, ..
void CopyKernelRow(const Im2RowJob& job, const Layout& layout, const uint8_t* row, int64_t x0,
                   uint8_t* out) {
  const ConvGeometry& g = *job.geometry;
  const int64_t last = x0 + int64_t{g.kernel_w - 1} * g.dilation_w;
  if (row != nullptr && x0 >= 0 && last < int64_t{g.in_w} && g.dilation_w == 1 && g.groups == 1) {
    std::memcpy(out, row + static_cast<size_t>(x0) * layout.pixel_size,
                g.kernel_w * layout.tap_size);
    return;
  }
  for (uint32_t kw = 0; kw < g.kernel_w; ++kw, out += layout.tap_size) {
    const int64_t x = x0 + int64_t{kw} * g.dilation_w;
    if (row == nullptr || x < 0 || x >= int64_t{g.in_w}) {
      FillPadding(out, layout.tap_size, job.element_size, job.padding);
    } else {
      std::memcpy(out, row + static_cast<size_t>(x) * layout.pixel_size + layout.tap_offset,
                  layout.tap_size);
    }
  }
}

const uint8_t* InputRow(const Im2RowJob& job, uint32_t kh) {
  const ConvGeometry& g = *job.geometry;
  const int64_t y =
      int64_t{job.out_row} * g.stride_h + int64_t{kh} * g.dilation_h - int64_t{g.pad_top};
  if (y < 0 || y >= int64_t{g.in_h}) return nullptr;
  const int64_t index = y - job.input.first_row;
  if (index < 0 || index >= int64_t{job.input.row_count}) return nullptr;
  return static_cast<const uint8_t*>(job.input.rows[index]);
}

// Where the windows stand as the GEMMs want them, or null: whole groups of four bytes, rows of the image without a gap.
const uint8_t* WindowsInPlace(const WindowJob& job, uint32_t first, uint32_t count) {
  const ConvGeometry& g = *job.geometry;
  const size_t pixel_size = size_t{g.in_c} * job.element_size, row_size = pixel_size * g.in_w;
  if (!Im2RowIsIdentity(g) || pixel_size % 4 != 0 || g.out_w != g.in_w) return nullptr;
  const uint32_t begin = job.first_row + first / g.out_w, end = job.first_row + (first + count - 1) / g.out_w;
  const int64_t at = int64_t{begin} - job.input.first_row;
  if (end >= g.in_h || at < 0 || at + (end - begin) >= job.input.row_count) return nullptr;
  const auto* rows = reinterpret_cast<const uint8_t* const*>(job.input.rows) + at;
  for (uint32_t y = 0; y <= end - begin; ++y) {
    if (rows[y] == nullptr || rows[y] != rows[0] + y * row_size) return nullptr;
  }
  return rows[0] + first % g.out_w * pixel_size;
}

}  // namespace

WindowMatrix MakeWindows(const WindowJob& job, uint32_t first, uint32_t count) {
  const uint8_t* in_place = count == 0 ? nullptr : WindowsInPlace(job, first, count);
  if (in_place != nullptr) return {in_place, size_t{job.geometry->in_c} * job.element_size};
  CopyWindows(job, first, count);
  return {job.matrix, job.stride_size};
}

void CopyWindows(const WindowJob& job, uint32_t first, uint32_t count) {
  const ConvGeometry& g = *job.geometry;
  for (uint32_t done = 0; done < count;) {
    const uint32_t column = (first + done) % g.out_w;
    const uint32_t run = count - done < g.out_w - column ? count - done : g.out_w - column;
    Im2Row({&g, job.input, job.element_size, job.padding, job.group, job.first_row + (first + done) / g.out_w,
            column, column + run, static_cast<uint8_t*>(job.matrix) + done * job.stride_size, job.stride_size});
    done += run;
  }
}

void Im2Row(const Im2RowJob& job) {
  const ConvGeometry& g = *job.geometry;
  const size_t tap_size = size_t{InChannelsPerGroup(g)} * job.element_size;
  const Layout layout = {size_t{g.in_c} * job.element_size, tap_size, job.group * tap_size};
  const size_t kernel_row_size = g.kernel_w * tap_size;
  const size_t used_size = g.kernel_h * kernel_row_size;
  const size_t tail_size = (used_size + 3) / 4 * 4 - used_size;
  const size_t pixel_count = job.out_column_end - job.out_column_begin;
  auto* out = static_cast<uint8_t*>(job.out_matrix);
  for (uint32_t kh = 0; kh < g.kernel_h; ++kh) {
    const uint8_t* row = InputRow(job, kh);
    for (size_t i = 0; i < pixel_count; ++i) {
      const int64_t x0 =
          (int64_t{job.out_column_begin} + static_cast<int64_t>(i)) * g.stride_w - g.pad_left;
      CopyKernelRow(job, layout, row, x0, out + i * job.out_stride_size + kh * kernel_row_size);
    }
  }
  if (tail_size == 0) return;
  for (size_t i = 0; i < pixel_count; ++i) {
    std::memset(out + i * job.out_stride_size + used_size, 0, tail_size);
  }
}

}  // namespace penumbra
