// "Exact means exact": the outputs of the protected pipeline have the bits of plain integer
// arithmetic, whatever the scheme, accelerator, number of threads, carrier and secure memory.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "exact_case.h"
#include "harness.h"
#include "model/error.h"
#include "model/onnx/import.h"
#include "protect/plain/test_support.h"
#include "protect/presets/presets.h"

namespace penumbra::e2e {
namespace {

using protect::CompiledModel;
using protect::CompileOptions;

class ExactResNet44 : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    graph_ = model::ImportOnnxFile(PENUMBRA_TEST_DATA "/resnet44-cifar10.onnx").graph;
    model::Normalize(graph_);
  }
  static model::Graph graph_;
};
model::Graph ExactResNet44::graph_;

TEST_F(ExactResNet44, ShadowNetInEveryPlace) {
  std::vector<Place> places = kPlaces;
  places.push_back({.device = "onednn", .carrier = CarrierKind::kProcess, .threads = 1});
  ExpectExact(*Compile(graph_, ShadowNet(1.2)), places);
}

TEST_F(ExactResNet44, CheckedInEveryPlace) {
  std::vector<Place> places = kPlaces;
  places.push_back({.device = "onednn", .carrier = CarrierKind::kProcess, .threads = 1});
  ExpectExact(*Compile(graph_, Checked(ShadowNet(1.2))), places);
  ExpectExact(*Compile(graph_, Checked(Preset("slalom-verify"))), {kPlaces[1]});
}

TEST_F(ExactResNet44, PrimeInEveryPlace) {
  std::vector<Place> places = kPlaces;
  places.push_back({.device = "onednn", .carrier = CarrierKind::kProcess, .threads = 1});
  ExpectExact(*Compile(graph_, Prime(ShadowNet(1.2))), places);
  const auto slalom = Compile(graph_, Prime(Preset("slalom")));
  EXPECT_EQ(slalom->report().soundness_bits, 46u);
  ExpectExact(*slalom, places);
}

TEST_F(ExactResNet44, GroupCoverInEveryPlace) {
  std::vector<Place> places = kPlaces;
  places.push_back({.device = "onednn", .carrier = CarrierKind::kProcess, .threads = 1});
  ExpectExact(*Compile(graph_, GroupCover()), places);
  ExpectExact(*Compile(graph_, Checked(GroupCover())), {kPlaces[1]});
  ExpectExact(*Compile(graph_, Prime(GroupCover())), {kPlaces[1]});
}

TEST_F(ExactResNet44, PrimeNeedsTheVendorsWordWhereTheProofFails) {
  CompileOptions options = Prime(ShadowNet(1.2));
  const auto model = Compile(graph_, options);
  EXPECT_GT(model->report().unproved_layer_count, 0u);
  EXPECT_LT(model->report().unproved_layer_count, model->report().layers.size());
  EXPECT_NE(model->report().warnings.back().find("bound unproved"), std::string::npos);
  EXPECT_NE(model->ReportJson().find("\"bound_unproved\":true"), std::string::npos);
  options.prime.allow_unproved_bound = false;
  try {
    Compile(graph_, options);
    FAIL() << "compiled";
  } catch (const model::ModelError& error) {
    EXPECT_EQ(error.status(), Status::kBoundUnproved) << error.what();
  }
}

TEST_F(ExactResNet44, OtherRatiosOfPublishedFilters) {
  for (const double ratio : {1.0, 2.0}) {
    SCOPED_TRACE(ratio);
    ExpectExact(*Compile(graph_, ShadowNet(ratio)), {kPlaces[1]});
  }
}

TEST_F(ExactResNet44, WithoutPadsAndWithOpenInputs) {
  ExpectExact(*Compile(graph_, WithoutPads(ShadowNet(1.2))), {kPlaces[1]});
  CompileOptions options = ShadowNet(1.2);
  options.mask_ends = false;
  ExpectExact(*Compile(graph_, options), {kPlaces[1]});
}

TEST_F(ExactResNet44, EnclaveOf8And16Bits) {
  for (const uint32_t bits : {8u, 16u}) {
    SCOPED_TRACE(bits);
    ExpectExact(*Compile(graph_, Enclave(bits)), {kPlaces[0]});
  }
}

