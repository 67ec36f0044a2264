// Peers beside the reference interpreter.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "penumbra/penumbra.h"

namespace penumbra {
namespace {

const std::filesystem::path kModel = std::filesystem::path(PENUMBRA_TEST_DATA) / "resnet44-cifar10.onnx";
constexpr uint32_t kNotFound = 205;

// Of the largest value. int8 is quantised by the one sample it is run on.
constexpr double kFloatError = 1e-5, kInt8Error = 0.05;

TensorMap Noise(const FloatModel& model) {
  std::mt19937 random(3);
  TensorMap feeds;
  for (const TensorInfo& input : model.inputs()) {
    size_t count = 1;
    for (const int64_t extent : input.shape) count *= static_cast<size_t>(extent);
    Tensor& tensor = feeds[input.name] = {input.shape, std::vector<float>(count)};
    for (float& v : tensor.values) v = static_cast<float>(random()) * 0x1p-30f - 2;
  }
  return feeds;
}

double Deviation(const TensorMap& got, const TensorMap& wanted) {
  double difference = 0, largest = 0;
  for (const auto& [name, tensor] : wanted) {
    const std::vector<float>& values = got.at(name).values;
    EXPECT_EQ(values.size(), tensor.values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      difference = std::max(difference, std::abs(double{values[i]} - double{tensor.values[i]}));
      largest = std::max(largest, std::abs(double{tensor.values[i]}));
    }
  }
  return difference / largest;
}

uint32_t CodeOf(const std::string& name) {
  try {
    OpenPeer(name, {});
  } catch (const Error& error) {
    return error.number();
  }
  return 0;
}

TEST(Peer, WholeModelsAgreeWithTheReferenceInterpreter) {
  const FloatModel model(kModel);
  const TensorMap feeds = Noise(model), wanted = model.Run(feeds);
  size_t compared = 0;
  for (const PeerInfo& info : InProcessPeers()) {
    if (!info.whole_model || !info.remedy.empty()) continue;
    SCOPED_TRACE(info.name);
    const std::unique_ptr<Peer> peer = OpenPeer(info.name, {.model_file = kModel, .plain_bundle = {}, .inputs = feeds});
    EXPECT_GT(peer->RunOnce(), 0u);
    const double deviation = Deviation(peer->Outputs(), wanted);
    EXPECT_LE(deviation, info.precision == "float32" ? kFloatError : kInt8Error);
    // A float32 model would not be this far off, and this one must not be one.
    if (info.precision == "int8") {
      EXPECT_GT(deviation, 1e-4);
    }
    EXPECT_FALSE(peer->info().version.empty());
    ++compared;
  }
  if (compared == 0) GTEST_SKIP() << "OpenVINO is not in this build; see docs/accelerators.md";
}

TEST(Peer, InputsWithoutValues) {
  for (const PeerInfo& info : InProcessPeers()) {
    if (!info.whole_model || !info.remedy.empty()) continue;
    EXPECT_THROW(OpenPeer(info.name, {.model_file = kModel, .plain_bundle = {}}), Error);
  }
}

TEST(Peer, UnknownAndAbsentNamesHaveOneCode) {
  EXPECT_EQ(CodeOf("tensorrt"), kNotFound);
  EXPECT_EQ(CodeOf(""), kNotFound);
  for (const PeerInfo& info : InProcessPeers()) {
    if (!info.remedy.empty()) {
      EXPECT_EQ(CodeOf(info.name), kNotFound) << info.name;
    }
  }
}

}  // namespace
}  // namespace penumbra
