// "Exact means exact": the outputs of the protected pipeline have the bits of plain integer
// arithmetic, whatever the scheme, accelerator, number of threads, carrier and secure memory.
#include <gtest/gtest.h>

#include <algorithm>

#include "graphs.h"
#include "harness.h"
#include "model/onnx/import.h"
#include "protect/presets/presets.h"

namespace penumbra::e2e {
namespace {

using protect::CompiledModel;
using protect::CompileOptions;

const std::vector<Place> kPlaces = {{.device = "reference"}, {.device = "onednn", .threads = 2}};

CompileOptions Preset(const std::string& name) {
  CompileOptions options;
  options.preset = name;
  options.scheme = protect::PresetScheme(name);
  options.seed_for_tests.emplace().fill(7);
  return options;
}

CompileOptions ShadowNet(double ratio, uint32_t primes = 0) {
  CompileOptions options = Preset("shadownet");
  options.scheme.weights_parameter = ratio;
  options.ring.prime_count = primes;
  return options;
}

// Over the papers' one prime, which proves few bounds of these graphs.
CompileOptions Prime(CompileOptions options) {
  protect::SetAxis("arithmetic", "prime", &options.scheme);
  options.prime.allow_unproved_bound = true;
  return options;
}

CompileOptions PlainWeights(CompileOptions options) {
  protect::SetAxis("weights", "plain", &options.scheme);
  return options;
}

CompileOptions WithoutPads(CompileOptions options) {
  protect::SetAxis("activations", "plain", &options.scheme);
  return options;
}

// Every public layer's replies are checked, also where that costs more than it is worth.
CompileOptions Checked(CompileOptions options) {
  protect::SetAxis("integrity", "freivalds", &options.scheme);
  options.check_costly_layers = true;
  return options;
}

CompileOptions GroupCover(uint32_t primes = 0) {
  CompileOptions options = Preset("groupcover");
  options.ring.prime_count = primes;
  return options;
}

CompileOptions Enclave(uint32_t bits) {
  CompileOptions options = Preset("enclave");
  options.integer.bits = bits;
  return options;
}

// A comparison of constants would pass whatever the pipeline does.
bool Varies(const Tensors& a, const Tensors& b) {
  return CountDifferentBits(a, b) != 0 && std::ranges::any_of(a, [](const auto& values) {
           return std::ranges::adjacent_find(values, std::not_equal_to{}) != values.end();
         });
}

protect::SampleSource SmoothCalibration(const model::Graph& graph, uint32_t count) {
  return [&graph, left = count](protect::Sample* out_sample) mutable {
    if (left == 0) return false;
    *out_sample = SmoothInputs(graph, 100 + left--);
    return true;
  };
}

std::unique_ptr<CompiledModel> Compile(const model::Graph& graph, CompileOptions options) {
  options.calibration = SmoothCalibration(graph, 3);
  return std::make_unique<CompiledModel>(graph, options);
}

void ExpectExact(const CompiledModel& model, const std::vector<Place>& places = kPlaces) {
  const ScratchFolder scratch;
  const Keys keys;
  const std::filesystem::path bundle = scratch.path() / "model.penumbra";
  WriteBundle(model, keys, bundle);
  const Tensors inputs[] = {SmoothInputs(model.lowered(), 1), SmoothInputs(model.lowered(), 2)};
  const Tensors wanted[] = {RunPlain(model, inputs[0]), RunPlain(model, inputs[1])};
  EXPECT_TRUE(Varies(wanted[0], wanted[1]));
  for (const Place& place : places) {
    SCOPED_TRACE(PlaceName(place));
    const auto session = OpenSession(bundle, keys, place, scratch.path());
    for (size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(CountDifferentBits(RunSession(session.get(), inputs[i]), wanted[i]), 0u)
          << "sample " << i;
    }
    // The same with pads that shared a pass over the weights.
    const uint32_t batch = session->pad_batch() == 1 ? 0 : session->pad_batch();
    session->MakePads(batch);
    EXPECT_EQ(session->QueryInfo().pads_ready, batch);
    for (size_t i = 0; i < batch; ++i) {
      EXPECT_EQ(CountDifferentBits(RunSession(session.get(), inputs[i % 2]), wanted[i % 2]), 0u)
          << "pad " << i << " of a batch";
    }
    EXPECT_LE(session->QueryInfo().secure_memory_peak, session->QueryInfo().secure_memory_size);
  }
}

class ExactGraph : public testing::TestWithParam<GraphCase> {
 protected:
  ExactGraph() { GetParam().build(test_); }
  const model::Graph& graph() const { return test_.graph; }

