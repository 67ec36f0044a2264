#include "accel/validate.h"

#include <gtest/gtest.h>

#include "accel/registry.h"

namespace penumbra {
namespace {

class NoBlobs final : public BlobSource {
 public:
  std::span<const std::byte> Blob(uint32_t) const override { return {}; }
};

// Two float tensors with one Relu between them.
struct ReluSegment {
  std::vector<SegmentTensor> tensors{2, {3, 4, 5, ElementType::kF32, 0}};
  std::vector<SegmentNode> nodes{1};
  std::vector<uint32_t> inputs{0}, outputs{1};
  ReluSegment() {
    nodes[0].op = SegmentOp::kRelu;
    nodes[0].input_count = 1;
    nodes[0].output = 1;
    nodes[0].weight_blob = nodes[0].bias_blob = kNoBlob;
  }
  SegmentView view() const { return {tensors, nodes, inputs, outputs}; }
};

constexpr Capabilities kAll = {~uint64_t{0}, kMaxPrimes, true, true};

TEST(Validate, OperatorsThatAreNotAnnouncedAreUnsupported) {
  const ReluSegment s;
  const NoBlobs blobs;
  EXPECT_EQ(CheckSegment(s.view(), blobs, {}, kAll, nullptr), Status::kOk);
  Capabilities less = kAll;
  less.ops &= ~CapabilityBit(SegmentOp::kRelu);
  std::string why;
  EXPECT_EQ(CheckSegment(s.view(), blobs, {}, less, &why), Status::kDeviceUnsupported);
  EXPECT_EQ(why, "node 0 (Relu): operator not announced by this device");
}

TEST(Validate, PrimesBeyondTheDeviceAreUnsupported) {
  ReluSegment s;
  s.tensors.push_back({1, 1, 1, ElementType::kU8Residue, 4});
  const NoBlobs blobs;
  Capabilities three = kAll;
  three.max_primes = 3;
  EXPECT_EQ(CheckSegment(s.view(), blobs, {}, kAll, nullptr), Status::kOk);
  EXPECT_EQ(CheckSegment(s.view(), blobs, {}, three, nullptr), Status::kDeviceUnsupported);
}

TEST(Validate, SizesCountBatchAndPrimes) {
  EXPECT_EQ(TensorByteSize({2, 3, 5, ElementType::kF32, 0}, 2), 240u);
  EXPECT_EQ(TensorByteSize({2, 3, 5, ElementType::kU8Residue, 3}, 2), 180u);
  ReluSegment s;
  const NoBlobs blobs;
  for (SegmentTensor& t : s.tensors) t = {1u << 10, 1u << 10, 1u << 8, ElementType::kF32, 0};
  EXPECT_EQ(CheckSegment(s.view(), blobs, {1, 2}, kAll, nullptr), Status::kOk);
  EXPECT_EQ(CheckSegment(s.view(), blobs, {1, 3}, kAll, nullptr), Status::kMalformed);
}

TEST(Registry, KnowsItsNamesAndNoOthers) {
  std::unique_ptr<Device> device;
  for (std::string_view name : DeviceNames()) {
    ASSERT_EQ(CreateDevice(name, &device), Status::kOk) << name;
    EXPECT_EQ(device->name(), name);
  }
  EXPECT_EQ(DeviceNames().back(), "reference");
  EXPECT_EQ(CreateDevice("abacus", &device), Status::kNotFound);
  EXPECT_EQ(device, nullptr);
}

}  // namespace
}  // namespace penumbra
