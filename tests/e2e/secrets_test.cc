// Nothing secret stands outside the sealed half: no 16 bytes of what a bundle protects occur
// anywhere in its visible bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "graphs.h"
#include "harness.h"
#include "model/onnx/import.h"
#include "protect/presets/presets.h"
#include "ring/modulus.h"
#include "sealed_half.h"

namespace penumbra::e2e {
namespace {

using protect::CompiledModel;
using Window = std::array<uint8_t, 16>;

// Runs of zeros, small counters and geometry occur in any file and mean nothing.
bool IsTelling(const Window& window) {
  std::bitset<256> seen;
  for (const uint8_t byte : window) seen.set(byte);
  return seen.count() >= 7;
}

class WindowIndex {
 public:
  explicit WindowIndex(std::span<const uint8_t> bytes) {
    ForEach(bytes, [this](const Window& window) {
      windows_.push_back(window);
      maybe_[Hash(window)] = true;
    });
    std::ranges::sort(windows_);
  }
  // How many telling windows of `secret` the indexed bytes hold; `out_searched` grows by all.
  uint64_t Count(std::span<const uint8_t> secret, uint64_t* out_searched) const {
    uint64_t found = 0;
    ForEach(secret, [&](const Window& window) {
      ++*out_searched;
      found += maybe_[Hash(window)] && std::ranges::binary_search(windows_, window);
    });
    return found;
  }

 private:
  template <typename F>
  static void ForEach(std::span<const uint8_t> bytes, F&& f) {
    Window window;
    for (size_t at = 0; at + window.size() <= bytes.size(); ++at) {
      std::memcpy(window.data(), bytes.data() + at, window.size());
      if (IsTelling(window)) f(window);
    }
  }
  static size_t Hash(const Window& window) {
    uint64_t halves[2];
    std::memcpy(halves, window.data(), sizeof(halves));
    const uint64_t mixed = halves[0] ^ (halves[1] * 0x9e3779b97f4a7c15u);
    return (mixed * 0xff51afd7ed558ccdu) >> (64 - kHashBits);
  }

