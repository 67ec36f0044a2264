// "Exact means exact": small graphs under every scheme.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "exact_case.h"
#include "graphs.h"
#include "harness.h"
#include "protect/presets/presets.h"

namespace penumbra::e2e {
namespace {

using protect::CompileOptions;

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

}  // namespace
}  // namespace penumbra::e2e
