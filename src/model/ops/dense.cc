// Gemm and MatMul.
#include <algorithm>
#include <vector>

#include "model/ops/layout.h"
#include "model/ops/matrix.h"
#include "model/ops/ops.h"

namespace penumbra::model {
namespace {

// A tensor seen as a stack of matrices.
struct Stack {
  Shape batch;
  int64_t rows, columns;
};

// Vectors count as one row on the left and one column on the right.
Stack AsStack(const Shape& shape, bool left) {
  if (shape.size() == 1) return left ? Stack{{}, 1, shape[0]} : Stack{{}, shape[0], 1};
  return {Shape(shape.begin(), shape.end() - 2), shape[shape.size() - 2], shape.back()};
}

void RequireFloatMatrix(InferContext& ctx, size_t i) {
  if (ctx.InputType(i) != DataType::kFloat32) {
    ctx.Unsupported("elements of type " + std::string(DataTypeName(ctx.InputType(i))));
  }
}

}  // namespace

void InferGemm(InferContext& ctx) {
  Node& node = ctx.node();
  for (size_t i = 0; i < ctx.input_count(); ++i) {
    if (ctx.HasInput(i)) RequireFloatMatrix(ctx, i);
  }
  ctx.Require(ctx.InputRank(0) == 2 && ctx.InputRank(1) == 2, "the inputs are not matrices");
  for (const char* key : {"transA", "transB"})
    node.attributes[key] = int64_t{node.GetInt(key) != 0};
  for (const char* key : {"alpha", "beta"}) node.attributes[key] = node.GetFloat(key, 1.0f);
  const Shape& a = ctx.InputShape(0);
  const Shape& b = ctx.InputShape(1);
  const bool a_transposed = node.GetInt("transA") != 0;
  const bool b_transposed = node.GetInt("transB") != 0;
  ctx.Require(a[a_transposed ? 0 : 1] == b[b_transposed ? 1 : 0],
              "matrices " + ShapeText(a) + " and " + ShapeText(b) + " do not multiply");
  const Shape y = {a[a_transposed ? 1 : 0], b[b_transposed ? 0 : 1]};
  if (ctx.HasInput(2)) {
    ctx.Require(BroadcastShapes(ctx.InputShape(2), y) == y,
                "input C does not broadcast to the output");
  } else {
    ctx.KeepInputs(2);
  }
  ctx.SetOutput(0, DataType::kFloat32, y);
}

void InferMatMul(InferContext& ctx) {
  RequireFloatMatrix(ctx, 0);
  RequireFloatMatrix(ctx, 1);
  const Shape& a_shape = ctx.InputShape(0);
  const Shape& b_shape = ctx.InputShape(1);
  ctx.Require(!a_shape.empty() && !b_shape.empty(), "an input is a scalar");
  const Stack a = AsStack(a_shape, true);
  const Stack b = AsStack(b_shape, false);
  ctx.Require(a.columns == b.rows,
              "matrices " + ShapeText(a_shape) + " and " + ShapeText(b_shape) + " do not multiply");
  Shape y = BroadcastShapes(a.batch, b.batch);
  if (a_shape.size() > 1) y.push_back(a.rows);
  if (b_shape.size() > 1) y.push_back(b.columns);
  ctx.SetOutput(0, DataType::kFloat32, y);
}

void RunGemm(KernelContext& ctx) {
  Tensor& y = ctx.Out();
  const bool a_transposed = ctx.node.GetInt("transA") != 0;
  if (ctx.Has(2)) {
    const Shape strides[] = {BroadcastStrides(ctx.In(2).shape(), y.shape()),
                             RowMajorStrides(y.shape())};
    const float beta = ctx.node.GetFloat("beta");
    ForEachRow(y.shape(), strides, [&](std::span<const int64_t> at) {
      const float* c = ctx.In(2).Floats().data() + at[0];
      for (int64_t i = 0; i < y.shape()[1]; ++i)
        y.Floats().data()[at[1] + i] = beta * c[i * strides[0][1]];
    });
  }
  MultiplyAdd({.rows = y.shape()[0],
               .inner = ctx.In(0).shape()[a_transposed ? 0 : 1],
               .columns = y.shape()[1],
               .a_transposed = a_transposed,
               .b_transposed = ctx.node.GetInt("transB") != 0,
               .alpha = ctx.node.GetFloat("alpha")},
              ctx.In(0).Floats().data(), ctx.In(1).Floats().data(), y.Floats().data());
}

void RunMatMul(KernelContext& ctx) {
  const Stack a = AsStack(ctx.In(0).shape(), true);
  const Stack b = AsStack(ctx.In(1).shape(), false);
  Shape batch = BroadcastShapes(a.batch, b.batch);
  const int64_t y_size = a.rows * b.columns;
  // One row of the batch shape is one matrix: a last axis of one element makes it so.
  batch.push_back(1);
  const auto strides_of = [&batch](Shape own) {
    own.push_back(1);
    return BroadcastStrides(own, batch);
  };
  const Shape strides[] = {strides_of(a.batch), strides_of(b.batch), RowMajorStrides(batch)};
  ForEachRow(batch, strides, [&](std::span<const int64_t> at) {
    MultiplyAdd({.rows = a.rows, .inner = a.columns, .columns = b.columns},
                ctx.In(0).Floats().data() + at[0] * a.rows * a.columns,
                ctx.In(1).Floats().data() + at[1] * b.rows * b.columns,
                ctx.Out().Floats().data() + at[2] * y_size);
  });
}

}  // namespace penumbra::model
