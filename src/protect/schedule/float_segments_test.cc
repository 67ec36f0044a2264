// Which operators segments take, how they are cut, and that they compute what the trusted half
// would have computed: segments run on the reference accelerator and are compared with the plain
// evaluation.
#include "protect/schedule/float_segments.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>

#include "accel/registry.h"
#include "accel/validate.h"
#include "protect/lower/shared_layers.h"
#include "protect/plain/inference.h"
#include "protect/schedule/checker.h"
#include "protect/schedule/layer_tables.h"
#include "protect/schedule/schedule.h"

namespace penumbra::protect {
namespace {

class Blobs final : public BlobSource {
 public:
  explicit Blobs(const std::vector<PublicBlob>& blobs) {
    for (const PublicBlob& blob : blobs) bytes_.push_back(blob.make(0));
  }
  std::span<const std::byte> Blob(uint32_t index) const override {
    if (index >= bytes_.size()) return {};
    return std::as_bytes(std::span(bytes_[index]));
  }

 private:
  std::vector<std::vector<uint8_t>> bytes_;
};

struct alignas(kExchangeAlignment) Line {
  float values[kExchangeAlignment / sizeof(float)];
};

// A float32 tensor where an accelerator wants it.
class Aligned {
 public:
  explicit Aligned(uint64_t count) : lines_(count * sizeof(float) / sizeof(Line) + 1) {}
  float* data() { return lines_[0].values; }

 private:
  std::vector<Line> lines_;
};

class FloatSegments : public ::testing::Test {
 protected:
  TensorId Tensor(std::vector<uint32_t> dims) {
    LoweredTensor t;
    t.name = "t" + std::to_string(graph_.tensors.size());
    t.dims = std::move(dims);
    t.perm.resize(t.dims.size());
    std::iota(t.perm.begin(), t.perm.end(), 0u);
    graph_.tensors.push_back(t);
    return static_cast<TensorId>(graph_.tensors.size() - 1);
  }
  TensorId Input(std::vector<uint32_t> dims) {
    const TensorId id = Tensor(std::move(dims));
    graph_.inputs.push_back({"in", id, model::DataType::kFloat32, {}});
    return id;
  }
  void Output(TensorId id) {
    graph_.outputs.push_back({"out", id, model::DataType::kFloat32, {}});
  }
  template <typename Op>
  TensorId Add(std::vector<uint32_t> dims, Op op) {
    op.y = Tensor(std::move(dims));
    const TensorId y = op.y;
    graph_.ops.push_back({"op" + std::to_string(graph_.ops.size()), std::move(op)});
    return y;
  }
  std::vector<float> Noise(uint64_t count) {
    std::normal_distribution<float> normal;
    std::vector<float> values(count);
    for (float& v : values) v = normal(random_);
    return values;
  }
  const std::vector<uint32_t>& Dims(TensorId id) const { return graph_.tensors[id].dims; }

