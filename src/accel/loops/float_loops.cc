#include "accel/loops/float_loops.h"

#include "accel/loops/loops.h"

namespace penumbra::loops {

FloatLoops::FloatLoops(const OwnedSegment& segment, const BlobSource& blobs, uint32_t max_batch)
    : segment_(segment), scratch_(segment.tensors.size()) {
  std::vector<bool> is_end(segment.tensors.size(), false);
  for (uint32_t id : segment.inputs) is_end[id] = true;
  for (uint32_t id : segment.outputs) is_end[id] = true;
  for (const SegmentNode& node : segment.nodes) {
    const bool conv = node.op == SegmentOp::kConvFloat;
    weights_.push_back(conv ? blobs.Blob(node.weight_blob).data() : nullptr);
    biases_.push_back(conv && node.bias_blob != kNoBlob ? blobs.Blob(node.bias_blob).data() : nullptr);
    if (!is_end[node.output] && !IsResidueConv(node.op)) {
      scratch_[node.output].resize(TensorByteSize(segment.tensors[node.output], max_batch));
    }
  }
}

void FloatLoops::Run(const Job& job) {
  std::vector<std::byte*> data(segment_.tensors.size());
  for (size_t i = 0; i < data.size(); ++i) data[i] = scratch_[i].data();
  for (size_t i = 0; i < job.outputs.size(); ++i) data[segment_.outputs[i]] = job.outputs[i];
  // Inputs are never written: CheckSegment refused every node that would.
  for (size_t i = 0; i < job.inputs.size(); ++i) data[segment_.inputs[i]] = const_cast<std::byte*>(job.inputs[i]);
  for (size_t i = 0; i < segment_.nodes.size(); ++i) {
    if (!IsResidueConv(segment_.nodes[i].op)) RunNode(i, job.batch, data);
  }
}

void FloatLoops::RunNode(size_t index, uint32_t batch, const std::vector<std::byte*>& data) const {
  const SegmentNode& node = segment_.nodes[index];
  SegmentTensor shapes[kMaxSegmentInputs];
  const SegmentTensor& out = segment_.tensors[node.output];
  for (uint32_t i = 0; i < node.input_count; ++i) shapes[i] = segment_.tensors[node.inputs[i]];
  for (uint32_t b = 0; b < batch; ++b) {
    const float* in[kMaxSegmentInputs] = {};
    for (uint32_t i = 0; i < node.input_count; ++i) {
      in[i] = reinterpret_cast<const float*>(data[node.inputs[i]]) + b * SampleCount(shapes[i]);
    }
    float* y = reinterpret_cast<float*>(data[node.output]) + b * SampleCount(out);
    if (node.op == SegmentOp::kConvFloat) {
      ConvFloat(node.geometry, in[0], reinterpret_cast<const float*>(weights_[index]),
                reinterpret_cast<const float*>(biases_[index]), y);
    } else {
      Apply(node, shapes, in, out, y);
    }
  }
}

std::vector<NodeMethod> FloatLoops::Methods() const {
  std::vector<NodeMethod> methods;
  for (uint32_t node = 0; node < segment_.nodes.size(); ++node) {
    if (IsResidueConv(segment_.nodes[node].op)) continue;
    methods.push_back({.node = node, .method = "plain loops", .reason = "this backend has nothing else for float32"});
  }
  return methods;
}

}  // namespace penumbra::loops
