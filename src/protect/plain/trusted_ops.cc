#include "protect/plain/trusted_ops.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace penumbra::protect {
namespace {

template <typename Entry>
constexpr size_t Index(Entry entry) {
  return static_cast<size_t>(entry);
}

BinaryFn* BinaryOf(const KernelTable& kernels, Binary fn, Operand operand) {
  return kernels.binary[Index(fn)][Index(operand)];
}

// Rows of a whole image for the kernels.
std::vector<const void*> RowPointers(const ConvGeometry& g, In x) {
  std::vector<const void*> rows;
  for (uint32_t r = 0; r < g.in_h; ++r) rows.push_back(x.data() + size_t{r} * g.in_w * g.in_c);
  return rows;
}

}  // namespace

void EvaluatePool(const KernelTable& kernels, const PoolOp& op, In x, Out out_y) {
  const ConvGeometry& g = op.geometry;
  const std::vector<const void*> rows = RowPointers(g, x);
  PoolJob job{.geometry = &g,
              .input = {rows.data(), 0, g.in_h},
              .out_row = 0,
              .out_column_begin = 0,
              .out_column_end = g.out_w,
              .count_padding = op.kind == 2,
              .out = out_y.data()};
  for (; job.out_row < g.out_h; ++job.out_row, job.out += size_t{g.out_w} * g.out_c) {
    op.kind == 0 ? kernels.max_pool(job) : kernels.average_pool(job);
  }
}

void EvaluateReduce(const KernelTable& kernels, const ReduceOp& op, In x, Out out_y) {
  const bool maximum = op.kind == 2;
  const size_t channels = out_y.size();
  std::ranges::fill(out_y, maximum ? -std::numeric_limits<float>::infinity() : 0.0f);
  BinaryFn* const join = BinaryOf(kernels, maximum ? Binary::kMax : Binary::kAdd, Operand::kSame);
  for (size_t at = 0; at < x.size(); at += channels) {
    join(out_y.data(), x.data() + at, channels, out_y.data());
  }
  if (op.kind != 1) return;
  const auto scale = static_cast<float>(1.0 / static_cast<double>(x.size() / channels));
  BinaryOf(kernels, Binary::kMul, Operand::kScalarRight)(out_y.data(), &scale, channels,
                                                         out_y.data());
}

void EvaluateSoftmax(const KernelTable& kernels, const SoftmaxOp& op, In x, Out out_y) {
  const size_t length = op.length;
  BinaryFn* const subtract = BinaryOf(kernels, Binary::kSub, Operand::kScalarRight);
  std::vector<float> powers(length);
  for (size_t at = 0; at < x.size(); at += length) {
    const float* run = x.data() + at;
    float* out = out_y.data() + at;
    if (!op.log) {
      kernels.softmax(run, length, out);
      continue;
    }
    const float peak = kernels.maximum(run, length);
    subtract(run, &peak, length, out);
    kernels.unary[Index(Unary::kExp)](out, length, 0, 0, powers.data());
    float total = kernels.sum(powers.data(), length);
    kernels.unary[Index(Unary::kLog)](&total, 1, 0, 0, &total);
    subtract(out, &total, length, out);
  }
}

void EvaluateNormalize(const KernelTable& kernels, const NormalizeOp& op, In x, Out out_y) {
  const size_t length = op.length;
  const float share = 1.0f / static_cast<float>(length);
  std::vector<float> squares(length);
  for (size_t at = 0; at < x.size(); at += length) {
    float* out = out_y.data() + at;
    const float mean = kernels.sum(x.data() + at, length) * share;
    BinaryOf(kernels, Binary::kSub, Operand::kScalarRight)(x.data() + at, &mean, length, out);
    BinaryOf(kernels, Binary::kMul, Operand::kSame)(out, out, length, squares.data());
    float deviation = kernels.sum(squares.data(), length) * share + op.epsilon;
    kernels.unary[Index(Unary::kSqrt)](&deviation, 1, 0, 0, &deviation);
    BinaryOf(kernels, Binary::kDiv, Operand::kScalarRight)(out, &deviation, length, out);
  }
}

void EvaluateResize(const ResizeOp& op, In x, Out out_y) {
  const size_t channels = op.channels;
  const size_t in_row = op.in_w * channels;
  float* out = out_y.data();
  for (uint32_t r = 0; r < op.out_h; ++r) {
    const float* upper = x.data() + op.row_lo[r] * in_row;
    const float* lower = x.data() + op.row_hi[r] * in_row;
    for (uint32_t c = 0; c < op.out_w; ++c) {
      const size_t lo = op.col_lo[c] * channels;
      const size_t hi = op.col_hi[c] * channels;
      for (size_t i = 0; i < channels; ++i) {
        const float a = std::fma(op.col_w[c], upper[hi + i] - upper[lo + i], upper[lo + i]);
        const float b = std::fma(op.col_w[c], lower[hi + i] - lower[lo + i], lower[lo + i]);
        *out++ = std::fma(op.row_w[r], b - a, a);
      }
    }
  }
}

void EvaluateMatMul(const KernelTable& kernels, const MatMulOp& op, In a, In b, Out out_y) {
  std::vector<float> columns(size_t{op.k} * op.n);
  std::vector<float> packed(PackedSizeF32(op.n, op.k) / sizeof(float));
  for (uint32_t i = 0; i < op.batch; ++i) {
    const float* matrix = b.data() + i * columns.size();
    for (size_t n = 0; n < op.n; ++n) {
      for (size_t k = 0; k < op.k; ++k) {
        columns[n * op.k + k] = op.b_transposed ? matrix[n * op.k + k] : matrix[k * op.n + n];
      }
    }
    PackF32(columns.data(), op.n, op.k, packed.data());
    kernels.gemm_f32({.a = a.data() + size_t{i} * op.m * op.k,
                      .a_stride = op.k,
                      .b_packed = packed.data(),
                      .out_c = out_y.data() + size_t{i} * op.m * op.n,
                      .c_stride = op.n,
                      .rows = op.m,
                      .n = op.n,
                      .k = op.k,
                      .accumulate = false});
  }
}

void EvaluateArgMax(const ArgMaxOp& op, In x, Out out_y) {
  for (size_t run = 0; run < out_y.size(); ++run) {
    const float* candidates = x.data() + run * op.length;
    uint32_t best = 0;
    for (uint32_t i = 1; i < op.length; ++i) {
      const bool better = candidates[i] > candidates[best];
      if (better || (op.last_index && candidates[i] == candidates[best])) best = i;
    }
    out_y[run] = static_cast<float>(best);
  }
}

void CopyByBox(const CopyBox& box, In src, Out out_dst) {
  const size_t rank = box.extent.size();
  const uint32_t length = box.extent[rank - 1];
  const int64_t src_step = box.src_stride[rank - 1];
  const int64_t dst_step = box.dst_stride[rank - 1];
  std::vector<uint32_t> index(rank, 0);
  for (;;) {
    int64_t from = box.src_offset;
    int64_t to = box.dst_offset;
    for (size_t d = 0; d + 1 < rank; ++d) {
      from += int64_t{box.src_stride[d]} * index[d];
      to += int64_t{box.dst_stride[d]} * index[d];
    }
    for (uint32_t i = 0; i < length; ++i) {
      out_dst[static_cast<size_t>(to + i * dst_step)] =
          src[static_cast<size_t>(from + i * src_step)];
    }
    size_t d = rank - 1;
    while (d > 0 && ++index[d - 1] == box.extent[d - 1]) index[--d] = 0;
    if (d == 0) return;
  }
}

}  // namespace penumbra::protect
