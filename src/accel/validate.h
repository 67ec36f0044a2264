// Checks every backend makes before it touches a segment or a job. A segment that passes can be
// executed by plain loops without any further check: indices, shapes, blob sizes and sums are then
// known to fit.
#ifndef PENUMBRA_ACCEL_VALIDATE_H_
#define PENUMBRA_ACCEL_VALIDATE_H_

#include <string>
#include <vector>

#include "accel/device.h"

namespace penumbra {

// What a hostile file may make a device allocate at most.
inline constexpr uint32_t kMaxSegmentTensors = 1u << 16;
inline constexpr uint32_t kMaxSegmentNodes = 1u << 16;
inline constexpr uint64_t kMaxTensorSize = uint64_t{1} << 31;   // bytes, all batches and primes
inline constexpr uint64_t kMaxSegmentSize = uint64_t{1} << 33;  // bytes, all tensors together
inline constexpr uint32_t kMaxThreads = 256;
inline constexpr uint32_t kMaxBatch = 1024;

// int32 accumulation is exact while n * 255 * 125 < 2^31 (docs/arithmetic.md).
inline constexpr uint64_t kMaxResidueFilterLength = ((uint64_t{1} << 31) - 1) / (255 * 125);

// One sample of one plane of `t`. Cannot overflow for a tensor of a checked segment.
constexpr uint64_t SampleCount(const SegmentTensor& t) { return uint64_t{t.h} * t.w * t.c; }
constexpr bool IsResidueConv(SegmentOp op) {
  return op == SegmentOp::kConvResidue || op == SegmentOp::kConvPrime;
}
constexpr uint64_t PlaneCount(const SegmentTensor& t) {
  return t.type == ElementType::kU8Residue ? t.prime_count : 1;
}
constexpr uint64_t ElementSize(ElementType type) { return type == ElementType::kU8Residue ? 1 : 4; }
// Bytes of `t` in the exchange region for `batch` samples.
constexpr uint64_t TensorByteSize(const SegmentTensor& t, uint32_t batch) {
  return SampleCount(t) * ElementSize(t.type) * PlaneCount(t) * batch;
}

const char* SegmentOpName(SegmentOp op);

// Every operator and number of primes, exact residues, parts of the output.
Capabilities EveryCapability();

// kOk, kMalformed (no device could run this), kDeviceUnsupported (the capabilities do not cover it)
// or kInvalidArgument (options). *out_why, if given, names node, tensor and reason.
Status CheckSegment(const SegmentView& segment, const BlobSource& blobs,
                    const PrepareOptions& options, const Capabilities& capabilities,
                    std::string* out_why);

// `status`, and why a checked segment is refused all the same.
Status RefuseSegment(Status status, const std::string& why, std::string* out_why);
inline constexpr const char* kNoMemoryForSegment = "no memory for weights and intermediate tensors";

// A copy of a checked segment, for devices that need the graph after Prepare.
struct OwnedSegment {
  std::vector<SegmentTensor> tensors;
  std::vector<SegmentNode> nodes;
  std::vector<uint32_t> inputs, outputs;

  explicit OwnedSegment(const SegmentView& v)
      : tensors(v.tensors.begin(), v.tensors.end()),
        nodes(v.nodes.begin(), v.nodes.end()),
        inputs(v.inputs.begin(), v.inputs.end()),
        outputs(v.outputs.begin(), v.outputs.end()) {}
};

// Both lists as one, by node.
std::vector<NodeMethod> InOrder(std::vector<NodeMethod> some, const std::vector<NodeMethod>& others);

// True for the one kind of segment that may run on a part of its rows.
bool AllowsRowRanges(const OwnedSegment& segment);

// kOk or kInvalidArgument. `row_ranges`: the device runs parts where AllowsRowRanges().
Status CheckJob(const OwnedSegment& segment, const Job& job, uint32_t max_batch, bool row_ranges);

}  // namespace penumbra

#endif  // PENUMBRA_ACCEL_VALIDATE_H_
