#include "accel/reference/reference_device.h"

#include <new>
#include <vector>

#include "accel/loops/float_loops.h"
#include "accel/loops/loops.h"
#include "accel/validate.h"

namespace penumbra::reference {
namespace {

class ReferenceSegment final : public PreparedSegment {
 public:
  ReferenceSegment(const SegmentView& view, const BlobSource& blobs, uint32_t max_batch)
      : segment_(view), max_batch_(max_batch), floats_(segment_, blobs, max_batch), scratch_(view.tensors.size()) {
    for (const SegmentNode& node : view.nodes) {
      const bool residue = IsResidueConv(node.op);
      weights_.push_back(residue ? blobs.Blob(node.weight_blob).data() : nullptr);
      if (residue) scratch_[node.output].resize(TensorByteSize(view.tensors[node.output], max_batch));
    }
    for (uint32_t id : view.outputs) std::vector<std::byte>().swap(scratch_[id]);
  }

  Status Run(const Job& job) override {
    if (Status s = CheckJob(segment_, job, max_batch_, /*row_ranges=*/true); !IsOk(s)) return s;
    std::vector<std::byte*> data(segment_.tensors.size());
    for (size_t i = 0; i < data.size(); ++i) data[i] = scratch_[i].data();
    for (size_t i = 0; i < job.outputs.size(); ++i) data[segment_.outputs[i]] = job.outputs[i];
    // Inputs are never written: CheckSegment refused every node that would.
    for (size_t i = 0; i < job.inputs.size(); ++i) {
      data[segment_.inputs[i]] = const_cast<std::byte*>(job.inputs[i]);
    }
    for (size_t i = 0; i < segment_.nodes.size(); ++i) {
      if (segment_.nodes[i].op == SegmentOp::kConvResidue) RunConvResidue(i, job, data);
      if (segment_.nodes[i].op == SegmentOp::kConvPrime) RunConvPrime(i, job, data);
    }
    floats_.Run(job);
    return Status::kOk;
  }

  std::vector<NodeMethod> Methods() const override {
    std::vector<NodeMethod> methods;
    for (uint32_t node = 0; node < segment_.nodes.size(); ++node) {
      if (!IsResidueConv(segment_.nodes[node].op)) continue;
      methods.push_back({.node = node, .method = "plain loops", .reason = "this backend has nothing else"});
    }
    return InOrder(std::move(methods), floats_.Methods());
  }

 private:
  void RunConvResidue(size_t index, const Job& job, const std::vector<std::byte*>& data) const {
    const SegmentNode& node = segment_.nodes[index];
    const ConvGeometry& g = node.geometry;
    const SegmentTensor& in = segment_.tensors[node.inputs[0]];
    const SegmentTensor& out = segment_.tensors[node.output];
    const RowRange rows = AllowsRowRanges(segment_) ? job.rows : RowRange{0, g.out_h};
    const auto* x = reinterpret_cast<const uint8_t*>(data[node.inputs[0]]);
    const auto* w = reinterpret_cast<const int8_t*>(weights_[index]);
    auto* y = reinterpret_cast<uint8_t*>(data[node.output]);
    for (uint32_t k = 0; k < out.prime_count; ++k) {
      for (uint32_t b = 0; b < job.batch; ++b) {
        const size_t sample = size_t{k} * job.batch + b;
        loops::ConvResidue(g, kPrimes[k], rows, x + sample * SampleCount(in),
                    w + k * FilterLength(g) * g.out_c, y + sample * SampleCount(out));
      }
    }
  }

  void RunConvPrime(size_t index, const Job& job, const std::vector<std::byte*>& data) const {
    const SegmentNode& node = segment_.nodes[index];
    const uint64_t in_count = SampleCount(segment_.tensors[node.inputs[0]]);
    const uint64_t out_count = SampleCount(segment_.tensors[node.output]);
    const RowRange rows =
        AllowsRowRanges(segment_) ? job.rows : RowRange{0, node.geometry.out_h};
    std::vector<uint32_t> canonical(in_count);
    for (uint32_t b = 0; b < job.batch; ++b) {
      const auto* x = reinterpret_cast<const uint32_t*>(data[node.inputs[0]]) + b * in_count;
      for (size_t i = 0; i < in_count; ++i) canonical[i] = x[i] % kFieldPrime;
      loops::ConvPrime(node.geometry, rows, canonical.data(),
                reinterpret_cast<const int32_t*>(weights_[index]),
                reinterpret_cast<uint32_t*>(data[node.output]) + b * out_count);
    }
  }

  const OwnedSegment segment_;
  const uint32_t max_batch_;
  loops::FloatLoops floats_;
  std::vector<std::vector<std::byte>> scratch_;  // per tensor: residues between convolutions
  std::vector<const std::byte*> weights_;        // per node, borrowed from the blob source
};

class ReferenceDevice final : public Device {
 public:
  std::string_view name() const override { return "reference"; }
  const Capabilities& capabilities() const override { return capabilities_; }

  Status Prepare(const SegmentView& segment, const BlobSource& blobs, const PrepareOptions& options,
                 std::unique_ptr<PreparedSegment>* out_prepared, std::string* out_why) override {
    out_prepared->reset();
    if (Status s = CheckSegment(segment, blobs, options, capabilities_, out_why); !IsOk(s))
      return s;
    try {
      *out_prepared = std::make_unique<ReferenceSegment>(segment, blobs, options.max_batch);
    } catch (const std::bad_alloc&) {
      if (out_why != nullptr) *out_why = "segment: no memory for intermediate tensors";
      return Status::kOutOfMemory;
    }
    return Status::kOk;
  }

 private:
  const Capabilities capabilities_ = EveryCapability();
};

}  // namespace

Status CreateReferenceDevice(std::unique_ptr<Device>* out_device) {
  *out_device = std::make_unique<ReferenceDevice>();
  return Status::kOk;
}

}  // namespace penumbra::reference
