// Plans of small graphs: every one passes the independent checker, keeps its budget and does what
// it should; damaged programs are found out.
#include "protect/schedule/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <utility>

#include "boundary/limits.h"
#include "model/error.h"
#include "protect/schedule/checker.h"
#include "protect/schedule/secure_memory.h"

namespace penumbra::protect {
namespace {

struct Instr {
  Opcode opcode;
  size_t at;  // of the head word
  std::vector<uint32_t> operands;
};

std::vector<Instr> Decode(const std::vector<uint32_t>& program) {
  std::vector<Instr> out;
  for (size_t at = 0; at < program.size();) {
    const uint32_t count = program[at] >> 16;
    const auto begin = program.begin() + static_cast<std::ptrdiff_t>(at) + 1;
    out.push_back({static_cast<Opcode>(program[at] & 0xffff), at, {begin, begin + count}});
    at += 1 + count;
  }
  return out;
}

size_t Count(const std::vector<uint32_t>& program, Opcode opcode) {
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

  ScheduleReport report;
  uint32_t projections = 0;  // of every public layer

 private:
  LoweredGraph graph_;
  std::vector<QuantizedLinear> quantized_;
  std::vector<std::unique_ptr<PublishedWeights>> published_;
  std::vector<LinearPlan> linears_;
};

bool Everything(uint32_t) { return true; }
bool Nothing(uint32_t) { return false; }

// Residual blocks, a depthwise layer, a squeeze-and-excite branch, a concatenation, a dense
// classifier.
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

constexpr uint64_t kMiB = uint64_t{1} << 20;

TEST(Schedule, ChecksOutInEveryModeAndKeepsTheBudget) {
  for (const uint32_t primes : {0u, 3u}) {
    for (const bool publish : {false, true}) {
      if (primes == 0 && publish) continue;
      for (const uint64_t budget : {12 * kMiB, 5 * kMiB}) {
        Net net;
        BuildZoo(48, 16, &net);
        net.Decide(true, primes, publish ? Everything : Nothing);
        const CompiledPlan plan = net.Compile(budget);
        EXPECT_EQ(CheckPlan(plan), "");
        EXPECT_LE(SecureMemorySize(plan), budget);
        EXPECT_EQ(plan.layers.size(), publish ? 6u : 0u);
        EXPECT_EQ(Count(plan.infer_program, Opcode::kJob), plan.layers.size());
        EXPECT_EQ(plan.pad_program.empty(), !publish);
      }
    }
  }
}

TEST(Schedule, ChecksEveryPublicLayerWithinTheBudget) {
  for (const uint64_t budget : {12 * kMiB, 5 * kMiB}) {
    Net net;
    BuildZoo(48, 16, &net);
    net.projections = 6;
    net.Decide(true, 3, Everything);
    const CompiledPlan plan = net.Compile(budget);
    EXPECT_EQ(CheckPlan(plan), "");
    EXPECT_LE(SecureMemorySize(plan), budget);
    EXPECT_EQ(plan.soundness_bits, 40u);
    EXPECT_EQ(Count(plan.prepare_program, Opcode::kEvict), plan.layers.size());
    // The pad program and the prepare program read the same slices.
    EXPECT_EQ(Count(plan.prepare_program, Opcode::kProject), plan.slices.size());
    for (const LayerRec& layer : plan.layers) {
      EXPECT_EQ(plan.tensors[layer.derived].row_elems, ShapeOfCheck(layer).derived_size);
      EXPECT_EQ(plan.tensors[layer.masked].kind, TensorKind::kMasked);
      EXPECT_EQ(plan.tensors[layer.expected].kind, TensorKind::kExpected);
    }
  }
}

// Our copy of x' goes as soon as nothing more is expected from it: it never waits for the reply.
TEST(Schedule, CopiesOfWhatWasSentLeaveBeforeTheJob) {
  Net net;
  TensorId x = net.Input({1, 96, 96, 8});
  x = net.Unary(net.Conv(x, 32, 3, 1), PassFn::kRelu);
  net.Output(net.Conv(x, 32, 3, 1));
  net.projections = 6;
  net.Decide(true, 3, Everything);
  const CompiledPlan plan = net.Compile(12 * kMiB);
  uint32_t held = 0, most = 0, jobs = 0;
  for (const Instr& i : Decode(plan.infer_program)) {
    if (i.opcode == Opcode::kJob) {
      EXPECT_EQ(held, 0u);
      ++jobs;
    }
    if (i.opcode != Opcode::kAlloc && i.opcode != Opcode::kFree) continue;
    if (plan.tensors[i.operands[0]].kind != TensorKind::kMasked) continue;
    held += i.opcode == Opcode::kAlloc ? 1 : ~0u;
    most = std::max(most, held);
  }
  EXPECT_EQ(jobs, 2u);
  EXPECT_GE(most, 2u);  // a window reads the rows of a neighbour
  EXPECT_LE(most, 3u);
}

// Whatever the budget: within it, and only a program for several pads where one for one pad is.
TEST(Schedule, BatchesKeepToTheBudget) {
  for (const bool publish : {false, true}) {
    for (uint64_t budget = 12 * kMiB; budget >= 512 * 1024; budget -= budget / 4) {
      Net net;
      BuildZoo(64, 16, &net);
      net.Decide(true, 3, publish ? Everything : Nothing);
      CompiledPlan plan;
      try {
        plan = net.Compile(budget);
      } catch (const model::ModelError& error) {
        EXPECT_EQ(error.status(), Status::kSecureMemoryExceeded);
        break;
      }
      EXPECT_EQ(CheckPlan(plan), "") << budget;
      EXPECT_LE(SecureMemorySize(plan), budget);
      EXPECT_EQ(plan.batch_program.empty(), plan.pad_batch == 0);
      if (!publish) {
        EXPECT_EQ(plan.pad_batch, 0u);
      } else if (budget == 12 * kMiB) {
        EXPECT_EQ(plan.pad_batch, kMaxPadBatch);
      }
    }
  }
}

// Where everything has room, each slice of the weights comes in once, for one pad as for several.
TEST(Schedule, PadsReadEveryWeightOnce) {
  Net net;
  BuildZoo(32, 16, &net);
  net.Decide(true, 3, Everything);
  const CompiledPlan plan = net.Compile(12 * kMiB);
  ASSERT_NE(plan.pad_batch, 0u);
  for (const auto program : {&CompiledPlan::pad_program, &CompiledPlan::batch_program}) {
    std::set<std::pair<uint32_t, uint32_t>> slices;
    size_t fetches = 0;
    for (const Instr& i : Decode(plan.*program)) {
      if (i.opcode != Opcode::kFetch || plan.tensors[i.operands[0]].kind != TensorKind::kPublic)
        continue;
      ++fetches;
      slices.insert({i.operands[0], i.operands[1]});
    }
    EXPECT_EQ(slices.size(), plan.slices.size());
    EXPECT_EQ(fetches, slices.size());
  }
}

TEST(Schedule, FloatLayersToo) {
  Net net;
  BuildZoo(32, 16, &net);
  net.Decide(false, 0, Nothing);
  const CompiledPlan plan = net.Compile(12 * kMiB);
  EXPECT_EQ(CheckPlan(plan), "");
  EXPECT_GT(Count(plan.infer_program, Opcode::kConv), 0u);
  EXPECT_EQ(Count(plan.infer_program, Opcode::kEvict), 0u);
}

// conv, relu, conv: the value between them never exists as a float32 tensor.
TEST(Schedule, PassesGoFromReplyToNextMaskInOneStep) {
  Net net;
  TensorId x = net.Input({1, 16, 16, 3});
  x = net.Unary(net.Conv(x, 8, 3, 1), PassFn::kRelu);
  net.Output(net.Conv(net.Unary(x, PassFn::kTanh), 8, 3, 1));
  net.Decide(true, 3, Everything);
  const CompiledPlan plan = net.Compile(12 * kMiB);
  uint32_t fused = 0;
  for (const Instr& i : Decode(plan.infer_program)) {
    if (i.opcode != Opcode::kPass) continue;
    PassHead head;
    std::memcpy(&head, i.operands.data(), sizeof(head));
    if (head.source == PassSource::kRestore && head.op_count == 2 && head.sink_count == 1) ++fused;
  }
  EXPECT_EQ(fused, 1u);
  uint32_t floats = 0;
  for (const TensorRec& t : plan.tensors) floats += t.type == PlanType::kF32;
  EXPECT_EQ(floats, 2u);  // input and output
}

// A big image through convolutions whose activations exceed the budget several times.
TEST(Schedule, SpillsWhenActivationsExceedTheBudget) {
  Net net;
  TensorId x = net.Input({1, 256, 256, 3});
  const TensorId first = net.Conv(x, 32, 3, 1);
  TensorId y = net.Conv(net.Unary(first, PassFn::kRelu), 32, 3, 1);
  net.Output(net.Binary(y, PassFn::kAdd, PassOperand::kTensor, first));
  net.Decide(false, 0, Nothing);
  const CompiledPlan plan = net.Compile(8 * kMiB);
  EXPECT_EQ(CheckPlan(plan), "");
  EXPECT_LE(SecureMemorySize(plan), 8 * kMiB);
  EXPECT_GT(net.report.evicted_size, 0u);
  EXPECT_GT(Count(plan.infer_program, Opcode::kEvict), 0u);
}

TEST(Schedule, ReportsTheOperatorThatDoesNotFit) {
  Net net;
  BuildZoo(64, 32, &net);
  net.Decide(true, 3, Everything);
  try {
    (void)net.Compile(kMiB / 2);
    FAIL();
  } catch (const model::ModelError& e) {
    EXPECT_EQ(e.status(), Status::kSecureMemoryExceeded);
    EXPECT_NE(std::string(e.what()).find("bytes"), std::string::npos);
  }
}

TEST(Schedule, RefusesBatches) {
  Net net;
  const TensorId x = net.Input({2, 8, 8, 3});
  net.Output(net.Conv(x, 4, 1, 1));
  net.Decide(false, 0, Nothing);
  EXPECT_THROW((void)net.Compile(12 * kMiB), model::ModelError);
}

// Transposes of every pair of axes: boxes are cut so that each instruction stays inside one tile.
TEST(Schedule, CopiesAreCutAtTiles) {
  for (const std::vector<uint32_t>& order :
       {std::vector<uint32_t>{2, 0, 1}, {1, 0, 2}, {2, 1, 0}}) {
    Net net;
    const std::vector<uint32_t> d = {96, 80, 40};
    const TensorId x = net.Input({1, d[0], d[1], d[2]});
    const std::vector<int32_t> stride = {static_cast<int32_t>(d[1] * d[2]),
                                         static_cast<int32_t>(d[2]), 1};
    const std::vector<uint32_t> e = {d[order[0]], d[order[1]], d[order[2]]};
    net.Output(net.Op({1, e[0], e[1], e[2]}, [&](TensorId y) -> LoweredKind {
      CopyOp op{};
      op.y = y;
      op.boxes = {{x,
                   e,
                   {stride[order[0]], stride[order[1]], stride[order[2]]},
                   {static_cast<int32_t>(e[1] * e[2]), static_cast<int32_t>(e[2]), 1},
                   0,
                   0}};
      return op;
    }));
    net.Decide(false, 0, Nothing);
    const CompiledPlan plan = net.Compile(12 * kMiB);
    EXPECT_EQ(CheckPlan(plan), "");
    // Together the boxes move every element exactly once.
    std::vector<uint8_t> written(size_t{d[0]} * d[1] * d[2]);
    for (const Instr& i : Decode(plan.infer_program)) {
      if (i.opcode != Opcode::kCopy) continue;
      CopyInstr c;
      std::memcpy(&c, i.operands.data(), sizeof(c));
      std::vector<uint32_t> at(c.dim_count);
      for (bool more = true; more;) {
        int64_t to = c.dst_offset;
        int64_t from = c.src_offset;
        for (uint32_t k = 0; k < c.dim_count; ++k) {
          to += int64_t{at[k]} * c.dst_stride[k];
          from += int64_t{at[k]} * c.src_stride[k];
        }
        const int64_t i2 = to % e[2];
        const int64_t i1 = to / e[2] % e[1];
        const int64_t i0 = to / e[2] / e[1];
        ASSERT_EQ(from, i0 * stride[order[0]] + i1 * stride[order[1]] + i2 * stride[order[2]]);
        ASSERT_EQ(written[static_cast<size_t>(to)]++, 0);
        more = false;
        for (uint32_t k = c.dim_count; k-- > 0 && !more;) {
          more = ++at[k] < c.extent[k];
          if (!more) at[k] = 0;
        }
      }
    }
    EXPECT_EQ(std::ranges::count(written, 1), static_cast<std::ptrdiff_t>(written.size()));
  }
}

// Removing any single instruction of a program must be noticed.
class CheckerOf : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Projections, CheckerOf, testing::Values(0u, 6u));

TEST_P(CheckerOf, NoticesEveryMissingInstruction) {
  Net net;
  BuildZoo(32, 8, &net);
  net.projections = GetParam();
  net.Decide(true, 3, [](uint32_t op) { return op != 2; });
  const CompiledPlan plan = net.Compile(12 * kMiB);
  ASSERT_EQ(CheckPlan(plan), "");
  ASSERT_NE(plan.pad_batch, 0u);
  for (const auto program : {&CompiledPlan::infer_program, &CompiledPlan::pad_program,
                             &CompiledPlan::prepare_program, &CompiledPlan::batch_program}) {
    for (const Instr& i : Decode(plan.*program)) {
      if (i.opcode == Opcode::kOutput || i.opcode == Opcode::kCopy)
        continue;  // nothing depends on them
      CompiledPlan broken = plan;
      std::vector<uint32_t>& words = broken.*program;
      const auto begin = words.begin() + static_cast<std::ptrdiff_t>(i.at);
      words.erase(begin, begin + 1 + static_cast<std::ptrdiff_t>(i.operands.size()));
      EXPECT_NE(CheckPlan(broken), "") << "opcode " << static_cast<int>(i.opcode) << " at " << i.at;
    }
  }
}

TEST(Checker, NoticesOverlapsAndBadOffsets) {
  Net net;
  BuildZoo(32, 8, &net);
  net.Decide(true, 3, Everything);
  const CompiledPlan plan = net.Compile(12 * kMiB);
  uint32_t tried = 0;
  for (const Instr& i : Decode(plan.infer_program)) {
    if (i.opcode != Opcode::kAlloc || i.operands[2] == 0) continue;
    CompiledPlan broken = plan;
    broken.infer_program[i.at + 3] = static_cast<uint32_t>(plan.arena_size);
    EXPECT_NE(CheckPlan(broken), "");
    ++tried;
  }
  EXPECT_GT(tried, 0u);
  CompiledPlan broken = plan;
  broken.layers[0].x_offset = broken.layers[0].y_offset;
  EXPECT_NE(CheckPlan(broken), "");
}

}  // namespace
}  // namespace penumbra::protect
