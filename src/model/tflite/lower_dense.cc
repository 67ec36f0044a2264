#include <algorithm>
#include <utility>

#include "model/tflite/lower.h"

namespace penumbra::model {
namespace {

// The image, channels first, of which the input's rows of `size` elements are one sample each;
// kNoValue when the rows are nothing of the kind.
ValueId ImageOfRows(OperatorContext& ctx, int64_t size) {
  ValueId image = ctx.tensors().FlattenedImage(ctx.In(0));
  if (ctx.LayoutOf(0) == Layout::kChannelsFirst) image = ctx.ChannelsFirst(0);
  if (image == kNoValue) return kNoValue;
  const Shape& shape = ctx.ValueShape(image);
  return ElementCount(Shape(shape.begin() + 1, shape.end())) == size ? image : kNoValue;
}

}  // namespace

void LowerFullyConnected(OperatorContext& ctx) {
  const auto& options = ctx.OptionsOf<tflite::FullyConnectedOptions>();
  if (options.weights_format() != tflite::FullyConnectedOptionsWeightsFormat_DEFAULT) {
    ctx.Unsupported("shuffled weights");
  }
  const Shape weights = ctx.ShapeOf(1);
  ctx.Require(weights.size() == 2 && weights[1] > 0, "weights of shape " + ShapeText(weights));
  const Shape x = ctx.ShapeOf(0);
  const int64_t rows = ElementCount(x) / weights[1];
  ctx.Require(rows * weights[1] == ElementCount(x),
              "input of shape " + ShapeText(x) + " for weights of " + ShapeText(weights));
  ValueId w = ctx.File(1);
  ValueId matrix = ImageOfRows(ctx, weights[1]);
  if (matrix != kNoValue) {
    // The elements stay as they lie in the image; the weights follow them.
    const Shape image = ctx.ValueShape(matrix);
    w = ctx.Reshape(w, {weights[0], image[2], image[3], image[1]});
    w = ctx.Reshape(ctx.Transpose(w, {0, 3, 1, 2}), weights);
  } else {
    matrix = ctx.File(0);
  }
  std::vector<ValueId> inputs = {ctx.Reshape(matrix, {rows, weights[1]}), w};
  if (ctx.Has(2)) inputs.push_back(ctx.File(2));
  ValueId y = ctx.Emit(OpKind::kGemm, std::move(inputs), {{"transB", int64_t{1}}});
  y = ctx.Activated(y, options.fused_activation_function());
  if (options.keep_num_dims()) {
    ctx.Require(!x.empty() && x.back() == weights[1], "the weights do not fit the last axis");
    Shape shape = x;
    shape.back() = weights[0];
    y = ctx.Reshape(y, shape);
  }
  ctx.Result(y);
}

void LowerBatchMatMul(OperatorContext& ctx) {
  const auto* options = ctx.FindOptions<tflite::BatchMatMulOptions>();
  const auto side = [&](size_t i, bool transposed) {
    const ValueId value = ctx.File(i);
    const int64_t rank = ctx.RankOf(i);
    ctx.Require(rank >= 2, "input " + std::to_string(i) + " is not a matrix");
    if (!transposed) return value;
    std::vector<int64_t> perm;
    for (int64_t axis = 0; axis < rank; ++axis) perm.push_back(axis);
    std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
    return ctx.Transpose(value, perm);
  };
  const ValueId a = side(0, options != nullptr && options->adj_x());
  const ValueId b = side(1, options != nullptr && options->adj_y());
  ctx.Result(ctx.Emit(OpKind::kMatMul, {a, b}));
}

}  // namespace penumbra::model
