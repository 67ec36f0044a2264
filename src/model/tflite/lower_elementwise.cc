#include <numeric>
#include <utility>

#include "model/tflite/lower.h"

namespace penumbra::model {
namespace {

struct Pair {
  Layout layout;
  ValueId a, b;
};

Pair Operands(OperatorContext& ctx) {
  const Layout layout = ctx.CommonLayout({0, 1});
  return {layout, ctx.Operand(0, layout), ctx.Operand(1, layout)};
}

}  // namespace

void LowerUnary(OperatorContext& ctx, OpKind op, OperatorContext::Attributes attributes) {
  const Layout layout = ctx.LayoutOf(0);
  ctx.Result(ctx.Emit(op, {ctx.As(0, layout)}, std::move(attributes)), layout);
}

void LowerBinary(OperatorContext& ctx, OpKind op, tflite::ActivationFunctionType fused) {
  const Pair x = Operands(ctx);
  ctx.Result(ctx.Activated(ctx.Emit(op, {x.a, x.b}), fused), x.layout);
}

void LowerAddN(OperatorContext& ctx) {
  std::vector<size_t> all(ctx.input_count());
  std::iota(all.begin(), all.end(), size_t{0});
  const Layout layout = ctx.CommonLayout(all);
  std::vector<ValueId> operands;
  for (const size_t i : all) operands.push_back(ctx.Operand(i, layout));
  ctx.Result(ctx.Emit(OpKind::kSum, std::move(operands)), layout);
}

void LowerCast(OperatorContext& ctx) {
  const Layout layout = ctx.LayoutOf(0);
  ctx.Result(ctx.CastTo(ctx.As(0, layout), ctx.OutputType()), layout);
}

void LowerDequantize(OperatorContext& ctx) {
  const DataType from = DataTypeFromTflite(ctx.tensors().FileTensor(ctx.In(0)).type());
  // The table reads float16 as float32 already.
  if (from != DataType::kFloat16) ctx.Unsupported("input of " + std::string(DataTypeName(from)));
  ctx.ResultIsInput();
}

void LowerGelu(OperatorContext& ctx) {
  const auto* options = ctx.FindOptions<tflite::GeluOptions>();
  const bool approximate = options != nullptr && options->approximate();
  LowerUnary(ctx, OpKind::kGelu, {{"approximate", approximate ? "tanh" : "none"}});
}

void LowerLeakyRelu(OperatorContext& ctx) {
  LowerUnary(ctx, OpKind::kLeakyRelu,
             {{"alpha", ctx.OptionsOf<tflite::LeakyReluOptions>().alpha()}});
}

void LowerNotEqual(OperatorContext& ctx) {
  const Pair x = Operands(ctx);
  ctx.Result(ctx.Emit(OpKind::kNot, {ctx.Emit(OpKind::kEqual, {x.a, x.b})}), x.layout);
}

void LowerRsqrt(OperatorContext& ctx) {
  const Layout layout = ctx.LayoutOf(0);
  const ValueId root = ctx.Emit(OpKind::kSqrt, {ctx.As(0, layout)});
  ctx.Result(ctx.Emit(OpKind::kReciprocal, {root}), layout);
}

void LowerSelect(OperatorContext& ctx) {
  const Layout layout = ctx.CommonLayout({0, 1, 2});
  std::vector<ValueId> operands;
  for (size_t i = 0; i < 3; ++i) operands.push_back(ctx.Operand(i, layout));
  ctx.Result(ctx.Emit(OpKind::kWhere, std::move(operands)), layout);
}

void LowerSquare(OperatorContext& ctx) {
  const Layout layout = ctx.LayoutOf(0);
  const ValueId x = ctx.As(0, layout);
  ctx.Result(ctx.Emit(OpKind::kMul, {x, x}), layout);
}

void LowerSquaredDifference(OperatorContext& ctx) {
  const Pair x = Operands(ctx);
  const ValueId difference = ctx.Emit(OpKind::kSub, {x.a, x.b});
  ctx.Result(ctx.Emit(OpKind::kMul, {difference, difference}), x.layout);
}

}  // namespace penumbra::model
