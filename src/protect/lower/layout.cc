#include "protect/lower/layout.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "boundary/limits.h"
#include "model/error.h"

namespace penumbra::protect {
namespace {

struct BoxAxis {
  uint32_t extent;
  int64_t src_stride, dst_stride;
};

// Drops axes of extent 1 and merges an axis with its inner neighbour where both sides step alike.
std::vector<BoxAxis> Coalesce(const std::vector<BoxAxis>& axes) {
  std::vector<BoxAxis> merged;
  for (const BoxAxis& axis : axes) {
    if (axis.extent == 1) continue;
    if (!merged.empty() && merged.back().src_stride == axis.src_stride * axis.extent &&
        merged.back().dst_stride == axis.dst_stride * axis.extent) {
      merged.back() = {merged.back().extent * axis.extent, axis.src_stride, axis.dst_stride};
    } else {
      merged.push_back(axis);
    }
  }
  if (merged.empty()) merged.push_back({1, 1, 1});
  return merged;
}

CopyBox MakeBox(TensorId src, const std::vector<BoxAxis>& axes, int64_t src_offset,
                int64_t dst_offset) {
  CopyBox box;
  box.src = src;
  box.src_offset = static_cast<uint32_t>(src_offset);
  box.dst_offset = static_cast<uint32_t>(dst_offset);
  for (const BoxAxis& axis : Coalesce(axes)) {
    box.extent.push_back(axis.extent);
    box.src_stride.push_back(static_cast<int32_t>(axis.src_stride));
    box.dst_stride.push_back(static_cast<int32_t>(axis.dst_stride));
  }
  if (box.extent.size() > kMaxCopyDims) {
    throw model::ModelError(Status::kUnsupported,
                            "data movement over " + std::to_string(box.extent.size()) +
                                " axes, the limit is " + std::to_string(kMaxCopyDims));
  }
  return box;
}

// The common case of nearest resizing: every source element repeated `factor` times.
bool RepeatsEvenly(std::span<const int64_t> table, size_t factor) {
  for (size_t i = 0; i < table.size(); ++i) {
    if (table[i] != table[0] + static_cast<int64_t>(i / factor)) return false;
  }
  return table.size() % factor == 0;
}

}  // namespace

Perm IdentityPerm(size_t rank) {
  Perm perm(rank);
  std::iota(perm.begin(), perm.end(), 0u);
  return perm;
}

Perm ChannelLastPerm(size_t rank) { return rank < 3 ? IdentityPerm(rank) : AxisLastPerm(rank, 1); }

Perm AxisLastPerm(size_t rank, size_t axis) {
  Perm perm = IdentityPerm(rank);
  std::rotate(perm.begin() + static_cast<std::ptrdiff_t>(axis),
              perm.begin() + static_cast<std::ptrdiff_t>(axis) + 1, perm.end());
  return perm;
}

Perm Inverse(const Perm& perm) {
  Perm inverse(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) inverse.at(perm[i]) = static_cast<uint32_t>(i);
  return inverse;
}

Dims LogicalDims(const model::Shape& shape) {
  Dims dims;
  for (int64_t extent : shape) {
    if (extent < 1 || extent > int64_t{kMaxDim}) {
      throw model::ModelError(Status::kUnsupported, "extent " + std::to_string(extent) +
                                                        " of shape " + model::ShapeText(shape) +
                                                        " is out of range");
    }
    dims.push_back(static_cast<uint32_t>(extent));
  }
  if (dims.empty()) dims.push_back(1);
  return dims;
}

Dims Permuted(const Dims& logical, const Perm& perm) {
  Dims physical;
  for (uint32_t axis : perm) physical.push_back(logical.at(axis));
  return physical;
}

Dims Unpermuted(const Dims& physical, const Perm& perm) {
  return Permuted(physical, Inverse(perm));
}

uint64_t Product(std::span<const uint32_t> dims) {
  uint64_t product = 1;
  for (uint32_t extent : dims) product *= extent;
  return product;
}

std::vector<int64_t> Strides(const Dims& dims) {
  std::vector<int64_t> strides(dims.size(), 1);
  for (size_t i = dims.size(); i-- > 1;) strides[i - 1] = strides[i] * dims[i];
  return strides;
}

bool SameOrder(const Dims& logical, const Perm& a, const Perm& b) {
  const auto without_ones = [&logical](const Perm& perm) {
    Perm kept;
    std::ranges::copy_if(perm, std::back_inserter(kept),
                         [&](uint32_t axis) { return logical.at(axis) != 1; });
    return kept;
  };
  return without_ones(a) == without_ones(b);
}

AxisRuns WholeAxis(uint32_t extent) { return {{.count = extent}}; }

AxisRuns RunsOfTable(std::span<const int64_t> table) {
  AxisRuns runs;
  const size_t repeats =
      static_cast<size_t>(std::ranges::count(table, table.empty() ? 0 : table[0]));
  if (repeats > 1 && repeats < table.size() && table[0] >= 0 && RepeatsEvenly(table, repeats)) {
    for (size_t r = 0; r < repeats; ++r) {
      runs.push_back({static_cast<uint32_t>(r), static_cast<uint32_t>(repeats), table[0], 1,
                      static_cast<uint32_t>(table.size() / repeats)});
    }
    return runs;
  }
  for (size_t i = 0; i < table.size();) {
    if (table[i] < 0) {
      ++i;
      continue;
    }
    size_t end = i + 1;
    const int64_t step = end < table.size() && table[end] >= 0 ? table[end] - table[i] : 1;
    while (end < table.size() && table[end] >= 0 && table[end] - table[end - 1] == step) ++end;
    runs.push_back({static_cast<uint32_t>(i), 1, table[i], step, static_cast<uint32_t>(end - i)});
    i = end;
  }
  return runs;
}

std::vector<CopyBox> BoxesOf(TensorId src, const Dims& src_dims, const Dims& dst_dims,
                             const std::vector<AxisRuns>& runs) {
  const std::vector<int64_t> src_strides = Strides(src_dims);
  const std::vector<int64_t> dst_strides = Strides(dst_dims);
  std::vector<CopyBox> boxes;
  if (std::ranges::any_of(runs, [](const AxisRuns& axis) { return axis.empty(); })) return boxes;
  std::vector<size_t> chosen(runs.size(), 0);
  for (;;) {
    std::vector<BoxAxis> axes;
    int64_t src_offset = 0;
    int64_t dst_offset = 0;
    for (size_t d = 0; d < runs.size(); ++d) {
      const Run& run = runs[d][chosen[d]];
      axes.push_back({run.count, src_strides[d] * run.src_step, dst_strides[d] * run.dst_step});
      src_offset += run.src_start * src_strides[d];
      dst_offset += run.dst_start * dst_strides[d];
    }
    boxes.push_back(MakeBox(src, axes, src_offset, dst_offset));
    size_t d = runs.size();
    while (d > 0 && ++chosen[d - 1] == runs[d - 1].size()) chosen[--d] = 0;
    if (d == 0) return boxes;
  }
}

CopyBox TransposeBox(TensorId src, const Dims& logical, const Perm& from, const Perm& to) {
  const std::vector<int64_t> src_strides = Strides(Permuted(logical, from));
  const Dims dst_dims = Permuted(logical, to);
  const std::vector<int64_t> dst_strides = Strides(dst_dims);
  const Perm place = Inverse(from);
  std::vector<BoxAxis> axes;
  for (size_t i = 0; i < to.size(); ++i) {
    axes.push_back({dst_dims[i], src_strides[place[to[i]]], dst_strides[i]});
  }
  return MakeBox(src, axes, 0, 0);
}

}  // namespace penumbra::protect
