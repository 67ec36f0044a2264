// A lying accelerator is found out: whatever layer, prime and element of a reply it changes, the
// inference ends with an integrity error and the model with it, and the vendor alone learns where. Honest replies are accepted whatever
// representatives they use.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "accel/malicious/malicious_device.h"
#include "graphs.h"
#include "harness.h"
#include "host/bundle_file.h"
#include "host/error.h"
#include "protect/emit/opening.h"
#include "protect/emit/sealing.h"
#include "protect/presets/presets.h"

namespace penumbra::e2e {
namespace {

using protect::CompiledModel;
using protect::CompileOptions;
using malicious::Lie;
using malicious::MaliciousDevice;
using malicious::Orders;

std::unique_ptr<CompiledModel> CompileChecked(const model::Graph& graph, const std::string& preset,
                                              uint32_t primes = 0,
                                              const std::string& arithmetic = "ring") {
  CompileOptions options;
  options.preset = preset;
  options.scheme = protect::PresetScheme(preset);
  protect::SetAxis("integrity", "freivalds", &options.scheme);
  protect::SetAxis("arithmetic", arithmetic, &options.scheme);
  options.check_costly_layers = true;
  options.prime.allow_unproved_bound = true;
  options.ring.prime_count = primes;
  options.secure_memory_size = uint64_t{4} << 20;  // wiped at every attempt
  options.seed_for_tests.emplace().fill(7);
  options.calibration = SmoothCalibration(graph);
  return std::make_unique<CompiledModel>(graph, options);
}

// One bundle, opened again for every attempt: a lie ends the loaded model.
class Victim {
 public:
  explicit Victim(const CompiledModel& model) : model_(model) {
    WriteBundle(model, keys_, bundle());
    inputs_ = SmoothInputs(model.lowered(), 1);
    wanted_ = RunPlain(model, inputs_);
  }

  // A session over a device of its own, which is told how to lie.
  struct Opened {
    std::shared_ptr<MaliciousDevice> device =
        std::make_shared<MaliciousDevice>(OpenDevice("reference"));
    std::unique_ptr<host::Session> session;
  };
  Opened Open() const {
    Opened opened;
    opened.session = OpenSession(bundle(), keys_, {}, scratch_.path(), opened.device);
    return opened;
  }
  // kOk: the outputs had the right bits.
  Status Attempt(host::Session* session) const {
    try {
      const Tensors outputs = RunSession(session, inputs_);
      EXPECT_EQ(CountDifferentBits(outputs, wanted_), 0u);
      return Status::kOk;
    } catch (const host::HostError& error) {
      return error.status();
    }
  }
  Status Attempt(const Orders& orders) const {
    const Opened opened = Open();
    opened.device->Give(orders);
    const Status status = Attempt(opened.session.get());
    EXPECT_EQ(opened.device->account().lie_count != 0, orders.lie != Lie::kHonest);
    return status;
  }
  // An attempt that is refused: which layer and prime the vendor reads in the log.
  void ExpectRefused(const Orders& orders, uint32_t layer, uint32_t prime) const {
    const Opened opened = Open();
    opened.device->Give(orders);
    ASSERT_EQ(Attempt(opened.session.get()), Status::kIntegrity);
    const auto log = opened.session->failure_log();
    ASSERT_TRUE(log.has_value());
    const FailureRecord record =
        protect::OpenFailureLog(*log, protect::VendorRecipientKey(keys_.vendor.private_key),
                                opened.session->bundle().manifest_message());
    EXPECT_EQ(record.layer, layer);
    EXPECT_EQ(record.prime, prime);
  }
  const CompiledModel& model() const { return model_; }

 private:
  std::filesystem::path bundle() const { return scratch_.path() / "model.penumbra"; }

