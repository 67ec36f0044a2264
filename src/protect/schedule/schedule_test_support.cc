#include "protect/schedule/schedule_test_support.h"

#include <utility>
#include <vector>

namespace penumbra::protect {

void BuildZoo(uint32_t size, uint32_t channels, Net* net) {
  TensorId x = net->Input({1, size, size, 3});
  x = net->Unary(net->Conv(x, channels, 3, 1), PassFn::kRelu);
  const TensorId skip = net->Conv(x, channels, 1, 1);
  TensorId y = net->Unary(net->Conv(x, channels, 3, 1, channels), PassFn::kHardSwish);
  y = net->Conv(y, channels, 3, 1);
  x = net->Unary(net->Binary(y, PassFn::kAdd, PassOperand::kTensor, skip), PassFn::kRelu);
  x = net->MaxPool(x);
  const TensorId pooled = net->Op({1, 1, 1, channels}, [&](TensorId id) -> LoweredKind {
    return ReduceOp{x, id, 1};
  });
  const TensorId gate = net->Unary(net->Conv(pooled, channels, 1, 1), PassFn::kSigmoid);
  const TensorId scaled = net->Binary(x, PassFn::kMul, PassOperand::kTensorChannel, gate, channels);
  const uint32_t half = size / 2;
  const TensorId both = net->Op({1, half, half, 2 * channels}, [&](TensorId id) -> LoweredKind {
    const auto w = static_cast<int32_t>(channels);
    CopyOp op{};
    op.y = id;
    op.boxes = {{x, {half * half, channels}, {w, 1}, {2 * w, 1}, 0, 0},
                {scaled, {half * half, channels}, {w, 1}, {2 * w, 1}, 0, channels}};
    return op;
  });
  const uint32_t flat = half * half * 2 * channels;
  const TensorId row = net->Op({1, flat}, [&](TensorId id) -> LoweredKind {
    return ReshapeOp{both, id};
  });
  const TensorId logits = net->Op({1, 10}, [&](TensorId id) -> LoweredKind {
    ConvGeometry g{1, 1, flat, 1, 1, 10, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1};
    return LinearOp{row, id, g, std::vector<float>(size_t{10} * flat), std::vector<float>(10)};
  });
  net->Output(net->Op({1, 10}, [&](TensorId id) -> LoweredKind {
    return SoftmaxOp{logits, id, 10, false};
  }));
}

}  // namespace penumbra::protect
