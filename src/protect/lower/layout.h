// Physical layouts: axis orders, and data movement described axis by axis.
// Source of the layout choice: docs/architecture.md (channel-last images). Pure functions, any
// thread.
#ifndef PENUMBRA_PROTECT_LOWER_LAYOUT_H_
#define PENUMBRA_PROTECT_LOWER_LAYOUT_H_

#include <cstdint>
#include <span>
#include <vector>

#include "model/tensor.h"
#include "protect/lower/lowered.h"

namespace penumbra::protect {

using Dims = std::vector<uint32_t>;
using Perm = std::vector<uint32_t>;  // physical axis i is logical axis perm[i]

Perm IdentityPerm(size_t rank);
Perm ChannelLastPerm(size_t rank);            // 0, 2, .., rank-1, 1; identity below rank 3
Perm AxisLastPerm(size_t rank, size_t axis);  // logical order, `axis` moved to the end
Perm Inverse(const Perm& perm);

// A model shape as unsigned extents; rank 0 becomes {1}. Throws ModelError(kWrongShape) for an
// extent of 0 or beyond kMaxDim.
Dims LogicalDims(const model::Shape& shape);
Dims Permuted(const Dims& logical, const Perm& perm);
Dims Unpermuted(const Dims& physical, const Perm& perm);
uint64_t Product(std::span<const uint32_t> dims);
std::vector<int64_t> Strides(const Dims& dims);  // row-major

// True when both axis orders store the same bytes: they differ only in where axes of extent 1
// stand.
bool SameOrder(const Dims& logical, const Perm& a, const Perm& b);

// Elements dst_start + i * dst_step of an axis come from src_start + i * src_step, i < count.
struct Run {
  uint32_t dst_start = 0, dst_step = 1;
  int64_t src_start = 0, src_step = 1;
  uint32_t count = 0;
};
using AxisRuns = std::vector<Run>;

AxisRuns WholeAxis(uint32_t extent);
// out[i] = in[table[i]] as few runs; entries of -1 are left out (the fill value stays).
AxisRuns RunsOfTable(std::span<const int64_t> table);

// The boxes that copy by runs of every physical axis: one box per combination of runs. Neighbouring
// axes that are contiguous on both sides are merged. Throws ModelError(kUnsupported) when a box
// needs more than kMaxCopyDims axes.
std::vector<CopyBox> BoxesOf(TensorId src, const Dims& src_dims, const Dims& dst_dims,
                             const std::vector<AxisRuns>& runs);
// The box that reorders a tensor of logical extents `logical` from axis order `from` to `to`.
CopyBox TransposeBox(TensorId src, const Dims& logical, const Perm& from, const Perm& to);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_LOWER_LAYOUT_H_