  TensorId Linear(TensorId x, const ConvGeometry& g, std::vector<uint32_t> dims) {
    LinearOp op{x, 0, g, Noise(g.out_c * FilterLength(g)), Noise(g.out_c)};
    return Add(std::move(dims), std::move(op));
  }
  TensorId Conv(TensorId x, uint32_t out_c, uint32_t kernel) {
    const std::vector<uint32_t> d = Dims(x);
    const uint32_t pad = kernel / 2;
    return Linear(x,
                  {d[1], d[2], d[3], d[1], d[2], out_c, kernel, kernel, 1, 1, 1, 1, pad, pad, pad,
                   pad, 1},
                  {1, d[1], d[2], out_c});
  }
  TensorId Dense(TensorId x, uint32_t out_c) {
    const auto in_c = static_cast<uint32_t>(graph_.tensors[x].count());
    return Linear(x, {1, 1, in_c, 1, 1, out_c, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1}, {1, out_c});
  }
  TensorId Unary(TensorId x, PassFn fn, float a = 0, float b = 0) {
    ElementwiseOp op{};
    op.x = x;
    op.fn = fn;
    op.a = a;
    op.b = b;
    return Add(Dims(x), op);
  }
  TensorId Scalar(TensorId x, PassFn fn, float a) {
    ElementwiseOp op{};
    op.x = x;
    op.fn = fn;
    op.a = a;
    op.operand_kind = PassOperand::kScalar;
    return Add(Dims(x), op);
  }
  TensorId Binary(TensorId x, PassFn fn, TensorId operand, PassOperand kind, uint32_t period = 0) {
    ElementwiseOp op{};
    op.x = x;
    op.fn = fn;
    op.operand_kind = kind;
    op.operand = operand;
    op.period = period;
    return Add(Dims(x), op);
  }
  TensorId Reshape(TensorId x, std::vector<uint32_t> dims) {
    return Add(std::move(dims), ReshapeOp{x, 0});
  }
  TensorId Mean(TensorId x) { return Add({1, Dims(x).back()}, ReduceOp{x, 0, 1}); }
  TensorId Pool(TensorId x, uint32_t kind) {
    const std::vector<uint32_t> d = Dims(x);
    return Add({1, d[1], d[2], d[3]}, PoolOp{x, 0, kind, {d[1], d[2], d[3], d[1], d[2], d[3], 3, 3,
                                                          1, 1, 1, 1, 1, 1, 1, 1, d[3]}});
  }
  static CopyBox Channels(TensorId src, uint32_t pixels, int32_t src_c, int32_t dst_c,
                          uint32_t count, uint32_t from, uint32_t to) {
    return {src, {pixels, count}, {src_c, 1}, {dst_c, 1}, from, to};
  }

  FloatPlan Plan() const {
    return PlanFloatSegments(graph_, std::vector<bool>(graph_.ops.size(), true));
  }

  static std::vector<std::vector<float>> RunSegment(const FloatSegment& segment,
                                                    const std::vector<std::vector<float>>& inputs) {
    const PublicSegment& g = segment.graph;
    const Blobs blobs(segment.blobs);
    std::unique_ptr<PreparedSegment> prepared;
    std::string why;
    std::unique_ptr<Device> device;
    EXPECT_EQ(CreateDevice("reference", &device), Status::kOk);
    const Status status = device->Prepare({g.tensors, g.nodes, g.inputs, g.outputs}, blobs, {},
                                          &prepared, &why);
    EXPECT_EQ(status, Status::kOk) << why;
    if (!IsOk(status)) return {};
    std::vector<Aligned> memory;
    std::vector<const std::byte*> in;
    std::vector<std::byte*> out;
    uint32_t rows = 0;
    for (size_t i = 0; i < inputs.size(); ++i) {
      memory.emplace_back(inputs[i].size());
      std::ranges::copy(inputs[i], memory.back().data());
      in.push_back(reinterpret_cast<const std::byte*>(memory.back().data()));
    }
    for (const uint32_t id : g.outputs) {
      memory.emplace_back(TensorByteSize(g.tensors[id], 1) / sizeof(float));
      out.push_back(reinterpret_cast<std::byte*>(memory.back().data()));
      rows = std::max(rows, g.tensors[id].h);
    }
    Job job;
    job.rows = {0, rows};
    job.inputs = in;
    job.outputs = out;
    EXPECT_EQ(prepared->Run(job), Status::kOk);
    std::vector<std::vector<float>> results;
    for (size_t i = 0; i < out.size(); ++i) {
      const auto* values = reinterpret_cast<const float*>(out[i]);
      results.emplace_back(values, values + TensorByteSize(g.tensors[g.outputs[i]], 1) / 4);
    }
    return results;
  }

  // The whole graph is one segment that reads the model's inputs, and computes what it should.
  void ExpectOneSegment() {
    const FloatPlan plan = Plan();
    ASSERT_EQ(plan.segments.size(), 1u);
    for (size_t op = 0; op < graph_.ops.size(); ++op) {
      const bool reshape = std::holds_alternative<ReshapeOp>(graph_.ops[op].kind);
      EXPECT_EQ(plan.segment_of[op], reshape ? kNone : 0u) << op;
    }
    std::vector<std::vector<float>> inputs;
    for (const LoweredPort& port : graph_.inputs) {
      inputs.push_back(Noise(graph_.tensors[port.tensor].count()));
    }
    const std::vector<std::vector<float>> expected = RunFloat(graph_, inputs);
    const std::vector<std::vector<float>> got = RunSegment(plan.segments[0], inputs);
    ASSERT_EQ(got.size(), expected.size());
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i].size(), expected[i].size());
      for (size_t k = 0; k < got[i].size(); ++k) {
        ASSERT_NEAR(got[i][k], expected[i][k], 1e-4 * std::max(1.0f, std::abs(expected[i][k])));
      }
    }
  }

  LoweredGraph graph_;
  std::mt19937 random_{7};
};

