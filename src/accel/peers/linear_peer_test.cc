// Linear layers in oneDNN, each beside plain loops in double.
#include "accel/peers/linear_peer.h"

#include <gtest/gtest.h>

#include "accel/conformance/test_segment.h"

namespace penumbra::conformance {
// test_segment.cc asks; nothing here runs on a backend.
std::string_view BackendName() { return "reference"; }
}  // namespace penumbra::conformance

namespace penumbra::peers {
namespace {

using conformance::Rng;
using conformance::Square;
using conformance::TestSegment;

// A stem, a layer for Winograd, stride, depth, groups, 1x1 and a dense layer, with and without bias.
TestSegment Layers() {
  Rng rng(5);
  TestSegment s;
  uint32_t t = s.ConvFloat(s.FloatInput(32, 32, 3), Square(32, 3, 32, 7, 2, 3, 1), true, rng);
  t = s.ConvFloat(t, Square(16, 32, 64, 3, 1, 1, 1), true, rng);
  t = s.Unary(SegmentOp::kRelu, t);
  t = s.ConvFloat(t, Square(16, 64, 64, 3, 1, 1, 0), true, rng);
  t = s.ConvFloat(t, Square(16, 64, 32, 3, 2, 1, 2), false, rng);
  t = s.ConvFloat(t, Square(8, 32, 50, 1, 1, 0, 1), true, rng);
  t = s.Apply(SegmentOp::kGlobalAveragePool, {t}, {1, 1, 50, ElementType::kF32, 0});
  s.outputs = {s.ConvFloat(t, Square(1, 50, 10, 1, 1, 0, 1), true, rng)};
  return s;
}

constexpr size_t kLayers = 6;

struct Case {
  Precision precision;
  double error;  // of the largest value
};

bool HasAvx512() {
  const auto wanted = static_cast<unsigned>(dnnl::cpu_isa::avx512_core);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & wanted) == wanted;
}

TEST(LinearPeer, LayersAgreeWithPlainLoops) {
  const TestSegment s = Layers();
  const SegmentView view = s.view();
  for (const Case& c : {Case{Precision::kFloat32, 1e-5}, Case{Precision::kWinograd, 1e-4},
                        Case{Precision::kBfloat16, 1e-2}, Case{Precision::kInt8, 2e-2}}) {
    SCOPED_TRACE(static_cast<int>(c.precision));
    std::unique_ptr<LinearPeer> peer;
    try {
      peer = std::make_unique<LinearPeer>(std::span(&view, 1), s, c.precision, 1);
    } catch (const PeerError& error) {
      // Without AVX-512 oneDNN has neither bfloat16 nor a Winograd, and then the peer must say so.
      ASSERT_EQ(error.status(), Status::kUnsupported);
      ASSERT_TRUE(c.precision == Precision::kWinograd || c.precision == Precision::kBfloat16) << error.what();
      ASSERT_FALSE(HasAvx512()) << error.what();
      continue;
    }
    ASSERT_EQ(peer->layer_count(), kLayers);
    size_t layer = 0;
    for (const SegmentNode& n : s.nodes) {
      if (n.op != SegmentOp::kConvFloat) continue;
      SCOPED_TRACE("layer " + std::to_string(layer));
      const auto* weights = reinterpret_cast<const float*>(s.Blob(n.weight_blob).data());
      const auto* bias = n.bias_blob == kNoBlob ? nullptr : reinterpret_cast<const float*>(s.Blob(n.bias_blob).data());
      const LinearPeer::Deviation deviation = peer->Check(layer++, weights, bias);
      EXPECT_GT(deviation.largest, 0);
      EXPECT_LE(deviation.difference, c.error * deviation.largest);
    }
    EXPECT_NO_THROW(peer->Run());
    EXPECT_NE(peer->includes().find("linear layers only (6)"), std::string::npos) << peer->includes();
    EXPECT_TRUE(peer->version().starts_with("oneDNN "));
  }
}

TEST(LinearPeer, NothingLinear) {
  TestSegment s;
  s.outputs = {s.Unary(SegmentOp::kRelu, s.FloatInput(4, 4, 8))};
  const SegmentView view = s.view();
  EXPECT_THROW(LinearPeer(std::span(&view, 1), s, Precision::kFloat32, 1), PeerError);
}

TEST(LinearPeer, NoWinogradForPoints) {
  Rng rng(6);
  TestSegment s;
  s.outputs = {s.ConvFloat(s.FloatInput(8, 8, 32), Square(8, 32, 32, 1, 1, 0, 1), true, rng)};
  const SegmentView view = s.view();
  EXPECT_THROW(LinearPeer(std::span(&view, 1), s, Precision::kWinograd, 1), PeerError);
}

}  // namespace
}  // namespace penumbra::peers
