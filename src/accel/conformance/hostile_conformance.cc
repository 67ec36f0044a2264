// Segments and jobs from an adversary: refused with the right code, never a crash.
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "accel/conformance/test_segment.h"

namespace penumbra::conformance {
namespace {

// A tensor of residues, where the backend runs them, which AnyConv() makes the segment's next input; else a float input.
uint32_t AnyInput(TestSegment* s, const ConvGeometry& g, uint32_t primes) {
  return RunsResidues() ? s->Residue(g.in_h, g.in_w, g.in_c, primes) : s->FloatInput(g.in_h, g.in_w, g.in_c);
}
uint32_t AnyConv(TestSegment* s, uint32_t x, const ConvGeometry& g, uint32_t primes, Rng& rng) {
  if (!RunsResidues()) return s->ConvFloat(x, g, false, rng);
  s->inputs.push_back(x);
  return s->ConvResidue(x, g, primes);
}

// A legal segment with a convolution of residues or floats (node 0), a float convolution (1), a pool (2), a clip
// (3), a concat (4) and a resize (5).
TestSegment Legal() {
  Rng rng(21);
  TestSegment s;
  const ConvGeometry g = Square(6, 8, 4, 3, 1, 1, 1);
  const uint32_t x = AnyInput(&s, g, 2), f = s.FloatInput(6, 6, 8);
  const uint32_t y = AnyConv(&s, x, g, 2, rng);
  uint32_t t = s.ConvFloat(f, g, true, rng);
  t = s.Window(SegmentOp::kMaxPool, t, Square(6, 4, 4, 2, 2, 0, 0));
  t = s.Unary(SegmentOp::kClip, t, 0, 6);
  t = s.Apply(SegmentOp::kConcat, {t, t}, {3, 3, 8, ElementType::kF32, 0});
  t = s.Apply(SegmentOp::kResizeNearest, {t}, {6, 9, 8, ElementType::kF32, 0});
  s.outputs = {y, t};
  return s;
}

// A legal segment of convolutions only.
TestSegment Convolutions() {
  Rng rng(23);
  TestSegment s;
  const ConvGeometry g = Square(6, 8, 4, 3, 1, 1, 1);
  const uint32_t x = AnyInput(&s, g, 1), f = s.FloatInput(6, 6, 8);
  const uint32_t y = AnyConv(&s, x, g, 1, rng);
  s.outputs = {y, s.ConvFloat(f, g, true, rng)};
  return s;
}

struct Attack {
  const char* name;
  std::function<void(TestSegment*)> apply;
  bool of_residues = false;  // means nothing where node 0 computes floats
};

constexpr uint32_t kHuge = 0xffffffffu;

std::vector<Attack> Attacks() {
  using T = TestSegment*;
  return {
      {"no nodes", [](T s) { s->nodes.clear(); }},
      {"no inputs", [](T s) { s->inputs.clear(); }},
      {"no outputs", [](T s) { s->outputs.clear(); }},
      {"input id", [](T s) { s->inputs[0] = 1000; }},
      {"output id", [](T s) { s->outputs[0] = kHuge; }},
      {"input twice", [](T s) { s->inputs[1] = s->inputs[0]; }},
      {"output twice", [](T s) { s->outputs[1] = s->outputs[0]; }},
      {"output is an input", [](T s) { s->outputs[0] = s->inputs[0]; }},
      {"output never written", [](T s) { s->nodes.erase(s->nodes.begin()); }},
      {"node input id", [](T s) { s->nodes[3].inputs[0] = kHuge; }},
      {"node output id", [](T s) { s->nodes[3].output = kHuge; }},
      {"node writes an input", [](T s) { s->nodes[1].output = s->inputs[0]; }},
      {"two writers", [](T s) { s->nodes[3].output = s->nodes[2].output; }},
      {"cycle", [](T s) { s->nodes[2].inputs[0] = s->nodes[3].output; }},
      {"operator 0", [](T s) { s->nodes[3].op = static_cast<SegmentOp>(0); }},
      {"operator 18", [](T s) { s->nodes[3].op = static_cast<SegmentOp>(18); }},
      {"operator 65535", [](T s) { s->nodes[3].op = static_cast<SegmentOp>(65535); }},
      {"no node inputs", [](T s) { s->nodes[3].input_count = 0; }},
      {"too many node inputs", [](T s) { s->nodes[4].input_count = 9; }},
      {"unary with two inputs", [](T s) { s->nodes[3].input_count = 2; }},
      {"add with one input", [](T s) { s->nodes[3].op = SegmentOp::kAdd; }},
      {"element type", [](T s) { s->tensors[0].type = static_cast<ElementType>(9); }},
      {"float into residues", [](T s) { s->nodes[0].inputs[0] = s->inputs[0]; }, true},
      {"residues into float", [](T s) { s->nodes[1].op = SegmentOp::kConvResidue; }, true},
      {"floats as residues of the field", [](T s) { s->nodes[1].op = SegmentOp::kConvPrime; }, true},
      {"no primes", [](T s) { s->tensors[0].prime_count = 0; }, true},
      {"seven primes", [](T s) { s->tensors[0].prime_count = 7; }},
      {"float with primes", [](T s) { s->tensors[1].prime_count = 1; }},
      {"primes differ", [](T s) { s->tensors[0].prime_count = 3; }},
      {"zero height", [](T s) { s->tensors[1].h = 0; }},
      {"overflowing shape",
       [](T s) {
         s->tensors[1] = {kHuge, kHuge, kHuge, ElementType::kF32, 0};
       }},
      {"2^64 elements",
       [](T s) {
         s->tensors[1] = {1u << 31, 1u << 31, 4, ElementType::kF32, 0};
       }},
      {"geometry and tensor differ", [](T s) { s->nodes[1].geometry.in_h = 7; }},
      {"output too tall", [](T s) { s->tensors[2].h = s->nodes[0].geometry.out_h = 7; }},
      {"kernel 0", [](T s) { s->nodes[1].geometry.kernel_h = 0; }},
      {"stride 0", [](T s) { s->nodes[1].geometry.stride_w = 0; }},
      {"dilation 0", [](T s) { s->nodes[0].geometry.dilation_h = 0; }},
      {"groups 0", [](T s) { s->nodes[0].geometry.groups = 0; }},
      {"groups 3", [](T s) { s->nodes[0].geometry.groups = 3; }},
      {"kernel huge", [](T s) { s->nodes[0].geometry.kernel_w = kHuge; }},
      {"dilation huge", [](T s) { s->nodes[1].geometry.dilation_w = kHuge; }},
      {"padding huge", [](T s) { s->nodes[1].geometry.pad_left = kHuge; }},
      {"kernel too large for the image", [](T s) { s->nodes[2].geometry.kernel_h = 7; }},
      {"pool changes channels", [](T s) { s->nodes[2].geometry.groups = 1; }},
      {"pool over padding",
       [](T s) {
         s->nodes[2].geometry = Square(6, 4, 4, 2, 2, 2, 0);
         for (int node : {2, 3}) s->tensors[s->nodes[node].output].h = 5;
       }},
      {"no weights", [](T s) { s->nodes[0].weight_blob = kNoBlob; }},
      {"weights absent", [](T s) { s->nodes[0].weight_blob = 77; }},
      {"weights short", [](T s) { s->blobs[0] = Buffer(s->blobs[0].size() - 1); }},
      {"weights long", [](T s) { s->blobs[1] = Buffer(s->blobs[1].size() + 4); }},
      {"weights not centred", [](T s) { s->blobs[0].As<int8_t>()[5] = 126; }, true},
      {"weight -128", [](T s) { s->blobs[0].As<int8_t>()[s->blobs[0].size() - 1] = -128; }, true},
      {"second prime's range", [](T s) { s->blobs[0].As<int8_t>()[s->blobs[0].size() - 1] = 121; }, true},
      {"bias short", [](T s) { s->blobs[2] = Buffer(s->blobs[2].size() - 4); }},
      {"bias on residues", [](T s) { s->nodes[0].bias_blob = 2; }, true},
      {"clip bounds crossed", [](T s) { s->nodes[3].attr_f[0] = 7; }},
      {"clip bound not a number",
       [](T s) { s->nodes[3].attr_f[1] = std::numeric_limits<float>::quiet_NaN(); }},
      {"concat does not add up", [](T s) { s->nodes[4].input_count = 3; }},
      {"resize to a fraction", [](T s) { s->tensors[s->outputs[1]].h = 7; }},
  };
}

TEST(HostileConformance, SegmentsAreRefused) {
  const TestSegment legal = Legal();
  std::unique_ptr<PreparedSegment> prepared;
  std::string why;
  bool announced = true;
  for (const SegmentNode& n : legal.nodes) {
    announced = announced && Backend().capabilities().Runs(n.op);
  }
  ASSERT_EQ(Backend().Prepare(legal.view(), legal, {1, 2}, &prepared, &why),
            announced ? Status::kOk : Status::kDeviceUnsupported)
      << why;
  for (const Attack& attack : Attacks()) {
    if (attack.of_residues && !RunsResidues()) continue;
    SCOPED_TRACE(attack.name);
    TestSegment s = legal;
    attack.apply(&s);
    why.clear();
    const Status status = Backend().Prepare(s.view(), s, {1, 2}, &prepared, &why);
    // What is wrong may stand behind an operator that is refused first.
    EXPECT_TRUE(status == Status::kMalformed ||
                (!announced && status == Status::kDeviceUnsupported))
        << "P" << static_cast<uint32_t>(status);
    EXPECT_EQ(prepared, nullptr);
    EXPECT_FALSE(why.empty());
  }
}

TEST(HostileConformance, FilterBeyondInt32IsRefused) {
  if (!RunsResidues()) GTEST_SKIP() << "no residues";
  TestSegment s;
  const ConvGeometry g = {1, 1, 67373, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1};
  s.inputs = {s.Residue(1, 1, g.in_c, 1)};
  s.outputs = {s.ConvResidue(s.inputs[0], g, 1)};
  std::unique_ptr<PreparedSegment> prepared;
  EXPECT_EQ(Backend().Prepare(s.view(), s, {}, &prepared), Status::kMalformed);
}

TEST(HostileConformance, OptionsAreRefused) {
  const TestSegment s = Convolutions();
  std::unique_ptr<PreparedSegment> prepared;
  for (const PrepareOptions& options : {PrepareOptions{0, 1}, PrepareOptions{1, 0},
                                        PrepareOptions{kHuge, 1}, PrepareOptions{1, kHuge}}) {
    EXPECT_EQ(Backend().Prepare(s.view(), s, options, &prepared), Status::kInvalidArgument);
  }
}

// Any one field of the segment with any value: refused, or prepared and run without a fault.
TEST(HostileConformance, FlippedBits) {
  Rng rng(22);
  const TestSegment legal = Convolutions();
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    TestSegment s = legal;
    auto* bytes = i % 3 == 0 ? reinterpret_cast<uint8_t*>(s.tensors.data())
                             : reinterpret_cast<uint8_t*>(s.nodes.data());
    const size_t size = i % 3 == 0 ? s.tensors.size() * sizeof(SegmentTensor)
                                   : s.nodes.size() * sizeof(SegmentNode);
    bytes[Draw(rng, 0, static_cast<uint32_t>(size - 1))] ^=
        static_cast<uint8_t>(1u << Draw(rng, 0, 7));
    std::unique_ptr<PreparedSegment> prepared;
    if (!IsOk(Backend().Prepare(s.view(), s, {1, 1}, &prepared))) {
      ++refused;
      continue;
    }
    RunData data(s, 1);
    EXPECT_EQ(data.Run(prepared.get(), 1, FullRows(s)), Status::kOk);
    for (const Buffer& out : data.outputs) EXPECT_TRUE(out.GuardIntact());
  }
  EXPECT_GT(refused, 500);
}

TEST(HostileConformance, JobsAreRefused) {
  const TestSegment s = Convolutions();
  std::unique_ptr<PreparedSegment> prepared;
  ASSERT_EQ(Backend().Prepare(s.view(), s, {1, 2}, &prepared), Status::kOk);
  RunData data(s, 3);
  const std::vector<const std::byte*> in = {data.inputs[0].data(), data.inputs[1].data()};
  const std::vector<std::byte*> out = {data.outputs[0].data(), data.outputs[1].data()};
  const RowRange rows = FullRows(s);
  const auto run = [&](Job job) { return prepared->Run(job); };
  EXPECT_EQ(run({1, rows, in, out}), Status::kOk);
  EXPECT_EQ(run({2, rows, in, out}), Status::kOk);
  EXPECT_EQ(run({0, rows, in, out}), Status::kInvalidArgument);
  EXPECT_EQ(run({3, rows, in, out}), Status::kInvalidArgument);
  EXPECT_EQ(run({1, {0, rows.end + 1}, in, out}), Status::kInvalidArgument);
  EXPECT_EQ(run({1, {0, rows.end - 1}, in, out}), Status::kInvalidArgument);
  EXPECT_EQ(run({1, {0, 0}, in, out}), Status::kInvalidArgument);
  EXPECT_EQ(run({1, rows, std::span(in).first(1), out}), Status::kInvalidArgument);
  EXPECT_EQ(run({1, rows, in, std::span(out).first(1)}), Status::kInvalidArgument);
  const std::vector<const std::byte*> crooked = {data.inputs[0].data() + 1, data.inputs[1].data()};
  EXPECT_EQ(run({1, rows, crooked, out}), Status::kInvalidArgument);
  const std::vector<std::byte*> nothing = {data.outputs[0].data(), nullptr};
  EXPECT_EQ(run({1, rows, in, nothing}), Status::kInvalidArgument);
}

TEST(HostileConformance, RowsOutsideTheImageAreRefused) {
  Rng rng(24);
  TestSegment s;
  const ConvGeometry g = Square(6, 8, 4, 3, 1, 1, 1);
  s.outputs = {AnyConv(&s, AnyInput(&s, g, 1), g, 1, rng)};
  std::unique_ptr<PreparedSegment> prepared;
  ASSERT_EQ(Backend().Prepare(s.view(), s, {}, &prepared), Status::kOk);
  RunData data(s, 1);
  for (const RowRange& rows :
       {RowRange{5, 7}, RowRange{3, 3}, RowRange{4, 2}, RowRange{6, kHuge}}) {
    EXPECT_EQ(data.Run(prepared.get(), 1, rows), Status::kInvalidArgument);
  }
  const Status part = data.Run(prepared.get(), 1, {2, 4});
  EXPECT_EQ(part, Backend().capabilities().row_ranges ? Status::kOk : Status::kInvalidArgument);
}

}  // namespace
}  // namespace penumbra::conformance