TEST_F(FloatSegments, AClassifierIsOneSegment) {
  TensorId x = Unary(Conv(Input({1, 6, 5, 3}), 8, 3), PassFn::kRelu);
  x = Binary(x, PassFn::kAdd, Conv(x, 8, 1), PassOperand::kTensor);
  x = Pool(Pool(Pool(x, 0), 1), 2);
  x = Dense(Reshape(x, {1, 6 * 5 * 8}), 7);  // a filter as large as the image
  Output(Add({1, 7}, SoftmaxOp{x, 0, 7, false}));
  ExpectOneSegment();
}

TEST_F(FloatSegments, EveryElementwiseFunction) {
  TensorId x = Conv(Input({1, 4, 4, 6}), 6, 1);
  for (const PassFn fn : {PassFn::kRelu, PassFn::kSigmoid, PassFn::kTanh, PassFn::kHardSwish,
                          PassFn::kNeg}) {
    x = Unary(x, fn);
  }
  x = Unary(x, PassFn::kLeakyRelu, 0.1f);
  x = Unary(x, PassFn::kClip, -0.5f, INFINITY);
  x = Unary(x, PassFn::kHardSigmoid, 0.2f, 0.5f);
  for (const PassFn fn : {PassFn::kAdd, PassFn::kSub, PassFn::kReverseSub, PassFn::kMul,
                          PassFn::kDiv, PassFn::kMax, PassFn::kMin}) {
    x = Scalar(x, fn, 0.75f);
  }
  ElementwiseOp shift{};
  shift.x = x;
  shift.fn = PassFn::kSub;
  shift.operand_kind = PassOperand::kChannel;
  shift.constants = Noise(6);
  shift.period = 6;
  Output(Add(Dims(x), shift));
  ExpectOneSegment();
}

TEST_F(FloatSegments, SqueezeAndExcitationBroadcasts) {
  const TensorId x = Conv(Input({1, 5, 4, 6}), 6, 3);
  const TensorId gate = Unary(Dense(Mean(x), 6), PassFn::kSigmoid);
  Output(Binary(x, PassFn::kMul, gate, PassOperand::kTensorChannel, 6));
  ExpectOneSegment();
}

TEST_F(FloatSegments, ChannelsAreJoinedPickedAndShuffled) {
  const TensorId a = Conv(Input({1, 3, 4, 6}), 6, 1);
  const TensorId b = Conv(a, 2, 3);
  const CopyOp join{0, {Channels(a, 12, 6, 8, 6, 0, 0), Channels(b, 12, 2, 8, 2, 0, 6)}};
  const TensorId joined = Add({1, 3, 4, 8}, join);
  const TensorId half = Add({1, 3, 4, 4}, CopyOp{0, {Channels(joined, 12, 8, 4, 4, 4, 0)}});
  CopyOp shuffle{0, {{joined, {12, 4, 2}, {8, 1, 4}, {8, 2, 1}}}};
  const TensorId shuffled = Add({1, 3, 4, 8}, shuffle);
  CopyOp many{0, {}};
  for (uint32_t i = 0; i < 11; ++i) many.boxes.push_back(Channels(half, 12, 4, 44, 4, 0, 4 * i));
  Output(Conv(Add({1, 3, 4, 44}, many), 3, 1));
  Output(Conv(shuffled, 3, 1));
  ExpectOneSegment();
}