  protect::TestGraph test_;
};

TEST_P(ExactGraph, ShadowNet) { ExpectExact(*Compile(graph(), ShadowNet(1.2))); }
TEST_P(ExactGraph, ShadowNetWithoutPads) {
  ExpectExact(*Compile(graph(), WithoutPads(ShadowNet(1.5))));
}
TEST_P(ExactGraph, ShadowNetWithOpenInputs) {
  CompileOptions options = ShadowNet(1.2);
  options.mask_ends = false;
  ExpectExact(*Compile(graph(), options));
}
TEST_P(ExactGraph, FourToSixPrimes) {
  for (const uint32_t primes : {4u, 5u, 6u}) {
    SCOPED_TRACE(primes);
    ExpectExact(*Compile(graph(), ShadowNet(1.0, primes)));
  }
}
TEST_P(ExactGraph, Slalom) { ExpectExact(*Compile(graph(), Checked(Preset("slalom")))); }
TEST_P(ExactGraph, SlalomVerify) {
  ExpectExact(*Compile(graph(), Checked(Preset("slalom-verify"))));
}
TEST_P(ExactGraph, ShadowNetChecked) {
  ExpectExact(*Compile(graph(), Checked(ShadowNet(1.2))));
  CompileOptions open = Checked(ShadowNet(1.2));
  open.mask_ends = false;
  ExpectExact(*Compile(graph(), open), {kPlaces[0]});
}
// Layers not worth checking stay inside, with the same bits.
TEST_P(ExactGraph, ShadowNetCheckedWhereItPays) {
  CompileOptions options = ShadowNet(1.2);
  protect::SetAxis("integrity", "freivalds", &options.scheme);
  ExpectExact(*Compile(graph(), options), {kPlaces[0]});
}
TEST_P(ExactGraph, OtherNumbersOfPrimesChecked) {
  for (const uint32_t primes : {2u, 4u, 6u}) {
    SCOPED_TRACE(primes);
    CompileOptions options = Checked(ShadowNet(1.0, primes));
    options.soundness_bits = 20 * primes - 15;
    ExpectExact(*Compile(graph(), options), {kPlaces[0]});
  }
}
TEST_P(ExactGraph, GroupCover) {
  const auto model = Compile(graph(), GroupCover());
  ASSERT_FALSE(model->plan().layers.empty());
  for (const LayerRec& layer : model->plan().layers) EXPECT_EQ(layer.public_out_c, layer.geometry.out_c);
  ExpectExact(*model);
}
TEST_P(ExactGraph, GroupCoverWithoutPadsAndWithOpenInputs) {
  ExpectExact(*Compile(graph(), WithoutPads(GroupCover())), {kPlaces[0]});
  CompileOptions options = GroupCover();
  options.mask_ends = false;
  ExpectExact(*Compile(graph(), options), {kPlaces[1]});
}
TEST_P(ExactGraph, GroupCoverOfOtherNumbersOfPrimes) {
  for (const uint32_t primes : {2u, 4u, 6u}) {
    SCOPED_TRACE(primes);
    ExpectExact(*Compile(graph(), GroupCover(primes)), {kPlaces[0]});
  }
}
TEST_P(ExactGraph, GroupCoverChecked) {
  ExpectExact(*Compile(graph(), Checked(GroupCover())));
  ExpectExact(*Compile(graph(), Checked(WithoutPads(GroupCover()))), {kPlaces[0]});
}
TEST_P(ExactGraph, GroupCoverPrime) {
  ExpectExact(*Compile(graph(), Prime(GroupCover())));
  ExpectExact(*Compile(graph(), WithoutPads(Prime(GroupCover()))), {kPlaces[0]});
  ExpectExact(*Compile(graph(), Checked(Prime(GroupCover()))), {kPlaces[0]});
}
// Some layers outside, the others inside.
TEST_P(ExactGraph, GroupCoverOfOneLayer) {
  CompileOptions options = GroupCover();
  const auto whole = Compile(graph(), options);
  options.layers = {whole->report().layers.back().name};
  const auto model = Compile(graph(), options);
  EXPECT_GT(model->plan().layers.size(), 0u);
  ExpectExact(*model, {kPlaces[0]});
}
// Each public layer is one outside and one inside.
TEST_P(ExactGraph, LargestWeightsInside) {
  CompileOptions options = ShadowNet(1.2);
  protect::SetAxis("placement", "magnitude:0.1", &options.scheme);
  ExpectExact(*Compile(graph(), options), {kPlaces[0]});
}
TEST_P(ExactGraph, Enclave8) { ExpectExact(*Compile(graph(), Enclave(8))); }
TEST_P(ExactGraph, Enclave16) { ExpectExact(*Compile(graph(), Enclave(16))); }

// Float layers inside sum in the order of the trusted kernels, the oracle in any order.
TEST_P(ExactGraph, MlCapsuleIsCloseToFloat) {
  const auto model = Compile(graph(), Preset("mlcapsule"));
  const ScratchFolder scratch;
  const Keys keys;
  WriteBundle(*model, keys, scratch.path() / "model.penumbra");
  const auto session =
      OpenSession(scratch.path() / "model.penumbra", keys, kPlaces[0], scratch.path());
  const Tensors inputs = SmoothInputs(model->lowered(), 1);
  const Tensors got = RunSession(session.get(), inputs);
  const Tensors wanted = RunPlain(*model, inputs);
  for (size_t i = 0; i < wanted.size(); ++i) {
    ASSERT_EQ(got[i].size(), wanted[i].size());
    for (size_t j = 0; j < wanted[i].size(); ++j) {
      EXPECT_NEAR(got[i][j], wanted[i][j], 2e-5 * std::max(1.0f, std::fabs(wanted[i][j])));
    }
  }
}

// Ring layers that stay inside: s16 levels, weights in one or two pieces.
TEST_P(ExactGraph, RingLayersInside) {
  uint32_t in_pieces = 0;
  for (const uint32_t primes : {3u, 6u}) {
    SCOPED_TRACE(primes);
    CompileOptions options = ShadowNet(1.2, primes);
    const auto all = Compile(graph(), options);
    ASSERT_FALSE(all->report().layers.empty());
    const std::string name = all->report().layers.front().name;
    options.layers = {name};
    const auto model = Compile(graph(), options);
    // Pieces of a long filter share the name of their layer.
    EXPECT_EQ(model->plan().layers.size(),
              static_cast<size_t>(std::ranges::count(all->report().layers, name,
                                                     &protect::LayerReport::name)));
    for (const auto& [op, layer] : model->quantized()) {
      in_pieces += std::ranges::any_of(layer.q, [](int32_t q) { return std::abs(q) > 1 << 14; });
    }
    ExpectExact(*model);
  }
  EXPECT_GT(in_pieces, 0u);
}

TEST_P(ExactGraph, Prime) { ExpectExact(*Compile(graph(), Prime(ShadowNet(1.2)))); }
TEST_P(ExactGraph, PrimeWithoutPads) {
  ExpectExact(*Compile(graph(), WithoutPads(Prime(ShadowNet(1.5)))));
}
TEST_P(ExactGraph, PrimeWithPlainWeightsAndOpenInputs) {
  CompileOptions options = PlainWeights(Prime(ShadowNet(1.2)));
  options.mask_ends = false;
  ExpectExact(*Compile(graph(), options));
}
TEST_P(ExactGraph, CheckedPrime) {
  ExpectExact(*Compile(graph(), Checked(Prime(ShadowNet(1.2)))));
  ExpectExact(*Compile(graph(), Checked(Prime(Preset("slalom")))));
  ExpectExact(*Compile(graph(), Checked(Prime(Preset("slalom-verify")))));
}
TEST_P(ExactGraph, PrimeLayersInside) {
  CompileOptions options = Prime(ShadowNet(1.2));
  const auto whole = Compile(graph(), options);
  const std::vector<protect::LayerReport>& layers = whole->report().layers;
  options.layers = {layers.front().name};
  const auto model = Compile(graph(), options);
  // A long filter is several layers of one name.
  EXPECT_EQ(model->plan().layers.size(),
            static_cast<size_t>(std::ranges::count(layers, layers.front().name, &protect::LayerReport::name)));
  ExpectExact(*model);
}

INSTANTIATE_TEST_SUITE_P(Graphs, ExactGraph, testing::ValuesIn(GraphCases()),
                         [](const auto& param_info) { return param_info.param.name; });

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