  const CompiledModel& model_;
  const ScratchFolder scratch_;
  const Keys keys_;
  Tensors inputs_, wanted_;
};

// A nonzero difference mod p in one element of one prime of one job's reply.
Orders LieAt(uint32_t job, uint32_t prime, uint32_t seed) {
  return {.lie = Lie::kChangeElement, .seed = seed, .honest_jobs = job, .plane = prime};
}

void ExpectEveryLieIsFound(const CompiledModel& model) {
  const Victim victim(model);
  EXPECT_EQ(victim.Attempt(Orders{}), Status::kOk);
  const auto jobs = static_cast<uint32_t>(model.plan().layers.size());
  EXPECT_EQ(victim.Attempt({.lie = Lie::kOtherRepresentative, .lie_limit = jobs}), Status::kOk);
  for (uint32_t layer = 0; layer < model.plan().layers.size(); ++layer) {
    for (uint32_t prime = 0; prime < model.plan().layers[layer].prime_count; ++prime) {
      SCOPED_TRACE("layer " + std::to_string(layer) + " prime " + std::to_string(prime));
      victim.ExpectRefused(LieAt(layer, prime, layer * 10 + prime), layer, prime);
    }
  }
}

class IntegrityGraph : public testing::TestWithParam<GraphCase> {};

TEST_P(IntegrityGraph, EveryLayerAndPrime) {
  protect::TestGraph test;
  GetParam().build(test);
  for (const char* preset : {"shadownet", "groupcover", "slalom", "slalom-verify"}) {
    SCOPED_TRACE(preset);
    ExpectEveryLieIsFound(*CompileChecked(test.graph, preset));
    ExpectEveryLieIsFound(*CompileChecked(test.graph, preset, 0, "prime"));
  }
}

// Layers with the same weights share a segment, so that segments may be fewer.
TEST_P(IntegrityGraph, MetadataTellsTheProjectionsOfEachSegment) {
  protect::TestGraph test;
  GetParam().build(test);
  const auto model = CompileChecked(test.graph, "shadownet");
  const ScratchFolder scratch;
  const Keys keys;
  const std::filesystem::path bundle = scratch.path() / "model.penumbra";
  WriteBundle(*model, keys, bundle);
  const auto file = host::BundleFile::Open(bundle, keys.vendor.public_key);
  const auto metadata = nlohmann::json::parse(file->manifest().metadata);
  const auto& projections = metadata.at("integrity").at("projections");
  EXPECT_EQ(projections.size(), file->segment_count());
  for (const LayerRec& layer : model->plan().layers) {
    EXPECT_GT(layer.projection_count, 0u);
    EXPECT_EQ(projections.at(layer.segment), layer.projection_count);
  }
}

INSTANTIATE_TEST_SUITE_P(Graphs, IntegrityGraph, testing::ValuesIn(GraphCases()),
                         [](const auto& param_info) { return param_info.param.name; });

// One layer of a random shape: strides, dilation, uneven pads, groups, windows larger than what they
// find.
model::Graph RandomLayer(std::mt19937* random) {
  const auto between = [random](int64_t low, int64_t high) {
    return low + static_cast<int64_t>((*random)() % static_cast<uint64_t>(high - low + 1));
  };
  protect::TestGraph t;
  const int64_t groups = between(0, 2) == 0 ? between(2, 4) : 1;
  const int64_t in = groups * between(1, 9), out = groups * between(1, 9);
  const int64_t kh = between(1, 4), kw = between(1, 4), dh = between(1, 2), dw = between(1, 3);
  const int64_t height = between(dh * (kh - 1) + 1, 14), width = between(dw * (kw - 1) + 1, 14);
  using Ints = std::vector<int64_t>;
  const model::ValueId y =
      t.Node(model::OpKind::kConv,
             {t.Input({1, in, height, width}), t.Weights({out, in / groups, kh, kw}, -0.5f, 0.5f)},
             {{"group", groups},
              {"strides", Ints{between(1, 3), between(1, 3)}},
              {"dilations", Ints{dh, dw}},
              {"pads", Ints{between(0, 3), between(0, 4), between(0, 3), between(0, 4)}}});
  t.Output(y);
  return t.graph;
}

TEST(Integrity, RandomShapes) {
  std::mt19937 random(2027);
  for (uint32_t i = 0; i < 40; ++i) {
    SCOPED_TRACE(i);
    const model::Graph graph = RandomLayer(&random);
    const char* presets[] = {"shadownet", "slalom-verify", "groupcover"};
    const char* preset = presets[i % 3];
    ExpectEveryLieIsFound(*CompileChecked(graph, preset, 2 + i % 5));
    ExpectEveryLieIsFound(*CompileChecked(graph, preset, 0, "prime"));
  }
}

// Several tiles of rows with halos, several runs of output channels, a dense layer behind a map.
model::Graph LargeLayers() {
  using model::OpKind;
  using Ints = std::vector<int64_t>;
  protect::TestGraph t;
  model::ValueId x = t.Node(OpKind::kConv, {t.Input({1, 3, 70, 66}), t.Weights({24, 3, 5, 5}, -0.2f, 0.2f)},
                            {{"pads", Ints{2, 2, 2, 2}}});
  x = t.Node(OpKind::kConv, {t.Node(OpKind::kRelu, {x}), t.Weights({40, 24, 3, 3}, -0.1f, 0.1f)},
             {{"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{2, 2}}});
  x = t.Node(OpKind::kConv, {x, t.Weights({600, 40, 1, 1}, -0.2f, 0.2f)});
  x = t.Node(OpKind::kMaxPool, {x}, {{"kernel_shape", Ints{8, 8}}, {"strides", Ints{8, 8}}});
  t.Output(t.Node(OpKind::kGemm, {t.Node(OpKind::kFlatten, {x}), t.Weights({600 * 16, 10}, -0.1f, 0.1f)}));
  return t.graph;
}

TEST(Integrity, SeveralTilesAndRuns) {
  const model::Graph graph = LargeLayers();
  const auto model = CompileChecked(graph, "shadownet");
  uint32_t most_tiles = 0;
  for (const TensorRec& tensor : model->plan().tensors) {
    if (tensor.kind == TensorKind::kMasked) {
      most_tiles = std::max(most_tiles, protect::TileCount(tensor));
    }
  }
  EXPECT_GT(most_tiles, 2u);
  ASSERT_EQ(model->plan().layers.size(), 4u);
  EXPECT_GT(model->plan().slices.size(), model->plan().layers.size() * 3);
  ExpectEveryLieIsFound(*model);
}

TEST(Integrity, ALieEndsTheModelAndItsPads) {
  protect::TestGraph test;
  GraphCases().front().build(test);
  const auto model = CompileChecked(test.graph, "shadownet");
  const Victim victim(*model);
  const auto last = static_cast<uint32_t>(model->plan().layers.size()) - 1;
  const Victim::Opened opened = victim.Open();
  host::Session* const session = opened.session.get();
  session->MakePads(3);
  EXPECT_EQ(victim.Attempt(session), Status::kOk);
  EXPECT_EQ(session->QueryInfo().pads_ready, 2u);
  EXPECT_FALSE(session->failure_log().has_value());
  opened.device->Give(LieAt(last, 0, 3));
  EXPECT_EQ(victim.Attempt(session), Status::kIntegrity);
  const Info info = session->QueryInfo();
  EXPECT_EQ(info.pads_ready, 0u);
  EXPECT_EQ(info.state, static_cast<uint32_t>(SessionState::kPoisoned));
  EXPECT_TRUE(session->failure_log().has_value());
  opened.device->Give({});
  EXPECT_EQ(victim.Attempt(session), Status::kPoisoned);
}

TEST(Integrity, ReportAndMetadataStateTheBound) {
  protect::TestGraph test;
  GraphCases().front().build(test);
  const auto model = CompileChecked(test.graph, "shadownet", 3);
  EXPECT_EQ(model->report().soundness_bits, 47u);
  for (const protect::LayerReport& layer : model->report().layers) {
    EXPECT_EQ(layer.projection_count, 6u) << layer.name;
    EXPECT_GT(layer.check_macs, 0u);
  }
  EXPECT_NE(model->MetadataJson(0).find("\"soundness_bits\":47"), std::string::npos);
}

TEST(Integrity, SoundnessThatCannotBeMetIsRefused) {
  protect::TestGraph test;
  GraphCases().front().build(test);
  for (const uint32_t bits : {0u, 200u}) {
    CompileOptions options;
    options.scheme = protect::PresetScheme("slalom");
    options.soundness_bits = bits;
    options.calibration = [&, left = 2](protect::Sample* out_sample) mutable {
      if (left-- == 0) return false;
      *out_sample = SmoothInputs(test.graph, 5);
      return true;
    };
    try {
      const CompiledModel model(test.graph, options);
      FAIL() << "compiled with " << bits << " bits";
    } catch (const model::ModelError& error) {
      EXPECT_EQ(error.status(), Status::kInvalidArgument) << error.what();
    }
  }
}

}  // namespace
}  // namespace penumbra::e2e