TEST_F(FloatSegments, NearestNeighboursOfWholeFactors) {
  const TensorId x = Conv(Input({1, 3, 2, 5}), 5, 1);
  CopyOp copy{0, {}};
  for (uint32_t i = 0; i < 2; ++i) {
    for (uint32_t j = 0; j < 3; ++j) {
      copy.boxes.push_back({x, {3, 2, 5}, {10, 5, 1}, {60, 15, 1}, 0, i * 30 + j * 5});
    }
  }
  const TensorId larger = Add({1, 6, 6, 5}, copy);
  ResizeOp resize{larger, 0, 6, 6, 12, 6, 5, {}, {}, {}, {}, {}, {}};
  for (uint32_t i = 0; i < 12; ++i) resize.row_lo.push_back(i / 2);
  for (uint32_t i = 0; i < 6; ++i) resize.col_lo.push_back(i);
  resize.row_hi = resize.row_lo;
  resize.col_hi = resize.col_lo;
  resize.row_w.resize(12);
  resize.col_w.resize(6);
  Output(Add({1, 12, 6, 5}, resize));
  ExpectOneSegment();
}

TEST_F(FloatSegments, SeveralInputsAndOutputsAndALateReader) {
  const TensorId a = Input({1, 4, 4, 3});
  const TensorId b = Input({1, 4, 4, 3});
  const TensorId sum = Binary(a, PassFn::kAdd, b, PassOperand::kTensor);
  Output(sum);
  Output(Conv(sum, 2, 3));
  ExpectOneSegment();
}

TEST_F(FloatSegments, WhatTheyCannotDoSplitsThem) {
  const TensorId x = Conv(Input({1, 4, 4, 3}), 3, 3);
  const TensorId trusted = Unary(x, PassFn::kElu);
  const TensorId beside = Conv(x, 3, 1);  // does not wait for the trusted operator
  Output(Conv(Binary(trusted, PassFn::kAdd, beside, PassOperand::kTensor), 2, 3));
  const FloatPlan plan = Plan();
  EXPECT_EQ(plan.segment_of, (std::vector<uint32_t>{0, kNone, 0, 1, 1}));
  EXPECT_EQ(plan.order, (std::vector<uint32_t>{0, 2, 1, 3, 4}));
  EXPECT_EQ(plan.segments[0].outputs, (std::vector<TensorId>{x, beside}));
  EXPECT_EQ(plan.segments[1].inputs, (std::vector<TensorId>{trusted, beside}));
}

TEST_F(FloatSegments, MovesBetweenPixelsStayTrusted) {
  const TensorId x = Conv(Input({1, 4, 4, 4}), 4, 3);
  CopyOp transpose{0, {{x, {4, 4, 4}, {4, 16, 1}, {16, 4, 1}}}};
  Output(Add({1, 4, 4, 4}, transpose));
  EXPECT_EQ(Plan().segment_of, (std::vector<uint32_t>{0, kNone}));
}

// Half the channels of a long row would be a filter bank of a thousand million weights.
TEST_F(FloatSegments, SelectionsFromLongRowsStayTrusted) {
  const TensorId x = Unary(Input({1, 1, 1, 50000}), PassFn::kRelu);
  const auto half = [&](uint32_t count) {
    return Add({1, 1, 1, count}, CopyOp{0, {Channels(x, 1, 50000, 1, count, 0, 0)}});
  };
  Output(half(25000));
  Output(half(20));
  EXPECT_EQ(Plan().segment_of, (std::vector<uint32_t>{0, kNone, 0}));
}

TEST_F(FloatSegments, NothingPublicNothingSent) {
  Output(Conv(Input({1, 4, 4, 3}), 2, 3));
  const FloatPlan plan = PlanFloatSegments(graph_, {});
  EXPECT_TRUE(plan.segments.empty());
  EXPECT_EQ(plan.order, (std::vector<uint32_t>{0}));
}

