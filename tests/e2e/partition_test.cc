// Partitions that the trusted half draws at load: the protected pipeline against the model itself, on every accelerator and over
// both carriers; what the bundle shows, what is emitted, and that no two loads are alike.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <set>
#include <span>

#include "accel/registry.h"
#include "expect_close.h"
#include "graphs.h"
#include "harness.h"
#include "model/error.h"

namespace penumbra::e2e {
namespace {

using protect::CompiledModel;
using protect::CompileOptions;

CompileOptions Inside(double theta, bool fingerprints = false) {
  CompileOptions options;
  options.preset = "soter";
  options.scheme = SchemeOf("soter");
  if (fingerprints) protect::SetAxis("integrity", "fingerprints", &options.scheme);
  protect::SetTheta(theta, &options.scheme);
  options.partition_inside = true;
  return options;
}

// Keeps the constants of what it is given to prepare.
class WatchingDevice final : public Device {
 public:
  explicit WatchingDevice(std::shared_ptr<Device> device) : device_(std::move(device)) {}
  std::string_view name() const override { return device_->name(); }
  const Capabilities& capabilities() const override { return device_->capabilities(); }
  Status Prepare(const SegmentView& segment, const BlobSource& blobs, const PrepareOptions& options,
                 std::unique_ptr<PreparedSegment>* out_prepared, std::string* out_why) override {
    std::vector<float> seen;
    for (const SegmentNode& node : segment.nodes) {
      for (const uint32_t blob : {node.weight_blob, node.bias_blob}) {
        if (blob == kNoBlob) continue;
        const std::span<const std::byte> bytes = blobs.Blob(blob);
        const auto* first = reinterpret_cast<const float*>(bytes.data());
        seen.insert(seen.end(), first, first + bytes.size() / sizeof(float));
      }
    }
    {
      const std::lock_guard lock(mutex_);
      constants.push_back(std::move(seen));
    }
    return device_->Prepare(segment, blobs, options, out_prepared, out_why);
  }

  std::vector<std::vector<float>> constants;  // of each segment, once all are prepared

 private:
  std::mutex mutex_;
  std::shared_ptr<Device> device_;
};

class DrawnInside : public testing::TestWithParam<GraphCase> {
 protected:
  DrawnInside() {
    GetParam().build(test_);
    CompileOptions options;
    options.preset = "mlcapsule";
    options.scheme = SchemeOf("mlcapsule");
    original_ = std::make_unique<CompiledModel>(test_.graph, options);
    inputs_ = SmoothInputs(test_.graph, 1);
    wanted_ = RunPlain(*original_, inputs_);
  }

  void Protect(const CompileOptions& options) {
    model_ = std::make_unique<CompiledModel>(test_.graph, options);
    WriteBundle(*model_, keys_, bundle());
  }
  std::filesystem::path bundle() const { return scratch_.path() / "model.penumbra"; }

  // Segments that became public.
  size_t ExpectSameAsModel(const Place& place, uint32_t repeat = 1) {
    SCOPED_TRACE(PlaceName(place));
    const auto device = std::make_shared<WatchingDevice>(OpenDevice(place.device));
    const auto session = OpenSession(bundle(), keys_, place, scratch_.path(), device);
    for (uint32_t i = 0; i < repeat; ++i) ExpectClose(RunSession(session.get(), inputs_), wanted_);
    return device->constants.size();
  }

  protect::TestGraph test_;
  std::unique_ptr<CompiledModel> original_, model_;
  Tensors inputs_, wanted_;
  const ScratchFolder scratch_;
  const Keys keys_;
};

TEST_P(DrawnInside, EveryAcceleratorRunsWhatWasEmitted) {
  Protect(Inside(1));
  const size_t candidates = model_->plan().float_segments.size();
  ASSERT_GT(candidates, 0u);
  EXPECT_EQ(host::BundleFile::Open(bundle(), keys_.vendor.public_key)->segment_count(), 0u);
  for (const std::string_view name : DeviceNames()) {
    EXPECT_EQ(ExpectSameAsModel({.device = std::string(name), .threads = 2}), candidates);
  }
  EXPECT_EQ(ExpectSameAsModel({.carrier = CarrierKind::kProcess}), candidates);
}

TEST_P(DrawnInside, AnyShareIsTheSameModel) {
  for (const double theta : {0.0, 0.5, 0.8}) {
    Protect(Inside(theta));
    const size_t candidates = model_->plan().float_segments.size();
    for (uint32_t load = 0; load < (theta == 0 ? 1 : 4); ++load) {
      const size_t count = ExpectSameAsModel({.device = load % 2 == 0 ? "onednn" : "reference"});
      EXPECT_LE(count, theta == 0 ? 0 : candidates);
    }
  }
}

TEST_P(DrawnInside, Fingerprints) {
  size_t segments = 0;
  for (const uint32_t count : {1u, 3u}) {
    CompileOptions options = Inside(0.8, /*fingerprints=*/true);
    options.fingerprints.count = count;
    try {
      Protect(options);
    } catch (const model::ModelError& e) {
      ASSERT_EQ(e.status(), Status::kUnsupported);  // nothing additive
      return;
    }
    for (const char* device : {"onednn", "reference"}) segments += ExpectSameAsModel({.device = device}, 5);
  }
  EXPECT_GT(segments, 0u);
}

// Little secure memory: tiles leave and come back, whatever way was drawn.
TEST_P(DrawnInside, SmallSecureMemory) {
  CompileOptions options = Inside(0.5);
  for (options.secure_memory_size = 128 << 10; options.secure_memory_size <= 8 << 20;
       options.secure_memory_size += options.secure_memory_size / 4) {
    try {
      Protect(options);
    } catch (const model::ModelError& e) {
      ASSERT_EQ(e.status(), Status::kSecureMemoryExceeded);
      continue;
    }
    // The carrier takes no less than this.
    const uint64_t memory = std::max<uint64_t>(1 << 20, options.secure_memory_size);
    for (uint32_t load = 0; load < 2; ++load) ExpectSameAsModel({.secure_memory_size = memory});
    return;
  }
  ADD_FAILURE() << "needs more than " << options.secure_memory_size << " bytes";
}

INSTANTIATE_TEST_SUITE_P(Graphs, DrawnInside, testing::ValuesIn(GraphCases()),
                         [](const auto& instance) { return instance.param.name; });

// A chain of convolutions, as long as the statistics need it.
class DrawnChain : public testing::Test {
 protected:
  static constexpr int kLayers = 40;
  DrawnChain() {
    model::ValueId x = test_.Input({1, 2, 3, 3});
    for (int i = 0; i < kLayers; ++i) {
      x = test_.Node(model::OpKind::kConv, {x, test_.Weights({2, 2, 1, 1}, -1, 1), test_.Weights({2})}, {});
    }
    test_.Output(x);
  }
  void Protect(const CompileOptions& options) {
    WriteBundle(CompiledModel(test_.graph, options), keys_, scratch_.path() / "model.penumbra");
  }
  std::vector<std::vector<float>> Load() {
    const auto device = std::make_shared<WatchingDevice>(OpenDevice("reference"));
    OpenSession(scratch_.path() / "model.penumbra", keys_, {}, scratch_.path(), device);
    return device->constants;
  }

