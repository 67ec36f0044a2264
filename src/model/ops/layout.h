// Index arithmetic shared by the operators: broadcasting, strided copies, gathers by per-axis
// tables.
#ifndef PENUMBRA_MODEL_OPS_LAYOUT_H_
#define PENUMBRA_MODEL_OPS_LAYOUT_H_

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "model/tensor.h"

namespace penumbra::model {

// Numpy broadcasting. Throws ModelError(kWrongShape) when the shapes do not agree.
Shape BroadcastShapes(const Shape& a, const Shape& b);

// Element strides with which `shape` is read when broadcast to `out` (0 along broadcast axes).
Shape BroadcastStrides(const Shape& shape, const Shape& out);

// Calls row(offsets) for every row (innermost axis) of `shape`; offsets[k] is the element offset of
// the row's start in operand k, which has strides[k]. A scalar is one row of one element.
void ForEachRow(const Shape& shape, std::span<const Shape> strides,
                const std::function<void(std::span<const int64_t>)>& row);

// dst[i*dst_strides] = src[i*src_strides] for every index i of `shape`, offsets and strides in
// elements.
struct StridedView {
  int64_t offset = 0;
  Shape strides;
};
void StridedCopy(const Shape& shape, const Tensor& src, const StridedView& src_view,
                 Tensor* out_dst, const StridedView& dst_view);

// out[i0,i1,..] = src[tables[0][i0], tables[1][i1], ..]; where a table says -1 the output element
// is kept.
void GatherByTables(const Tensor& src, const std::vector<std::vector<int64_t>>& tables,
                    Tensor* out_dst);

// Sizes of the axes before, at and after `axis`: a tensor seen as [outer, axis, inner].
struct AxisView {
  int64_t outer, size, inner;
};
AxisView ViewAround(const Shape& shape, int64_t axis);

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_OPS_LAYOUT_H_
