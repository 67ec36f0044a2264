// Operators over images, which are channels first in the graph.
#include "model/tflite/lower.h"

namespace penumbra::model {
namespace {

const std::vector<int64_t> kOutputsFirst = {0, 3, 1, 2};  // [O,H,W,I] to [O,I,H,W]
const std::vector<int64_t> kInputsFirst = {3, 0, 1, 2};   // [O,H,W,I] to [I,O,H,W]

std::string PadMode(tflite::Padding padding) {
  return padding == tflite::Padding_SAME ? "SAME_UPPER" : "VALID";
}

template <typename Options>
OperatorContext::Attributes WindowOf(const Options& options) {
  return {{"strides", std::vector<int64_t>{options.stride_h(), options.stride_w()}},
          {"auto_pad", PadMode(options.padding())}};
}

// Filters of four axes, [O,H,W,I].
Shape FilterShape(OperatorContext& ctx, size_t i) {
  const Shape shape = ctx.ShapeOf(i);
  ctx.Require(shape.size() == 4, "filters of shape " + ShapeText(shape));
  for (const int64_t extent : shape) ctx.Require(extent > 0, "the filters are empty");
  return shape;
}

int64_t ChannelsOf(OperatorContext& ctx, size_t i) {
  ctx.Require(ctx.RankOf(i) == 4, "input of shape " + ShapeText(ctx.ShapeOf(i)));
  return ctx.ShapeOf(i)[3];
}

void AddBias(OperatorContext& ctx, size_t i, std::vector<ValueId>* inputs) {
  if (ctx.Has(i)) inputs->push_back(ctx.File(i));
}

template <typename Options>
void Convolve(OperatorContext& ctx, const Options& options, int64_t group,
              const std::vector<int64_t>& filter_order) {
  OperatorContext::Attributes attributes = WindowOf(options);
  attributes["dilations"] =
      std::vector<int64_t>{options.dilation_h_factor(), options.dilation_w_factor()};
  attributes["group"] = group;
  std::vector<ValueId> inputs = {ctx.ChannelsFirst(0), ctx.Transpose(ctx.File(1), filter_order)};
  AddBias(ctx, 2, &inputs);
  const ValueId y = ctx.Emit(OpKind::kConv, std::move(inputs), std::move(attributes));
  ctx.Result(ctx.Activated(y, options.fused_activation_function()), Layout::kChannelsFirst);
}

void Pool(OperatorContext& ctx, OpKind op) {
  const auto& options = ctx.OptionsOf<tflite::Pool2DOptions>();
  OperatorContext::Attributes attributes = WindowOf(options);
  attributes["kernel_shape"] =
      std::vector<int64_t>{options.filter_height(), options.filter_width()};
  const ValueId y = ctx.Emit(op, {ctx.ChannelsFirst(0)}, std::move(attributes));
  ctx.Result(ctx.Activated(y, options.fused_activation_function()), Layout::kChannelsFirst);
}

void Resize(OperatorContext& ctx, const std::string& mode, const std::string& coordinates,
            const std::string& rounding) {
  const std::vector<int64_t> size = ctx.Ints(1);
  ctx.Require(size.size() == 2, "the new size is not a height and a width");
  const ValueId x = ctx.ChannelsFirst(0);
  const Shape shape = ctx.ValueShape(x);
  const ValueId sizes =
      ctx.Constant(Tensor::Vector<int64_t>({shape[0], shape[1], size[0], size[1]}));
  const ValueId y = ctx.Emit(OpKind::kResize, {x, kNoValue, kNoValue, sizes},
                             {{"mode", mode},
                              {"coordinate_transformation_mode", coordinates},
                              {"nearest_mode", rounding}});
  ctx.Result(y, Layout::kChannelsFirst);
}

void MoveBlocks(OperatorContext& ctx, OpKind op, int64_t size) {
  const ValueId y = ctx.Emit(op, {ctx.ChannelsFirst(0)}, {{"blocksize", size}});
  ctx.Result(y, Layout::kChannelsFirst);
}

}  // namespace

void LowerConv(OperatorContext& ctx) {
  const int64_t channels = ChannelsOf(ctx, 0);
  const Shape filters = FilterShape(ctx, 1);
  ctx.Require(channels % filters[3] == 0, "filters for " + std::to_string(filters[3]) +
                                              " input channels, input has " +
                                              std::to_string(channels));
  Convolve(ctx, ctx.OptionsOf<tflite::Conv2DOptions>(), channels / filters[3], kOutputsFirst);
}

void LowerDepthwiseConv(OperatorContext& ctx) {
  const Shape filters = FilterShape(ctx, 1);
  ctx.Require(filters[0] == 1, "depthwise filters of shape " + ShapeText(filters));
  Convolve(ctx, ctx.OptionsOf<tflite::DepthwiseConv2DOptions>(), ChannelsOf(ctx, 0), kInputsFirst);
}

void LowerTransposeConv(OperatorContext& ctx) {
  const auto& options = ctx.OptionsOf<tflite::TransposeConvOptions>();
  const std::vector<int64_t> size = ctx.Ints(0);
  const Shape filters = FilterShape(ctx, 1);
  ctx.Require(ctx.RankOf(2) == 4 && size.size() == 4, "an image has not four axes");
  const Shape x = ctx.ShapeOf(2);
  ctx.Require(size[0] == x[0] && size[3] == filters[0], "the output shape does not fit");
  const std::vector<int64_t> strides = {options.stride_h(), options.stride_w()};
  for (size_t i = 0; i < 2; ++i) {
    // What the output's forward convolution would leave of it must be the input.
    const int64_t lost = options.padding() == tflite::Padding_SAME ? 0 : filters[i + 1] - 1;
    const int64_t room = size[i + 1] - lost;
    ctx.Require(strides[i] > 0 && room > 0 && room <= kMaxElementCount &&
                    (room + strides[i] - 1) / strides[i] == x[i + 1],
                "the output shape does not follow from input, stride and padding");
  }
  OperatorContext::Attributes attributes = WindowOf(options);
  attributes["output_shape"] = std::vector<int64_t>{size[1], size[2]};
  std::vector<ValueId> inputs = {ctx.ChannelsFirst(2), ctx.Transpose(ctx.File(1), kInputsFirst)};
  AddBias(ctx, 3, &inputs);
  const ValueId y = ctx.Emit(OpKind::kConvTranspose, std::move(inputs), std::move(attributes));
  ctx.Result(ctx.Activated(y, options.fused_activation_function()), Layout::kChannelsFirst);
}

void LowerAveragePool(OperatorContext& ctx) { Pool(ctx, OpKind::kAveragePool); }
void LowerMaxPool(OperatorContext& ctx) { Pool(ctx, OpKind::kMaxPool); }

void LowerResizeBilinear(OperatorContext& ctx) {
  const auto* options = ctx.FindOptions<tflite::ResizeBilinearOptions>();
  const bool corners = options != nullptr && options->align_corners();
  const bool centers = options != nullptr && options->half_pixel_centers();
  ctx.Require(!corners || !centers, "corners and pixel centres cannot both be aligned");
  Resize(ctx, "linear", corners ? "align_corners" : centers ? "half_pixel" : "asymmetric", "floor");
}

void LowerResizeNearest(OperatorContext& ctx) {
  const auto* options = ctx.FindOptions<tflite::ResizeNearestNeighborOptions>();
  const bool corners = options != nullptr && options->align_corners();
  const bool centers = options != nullptr && options->half_pixel_centers();
  ctx.Require(!corners || !centers, "corners and pixel centres cannot both be aligned");
  if (corners) return Resize(ctx, "nearest", "align_corners", "round_prefer_ceil");
  Resize(ctx, "nearest", centers ? "tf_half_pixel_for_nn" : "asymmetric", "floor");
}

void LowerDepthToSpace(OperatorContext& ctx) {
  MoveBlocks(ctx, OpKind::kDepthToSpace, ctx.OptionsOf<tflite::DepthToSpaceOptions>().block_size());
}

void LowerSpaceToDepth(OperatorContext& ctx) {
  MoveBlocks(ctx, OpKind::kSpaceToDepth, ctx.OptionsOf<tflite::SpaceToDepthOptions>().block_size());
}

}  // namespace penumbra::model
