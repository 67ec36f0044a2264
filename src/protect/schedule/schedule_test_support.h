// Small lowered graphs, built operator by operator, and a look at the programs of their plans. For tests.
#ifndef PENUMBRA_PROTECT_SCHEDULE_SCHEDULE_TEST_SUPPORT_H_
#define PENUMBRA_PROTECT_SCHEDULE_SCHEDULE_TEST_SUPPORT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "protect/schedule/schedule.h"

namespace penumbra::protect {

inline constexpr uint64_t kMiB = uint64_t{1} << 20;

struct Instr {
  Opcode opcode;
  size_t at;  // of the head word
  std::vector<uint32_t> operands;
};

inline std::vector<Instr> Decode(const std::vector<uint32_t>& program) {
  std::vector<Instr> out;
  for (size_t at = 0; at < program.size();) {
    const uint32_t count = program[at] >> 16;
    const auto begin = program.begin() + static_cast<std::ptrdiff_t>(at) + 1;
    out.push_back({static_cast<Opcode>(program[at] & 0xffff), at, {begin, begin + count}});
    at += 1 + count;
  }
  return out;
}

inline size_t Count(const std::vector<uint32_t>& program, Opcode opcode) {
  const std::vector<Instr> all = Decode(program);
  return static_cast<size_t>(std::ranges::count(all, opcode, &Instr::opcode));
}

// A lowered graph under construction, and the decisions about its layers.
class Net {
 public:
  TensorId Tensor(std::vector<uint32_t> dims) {
    LoweredTensor t;
    t.name = "t" + std::to_string(graph_.tensors.size());
    t.dims = std::move(dims);
    for (uint32_t i = 0; i < t.dims.size(); ++i) t.perm.push_back(i);
    graph_.tensors.push_back(t);
    return static_cast<TensorId>(graph_.tensors.size() - 1);
  }
  const std::vector<uint32_t>& Dims(TensorId id) { return graph_.tensors[id].dims; }
  TensorId Input(std::vector<uint32_t> dims) {
    const TensorId id = Tensor(std::move(dims));
    graph_.inputs.push_back({"in", id, model::DataType::kFloat32, {}});
    return id;
  }
  void Output(TensorId id) { graph_.outputs.push_back({"out", id, model::DataType::kFloat32, {}}); }
  TensorId Op(std::vector<uint32_t> dims, const std::function<LoweredKind(TensorId y)>& make) {
    const TensorId y = Tensor(std::move(dims));
    graph_.ops.push_back({"op" + std::to_string(graph_.ops.size()), make(y)});
    return y;
  }
  TensorId Conv(TensorId x, uint32_t out_c, uint32_t kernel, uint32_t stride, uint32_t groups = 1) {
    const std::vector<uint32_t> d = Dims(x);
    ConvGeometry g{};
    g.in_h = d[1];
    g.in_w = d[2];
    g.in_c = d[3];
    g.out_c = out_c;
    g.kernel_h = g.kernel_w = kernel;
    g.stride_h = g.stride_w = stride;
    g.dilation_h = g.dilation_w = 1;
    g.pad_top = g.pad_left = g.pad_bottom = g.pad_right = kernel / 2;
    g.out_h = (d[1] + 2 * (kernel / 2) - kernel) / stride + 1;
    g.out_w = (d[2] + 2 * (kernel / 2) - kernel) / stride + 1;
    g.groups = groups;
    return Op({1, g.out_h, g.out_w, out_c}, [&](TensorId y) -> LoweredKind {
      LinearOp op{x, y, g, {}, std::vector<float>(out_c)};
      op.weights.assign(out_c * FilterLength(g), 0.5f);
      return op;
    });
  }
  TensorId Unary(TensorId x, PassFn fn) {
    return Op(Dims(x), [&](TensorId y) -> LoweredKind {
      ElementwiseOp op{};
      op.x = x;
      op.y = y;
      op.fn = fn;
      return op;
    });
  }
  TensorId Binary(TensorId x, PassFn fn, PassOperand kind, TensorId operand, uint32_t period = 0) {
    return Op(Dims(x), [&](TensorId y) -> LoweredKind {
      ElementwiseOp op{};
      op.x = x;
      op.y = y;
      op.fn = fn;
      op.operand_kind = kind;
      op.operand = operand;
      op.period = period;
      return op;
    });
  }
  TensorId MaxPool(TensorId x) {
    const std::vector<uint32_t> d = Dims(x);
    ConvGeometry g{d[1], d[2], d[3], d[1] / 2, d[2] / 2, d[3], 2, 2, 2, 2, 1, 1, 0, 0, 0, 0, d[3]};
    return Op({1, g.out_h, g.out_w, d[3]}, [&](TensorId y) -> LoweredKind {
      return PoolOp{x, y, 0, g};
    });
  }

  // Quantised layers; `publish` says which ones are public (all masked).
  void Decide(bool quantise, uint32_t primes, const std::function<bool(uint32_t op)>& publish) {
    uint32_t layers = 0;
    quantized_.resize(graph_.ops.size());
    published_.resize(graph_.ops.size());
    for (uint32_t op = 0; op < graph_.ops.size(); ++op) {
      const auto* linear = std::get_if<LinearOp>(&graph_.ops[op].kind);
      if (linear == nullptr) continue;
      LinearPlan plan{op, linear};
      if (quantise) {
        const uint32_t m = linear->geometry.out_c;
        QuantizedLinear& q = quantized_[op];
        q.inv_step = 10.0f + static_cast<float>(op);
        q.khi = 100;
        q.prime_count = primes;
        q.q.assign(linear->weights.size(), 3);
        q.offset.assign(m, 0);
        q.scale.assign(m, 1.0f);
        q.bias.assign(m, 0.0f);
        q.bound.assign(m, {3 * FilterLength(linear->geometry), 0});
        plan.quantized = &q;
        if (publish(op)) {
          published_[op] =
              MakeShadowNetWeights({linear->geometry, q.q, primes}, 1.2, DeriveSecretKey({}, op));
          plan.published = published_[op].get();
          plan.layer = layers++;
          plan.masked = true;
          plan.projection_count = projections;
        }
      }
      linears_.push_back(plan);
    }
  }

  CompiledPlan Compile(uint64_t secure_memory_size) {
    return Schedule(graph_, linears_, {secure_memory_size, 0, projections == 0 ? 0u : 40u},
                    &report);
  }

  // A partition drawn inside about every operator that can be.
  CompiledPlan CompileEitherWay(float theta, float scale_range, uint64_t secure_memory_size) {
    ScheduleOptions options;
    options.secure_memory_size = secure_memory_size;
    options.float_public.assign(graph_.ops.size(), true);
    options.theta = theta;
    options.scale_range = scale_range;
    return Schedule(graph_, linears_, options, &report);
  }

  ScheduleReport report;
  uint32_t projections = 0;  // of every public layer

 private:
  LoweredGraph graph_;
  std::vector<QuantizedLinear> quantized_;
  std::vector<std::unique_ptr<PublishedWeights>> published_;
  std::vector<LinearPlan> linears_;
};

inline bool Everything(uint32_t) { return true; }
inline bool Nothing(uint32_t) { return false; }

// Residual blocks, a depthwise layer, a squeeze-and-excite branch, a concatenation, a dense
// classifier.
void BuildZoo(uint32_t size, uint32_t channels, Net* net);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_SCHEDULE_TEST_SUPPORT_H_
