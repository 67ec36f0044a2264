// Segments, data and runs for the conformance suite.
#ifndef PENUMBRA_ACCEL_CONFORMANCE_TEST_SEGMENT_H_
#define PENUMBRA_ACCEL_CONFORMANCE_TEST_SEGMENT_H_

#include <cstring>
#include <memory>
#include <random>
#include <string_view>
#include <vector>

#include "accel/registry.h"
#include "accel/validate.h"

namespace penumbra::conformance {

// Registry name of the backend under test (backend_main.cc).
std::string_view BackendName();
// The backend under test, made once per process.
Device& Backend();
bool RunsResidues();  // the backend announces them

using Rng = std::mt19937;
// Uniform in [low, high]. std::uniform_int_distribution differs between libraries; the suite must
// not.
inline uint32_t Draw(Rng& rng, uint32_t low, uint32_t high) {
  return low + static_cast<uint32_t>((uint64_t{rng()} * (uint64_t{high} - low + 1)) >> 32);
}

// Memory as the exchange region gives it, with a guard behind that shows overruns.
class Buffer {
 public:
  explicit Buffer(size_t size) : bytes_(size + kGuardSize + kExchangeAlignment, std::byte{kGuard}) {
    const auto address = reinterpret_cast<uintptr_t>(bytes_.data());
    offset_ = (kExchangeAlignment - address % kExchangeAlignment) % kExchangeAlignment;
    size_ = size;
  }
  std::byte* data() { return bytes_.data() + offset_; }
  const std::byte* data() const { return bytes_.data() + offset_; }
  template <typename T>
  T* As() {
    return reinterpret_cast<T*>(data());
  }
  template <typename T>
  const T* As() const {
    return reinterpret_cast<const T*>(data());
  }
  size_t size() const { return size_; }
  bool GuardIntact() const {
    for (size_t i = 0; i < kGuardSize; ++i) {
      if (data()[size_ + i] != std::byte{kGuard}) return false;
    }
    return true;
  }

  static constexpr uint8_t kGuard = 0xa5;

 private:
  static constexpr size_t kGuardSize = 256;
  std::vector<std::byte> bytes_;
  size_t offset_ = 0, size_ = 0;
};

// A segment under construction, with its blobs.
class TestSegment final : public BlobSource {
 public:
  std::vector<SegmentTensor> tensors;
  std::vector<SegmentNode> nodes;
  std::vector<uint32_t> inputs, outputs;
  std::vector<Buffer> blobs;

  std::span<const std::byte> Blob(uint32_t index) const override {
    if (index >= blobs.size()) return {};
    return {blobs[index].data(), blobs[index].size()};
  }
  SegmentView view() const { return {tensors, nodes, inputs, outputs}; }

  uint32_t Float(uint32_t h, uint32_t w, uint32_t c);
  uint32_t FloatInput(uint32_t h, uint32_t w, uint32_t c);
  uint32_t Residue(uint32_t h, uint32_t w, uint32_t c, uint32_t primes);
  uint32_t PrimeInput(uint32_t h, uint32_t w, uint32_t c);
  // Each adds a node and its output tensor, and returns that tensor.
  uint32_t Apply(SegmentOp op, std::vector<uint32_t> from, SegmentTensor out);
  uint32_t Unary(SegmentOp op, uint32_t from, float a = 0, float b = 0);
  uint32_t Window(SegmentOp op, uint32_t from, const ConvGeometry& g);
  // Random weights and bias.
  uint32_t ConvFloat(uint32_t from, const ConvGeometry& g, bool bias, Rng& rng);
  // Weights are left for the caller to fill: blobs.back().
  uint32_t ConvResidue(uint32_t from, const ConvGeometry& g, uint32_t primes);
  uint32_t ConvPrime(uint32_t from, const ConvGeometry& g);
};

// Output size that follows from everything else in the geometry.
uint32_t WindowOut(uint32_t in, uint32_t kernel, uint32_t stride, uint32_t dilation, uint32_t pads);
// A 2-D window with the same numbers on both axes. groups 0: depthwise.
ConvGeometry Square(uint32_t size, uint32_t in_c, uint32_t out_c, uint32_t kernel, uint32_t stride,
                    uint32_t pad, uint32_t groups);
// Sizes, kernels, strides, dilations, asymmetric pads and groups drawn at random, always legal.
ConvGeometry RandomGeometry(Rng& rng, uint32_t max_size, uint32_t max_depth);

// Uniform in each prime's centred range; `edge`: within one of its ends, one sign per prime.
void FillWeights(Rng& rng, uint32_t primes, bool edge, Buffer* out_blob);
void FillFloats(Rng& rng, float magnitude, Buffer* out_data);

// Input and output memory of one run.
struct RunData {
  std::vector<Buffer> inputs, outputs;
  RunData(const TestSegment& s, uint32_t batch);
  Status Run(PreparedSegment* prepared, uint32_t batch, RowRange rows);
};
// All rows of every output of `s`.
RowRange FullRows(const TestSegment& s);

}  // namespace penumbra::conformance

#endif  // PENUMBRA_ACCEL_CONFORMANCE_TEST_SEGMENT_H_
