#include "model/ops/layout.h"

#include <algorithm>
#include <cstring>

#include "model/error.h"

namespace penumbra::model {
namespace {

template <size_t kSize>
void CopyRow(const std::byte* src, int64_t src_stride, std::byte* dst, int64_t dst_stride,
             int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(dst + i * dst_stride * static_cast<int64_t>(kSize),
                src + i * src_stride * static_cast<int64_t>(kSize), kSize);
  }
}

void CopyRow(size_t element_size, const std::byte* src, int64_t src_stride, std::byte* dst,
             int64_t dst_stride, int64_t count) {
  if (src_stride == 1 && dst_stride == 1) {
    std::memcpy(dst, src, static_cast<size_t>(count) * element_size);
    return;
  }
  switch (element_size) {
    case 1:
      return CopyRow<1>(src, src_stride, dst, dst_stride, count);
    case 2:
      return CopyRow<2>(src, src_stride, dst, dst_stride, count);
    case 4:
      return CopyRow<4>(src, src_stride, dst, dst_stride, count);
    default:
      return CopyRow<8>(src, src_stride, dst, dst_stride, count);
  }
}

}  // namespace

Shape BroadcastShapes(const Shape& a, const Shape& b) {
  Shape out(std::max(a.size(), b.size()));
  for (size_t i = 0; i < out.size(); ++i) {
    const int64_t da = i < a.size() ? a[a.size() - 1 - i] : 1;
    const int64_t db = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (da != db && da != 1 && db != 1) {
      throw ModelError(Status::kWrongShape,
                       "shapes " + ShapeText(a) + " and " + ShapeText(b) + " do not broadcast");
    }
    out[out.size() - 1 - i] = da == 1 ? db : da;
  }
  return out;
}

Shape BroadcastStrides(const Shape& shape, const Shape& out) {
  const Shape own = RowMajorStrides(shape);
  Shape strides(out.size(), 0);
  const size_t lead = out.size() - shape.size();
  for (size_t i = 0; i < shape.size(); ++i) strides[lead + i] = shape[i] == 1 ? 0 : own[i];
  return strides;
}

void ForEachRow(const Shape& shape, std::span<const Shape> strides,
                const std::function<void(std::span<const int64_t>)>& row) {
  if (ElementCount(shape) == 0) return;
  std::vector<int64_t> offsets(strides.size(), 0);
  const size_t outer_rank = shape.empty() ? 0 : shape.size() - 1;
  Shape index(outer_rank, 0);
  while (true) {
    row(offsets);
    size_t axis = outer_rank;
    while (axis-- > 0) {
      const bool carry = ++index[axis] == shape[axis];
      const int64_t step = carry ? 1 - shape[axis] : 1;
      for (size_t k = 0; k < strides.size(); ++k) offsets[k] += step * strides[k][axis];
      if (!carry) break;
      index[axis] = 0;
    }
    if (axis == static_cast<size_t>(-1)) return;
  }
}

void StridedCopy(const Shape& shape, const Tensor& src, const StridedView& src_view,
                 Tensor* out_dst, const StridedView& dst_view) {
  const size_t size = ElementSize(src.type());
  const int64_t count = shape.empty() ? 1 : shape.back();
  const int64_t src_step = shape.empty() ? 1 : src_view.strides.back();
  const int64_t dst_step = shape.empty() ? 1 : dst_view.strides.back();
  const Shape strides[] = {src_view.strides, dst_view.strides};
  ForEachRow(shape, strides, [&](std::span<const int64_t> offsets) {
    CopyRow(size, src.bytes().data() + (src_view.offset + offsets[0]) * static_cast<int64_t>(size),
            src_step,
            out_dst->bytes().data() + (dst_view.offset + offsets[1]) * static_cast<int64_t>(size),
            dst_step, count);
  });
}

void GatherByTables(const Tensor& src, const std::vector<std::vector<int64_t>>& tables,
                    Tensor* out_dst) {
  const Shape& shape = out_dst->shape();
  if (out_dst->count() == 0) return;
  const Shape src_strides = RowMajorStrides(src.shape());
  const size_t size = ElementSize(src.type());
  Shape index(shape.size(), 0);
  for (int64_t i = 0; i < out_dst->count(); ++i) {
    int64_t from = 0;
    bool inside = true;
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      const int64_t at = tables[axis][static_cast<size_t>(index[axis])];
      inside = inside && at >= 0;
      from += at * src_strides[axis];
    }
    if (inside) {
      std::memcpy(out_dst->bytes().data() + static_cast<size_t>(i) * size,
                  src.bytes().data() + static_cast<size_t>(from) * size, size);
    }
    for (size_t axis = shape.size(); axis-- > 0;) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

AxisView ViewAround(const Shape& shape, int64_t axis) {
  AxisView view{1, shape.at(static_cast<size_t>(axis)), 1};
  for (int64_t i = 0; i < axis; ++i) view.outer *= shape[static_cast<size_t>(i)];
  for (size_t i = static_cast<size_t>(axis) + 1; i < shape.size(); ++i) view.inner *= shape[i];
  return view;
}

}  // namespace penumbra::model
