// A lying accelerator is found out: whatever layer, prime and element of a reply it changes, the
// inference ends with an integrity error and the model with it. Honest replies are accepted whatever
// representatives they use.
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <utility>

#include "accel/validate.h"
#include "graphs.h"
#include "harness.h"
#include "host/error.h"
#include "protect/presets/presets.h"

namespace penumbra::e2e {
namespace {

using protect::CompiledModel;
using protect::CompileOptions;

// [prime][h][w][c] residues of one reply, of a byte or, over the papers' prime, of a word each.
struct ReplyView {
  uint32_t job;  // since the device was made
  std::span<uint8_t> bytes;
  size_t plane_count;  // residues of one plane
  bool is_field;

  size_t count() const { return is_field ? bytes.size() / 4 : bytes.size(); }
  uint32_t prime(size_t i) const { return is_field ? kFieldPrime : kPrimes[i / plane_count]; }
  uint32_t Get(size_t i) const {
    return is_field ? reinterpret_cast<const uint32_t*>(bytes.data())[i] : bytes[i];
  }
  void Set(size_t i, uint32_t value) const {
    if (is_field) {
      reinterpret_cast<uint32_t*>(bytes.data())[i] = value;
    } else {
      bytes[i] = static_cast<uint8_t>(value);
    }
  }
};
using Tamper = std::function<void(const ReplyView& reply)>;

class TamperedSegment final : public PreparedSegment {
 public:
  TamperedSegment(std::unique_ptr<PreparedSegment> inner, const SegmentTensor& output,
                  std::shared_ptr<uint32_t> job, const Tamper* tamper)
      : inner_(std::move(inner)), output_(output), job_(std::move(job)), tamper_(tamper) {}

  Status Run(const Job& job) override {
    const Status status = inner_->Run(job);
    const size_t size = TensorByteSize(output_, 1);
    auto* bytes = reinterpret_cast<uint8_t*>(job.outputs[0]);
    (*tamper_)({(*job_)++, {bytes, size}, SampleCount(output_),
                output_.type == ElementType::kU32Residue});
    return status;
  }

 private:
  std::unique_ptr<PreparedSegment> inner_;
  SegmentTensor output_;
  std::shared_ptr<uint32_t> job_;
  const Tamper* tamper_;
};

// The reference accelerator with a man in the middle.
class TamperingDevice final : public Device {
 public:
  explicit TamperingDevice(Tamper tamper) : tamper_(std::move(tamper)) {}
  std::string_view name() const override { return "tampering"; }
  const Capabilities& capabilities() const override { return inner_->capabilities(); }
  Status Prepare(const SegmentView& segment, const BlobSource& blobs, const PrepareOptions& options,
                 std::unique_ptr<PreparedSegment>* out_prepared, std::string* out_why) override {
    std::unique_ptr<PreparedSegment> inner;
    const Status status = inner_->Prepare(segment, blobs, options, &inner, out_why);
    if (!IsOk(status)) return status;
    *out_prepared = std::make_unique<TamperedSegment>(
        std::move(inner), segment.tensors[segment.outputs[0]], job_, &tamper_);
    return Status::kOk;
  }

 private:
  std::shared_ptr<Device> inner_ = OpenDevice("reference");
  std::shared_ptr<uint32_t> job_ = std::make_shared<uint32_t>(0);
  Tamper tamper_;
};

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
  options.calibration = [&graph, left = 3](protect::Sample* out_sample) mutable {
    if (left == 0) return false;
    *out_sample = SmoothInputs(graph, 100 + left--);
    return true;
  };
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

  std::unique_ptr<host::Session> Open(Tamper tamper) const {
    return OpenSession(bundle(), keys_, {}, scratch_.path(),
                       std::make_shared<TamperingDevice>(std::move(tamper)));
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
  Status Attempt(Tamper tamper) const { return Attempt(Open(std::move(tamper)).get()); }
  const CompiledModel& model() const { return model_; }

 private:
  std::filesystem::path bundle() const { return scratch_.path() / "model.penumbra"; }

  const CompiledModel& model_;
  const ScratchFolder scratch_;
  const Keys keys_;
  Tensors inputs_, wanted_;
};

// Adds a nonzero difference mod p to one element of one prime of one job's reply.
Tamper LieAt(uint32_t job, uint32_t prime, uint32_t seed) {
  return [=](const ReplyView& reply) {
    if (reply.job != job) return;
    std::mt19937 random(seed);
    const size_t at = prime * reply.plane_count + random() % reply.plane_count;
    const uint32_t p = reply.prime(at);
    reply.Set(at, (reply.Get(at) % p + 1 + static_cast<uint32_t>(random() % (p - 1))) % p);
  };
}

Tamper OtherRepresentatives() {
  return [](const ReplyView& reply) {
    const uint32_t largest = reply.is_field ? 0xffffffffu : 255;
    for (size_t i = 0; i < reply.count(); ++i) {
      const uint32_t p = reply.prime(i);
      const uint32_t canonical = reply.Get(i) % p;
      const uint32_t more = (largest - canonical) / p;  // how many primes may be added
      reply.Set(i, i % 3 != 0 ? canonical + more * p : canonical);
    }
  };
}

void ExpectEveryLieIsFound(const CompiledModel& model) {
  const Victim victim(model);
  EXPECT_EQ(victim.Attempt([](const ReplyView&) {}), Status::kOk);
  EXPECT_EQ(victim.Attempt(OtherRepresentatives()), Status::kOk);
  for (uint32_t layer = 0; layer < model.plan().layers.size(); ++layer) {
    for (uint32_t prime = 0; prime < model.plan().layers[layer].prime_count; ++prime) {
      EXPECT_EQ(victim.Attempt(LieAt(layer, prime, layer * 10 + prime)), Status::kIntegrity)
          << "layer " << layer << " prime " << prime;
    }
  }
}

class IntegrityGraph : public testing::TestWithParam<GraphCase> {};

TEST_P(IntegrityGraph, EveryLayerAndPrime) {
  protect::TestGraph test;
  GetParam().build(test);
  for (const char* preset : {"shadownet", "slalom", "slalom-verify"}) {
    SCOPED_TRACE(preset);
    ExpectEveryLieIsFound(*CompileChecked(test.graph, preset));
    ExpectEveryLieIsFound(*CompileChecked(test.graph, preset, 0, "prime"));
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
    const char* preset = i % 2 == 0 ? "shadownet" : "slalom-verify";
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
  bool lie = false;
  const auto last = static_cast<uint32_t>(model->plan().layers.size()) - 1;
  const auto session = victim.Open([&](const ReplyView& reply) {
    if (lie) LieAt(reply.job, static_cast<uint32_t>(last % (reply.count() / reply.plane_count)), 3)(reply);
  });
  session->MakePads(3);
  EXPECT_EQ(victim.Attempt(session.get()), Status::kOk);
  EXPECT_EQ(session->QueryInfo().pads_ready, 2u);
  lie = true;
  EXPECT_EQ(victim.Attempt(session.get()), Status::kIntegrity);
  const Info info = session->QueryInfo();
  EXPECT_EQ(info.pads_ready, 0u);
  EXPECT_EQ(info.state, static_cast<uint32_t>(SessionState::kPoisoned));
  lie = false;
  EXPECT_EQ(victim.Attempt(session.get()), Status::kPoisoned);
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