  protect::TestGraph test_;
  const ScratchFolder scratch_;
  const Keys keys_;
};

TEST_F(DrawnChain, EveryLoadHasAPartitionAndScalesOfItsOwn) {
  Protect(Inside(0.8));
  constexpr uint32_t kLoads = 25;
  std::set<std::vector<std::vector<float>>> seen;
  size_t segments = 0;
  for (uint32_t load = 0; load < kLoads; ++load) {
    std::vector<std::vector<float>> constants = Load();
    segments += constants.size();
    seen.insert(std::move(constants));
  }
  EXPECT_EQ(seen.size(), kLoads);
  // Five standard deviations of the binomial.
  const double count = kLoads * kLayers;
  EXPECT_NEAR(segments, 0.8 * count, 5 * std::sqrt(count * 0.8 * 0.2));
}

// All are public: the constants of two loads are quotients of each other, one for all factors of a layer, one for its summands.
TEST_F(DrawnChain, LoadsDifferByTheirScalesOnly) {
  Protect(Inside(1));
  const std::vector<std::vector<float>> first = Load(), second = Load();
  ASSERT_EQ(first.size(), size_t{kLayers});
  std::set<int> quotients;  // in parts of a thousand
  for (size_t s = 0; s < first.size(); ++s) {
    ASSERT_EQ(first[s].size(), 6u);  // four factors, two summands
    for (const size_t from : {0u, 4u}) {
      const float quotient = second[s][from] / first[s][from];
      for (size_t i = from; i < (from == 0 ? 4 : 6); ++i) EXPECT_NEAR(second[s][i], quotient * first[s][i], 1e-5 * std::fabs(second[s][i]));
      quotients.insert(static_cast<int>(quotient * 1000));
    }
  }
  EXPECT_GT(quotients.size(), size_t{kLayers});
}

void ExpectRefused(const protect::TestGraph& test, const CompileOptions& options, Status status, const char* what) {
  try {
    CompiledModel(test.graph, options);
    ADD_FAILURE() << what;
  } catch (const model::ModelError& e) {
    EXPECT_EQ(e.status(), status);
    EXPECT_NE(std::string(e.what()).find(what), std::string::npos) << e.what();
  }
}

TEST_F(DrawnChain, WhatCannotBeDrawnIsRefused) {
  CompileOptions options = Inside(0.8);
  protect::SetAxis("weights", "plain", &options.scheme);
  ExpectRefused(test_, options, Status::kIllegalCombination, "weights scalar");
  options = Inside(0.8);
  protect::SetAxis("placement", "linear-public", &options.scheme);
  ExpectRefused(test_, options, Status::kIllegalCombination, "placement random");
  for (const char* range : {"scalar:1.5", "scalar:257"}) {
    options = Inside(0.8);
    protect::SetAxis("weights", range, &options.scheme);
    ExpectRefused(test_, options, Status::kInvalidArgument, "from 2 to 256");
  }
  protect::TestGraph nothing;
  nothing.Output(nothing.Node(model::OpKind::kSigmoid, {nothing.Input({1, 2, 3, 3})}));
  ExpectRefused(nothing, Inside(0.8), Status::kUnsupported, "nothing to draw");
}

// Named by its layer, when the bundle is made: no load could draw scales that fit.
TEST_F(DrawnChain, ConstantsThatNoScaleFitsAreRefused) {
  protect::TestGraph large;
  const model::ValueId x = large.Input({1, 2, 3, 3});
  large.Output(large.Node(model::OpKind::kConv, {x, large.Weights({2, 2, 1, 1}, 1e37f, 2e37f)}, {}));
  ExpectRefused(large, Inside(0.8), Status::kInvalidArgument, "float32 cannot hold");
}

}  // namespace
}  // namespace penumbra::e2e