  static constexpr uint32_t kHashBits = 25;
  std::vector<bool> maybe_ = std::vector<bool>(size_t{1} << kHashBits);  // most searches end here
  std::vector<Window> windows_;
};

using Secrets = std::map<std::string, std::vector<std::vector<uint8_t>>>;

template <typename T, typename From>
void Add(Secrets* secrets, const std::string& kind, const From& values) {
  const std::vector<T> converted(values.begin(), values.end());
  const auto* bytes = reinterpret_cast<const uint8_t*>(converted.data());
  (*secrets)[kind].emplace_back(bytes, bytes + converted.size() * sizeof(T));
}

void AddLayer(const protect::LinearOp& linear, const protect::QuantizedLinear& q, Secrets* out) {
  Add<float>(out, "float weights", linear.weights);
  Add<float>(out, "float bias", linear.bias);
  Add<float>(out, "scale", q.scale);
  Add<float>(out, "bias", q.bias);
  Add<int64_t>(out, "window offset", q.offset);
  Add<int32_t>(out, "weights as int32", q.q);
  Add<int16_t>(out, "weights as int16", q.q);
  Add<int8_t>(out, "weights as int8", q.q);
  std::vector<uint64_t> sums;
  std::vector<int32_t> residues(q.q.size());
  for (const BoundRow& row : q.bound) sums.insert(sums.end(), {row.positive, row.negative});
  // Four to a window: two 64-bit sums of few digits would tell nothing.
  Add<uint32_t>(out, "row sums", sums);
  for (uint32_t k = 0; k < q.prime_count; ++k) {
    const int32_t prime = kPrimes[k];
    std::ranges::transform(q.q, residues.begin(), [prime](int32_t w) {
      const int32_t r = (w % prime + prime) % prime;
      return r > prime / 2 ? r - prime : r;
    });
    Add<int8_t>(out, "weights as residues", residues);
  }
}

// What restores covers, apart from the tile it is sealed in: inverse matrices, also as published weights are
// written, and where channels went.
void AddCovers(const protect::CompiledPlan& plan, Secrets* out) {
  const auto bytes_of = [&plan](uint32_t tensor) {
    return plan.constants[plan.tensors[tensor].source].make();
  };
  for (const LayerRec& layer : plan.layers) {
    if (!IsCovered(layer)) continue;
    const uint64_t m = layer.geometry.out_c;
    const std::vector<uint8_t> tile = bytes_of(layer.params);
    const uint8_t* order = tile.data() + AlignUp(8 * m, 8) + 2 * AlignUp(4 * m, 8);
    const uint8_t* factors = order + AlignUp(2 * m, 8);
    Add<uint8_t>(out, "order of covers", std::span(order, 2 * m));
    for (uint32_t k = 0; k < layer.prime_count; ++k) {
      const std::span inverses(factors + k * m * kCoverSize, m * kCoverSize);
      std::vector<int32_t> centred;
      for (const uint8_t f : inverses) centred.push_back(CentredResidue(f, kPrimes[k]));
      Add<uint8_t>(out, "inverses of covers", inverses);
      Add<int8_t>(out, "inverses of covers", centred);
    }
    if (layer.input_perm != kNoTensor) Add<uint8_t>(out, "order of inputs", bytes_of(layer.input_perm));
  }
}

// Everything in the report but what the manifest's metadata says to everybody.
void AddReport(const std::string& report, Secrets* out) {
  nlohmann::json json = nlohmann::json::parse(report);
  for (const nlohmann::json& layer : json.at("layers")) {
    Add<char>(out, "report", layer.dump());
  }
  for (const char* known : {"layers", "preset", "scheme", "secure_memory_peak"}) json.erase(known);
  Add<char>(out, "report", json.dump());
}

Secrets SecretsOf(const CompiledModel& model, const OpenedBundle& opened) {
  Secrets secrets;
  for (const auto& [op, layer] : model.quantized()) {
    AddLayer(std::get<protect::LinearOp>(model.lowered().ops[op].kind), layer, &secrets);
  }
  AddCovers(model.plan(), &secrets);
  secrets["bundle key"].emplace_back(opened.bundle_key.begin(), opened.bundle_key.end());
  secrets["plan"].push_back(opened.plan);
  AddReport(opened.report, &secrets);
  // Restore tables (scales, biases, permutations, lambda, inverses of covers), row sums, input
  // permutations and the weights of trusted layers, as they are sealed.
  secrets["sealed constants"] = opened.constants;
  return secrets;
}

struct Found {
  std::map<std::string, uint64_t> found, searched;
};

Found Search(const model::Graph& graph, const protect::Scheme& scheme,
             const std::vector<std::string>& layers = {}) {
  protect::CompileOptions options;
  options.scheme = scheme;
  options.layers = layers;
  options.seed_for_tests.emplace().fill(3);
  options.calibration = [&graph, left = 3](protect::Sample* out_sample) mutable {
    if (left == 0) return false;
    *out_sample = SmoothInputs(graph, static_cast<uint32_t>(left--));
    return true;
  };
  const CompiledModel model(graph, options);
  const ScratchFolder scratch;
  const Keys keys;
  WriteBundle(model, keys, scratch.path() / "model.penumbra");
  const OpenedBundle opened = OpenBundle(scratch.path() / "model.penumbra", keys);
  EXPECT_EQ(opened.report, model.ReportJson());
  const WindowIndex visible(opened.visible);
  Found result;
  for (const auto& [kind, pieces] : SecretsOf(model, opened)) {
    for (const std::vector<uint8_t>& piece : pieces) {
      result.found[kind] += visible.Count(piece, &result.searched[kind]);
    }
  }
  return result;
}

void ExpectNothingFound(const Found& result, const std::vector<std::string>& kinds) {
  for (const auto& [kind, count] : result.found) EXPECT_EQ(count, 0u) << kind;
  for (const std::string& kind : kinds) EXPECT_GT(result.searched.at(kind), 0u) << kind;
}

const std::vector<std::string> kEveryKind = {
    "float weights",    "float bias", "scale",      "bias", "window offset",
    "weights as int32", "weights as int16", "weights as int8", "row sums",
    "weights as residues", "bundle key", "plan", "sealed constants", "report"};

model::Graph ResNet44() {
  model::Graph graph = model::ImportOnnxFile(PENUMBRA_TEST_DATA "/resnet44-cifar10.onnx").graph;
  model::Normalize(graph);
  return graph;
}

model::Graph Build(const std::string& name) {
  protect::TestGraph t;
  const auto found = std::ranges::find(GraphCases(), name, &GraphCase::name);
  found->build(t);
  return t.graph;
}

TEST(Secrets, ShadowNetPublishesNone) {
  ExpectNothingFound(Search(ResNet44(), protect::PresetScheme("shadownet")), kEveryKind);
}

TEST(Secrets, GroupCoverPublishesNone) {
  std::vector<std::string> kinds = kEveryKind;
  kinds.insert(kinds.end(), {"inverses of covers", "order of covers", "order of inputs"});
  ExpectNothingFound(Search(ResNet44(), protect::PresetScheme("groupcover")), kinds);
  ExpectNothingFound(Search(Build("GroupsAndDilation"), protect::PresetScheme("groupcover")), kinds);
}

TEST(Secrets, DepthwiseLayersAndShufflesPublishNone) {
  ExpectNothingFound(
      Search(Build("DepthwiseAndShuffle"), protect::PresetScheme("shadownet")), kEveryKind);
}

TEST(Secrets, LayersKeptInsidePublishNone) {
  ExpectNothingFound(Search(ResNet44(), protect::PresetScheme("enclave")),
                     {"float weights", "weights as int8", "sealed constants", "plan", "report"});
  ExpectNothingFound(Search(Build("Joins"), protect::PresetScheme("shadownet"), {"node0"}),
                     kEveryKind);
}

// The search finds what there is to find: weights that a scheme publishes as they are.
TEST(Secrets, PlainResiduesAreFound) {
  protect::Scheme scheme = protect::PresetScheme("shadownet");
  scheme.weights = protect::WeightsAxis::kPlain;
  const Found result = Search(ResNet44(), scheme);
  EXPECT_EQ(result.found.at("weights as residues"), result.searched.at("weights as residues"));
  EXPECT_GT(result.searched.at("weights as residues"), 1'000'000u);
  EXPECT_EQ(result.found.at("float weights"), 0u);
  EXPECT_EQ(result.found.at("sealed constants"), 0u);
  EXPECT_EQ(result.found.at("plan"), 0u);
  EXPECT_EQ(result.found.at("report"), 0u);
}

}  // namespace
}  // namespace penumbra::e2e