// A map that is read again after several layers: it has to leave when memory is short.
model::Graph LongSkip() {
  protect::TestGraph t;
  using model::OpKind;
  const auto conv = [&t](model::ValueId x, int64_t in) {
    return t.Node(OpKind::kRelu,
                  {t.Node(OpKind::kConv, {x, t.Weights({16, in, 3, 3}, -0.2f, 0.2f)},
                          {{"pads", std::vector<int64_t>{1, 1, 1, 1}}})});
  };
  const model::ValueId first = conv(t.Input({1, 3, 128, 96}), 3);
  const model::ValueId second = conv(first, 16);
  const model::ValueId third = conv(second, 16);
  t.Output(t.Node(OpKind::kAdd, {conv(third, 16), t.Node(OpKind::kSub, {first, second})}));
  return t.graph;
}

// The model compiled for the tightest budget, in steps of 1/16, in which there is a plan.
std::unique_ptr<CompiledModel> CompileTight(const model::Graph& graph, CompileOptions options) {
  std::unique_ptr<CompiledModel> tightest = Compile(graph, options);
  options.secure_memory_size = tightest->report().schedule.secure_memory_size;
  for (;;) {
    options.secure_memory_size -= options.secure_memory_size / 16;
    try {
      tightest = Compile(graph, options);
    } catch (const model::ModelError& error) {
      EXPECT_EQ(error.status(), Status::kSecureMemoryExceeded) << error.what();
      return tightest;
    }
  }
}

TEST(Exact, LittleSecureMemoryChangesNoBit) {
  const model::Graph graph = LongSkip();
  for (const CompileOptions& options :
       {ShadowNet(1.2), Checked(ShadowNet(1.2)), Checked(Prime(ShadowNet(1.2))), Checked(GroupCover()),
        Checked(Prime(GroupCover())), Enclave(8), Enclave(16)}) {
    SCOPED_TRACE(protect::SchemeText(options.scheme));
    const auto model = CompileTight(graph, options);
    EXPECT_GT(model->report().schedule.evicted_size, 0u);
    ExpectExact(*model);
  }
}

model::Graph LongLstm(int64_t steps) {
  protect::TestGraph t;
  const model::ValueId x = t.Input({steps, 1, 12});
  const auto weights = [&](int64_t columns) { return t.Weights({1, 128, columns}, -0.3f, 0.3f); };
  t.Output(t.Nodes(model::OpKind::kLstm, {x, weights(12), weights(32)}, {}, 2)[1]);
  model::Normalize(t.graph);
  return t.graph;
}

uint64_t ConstantSize(const protect::CompiledPlan& plan) {
  uint64_t size = 0;
  for (const protect::ConstantTile& tile : plan.constants) size += tile.size;
  return size;
}

// Weights are published, sealed and authenticated once, however many steps use them.
TEST(Exact, StepsOfARecurrenceShareTheirWeights) {
  const model::Graph few = LongLstm(3);
  const model::Graph many = LongLstm(20);
  for (const CompileOptions& options : {ShadowNet(1.2), Enclave(8), Preset("mlcapsule")}) {
    SCOPED_TRACE(protect::SchemeText(options.scheme));
    const auto short_run = Compile(few, options);
    const auto long_run = Compile(many, options);
    EXPECT_EQ(ConstantSize(short_run->plan()), ConstantSize(long_run->plan()));
    EXPECT_EQ(short_run->plan().blobs.size(), long_run->plan().blobs.size());
    EXPECT_EQ(short_run->plan().slices.size(), long_run->plan().slices.size());
    if (long_run->plan().layers.empty()) continue;
    EXPECT_EQ(long_run->plan().segments.size(), 2u);
    EXPECT_EQ(long_run->plan().layers.size(), 20u);
    ExpectExact(*long_run);
  }
}

// Sums far beyond the field: what wraps outside wraps in the oracle, and only a bundle that says so
// is loaded.
TEST(Exact, SumsThatLeaveTheFieldWrapAlike) {
  protect::TestGraph t;
  const model::ValueId x = t.Input({1, 3, 12, 12});
  t.Output(t.Node(model::OpKind::kConv, {x, t.Weights({8, 3, 3, 3}, -40.0f, 40.0f)}));
  for (const bool pads : {true, false}) {
    const CompileOptions options = Prime(ShadowNet(1.2));
    const auto model = Compile(t.graph, pads ? options : WithoutPads(options));
    EXPECT_EQ(model->report().unproved_layer_count, 1u);
    EXPECT_GT(model->report().unproved_share, 1.0);
    ExpectExact(*model);
  }
}

}  // namespace
}  // namespace penumbra::e2e