// Splits with several ports each way make plans that the independent checker accepts, and no
// instruction on their ports can be missed.
TEST_F(FloatSegments, SchedulesPassTheChecker) {
  const TensorId x = Conv(Input({1, 64, 64, 16}), 16, 3);
  const TensorId other = Conv(x, 16, 1);
  const TensorId bent = Unary(x, PassFn::kElu);
  const TensorId trusted = Binary(bent, PassFn::kSub, other, PassOperand::kTensor);
  Output(Conv(Binary(trusted, PassFn::kAdd, other, PassOperand::kTensor), 4, 3));
  std::vector<LinearPlan> linears;
  for (uint32_t op = 0; op < graph_.ops.size(); ++op) {
    const auto* linear = std::get_if<LinearOp>(&graph_.ops[op].kind);
    if (linear != nullptr) linears.push_back({op, linear});
  }
  ScheduleOptions options;
  options.float_public.assign(graph_.ops.size(), true);
  ScheduleReport report;
  const CompiledPlan plan = Schedule(graph_, linears, options, &report);
  EXPECT_EQ(CheckPlan(plan), "");
  EXPECT_EQ(plan.float_segments.size(), 2u);
  EXPECT_EQ(plan.constants.size(), 0u);
  EXPECT_EQ(report.float_segment_of, (std::vector<uint32_t>{0, 0, kNone, kNone, 1, 1}));
  uint32_t tried = 0;
  const std::vector<uint32_t>& words = plan.infer_program;
  for (size_t at = 0; at < words.size(); at += 1 + (words[at] >> 16)) {
    const auto opcode = static_cast<Opcode>(words[at] & 0xffff);
    if (opcode < Opcode::kFloatSend || opcode > Opcode::kFloatReceive) continue;
    CompiledPlan broken = plan;
    const auto begin = broken.infer_program.begin() + static_cast<std::ptrdiff_t>(at);
    broken.infer_program.erase(begin, begin + 1 + (words[at] >> 16));
    EXPECT_NE(CheckPlan(broken), "") << "word " << at;
    ++tried;
  }
  EXPECT_GT(tried, 8u);
}

// The same weights in two segments are one blob of the public half, other weights are not.
TEST_F(FloatSegments, CopiesOfALayerAreStoredOnce) {
  TensorId x = Input({1, 4, 4, 8});
  for (int step = 0; step < 3; ++step) x = Unary(Conv(x, 8, 1), PassFn::kElu);
  Output(x);
  auto& first = std::get<LinearOp>(graph_.ops[0].kind);
  auto& second = std::get<LinearOp>(graph_.ops[2].kind);
  second.weights = first.weights;
  second.bias = first.bias;
  MarkSharedLayers(&graph_);
  ASSERT_EQ(second.same_as, 0u);
  std::vector<LinearPlan> linears;
  for (const uint32_t op : {0u, 2u, 4u}) linears.push_back({op, &std::get<LinearOp>(graph_.ops[op].kind)});
  ScheduleOptions options;
  options.float_public = {true, false, true, false, true, false};
  ScheduleReport report;
  const CompiledPlan plan = Schedule(graph_, linears, options, &report);
  EXPECT_EQ(CheckPlan(plan), "");
  ASSERT_EQ(plan.segments.size(), 3u);
  const auto node = [&](size_t segment) { return plan.segments[segment].nodes.front(); };
  EXPECT_EQ(node(0).weight_blob, node(1).weight_blob);
  EXPECT_EQ(node(0).bias_blob, node(1).bias_blob);
  EXPECT_NE(node(0).weight_blob, node(2).weight_blob);
  ASSERT_EQ(plan.blobs.size(), 4u);
  EXPECT_NE(node(0).weight_blob, node(0).bias_blob);
  EXPECT_EQ(plan.blobs[node(2).weight_blob].make(0), BytesOf(std::get<LinearOp>(graph_.ops[4].kind).weights));
}

// Gates of a recurrence are picked out of one vector: by a matrix that all steps have in common.
TEST_F(FloatSegments, EqualSelectionsAreNamedAlike) {
  const TensorId x = Input({1, 4, 4, 8});
  for (const uint32_t from : {0u, 4u, 0u}) {
    Output(Unary(Add({1, 4, 4, 4}, CopyOp{0, {Channels(x, 16, 8, 4, 4, from, 0)}}), PassFn::kRelu));
  }
  const FloatPlan plan = Plan();
  ASSERT_EQ(plan.segments.size(), 1u);
  const std::vector<PublicBlob>& blobs = plan.segments.front().blobs;
  ASSERT_EQ(blobs.size(), 3u);
  EXPECT_EQ(blobs[0].content, blobs[2].content);
  EXPECT_EQ(blobs[0].make(0), blobs[2].make(0));
  EXPECT_NE(blobs[0].content, blobs[1].content);
  EXPECT_NE(blobs[0].make(0), blobs[1].make(0));
}

}  // namespace
}  // namespace penumbra::protect
