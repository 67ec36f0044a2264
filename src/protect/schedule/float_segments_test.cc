// Which operators segments take, how they are cut, and that they compute what the trusted half
// would have computed: segments run on the reference accelerator and are compared with the plain
// evaluation.
#include <cmath>

#include "protect/schedule/checker.h"
#include "protect/schedule/float_segments_test_support.h"
#include "protect/schedule/schedule.h"

namespace penumbra::protect {
namespace {

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

}  // namespace
}  // namespace penumbra::protect
